"""What the parts of the demonstration company share: chance, calendar, and how records are written."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import Draft, save_records
from saleswright.kernel.resources import resource_named

SEED = 20231123
YEARS = 3
#: how strong each month of the year is, January first: a weak new year, a strong year's end
SEASON = (0.7, 0.55, 1.05, 1.0, 1.05, 1.15, 0.9, 0.9, 1.1, 1.0, 1.15, 1.45)
BATCH = 500


class Story:
    """One run of the generator: the same seed and day give the same company."""

    def __init__(self, progress: Callable[[str, int, int], None], seed: int = SEED) -> None:
        self.random = random.Random(seed)
        self.progress = progress
        self.actor = system("demo")
        self.today = clock.today()
        self.start = self.today - timedelta(days=365 * YEARS)
        self.people: dict[str, Any] = {}
        self.sellers: dict[str, list[Any]] = {}

    def write(self, resource: str, drafts: list[Draft]) -> list[Any]:
        """Write drafts as history, in batches, and return the records in their order."""
        records = []
        for at in range(0, len(drafts), BATCH):
            part = drafts[at : at + BATCH]
            saved = save_records(resource_named(resource).model, part, actor=self.actor, history=True)
            records += [draft.record for draft in saved.good]
            self.progress(resource, min(at + BATCH, len(drafts)), len(drafts))
        return records

    def day(self, first: date | None = None, last: date | None = None) -> date:
        """A working day between two days, likelier in strong months and in later years."""
        first, last = first or self.start, last or self.today
        span = max((last - first).days, 0)
        for _ in range(40):
            day = first + timedelta(days=int(span * self.random.random() ** 0.8))
            growth = 0.7 + 0.3 * (day - self.start).days / (365 * YEARS)
            if day.weekday() < 5 and self.random.random() < SEASON[day.month - 1] * growth / 1.5:
                return day
        return last

    def moment(self, day: date) -> datetime:
        """A time of the working day."""
        minutes = 9 * 60 + self.random.randrange(8 * 60)
        return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=clock.zone())

    def stamps(self, day: date, owner: Any) -> dict[str, Any]:
        """Author, owner and time of creation of a record of the past."""
        return {"created_at": self.moment(min(day, self.today)), "created_by": owner.pk, "owner": owner.pk}

    def phone(self) -> str:
        """A number of a range that is given to nobody."""
        return f"1{self.random.choice('3578')}000{self.random.randrange(10**6):06d}"
