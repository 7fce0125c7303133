"""Boards and calendars: cards in their columns, drops that run transitions, entries on their days."""

import pytest

from saleswright.interface.entity import Board, entity_named
from saleswright.kernel.models import User
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.customers.public import Contact, Customer

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def people_board(monkeypatch):
    """Employees on a board by their state."""
    monkeypatch.setattr(type(entity_named("employees")), "board", Board(by="state", title="name", person="manager"))


def test_each_record_lies_in_the_column_of_its_state(browse, root):
    drafts = [Draft({"name": "Newer", "life_cycle": "active"}), Draft({"name": "Older", "life_cycle": "lost"})]
    save_records(Customer, drafts, actor=root)
    text = browse("administrator").get("/customers/board").content.decode()
    places = [text.index(mark) for mark in ('data-column="active"', "Newer", 'data-column="lost"', "Older")]
    assert places == sorted(places)


def test_a_board_is_filtered_like_a_list(browse, root):
    save_records(Customer, [Draft({"name": "Alpha", "level": "A"}), Draft({"name": "Beta"})], actor=root)
    text = browse("administrator").get("/customers/board?level=A").content.decode()
    assert "Alpha" in text
    assert "Beta" not in text


def test_a_board_shows_only_what_one_may_see(browse, root):
    save_record(Customer, {"name": "Hidden"}, actor=root)
    assert "Hidden" not in browse("sales_representative").get("/customers/board").content.decode()
    assert browse("hr").get("/customers/board").status_code == 403


def test_totals_of_the_columns_come_as_json(browse, root):
    save_records(Customer, [Draft({"name": n, "life_cycle": "active"}) for n in "ABC"], actor=root)
    found = browse("administrator").get("/customers/board/totals").json()
    assert {key: figures["count"] for key, figures in found.items()} == {
        "prospect": "0", "active": "3", "dormant": "0", "lost": "0",
    }  # fmt: skip


def test_a_drop_runs_the_transition_that_leads_there(browse, person, people_board):
    user = person()
    answer = browse("hr").post("/employees/board/drop", {"card": user.pk, "column": "on_leave"}, headers=HTMX)
    assert answer.status_code == 204
    assert User.objects.get(pk=user.pk).state == "on_leave"


def test_a_drop_without_a_way_is_a_conflict_in_json(browse, person, people_board):
    user = person()
    answer = browse("hr").post("/employees/board/drop", {"card": user.pk, "column": "on_trial"}, headers=HTMX)
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert User.objects.get(pk=user.pk).version == 1


def test_a_drop_that_a_guard_refuses_says_why(browse, person, people_board, root):
    user = person()
    save_record(Customer, {"name": "A", "owner": user.pk}, actor=root)
    answer = browse("hr").post("/employees/board/drop", {"card": user.pk, "column": "left"}, headers=HTMX)
    assert answer.status_code == 409
    assert User.objects.get(pk=user.pk).state == "active"


def test_a_drop_without_the_right_is_refused(browse, person, people_board):
    user = person()
    answer = browse("sales_representative").post(
        "/employees/board/drop", {"card": user.pk, "column": "left"}, headers=HTMX
    )
    assert answer.status_code == 403
    assert User.objects.get(pk=user.pk).state == "active"


@pytest.mark.parametrize("card", ["", "x", "999999", str(2**70)])
def test_a_drop_of_nothing_is_not_found(browse, people_board, card):
    answer = browse("hr").post("/employees/board/drop", {"card": card, "column": "left"}, headers=HTMX)
    assert answer.status_code == 404


def test_what_has_no_board_or_calendar_is_not_found(browse):
    client = browse("administrator")
    assert client.get("/posts/board").status_code == 404
    assert client.get("/posts/calendar").status_code == 404


# --- calendars -------------------------------------------------------------------------------------------------


@pytest.fixture
def birthdays(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    for name, day in (("Wang", "2026-11-23"), ("Li", "2026-11-30"), ("Zhao", "2027-01-15")):
        save_record(Contact, {"name": name, "customer": customer.pk, "birthday": day}, actor=root)


@pytest.mark.parametrize(
    ("query", "names"),
    [("day=2026-11-05", {"Wang", "Li"}), ("day=2026-11-24&mode=week", {"Wang"}), ("day=2026-11-23&mode=day", {"Wang"}),
     ("day=2026-12-05", {"Li"}), ("day=2027-01-01", {"Zhao"})],
)  # fmt: skip
def test_a_calendar_shows_the_entries_of_its_days(browse, birthdays, query, names):
    text = browse("administrator").get(f"/contacts/calendar?{query}").content.decode()
    assert {name for name in ("Wang", "Li", "Zhao") if f">{name}<" in text or f"{name}</" in text} == names


@pytest.mark.parametrize("day", ["soon", "2026-13-01", "1800-01-01", "2300-01-01"])
def test_a_calendar_refuses_what_is_no_day(browse, day):
    assert browse("administrator").get(f"/contacts/calendar?day={day}").status_code == 422
