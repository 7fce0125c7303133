"""Time limits of states: until when, who is told and how often, and where it is shown."""

from datetime import UTC, datetime, timedelta

import pytest

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.models import LimitNotice, StateLimit, User
from saleswright.kernel.ports import ports
from saleswright.kernel.records import archive_record, save_record
from saleswright.kernel.resources import resource_of
from saleswright.kernel.state_limits import due_at
from saleswright.modules.leads.actions import contact_lead
from saleswright.modules.leads.models import Lead
from saleswright.modules.org.overdue import late_for, overdue_states, tell_of_overdue

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+08:00").astimezone(UTC)


MONDAY = at("23T10:00")


@pytest.fixture
def told(monkeypatch):
    """Who was told of what."""
    found = []

    class Ear:
        def notify(self, *, user_ids, text, resource, record_id, at, kind):
            found.extend((user_id, resource, record_id) for user_id in user_ids)

    monkeypatch.setattr(ports, "notification", Ear())
    return found


@pytest.fixture
def limit(root):
    """New leads should be contacted within four hours; the manager is told after nine."""
    values = {"resource": "leads", "state": "new", "minutes": 240, "escalation_minutes": 540}
    return save_record(StateLimit, values, actor=root)


@pytest.fixture
def owner(person):
    return person("sales_representative", manager=person("sales_manager"))


@pytest.fixture
def lead(root, owner, limit):
    return save_record(Lead, {"phone": "13800000000", "company": "Huawei", "owner": owner.pk}, actor=root, at=MONDAY)


def test_the_limit_runs_in_working_time_from_the_last_change_of_state(root, lead, limit):
    resource = resource_of(Lead)
    assert due_at(resource, lead.pk, "new", lead.created_at) == at("23T14:00")
    save_record(Lead, {"need": "Robots"}, pk=lead.pk, actor=root, at=MONDAY + HOUR)  # no change of state
    assert due_at(resource, lead.pk, "new", lead.created_at) == at("23T14:00")
    save_record(StateLimit, {"state": "contacted"}, pk=limit.pk, actor=root)
    contact_lead(lead.pk, actor=root, at=at("23T17:00"))
    assert due_at(resource, lead.pk, "contacted", lead.created_at) == at("24T12:00")
    assert due_at(resource, lead.pk, "new", lead.created_at) is None


def test_the_owner_is_told_once_and_the_manager_at_escalation(lead, owner, told):
    assert tell_of_overdue(at("23T14:00")) == 0
    assert tell_of_overdue(at("23T14:01")) == 1
    assert tell_of_overdue(at("23T14:11")) == 0
    assert told == [(owner.pk, "leads", lead.pk)]
    assert tell_of_overdue(at("24T10:00")) == 0
    assert tell_of_overdue(at("24T10:01")) == 1
    assert tell_of_overdue(at("25T10:00")) == 0
    assert told[1:] == [(owner.manager_id, "leads", lead.pk)]
    assert LimitNotice.objects.count() == 2


def test_a_state_that_is_entered_again_counts_anew(root, lead, owner, told):
    from saleswright.modules.leads.actions import disqualify_lead, reopen_lead

    tell_of_overdue(at("23T15:00"))
    disqualify_lead(lead.pk, actor=root, at=at("23T15:10"), reason="no_need")
    assert tell_of_overdue(at("26T15:00")) == 0
    reopen_lead(lead.pk, actor=root, at=at("26T15:00"))
    assert tell_of_overdue(at("26T15:30")) == 0
    assert tell_of_overdue(at("27T10:30")) == 1
    assert told == [(owner.pk, "leads", lead.pk)] * 2


def test_nobody_is_told_of_what_was_archived_or_has_no_owner(root, lead, told):
    archive_record(Lead, lead.pk, actor=root)
    loose = save_record(Lead, {"phone": "13800000000", "company": "Nobody's"}, actor=root, at=MONDAY)
    Lead.objects.filter(pk=loose.pk).update(owner=None)
    assert tell_of_overdue(at("27T10:00")) == 0
    assert told == []


def test_an_archived_limit_holds_no_longer(root, lead, limit, told):
    archive_record(StateLimit, limit.pk, actor=root)
    assert due_at(resource_of(Lead), lead.pk, "new", lead.created_at) is None
    assert tell_of_overdue(at("27T10:00")) == 0
    assert told == []


def test_the_owner_need_not_be_told(root, lead, limit, told):
    save_record(StateLimit, {"tell_owner": False}, pk=limit.pk, actor=root)
    assert tell_of_overdue(at("23T18:00")) == 0
    assert told == []


def test_many_are_told_in_few_statements(root, owner, lead, told, django_assert_max_num_queries):
    for number in range(20):
        save_record(
            Lead, {"phone": "13800000000", "company": f"Firm {number}", "owner": owner.pk}, actor=root, at=MONDAY
        )
    with django_assert_max_num_queries(8):
        assert tell_of_overdue(at("23T16:00")) == 21


def test_my_work_shows_my_own_only(lead, owner, person, root):
    me, other = actor_for(owner, origin="test"), actor_for(person("sales_representative"), origin="test")
    assert [(late.due, late.record.pk) for late in late_for(me, at("23T16:00"))] == [(at("23T14:00"), lead.pk)]
    assert late_for(me, at("23T13:00")) == []
    assert late_for(other, at("23T16:00")) == []
    forget_everything()
    for number in range(7):
        save_record(
            Lead,
            {"phone": "13800000000", "company": f"Firm {number}", "owner": owner.pk},
            actor=root,
            at=at("02T10:00"),
        )
    tile = overdue_states(me)
    assert tile is not None
    assert (tile.figure, len(tile.items), tile.items[0].late) == ("6+", 6, True)
    assert overdue_states(other) is None


def test_the_page_of_a_record_says_until_when(lead, browse):
    page = browse("administrator").get(f"/leads/{lead.pk}").content.decode()
    assert "Time limit of the state" in page or "Over the time limit since" in page or "时限" in page


def test_the_job_does_it(lead, told):
    from saleswright.kernel.jobs import kinds

    User.objects.filter(pk=lead.owner_id).update(name="Owner")
    Lead.objects.filter(pk=lead.pk).update(created_at=at("02T10:00"))
    assert set(kinds()["org.state-limits"].function(None)) == {"told"}
