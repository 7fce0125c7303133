"""`migrate`, which makes the tables of an empty database at once instead of step by step."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as StepByStep
from django.db import connections

from saleswright.kernel.tables import is_empty, make_tables


class Command(StepByStep):
    """Brings a database up to date. An empty one gets today's tables and counts as migrated.

    Django draws every model anew for each step of the history, which takes half a minute for a fresh database and
    grows with the square of the number of models. `--step-by-step` takes that way all the same.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--step-by-step", action="store_true", help="Run every migration, on an empty database too."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        plain = not (options["app_label"] or options["plan"] or options["check_unapplied"] or options["fake"])
        connection = connections[options["database"]]
        if plain and not options["step_by_step"] and is_empty(connection):
            make_tables(connection)
        super().handle(*args, **options)
