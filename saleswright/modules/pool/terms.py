"""What recycle rules may name: everything that is known of a record, and the clocks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.interface.conditions import Vocabulary, terms_of
from saleswright.interface.entity import entity_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.conditions import Check, Column
from saleswright.kernel.errors import NotFound
from saleswright.modules.pool.kinds import Clock, clocks, kinds

MOST_DAYS = 3650


class ClockColumn(Column):
    """A clock as conditions know it, read at a moment."""

    __slots__ = ("at", "clock")

    def __init__(self, ticking: Clock, at: datetime) -> None:
        super().__init__(f"clocks.{ticking.code}", "days", _days, ticking.label)
        self.clock, self.at = ticking, at

    def query(self, check: Check) -> Q:
        """The records of which the clock has run for at least so many days."""
        return self.clock.ran(check.operand[0][1], self.at)


def _days(value: Any) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_DAYS):
        raise ValidationError(_("Give whole days from 1 to %(most)d.") % {"most": MOST_DAYS}, code="range")
    return int(text)


def pool_terms(resource: str, actor: Actor, at: datetime | None = None) -> Vocabulary:
    """The terms of rules for records of that kind; clocks are read at `at` (now). Raises NotFound, NotAllowed."""
    if resource not in kinds:
        raise NotFound
    ticking: Vocabulary = {
        f"clocks.{code}": ClockColumn(one, at or clock.now()) for code, one in clocks[resource].items()
    }
    return ticking | terms_of(entity_named(resource), actor)
