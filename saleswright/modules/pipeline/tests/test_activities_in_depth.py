"""Activities: participants, spans, needs, next steps, moving and missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.pipeline.actions import activities
from saleswright.modules.pipeline.models import Activity, Opportunity
from saleswright.modules.pipeline.queries import planned_between, visits_between
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity
from saleswright.modules.work.models import Task

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
NINE = "2026-11-20T09:00:00+08:00"


def make(root, lines=None, **values):
    given = {"kind": "visit", "subject": "First visit", "planned_at": NINE, **values}
    given = {k: v.pk if hasattr(v, "pk") else v for k, v in given.items()}
    if not {"customer", "lead", "opportunity"} & given.keys():
        given["customer"] = make_customer().pk
    return save_record(Activity, given, lines={"participants": lines} if lines else None, actor=root)


def refused(root, lines=None, **values):
    with pytest.raises(ValidationFailed) as problem:
        make(root, lines, **values)
    assert not Activity.objects.exists()
    return [(error.field, error.code) for error in problem.value.errors]


def complete(activity, actor, at=AT, **values):
    activities.complete_activity(activity.pk, actor=actor, at=at, outcome="agreed", **values)
    activity.refresh_from_db()
    return activity


# --- spans and participants ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "until"), [
    (NINE, "2026-11-20T09:00:00+08:00"), (NINE, "2026-11-20T08:59:00+08:00"), (None, "2026-11-20T10:00:00+08:00"),
    (NINE, "2026-12-22T09:00:00+08:00"),
])  # fmt: skip
def test_it_refuses_an_end_before_its_beginning_and_one_too_far_off(root, start, until):
    assert refused(root, planned_at=start, planned_until=until) == [("planned_until", "order")]


def test_it_stays_as_long_as_it_was_when_only_its_beginning_is_moved(root):
    activity = make(root, planned_until="2026-11-20T11:30:00+08:00")
    moved = save_record(Activity, {"planned_at": "2026-11-23T14:00:00+08:00"}, pk=activity.pk, actor=root)
    assert moved.ends_at - moved.planned_at == timedelta(hours=2, minutes=30)


def test_it_lasts_an_hour_when_nothing_is_said(root):
    assert make(root).ends_at == datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    assert make(root, planned_at=None).ends_at is None


def test_it_names_colleagues_and_people_of_the_customer(api, root, person):
    customer, colleague = make_customer(), person("sales_representative")
    contact = save_record(Contact, {"customer": customer.pk, "name": "Li Lei"}, actor=root)
    lines = [{"person_id": colleague.pk}, {"contact_id": contact.pk}]
    body = {"kind": "meeting", "subject": "Kick-off", "customer_id": customer.pk, "participants": lines}
    answer = api().post("activities", body)
    assert answer.status_code == 201, answer.content.decode()
    found = Activity.objects.get().participants.order_by("position").values_list("person_id", "contact_id")
    assert list(found) == [(colleague.pk, None), (None, contact.pk)]


def test_it_refuses_participants_that_are_nobody_both_twice_or_of_another_customer(root, person):
    one = person()
    stranger = save_record(Contact, {"customer": make_customer().pk, "name": "Han Mei"}, actor=root)
    assert refused(root, [{"person": None}]) == [("participants.0.person", "invalid")]
    assert refused(root, [{"person": one.pk, "contact": stranger.pk}]) == [("participants.0.person", "invalid")]
    assert refused(root, [{"person": one.pk}, {"person": one.pk}]) == [("participants.1.person", "unique")]
    assert refused(root, [{"contact": stranger.pk}]) == [("participants.0.contact", "invalid")]


def test_it_is_seen_but_not_changed_by_colleagues_who_take_part(api, root, person):
    owner, colleague, other = (person("sales_representative") for _n in range(3))
    activity = make(root, [{"person": colleague.pk}], owner=owner)
    assert api(colleague).get(f"activities/{activity.pk}").json()["subject"] == "First visit"
    assert [one["id"] for one in api(colleague).get("activities").json()["items"]] == [activity.pk]
    assert api(colleague).patch(f"activities/{activity.pk}", {"purpose": "mine"}).status_code == 403
    assert api(other).get(f"activities/{activity.pk}").status_code == 404
    activity.refresh_from_db()
    assert activity.purpose == ""


def test_it_keeps_its_owner_and_participants_busy_for_its_whole_time(root, person):
    owner, colleague, free = person(), person(), person()
    make(root, [{"person": colleague.pk}], owner=owner, planned_until="2026-11-20T12:00:00+08:00")
    people = [owner.pk, colleague.pk, free.pk]
    found = visits_between(people, AT + timedelta(hours=1), AT + timedelta(hours=2))
    assert {one.user_id for one in found} == {owner.pk, colleague.pk}
    assert {(one.start, one.end) for one in found} == {(AT - timedelta(hours=1), AT + timedelta(hours=2))}
    assert visits_between(people, AT + timedelta(hours=2), AT + timedelta(hours=3)) == []


def test_it_finds_what_touches_a_time_and_nothing_else(root):
    make(root, planned_at="2026-11-19T09:00:00+08:00")
    inside = make(root, planned_until="2026-11-20T15:00:00+08:00")
    make(root, planned_at="2026-11-20T12:00:00+08:00")
    found = planned_between(AT, AT + timedelta(hours=2))  # ten to twelve
    assert list(found.values_list("pk", flat=True)) == [inside.pk]


# --- done ------------------------------------------------------------------------------------------------------


def test_it_teaches_the_opportunity_needs_that_are_new_and_the_next_step(root):
    deal = make_opportunity(customer=make_customer(), needs=["Two shifts"])
    visit = make(root, opportunity=deal)
    complete(visit, root, needs="- two shifts\n12 axes\n\n• 12 axes\n", next_step="Send the drawings")
    deal.refresh_from_db()
    assert (deal.needs, deal.next_step, deal.next_step_at) == (["Two shifts", "12 axes"], "Send the drawings", None)
    assert visit.needs == "- two shifts\n12 axes\n\n• 12 axes"
    entry = AuditEntry.objects.get(resource="opportunities", record_id=deal.pk, action="changed")
    assert entry.changes["needs"] == [["Two shifts"], ["Two shifts", "12 axes"]]


def test_it_leaves_closed_opportunities_and_those_it_says_nothing_about_as_they_are(root):
    customer = make_customer()
    won = make_opportunity(
        customer=customer, history=True, status="won", opened_on="2026-01-01", closed_on="2026-02-01"
    )
    open_still = make_opportunity(customer=customer)
    complete(make(root, opportunity=won), root, needs="more", next_step="call")
    complete(make(root, opportunity=open_still), root)
    for deal in (won, open_still):
        before = deal.version
        deal.refresh_from_db()
        assert (deal.needs, deal.next_step, deal.version) == ([], "", before)


def test_a_representative_teaches_an_opportunity_that_is_somebody_elses(acting, person, root):
    seller, colleague = person("sales_representative"), person("sales_representative")
    deal = make_opportunity(customer=make_customer(owner=seller), owner=colleague)
    visit = make(root, opportunity=deal, owner=seller)
    complete(visit, acting(seller), needs="spare parts")
    assert Opportunity.objects.get(pk=deal.pk).needs == ["spare parts"]


@pytest.mark.parametrize(("kind", "chosen"), [(None, "call"), ("visit", "visit"), ("demo", "demo")])
def test_its_next_step_is_planned_as_an_activity_of_its_owner(root, person, kind, chosen):
    owner, customer = person("sales_representative"), make_customer()
    deal = make_opportunity(customer=customer)
    visit = make(root, opportunity=deal, owner=owner)
    given = {"next_kind": kind} if kind else {}
    complete(visit, root, next_step="Show the sample", next_step_at="2026-11-24T10:00:00+08:00", **given)
    following = visit.followed_by.get()
    assert (following.kind, following.subject, following.status) == (chosen, "Show the sample", "planned")
    assert (following.customer_id, following.opportunity_id, following.owner_id) == (customer.pk, deal.pk, owner.pk)
    assert following.planned_at == datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("about", ["opportunity", "customer", "lead"])
def test_its_next_step_is_put_on_the_list_as_a_task_about_the_same(root, person, about):
    record = {"opportunity": make_opportunity, "customer": make_customer, "lead": make_lead}[about]()
    visit = make(root, owner=person("sales_representative"), **{about: record})
    complete(visit, root, next_step="Ask the factory", next_step_at="2026-11-24T10:00:00+08:00", next_kind="task")
    task = Task.objects.get()
    resource = {"opportunity": "opportunities", "customer": "customers", "lead": "leads"}[about]
    assert (task.title, task.owner_id, task.resource, task.record_id) == (
        "Ask the factory", visit.owner_id, resource, record.pk,
    )  # fmt: skip
    assert Activity.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"next_step_at": "2026-11-24T10:00:00+08:00"}, "next_step"),
        ({"next_step": "call", "next_step_at": "2026-11-20T10:00:00+08:00"}, "next_step_at"),
        ({"next_kind": "party"}, "next_kind"),
    ],
)
def test_it_refuses_a_next_step_without_words_in_the_past_or_of_no_kind(root, values, field):
    visit = make(root)
    with pytest.raises(ValidationFailed) as problem:
        complete(visit, root, **values)
    assert [error.field for error in problem.value.errors] == [field]
    visit.refresh_from_db()
    assert (visit.status, Activity.objects.count(), Task.objects.count()) == ("planned", 1, 0)


def test_whoever_is_still_there_leaves_when_it_is_done(root):
    visit = make(root)
    Activity.objects.filter(pk=visit.pk).update(checked_in_at=AT - timedelta(minutes=50))
    complete(visit, root)
    assert (visit.checked_out_at, visit.minutes_there) == (AT, 50)


# --- moved, missed ---------------------------------------------------------------------------------------------


def test_it_is_moved_with_its_length_or_made_longer(root):
    visit = make(root, planned_until="2026-11-20T10:30:00+08:00")
    activities.reschedule_activity(visit.pk, actor=root, planned_at="2026-11-23T09:00:00+08:00")
    visit.refresh_from_db()
    assert visit.planned_until == datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    until = "2026-11-23T12:00:00+08:00"
    activities.reschedule_activity(visit.pk, actor=root, planned_at="2026-11-23T09:00:00+08:00", planned_until=until)
    visit.refresh_from_db()
    assert visit.planned_until == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def test_it_is_not_moved_to_end_before_it_begins_nor_after_the_check_in(root):
    visit = make(root)
    with pytest.raises(ValidationFailed):
        activities.reschedule_activity(visit.pk, actor=root, planned_at=NINE, planned_until=NINE)
    Activity.objects.filter(pk=visit.pk).update(checked_in_at=AT)
    with pytest.raises(Conflict, match="Checked in already"):
        activities.reschedule_activity(visit.pk, actor=root, planned_at="2026-11-23T09:00:00+08:00")
    visit.refresh_from_db()
    assert (visit.planned_at, visit.version) == (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), 1)


def test_it_is_missed_with_a_reason_only_once_its_time_is_over(root):
    past, ahead = make(root), make(root, planned_at=timezone.now() + timedelta(days=1))
    activities.miss_activity(past.pk, actor=root, reason="The customer was away")
    with pytest.raises(Conflict, match="not over yet"):
        activities.miss_activity(ahead.pk, actor=root, reason="rain")
    past.refresh_from_db()
    ahead.refresh_from_db()
    assert (past.status, past.outcome, ahead.status) == ("missed", "The customer was away", "planned")
    with pytest.raises(Conflict, match="missed activity"):
        save_record(Activity, {"purpose": "late"}, pk=past.pk, actor=root)


def test_it_is_neither_missed_without_a_reason_nor_after_the_check_in(root):
    visit = make(root)
    with pytest.raises(ValidationFailed):
        activities.miss_activity(visit.pk, actor=root)
    Activity.objects.filter(pk=visit.pk).update(checked_in_at=AT)
    with pytest.raises(Conflict, match="Checked in already"):
        activities.miss_activity(visit.pk, actor=root, reason="rain")
    visit.refresh_from_db()
    assert visit.status == "planned"
