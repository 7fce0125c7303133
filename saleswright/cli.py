"""The `saleswright` command: sets the system up, runs it, moves data in and out, keeps it safe."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from saleswright.kernel.models import User

app = typer.Typer(
    name="saleswright",
    help="Saleswright 销匠: the whole of sales management as one running system.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
tokens = typer.Typer(help="Bearer tokens of programs.", no_args_is_help=True)
app.add_typer(tokens, name="token")

InputFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
OutputFile = Annotated[Path, typer.Argument(dir_okay=False)]


class Mode(StrEnum):
    """Which records an import writes."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class OnError(StrEnum):
    """What an import does with a bad row: take nothing at all, or leave the row out."""

    STOP = "stop"
    SKIP = "skip"


def main() -> None:
    """Run the command; errors go to standard error and make the exit status 1."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    from saleswright.kernel.errors import DomainError

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    try:
        app()
    except (DomainError, DatabaseError, ImproperlyConfigured, OSError, LookupError, ValueError) as error:
        if os.environ.get("DEBUG"):
            raise
        fail(str(error) or type(error).__name__)


def fail(message: str, status: int = 1) -> NoReturn:
    """Say what is wrong on standard error and end."""
    typer.echo(message, err=True)
    raise SystemExit(status)


def start_django() -> None:
    """Load the settings and the modules; done by the commands that need them, so that --help is quick."""
    import django

    django.setup()


def require_tables() -> None:
    """End unless the database has all its tables."""
    from django.utils.translation import gettext as _

    from saleswright.kernel.health import unapplied_migrations

    if unapplied_migrations():
        fail(_("The database is not set up for this version: run `saleswright init` first."))


@contextmanager
def shown_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each name reported, on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda name, done, total: bars.update(task, description=name, completed=done, total=total)


def person(username: str) -> User:
    """The person with this sign-in name; ends the command when there is none."""
    from django.utils.translation import gettext as _

    from saleswright.kernel.models import User

    try:
        return User.objects.get_by_natural_key(username)
    except User.DoesNotExist:
        fail(_("There is nobody with the sign-in name %(name)s.") % {"name": username}, 2)


@app.command()
def init(
    admin: Annotated[str, typer.Option(help="Sign-in name of the first administrator.")] = "",
    password_file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Its first line.")] = None,
) -> None:
    """Make or bring up to date the tables, shipped roles and defaults; safe to repeat."""
    if bool(admin) != bool(password_file):
        fail("--admin and --password-file go together.", 2)
    password = password_file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r") if password_file else ""
    start_django()
    from saleswright.config.setup import initialise

    initialise(admin=admin, password=password)


@app.command()
def demo(
    if_empty: Annotated[bool, typer.Option(help="Do nothing when there are data already.")] = False,
) -> None:
    """Fill an empty database with the demonstration company."""
    start_django()
    require_tables()
    fill_with_demo(if_empty=if_empty)


def fill_with_demo(*, if_empty: bool) -> None:
    """Make the demonstration company in an empty database, and say how to sign in as its people."""
    from django.utils.translation import gettext as _

    from saleswright.config.demo import has_data, make_demo, sign_ins

    if not has_data():
        with shown_progress() as progress:
            make_demo(progress=progress)
    elif not if_empty:
        fail(_("The database is not empty."))
    for line in sign_ins():
        typer.echo(line)


@app.command()
def serve(
    host: Annotated[str, typer.Option(envvar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", min=1, max=65535)] = 8000,
    worker: Annotated[bool, typer.Option(help="Do jobs and deliver events as well.")] = True,
    workers: Annotated[int, typer.Option(min=1, help="Web processes (PostgreSQL; SQLite has one).")] = 2,
    demo: Annotated[bool, typer.Option(help="First set everything up, with the demonstration company.")] = False,
) -> None:
    """Answer at http://HOST:PORT until stopped."""
    start_django()
    if demo:
        from saleswright.config.setup import initialise

        initialise("", "")
        fill_with_demo(if_empty=True)
    require_tables()
    from django.conf import settings

    from saleswright.config.serving import close_connections
    from saleswright.config.serving import serve as run_server

    close_connections()
    shown = f"[{host}]" if ":" in host else host
    run_server(
        host=host,
        port=port,
        workers=workers,
        with_worker=worker,
        sqlite=settings.SQLITE,
        announce=lambda: typer.echo(f"Saleswright 销匠: http://{shown}:{port}"),
    )


@app.command()
def worker(
    name: Annotated[str, typer.Option(help="Name in the list of jobs; host and process by default.")] = "",
) -> None:
    """Do jobs and deliver events until stopped (PostgreSQL; on SQLite `serve` does it)."""
    import signal
    import threading

    start_django()
    require_tables()
    from saleswright.config.serving import follow_parent
    from saleswright.kernel.worker import Worker

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    follow_parent(stop)
    Worker(name).run_forever(stop)


@app.command(name="import")
def import_(
    resource: str,
    file: InputFile,
    mapping: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="TOML: columns to fields.")] = None,
    mode: Annotated[Mode, typer.Option()] = Mode.UPSERT,
    key: Annotated[str, typer.Option(help="Field, or several with commas, that tell records apart.")] = "",
    on_error: Annotated[OnError, typer.Option()] = OnError.STOP,
    errors: Annotated[Path | None, typer.Option(dir_okay=False, help="Where to write the bad rows.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    user: Annotated[str, typer.Option(help="Import with this person's name and rights.")] = "",
) -> None:
    """Take the rows of an xlsx or csv file into RESOURCE; the last line printed is the result in JSON.

    Exit status: 0 all rows taken, 3 some failed, 1 nothing taken, 2 bad arguments.
    """
    import json

    start_django()
    require_tables()
    from saleswright.interface.exchange.commands import run_import
    from saleswright.interface.exchange.errors import MappingError, ReadError
    from saleswright.kernel.access.actors import actor_for, system

    actor = actor_for(person(user), origin="import") if user else system("import")
    with shown_progress() as progress:
        try:
            outcome = run_import(
                resource,
                file,
                actor=actor,
                mapping=mapping,
                mode=mode.value,
                key=key,
                on_error=on_error.value,
                errors=errors,
                dry_run=dry_run,
                progress=progress,
            )
        except (ReadError, MappingError, LookupError, ValueError) as error:
            fail(str(error), 2)
    for problem in outcome.problems:
        typer.echo(problem, err=True)
    counts = {name: getattr(outcome, name) for name in ("rows", "created", "updated", "failed")}
    typer.echo(json.dumps(counts))
    if outcome.failed:
        raise SystemExit(3 if outcome.created + outcome.updated else 1)


@app.command()
def export(
    resource: str,
    file: OutputFile,
    user: Annotated[str, typer.Option(help="Export with this person's name and rights.")] = "",
) -> None:
    """Write the records of RESOURCE to FILE (.xlsx or .csv)."""
    start_django()
    require_tables()
    from saleswright.interface.exchange.commands import run_export
    from saleswright.kernel.access.actors import actor_for, system

    actor = actor_for(person(user), origin="export") if user else system("export")
    with shown_progress() as progress:
        rows = run_export(resource, file, actor=actor, progress=progress)
    typer.echo(f"{rows} rows")


@app.command()
def backup(file: OutputFile) -> None:
    """Write everything to FILE, consistently, while the system runs."""
    start_django()
    require_tables()
    from django.utils.translation import gettext as _

    from saleswright.kernel.backup import backup as make_backup

    with shown_progress() as progress:
        damaged: list[str] = []
        rows = make_backup(file, progress=progress, damaged=damaged)
    for name in damaged:
        typer.echo(_("The content of %(name)s is not what it was when it was stored.") % {"name": name}, err=True)
    typer.echo(f"{sum(rows.values())} rows of {len(rows)} tables")


@app.command()
def restore(
    file: InputFile,
    force: Annotated[bool, typer.Option("--force", help="Replace what the database holds.")] = False,
) -> None:
    """Load the backup FILE into an empty database and compare the two; stop the system before."""
    start_django()
    from saleswright.kernel.backup import restore as load_backup

    with shown_progress() as progress:
        rows = load_backup(file, force=force, progress=progress)
    typer.echo(f"{sum(rows.values())} rows of {len(rows)} tables, compared with the backup")


@app.command()
def doctor(
    audit: Annotated[bool, typer.Option("--audit", help="Check the chain of the audit as well.")] = False,
) -> None:
    """Look for what is wrong with this installation."""
    start_django()
    from saleswright.kernel.health import examine

    well = True
    for check in examine(with_audit=audit):
        well = well and check.ok
        typer.echo(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.detail}", err=not check.ok)
    if not well:
        raise SystemExit(1)


@tokens.command()
def create(
    user: str,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; never by default.")] = None,
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    scope: Annotated[
        list[str] | None, typer.Option(help="read, or a permission such as orders.view or orders.*; may be repeated.")
    ] = None,
) -> None:
    """Make a token with which a program acts as USER, and print it alone."""
    start_django()
    require_tables()
    from saleswright.kernel.access.actors import system
    from saleswright.kernel.access.tokens import create_token

    typer.echo(create_token(person(user), name, days, system("command"), scope or ["*"]))


@app.command(name="reset-second-factor")
def reset_second_factor(user: str) -> None:
    """Take away the second factor of USER, who lost the phone and the recovery codes."""
    start_django()
    require_tables()
    from saleswright.kernel.access import second_factor
    from saleswright.kernel.access.actors import system

    second_factor.reset(person(user), system("command"))


@app.command(name="learn-leads")
def learn_leads(
    file: InputFile,
    outcome: Annotated[str, typer.Option(help="The column that says how it ended: 1/0, yes/no, won/lost.")],
    time: Annotated[str, typer.Option(help="The column that orders the cases in time; else the order of rows.")] = "",
    known_after: Annotated[list[str] | None, typer.Option(help="A column known only after the outcome.")] = None,
    admit: Annotated[list[str] | None, typer.Option(help="A column to use in spite of suspicion.")] = None,
) -> None:
    """Say what a learned score would be worth on the leads in FILE (csv, xlsx), as JSON; nothing is kept."""
    import json

    start_django()
    from saleswright.interface.exchange.readers import open_table
    from saleswright.kernel.learning.foreign import cells_of, evaluate

    table = open_table(file)
    cells = cells_of(table.headers, (row.cells for row in table.rows))
    with shown_progress() as show:
        found = evaluate(
            cells, outcome, time=time, known_after=known_after or (), admitted=admit or (),
            progress=lambda done, total: show(file.name, done, total),
        )  # fmt: skip
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Measure the system against the raw-SQL floors (`bench --help` lists what can be measured)."""
    import runpy

    folder = Path(__file__).resolve().parent.parent / "bench"
    if not (folder / "__main__.py").exists():
        fail(f"The benchmarks are not installed: {folder}")
    sys.argv = ["bench", *context.args]
    runpy.run_path(str(folder), run_name="__main__")


@app.command()
def openapi(
    check: Annotated[Path | None, typer.Option(dir_okay=False, help="Fail when FILE differs.")] = None,
    write: Annotated[Path | None, typer.Option(dir_okay=False, help="Write to FILE.")] = None,
) -> None:
    """Print the OpenAPI description of the REST API, or compare or write a file with it."""
    import difflib
    import json
    from itertools import islice

    start_django()
    from saleswright.interface.api.openapi import document
    from saleswright.kernel.custom_fields import as_shipped

    as_shipped()
    text = json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if check:
        kept = check.read_text(encoding="utf-8") if check.exists() else ""
        if kept == text:
            return
        difference = difflib.unified_diff(kept.splitlines(), text.splitlines(), str(check), "now", lineterm="", n=1)
        fail("\n".join([*islice(difference, 60), f"Write it anew with: saleswright openapi --write {check}"]))
    if write:
        write.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)


if __name__ == "__main__":
    main()
