"""The clock of a lead's answer: when it starts, what sets it back, and what happens when it has run out."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel import clock, jobs
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import User
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.kernel.transactions import atomic
from saleswright.modules.leads import actions
from saleswright.modules.leads.flow import answering
from saleswright.modules.leads.models import Lead, ResponseLimit
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pool.models import Pool
from saleswright.modules.work.models import Notification

pytestmark = pytest.mark.django_db
#: a Monday, 10:00 in Shanghai; the company works from 9 to 18
MONDAY = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _at_ten_on_monday(monkeypatch, settings):
    settings.LANGUAGE_CODE = "en"
    pass_to(monkeypatch, MONDAY)


def pass_to(monkeypatch, moment):
    monkeypatch.setattr(clock, "now", lambda: moment)


class Chunks:
    """Pieces as a job writes them."""

    @contextmanager
    def chunk(self, done, total=None):
        with atomic():
            yield


@pytest.fixture
def boss(person):
    return person("sales_manager", language="en", name="Boss")


@pytest.fixture
def ann(person, boss):
    return person("sales_representative", language="en", name="Ann", manager=boss)


def limit(name="Limit", **values):
    """Two hours to the first answer, after one more the manager, after four the pool."""
    usual = {"first_minutes": 120, "manager_minutes": 60, "pool_minutes": 240}
    return save_record(ResponseLimit, {"name": name, **usual, **values}, actor=system("test"))


def run(moment):
    made = answering.run(Chunks(), moment, system("test"))
    return made.reminded, made.escalated, made.pooled


def read(lead):
    return Lead.objects.get(pk=lead.pk)


def told(user):
    return [one.text for one in Notification.objects.filter(user=user, kind="overdue").order_by("pk")]


# --- starting --------------------------------------------------------------------------------------------------


def test_it_starts_with_the_owner_in_working_time(ann, monkeypatch):
    limit()
    pass_to(monkeypatch, MONDAY + 7 * HOUR)  # 17:00: one hour today, one tomorrow
    lead = read(make_lead(owner=ann))
    assert (lead.response_state, lead.response_due_at) == ("running", MONDAY + 24 * HOUR)


def test_it_starts_none_without_an_owner_or_a_limit(ann):
    limit(conditions={"field": "source", "op": "in", "value": ["web"]})
    nobody, other, web = make_lead(source="web"), make_lead(owner=ann, source="partner"), make_lead(
        owner=ann, source="web"
    )  # fmt: skip
    assert [read(one).response_state for one in (nobody, other, web)] == ["", "", "running"]


def test_it_takes_the_first_limit_that_fits(ann):
    limit("All", position=5, first_minutes=600)
    limit("Hot", position=1, first_minutes=30, conditions={"field": "budget", "op": "gte", "value": "1000"})
    cold, hot = read(make_lead(owner=ann)), read(make_lead(owner=ann, budget="5000"))
    assert (hot.response_due_at - MONDAY, hot.response_limit.name) == (HOUR / 2, "Hot")
    assert cold.response_limit.name == "All"


def test_it_holds_for_what_comes_after_it_is_in_force(ann, monkeypatch):
    old = make_lead(owner=ann)
    pass_to(monkeypatch, MONDAY + HOUR)
    limit()
    run(MONDAY + HOUR)
    assert read(old).response_state == ""
    assert run(MONDAY + 90 * HOUR) == (0, 0, 0)


def test_it_finds_leads_that_changed_hands_by_any_way(ann, person):
    limit()
    lead, ben = make_lead(owner=ann), person("sales_representative")
    Lead.objects.filter(pk=lead.pk).update(owner=ben, owned_since=MONDAY + HOUR)
    run(MONDAY + HOUR)
    assert read(lead).response_due_at == MONDAY + 3 * HOUR


def test_it_starts_anew_with_another_owner(ann, person, monkeypatch):
    limit()
    lead, ben = make_lead(owner=ann), person("sales_representative")
    pass_to(monkeypatch, MONDAY + HOUR)
    actions.assign_lead(lead.pk, owner_id=ben.pk, actor=system("test"), at=MONDAY + HOUR)
    assert read(lead).response_due_at == MONDAY + 3 * HOUR
    assert read(lead).assigned_because == "Assigned by System"


def test_it_compares_running_clocks_with_a_changed_limit(ann):
    made, lead = limit(), make_lead(owner=ann)
    save_record(ResponseLimit, {"first_minutes": 30}, pk=made.pk, actor=system("test"))
    run(MONDAY)
    assert read(lead).response_due_at == MONDAY + HOUR / 2


def test_it_stops_where_the_limit_is_put_out_of_force(ann):
    made, lead = limit(), make_lead(owner=ann)
    save_record(ResponseLimit, {"active": False}, pk=made.pk, actor=system("test"))
    assert read(lead).response_state == ""
    assert ResponseLimit.objects.get().in_force_since is None


def test_it_passes_over_a_limit_that_names_a_lost_field(ann):
    made = limit("Broken", position=1)
    ResponseLimit.objects.filter(pk=made.pk).update(conditions={"field": "custom.gone", "op": "exact", "value": "1"})
    limit("All", position=2)
    assert read(make_lead(owner=ann)).response_limit.name == "All"


# --- answering -------------------------------------------------------------------------------------------------


def test_it_keeps_when_and_how_fast_the_first_answer_came(ann):
    limit(follow_up_minutes=540)
    lead = make_lead(owner=ann)
    actions.contact_lead(lead.pk, actor=system("test"), at=MONDAY + HOUR)
    lead = read(lead)
    assert (lead.responded_at, lead.response_minutes) == (MONDAY + HOUR, 60)
    assert (lead.response_state, lead.response_due_at) == ("running", MONDAY + 25 * HOUR)


def test_it_takes_what_was_done_with_the_lead_for_an_answer(ann, monkeypatch):
    limit()
    lead = make_lead(owner=ann)
    pass_to(monkeypatch, MONDAY + HOUR)
    call = {"kind": "call", "subject": "First call", "lead": lead.pk, "owner": ann.pk}
    save_record(Activity, {**call, "planned_at": MONDAY + 3 * HOUR}, actor=system("test"))
    assert read(lead).response_state == "running"
    save_record(Activity, {**call, "done_at": MONDAY + HOUR}, actor=system("test"))
    assert (read(lead).response_state, read(lead).response_minutes) == ("", 60)
    assert read(lead).responded_at == MONDAY + HOUR


def test_it_does_not_take_an_edit_for_an_answer(ann, monkeypatch):
    limit()
    lead = make_lead(owner=ann)
    pass_to(monkeypatch, MONDAY + HOUR)
    save_record(Lead, {"need": "pumps"}, pk=lead.pk, actor=system("test"))
    assert read(lead).response_due_at == MONDAY + 2 * HOUR
    assert read(lead).responded_at is None


def test_it_stops_with_the_decision_and_starts_when_it_is_taken_up_again(ann):
    limit()
    lead = make_lead(owner=ann)
    actions.disqualify_lead(lead.pk, reason="no budget", actor=system("test"), at=MONDAY)
    assert read(lead).response_state == ""
    actions.reopen_lead(lead.pk, actor=system("test"), at=MONDAY)
    assert read(lead).response_state == "running"


def test_it_stops_clocks_of_what_was_decided_elsewhere(ann):
    limit()
    lead = make_lead(owner=ann)
    Lead.objects.filter(pk=lead.pk).update(status="converted")
    run(MONDAY + 90 * HOUR)
    assert (read(lead).response_state, read(lead).response_due_at) == ("", None)
    assert not told(ann)


# --- overdue ---------------------------------------------------------------------------------------------------


def test_it_reminds_the_owner_then_tells_the_manager_then_gives_back_each_once(ann, boss):
    limit(name="Two hours")
    lead = make_lead(owner=ann, company="Quay Ltd")
    assert run(MONDAY + 2 * HOUR - timedelta(minutes=1)) == (0, 0, 0)
    assert run(MONDAY + 2 * HOUR) == (1, 0, 0)
    assert run(MONDAY + 2 * HOUR) == (0, 0, 0)
    assert told(ann) == ["Quay Ltd waits for your answer since 2026-11-16 12:00."]
    assert (read(lead).response_state, told(boss)) == ("overdue", [])
    assert run(MONDAY + 3 * HOUR) == (0, 1, 0)
    assert run(MONDAY + 3 * HOUR) == (0, 0, 0)
    assert told(boss) == ["Quay Ltd waits for an answer of Ann since 2026-11-16 12:00."]
    assert read(lead).response_state == "escalated"
    assert run(MONDAY + 6 * HOUR) == (0, 0, 1)
    assert run(MONDAY + 6 * HOUR) == (0, 0, 0)
    lead = read(lead)
    assert (lead.owner_id, lead.pool.resource, lead.response_state) == (None, "leads", "")
    assert lead.pool_reason == "Two hours: no answer of Ann, due 2026-11-16 12:00"
    assert told(ann)[-1].startswith("Quay Ltd went back to the pool")


def test_it_counts_nights_for_nothing(ann):
    limit(pool_minutes=None)
    make_lead(owner=ann)
    Lead.objects.update(owned_since=MONDAY + 7 * HOUR + timedelta(minutes=30))  # 17:30
    run(MONDAY + 8 * HOUR)
    assert run(MONDAY + 24 * HOUR) == (0, 0, 0)
    assert run(MONDAY + 24 * HOUR + timedelta(minutes=30)) == (1, 0, 0)


def test_it_leaves_protected_leads_with_their_owner(ann):
    limit()
    lead = make_lead(owner=ann)
    Lead.objects.update(protected_until=clock.local_date(MONDAY))
    assert run(MONDAY + 7 * HOUR) == (1, 1, 0)
    assert read(lead).owner_id == ann.pk
    assert run(MONDAY + 24 * HOUR) == (0, 0, 1)


def test_it_gives_back_into_the_pool_that_the_limit_names(ann):
    own = save_record(Pool, {"name": "Unanswered", "resource": "leads", "position": 9}, actor=system("test"))
    limit(pool=own.pk, manager_minutes=None)
    lead = make_lead(owner=ann)
    run(MONDAY + 24 * HOUR)
    assert read(lead).pool_id == own.pk


def test_it_tells_the_next_manager_who_still_works_here(person, boss):
    gone = person("sales_manager", manager=boss)
    ann = person("sales_representative", manager=gone)
    User.objects.filter(pk=gone.pk).update(state="left")
    limit(pool_minutes=None)
    make_lead(owner=ann)
    run(MONDAY + 4 * HOUR)
    assert (len(told(boss)), told(gone)) == (1, [])


def test_it_goes_round_no_ring_of_managers(person):
    ann, ben = person("sales_representative"), person("sales_representative")
    User.objects.filter(pk=ann.pk).update(manager=ben)
    User.objects.filter(pk=ben.pk).update(manager=ann, state="left")
    ann.refresh_from_db()
    assert answering.managers_above([ann]) == {}


def test_it_begins_anew_with_a_follow_up_after_the_reminder(ann):
    limit(follow_up_minutes=60)
    lead = make_lead(owner=ann)
    run(MONDAY + 2 * HOUR)
    actions.contact_lead(lead.pk, actor=system("test"), at=MONDAY + 2 * HOUR)
    assert (read(lead).response_state, read(lead).response_due_at) == ("running", MONDAY + 3 * HOUR)
    assert run(MONDAY + 2 * HOUR + HOUR / 2) == (0, 0, 0)
    assert run(MONDAY + 3 * HOUR) == (1, 0, 0)


def test_it_watches_fifty_with_as_many_queries_as_five(ann):
    limit()

    def queries(count):
        drafts = [Draft({"company": f"Quay {n}", "phone": "1", "owner": ann.pk}) for n in range(count)]
        save_records(Lead, drafts, actor=system("test"))
        Lead.objects.update(response_state="running", response_due_at=MONDAY + HOUR)
        with CaptureQueriesContext(connection) as captured:
            run(MONDAY + HOUR)
        return len(captured)

    queries(1)
    few = queries(4)
    assert queries(40) == few


def test_it_runs_every_five_minutes():
    assert next(one for one in jobs.kinds().values() if one.name == "leads.answers").every == timedelta(minutes=5)


# --- shown -----------------------------------------------------------------------------------------------------


def test_it_is_filtered_by_what_is_overdue(ann, api):
    limit()
    make_lead(owner=ann)
    late = make_lead(owner=ann)
    Lead.objects.filter(pk=late.pk).update(response_state="overdue")
    items = api("administrator").get("leads?response_state=overdue,escalated&ordering=response_due_at").json()["items"]
    assert [one["id"] for one in items] == [late.pk]


def test_it_is_marked_on_the_board_when_it_is_overdue(ann, api, browse, monkeypatch):
    limit()
    lead = make_lead(owner=ann)
    assert api("administrator").get(f"leads/{lead.pk}").json()["answer_overdue"] is False
    pass_to(monkeypatch, MONDAY + 2 * HOUR)
    assert api("administrator").get(f"leads/{lead.pk}").json()["answer_overdue"] is True
    assert "Answer overdue" in browse("administrator", language="en").get("/leads/board").content.decode()


def test_it_stands_on_the_first_screen_of_the_owner(ann, browse):
    limit()
    make_lead(owner=ann, company="Quay Answer")
    home = browse(ann).get("/").content.decode()
    assert "Leads to answer" in home
    assert "Quay Answer" in home


# --- limits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "first_minutes"),
        ({"first_minutes": 60, "manager_minutes": 60, "pool_minutes": 30}, "pool_minutes"),
        ({"first_minutes": 60, "conditions": {"field": "nothing", "op": "exact", "value": "1"}}, "conditions"),
    ],
)
def test_it_refuses_limits_that_make_no_sense(api, values, field):
    response = api("administrator").post("response-limits", {"name": "Limit", **values})
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert not ResponseLimit.objects.exists()


def test_it_refuses_a_pool_of_other_records(api):
    pool = Pool.objects.get(resource="customers")
    body = {"name": "Limit", "first_minutes": 60, "pool_id": pool.pk}
    assert api("administrator").post("response-limits", body).status_code == 422
