"""Activities: what they are about, how they are done, and the check-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.pipeline.actions import activities
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pipeline.states import ActivityStatus
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def make(root, state="planned", **values):
    given = {"kind": "visit", "subject": "First visit", "planned_at": "2026-11-20T09:00:00+08:00", **values}
    given = {k: v.pk if hasattr(v, "pk") else v for k, v in given.items()}
    if not {"customer", "lead", "opportunity"} & given.keys():
        given["customer"] = make_customer().pk
    activity = save_record(Activity, given, actor=root)
    if state != "planned":
        Activity.objects.filter(pk=activity.pk).update(status=state, done_at=AT if state == "done" else None)
        activity.refresh_from_db()
    return activity


def errors_of(response):
    assert response.status_code == 422, response.content.decode()
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


TRANSITIONS = {
    "complete": (activities.complete_activity, {"outcome": "they want a quote"}, "done"),
    "reschedule": (activities.reschedule_activity, {"planned_at": "2026-11-21T09:00:00+08:00"}, "planned"),
    "miss": (activities.miss_activity, {"reason": "they were away"}, "missed"),
    "cancel": (activities.cancel_activity, {}, "cancelled"),
}


@pytest.mark.parametrize("state", ActivityStatus.values)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_it_changes_state_only_while_planned(root, name, state):
    change, arguments, target = TRANSITIONS[name]
    activity = make(root, state)
    before = Activity.objects.values().get(pk=activity.pk)
    if state == "planned" or (state, name) == ("missed", "reschedule"):
        change(activity.pk, actor=root, at=AT, **arguments)
        activity.refresh_from_db()
        assert activity.status == target
        assert AuditEntry.objects.filter(resource="activities", record_id=activity.pk, action=name).count() == 1
    else:
        with pytest.raises(Conflict):
            change(activity.pk, actor=root, at=AT, **arguments)
        assert Activity.objects.values().get(pk=activity.pk) == before


def test_it_is_done_with_its_outcome_now_or_when_it_was(root):
    now, then = make(root), make(root)
    activities.complete_activity(now.pk, actor=root, at=AT, outcome="agreed", next_step="quote")
    activities.complete_activity(then.pk, actor=root, at=AT, outcome="agreed", done_at="2026-11-19T15:00:00+08:00")
    now.refresh_from_db()
    then.refresh_from_db()
    assert (now.status, now.done_at, now.outcome, now.next_step) == ("done", AT, "agreed", "quote")
    assert then.done_at == datetime(2026, 11, 19, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "outcome"),
        ({"outcome": ""}, "outcome"),
        ({"outcome": "x", "done_at": AT + timedelta(minutes=1)}, "done_at"),
    ],
)
def test_it_is_not_done_without_an_outcome_or_in_the_future(root, arguments, field):
    activity = make(root)
    with pytest.raises(ValidationFailed) as refused:
        activities.complete_activity(activity.pk, actor=root, at=AT, **arguments)
    assert [e.field for e in refused.value.errors] == [field]
    activity.refresh_from_db()
    assert (activity.status, activity.done_at, activity.version) == ("planned", None, 1)


def test_it_is_about_somebody(api):
    body = {"kind": "call", "subject": "Cold call"}
    assert errors_of(api().post("activities", body)) == [("customer_id", "required")]
    assert not Activity.objects.exists()
    assert api().post("activities", {**body, "lead_id": make_lead().pk}).status_code == 201


def test_it_takes_the_customer_from_the_opportunity_or_the_contact(root):
    customer = make_customer()
    contact = save_record(Contact, {"customer": customer.pk, "name": "Li Lei"}, actor=root)
    assert make(root, opportunity=make_opportunity(customer=customer)).customer_id == customer.pk
    assert make(root, lead=make_lead(), contact=contact).customer_id == customer.pk


@pytest.mark.parametrize("which", ["opportunity", "contact"])
def test_it_refuses_a_customer_other_than_the_opportunitys_or_contacts(root, which):
    customer, other = make_customer(), make_customer()
    deal = make_opportunity(customer=customer)
    contact = save_record(Contact, {"customer": customer.pk, "name": "Li Lei"}, actor=root)
    with pytest.raises(ValidationFailed) as refused:
        make(root, customer=other, **{which: {"opportunity": deal, "contact": contact}[which]})
    assert [e.field for e in refused.value.errors] == [{"opportunity": "customer", "contact": "contact"}[which]]
    assert not Activity.objects.exists()


def test_it_is_done_at_once_when_noted_afterwards(api):
    lead = make_lead()
    body = {"kind": "call", "subject": "Call", "lead_id": lead.pk, "done_at": "2026-01-05T10:00:00+08:00"}
    assert api().post("activities", body).json()["status"] == "done"
    late = {**body, "done_at": "2199-01-05T10:00:00+08:00"}
    assert errors_of(api().post("activities", late)) == [("done_at", "range")]
    assert Activity.objects.count() == 1


def test_it_keeps_a_time_for_what_is_done_and_cancelled_ones_as_they_are(api, root):
    done, cancelled = make(root, "done"), make(root, "cancelled")
    assert errors_of(api().patch(f"activities/{done.pk}", {"done_at": None})) == [("done_at", "required")]
    assert api().patch(f"activities/{done.pk}", {"outcome": "more"}).json()["outcome"] == "more"
    assert api().patch(f"activities/{cancelled.pk}", {"outcome": "more"}).status_code == 409
    cancelled.refresh_from_db()
    assert cancelled.outcome == ""


def test_it_hides_other_peoples_activities(api, root, person):
    activity = make(root, owner=person("sales_representative"))
    other = api("sales_representative")
    assert other.get(f"activities/{activity.pk}").status_code == 404
    assert other.act("activities", activity.pk, "complete", outcome="x").status_code == 404
