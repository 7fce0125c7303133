"""People in departments, announcements and meetings to work with, and what people were told."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.models import Department, Region, User
from saleswright.kernel.ports import ports
from saleswright.kernel.records import save_record
from saleswright.modules.notices.actions.announcements import publish_announcement
from saleswright.modules.notices.actions.meetings import invite_to_meeting
from saleswright.modules.notices.models import Announcement, Meeting

ROOT = system("test")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Told(list):
    """Notes what people were told instead of telling them."""

    def notify(self, **note: Any) -> None:
        self.append(note)

    def last(self) -> tuple[list[int], str]:
        """Whom the last note went to, and what it said."""
        return self[-1]["user_ids"], self[-1]["text"]


@pytest.fixture
def told(monkeypatch):
    notes = Told()
    monkeypatch.setattr(ports, "notification", notes)
    return notes


@pytest.fixture
def team(person):
    """Sales with East below it, each with people; the author writes announcements."""
    sales = save_record(Department, {"name": "Sales"}, actor=ROOT)
    east = save_record(Department, {"name": "East", "parent": sales.pk}, actor=ROOT)
    china = save_record(Region, {"name": "China"}, actor=ROOT)
    shanghai = save_record(Region, {"name": "Shanghai", "parent": china.pk}, actor=ROOT)
    return SimpleNamespace(
        sales=sales,
        east=east,
        china=china,
        shanghai=shanghai,
        author=person("hr", language="en", name="Author"),
        head=person("sales_director", language="en", name="Head", department=sales),
        anna=person("sales_representative", language="en", name="Anna", department=east, region=shanghai),
        bert=person("sales_representative", language="en", name="Bert", department=east),
        wu=person("warehouse", language="en", name="Wu"),
    )


def acting_as(user: User) -> Any:
    return actor_for(user, origin="test")


@pytest.fixture
def announce(team):
    """Writes an announcement as the author and publishes it unless told otherwise."""

    def make(*, publish: bool = True, publish_at: datetime | None = None, **values: Any) -> Announcement:
        given = {"title": "New prices", "body": "They hold from Monday.", "department_ids": [team.sales.pk], **values}
        actor = acting_as(team.author)
        one = save_record(Announcement, given, actor=actor)
        if publish:
            publish_announcement(one.pk, actor=actor, publish_at=publish_at)
        one.refresh_from_db()
        return one

    return make


@pytest.fixture
def meet(team):
    """Plans a meeting of Anna and Bert as the head, an hour long, and invites to it unless told otherwise."""

    def make(*, invite: bool = True, start: datetime | None = None, people: Any = None, **values: Any) -> Meeting:
        start = start or clock.now() + DAY
        given = {"title": "Sales meeting", "starts_at": start, "ends_at": start + HOUR, **values}
        lines = {"participants": [{"person": one.pk} for one in people or (team.anna, team.bert)]}
        lines |= {name: given.pop(name) for name in ("agenda", "decisions") if name in given}
        actor = acting_as(team.head)
        one = save_record(Meeting, given, lines=lines, actor=actor)
        if invite:
            invite_to_meeting(one.pk, actor=actor)
        one.refresh_from_db()
        return one

    return make
