"""Approvals as cards: sent once, pressed once, closed for everybody; and the channel of personal messages."""

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client

from saleswright.integrations.workplace import channels
from saleswright.integrations.workplace.actions import approvals
from saleswright.integrations.workplace.actions.accounts import link
from saleswright.integrations.workplace.models import ApprovalCard, Connection
from saleswright.kernel import clock, outbox
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.models import AuditEntry, Job, User
from saleswright.kernel.records import save_record
from saleswright.modules.work.public import Approval, Message, MessageAction, Undelivered, approve_request
from saleswright.modules.work.tests.conftest import desk, team  # noqa: F401

pytestmark = pytest.mark.django_db
ROOT = system("test")


def deliver():
    return approvals.deliver(lambda: None)


@pytest.fixture
def asked(office, connection, desk, team):  # noqa: F811
    """A request that either of two linked approvers may decide."""
    User.objects.update(language="en")
    link(office.provider, "lead", team.manager, actor=ROOT)
    link(office.provider, "wang", team.director, actor=ROOT)
    desk.asks((team.manager, team.director), amount="120000", discount="12")
    return desk.activate(team.customer, team.rep)


def card_of(user):
    return ApprovalCard.objects.get(user=user)


def state_of(approval):
    approval.refresh_from_db()
    return approval.state


def test_everybody_who_is_asked_gets_one_card(office, asked, team):  # noqa: F811
    assert deliver() == {"sent": 2, "closed": 0}
    assert deliver() == {"sent": 0, "closed": 0}
    assert sorted(one["to"] for one in office.sent) == ["lead", "wang"]
    one = office.sent[0]
    assert one["approves"]
    assert team.customer.name in one["title"]
    for text in ("120,000", "12%", team.rep.name, f"https://crm.example.com/approvals/{asked.pk}"):
        assert text in one["text"], text


def test_what_happens_to_approvals_asks_for_cards(office, asked):
    outbox.deliver()
    assert Job.objects.filter(kind="workplace.cards", state="queued").count() == 1


def test_a_press_approves_as_that_person_and_closes_every_card(office, asked, client, desk, team):  # noqa: F811
    deliver()
    response = office.click(client, card_of(team.manager).reference, "lead", update_code="fresh")
    assert (response.status_code, office.outcome(response)) == (200, "Approved")
    assert state_of(asked) == "approved"
    assert len(desk.ran) == 1
    entry = AuditEntry.objects.get(resource="approvals", record_id=asked.pk, action="approve")
    assert (entry.actor_id, entry.origin) == (team.manager.pk, f"workplace:{office.provider}")
    assert deliver() == {"sent": 0, "closed": 2}
    outcomes = {one["to"]: one["outcome"] for one in office.closed}
    assert outcomes == {"lead": "Approved", "wang": f"Approved already by {team.manager.name}"[:30]} or (
        office.provider == "dingtalk" and outcomes["wang"] == f"Approved already by {team.manager.name}"
    )
    if office.provider == "wecom":
        assert {one["to"]: one["code"] for one in office.closed} == {
            "lead": "fresh", "wang": f"code-{card_of(team.director).reference}",
        }  # fmt: skip
    assert deliver() == {"sent": 0, "closed": 0}


def test_the_same_press_again_changes_nothing(office, asked, client, desk, team):  # noqa: F811
    deliver()
    reference = card_of(team.manager).reference
    for _retry in range(3):
        assert office.outcome(office.click(client, reference, "lead")) == "Approved"
    assert len(desk.ran) == 1
    assert AuditEntry.objects.filter(resource="approvals", record_id=asked.pk, action="approve").count() == 1


def test_a_late_press_is_told_who_was_faster(office, asked, client, team):  # noqa: F811
    deliver()
    approve_request(asked.pk, actor=actor_for(team.manager, origin="test"))
    response = office.click(client, card_of(team.director).reference, "wang")
    assert office.outcome(response) == f"Approved already by {team.manager.name}"[:30]
    assert deliver() == {"sent": 0, "closed": 2}


def test_only_who_is_asked_can_approve(office, asked, client, person):
    deliver()
    reference = ApprovalCard.objects.first().reference
    link(office.provider, "zhao", person("administrator", language="en"), actor=ROOT)
    for who in ("zhao", "unheard-of"):
        response = office.click(client, reference, who)
        assert response.status_code == 200
        assert office.outcome(response) != "Approved"
    assert office.click(client, "aw-unheard-of", "lead").status_code == 200
    assert state_of(asked) == "pending"


@pytest.mark.parametrize("tampered", [{"forged": True}, {"at": 1_700_000_000}])
def test_a_forged_or_replayed_press_is_refused(office, asked, client, team, tampered):  # noqa: F811
    deliver()
    assert office.click(client, card_of(team.manager).reference, "lead", **tampered).status_code == 403
    assert state_of(asked) == "pending"


def test_what_the_record_refuses_is_said(office, asked, client, desk, team):  # noqa: F811
    deliver()
    desk.refuse = "The customer is blocked."
    told = office.outcome(office.click(client, card_of(team.manager).reference, "lead"))
    assert told == "The customer is blocked."
    assert state_of(asked) == "pending"


def test_who_is_not_linked_or_asked_long_ago_gets_none(office, connection, desk, team):  # noqa: F811
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    assert deliver() == {"sent": 0, "closed": 0}
    link(office.provider, "lead", team.manager, actor=ROOT)
    approval.tasks.update(opened_at=clock.now() - timedelta(days=20))
    assert deliver() == {"sent": 0, "closed": 0}
    assert office.sent == []


def test_cards_can_be_switched_off(office, asked, connection):
    save_record(Connection, {"cards": False}, pk=connection.pk, actor=ROOT)
    outbox.deliver()
    assert not Job.objects.filter(kind="workplace.cards").exists()
    assert deliver() == {"sent": 0, "closed": 0}


def test_what_was_decided_before_it_was_sent_is_not_sent(office, asked, team):  # noqa: F811
    office.failures = ["500", "500"]
    deliver()
    ApprovalCard.objects.update(due_at=clock.now())
    approve_request(asked.pk, actor=actor_for(team.manager, origin="test"))
    deliver()
    assert office.sent == []
    assert set(ApprovalCard.objects.values_list("state", flat=True)) == {"closed"}


def test_a_passing_fault_is_tried_again_and_a_refusal_is_not(office, asked, team):  # noqa: F811
    office.failures = ["500"]
    deliver()
    assert sorted(ApprovalCard.objects.values_list("state", flat=True)) == ["sent", "waiting"]
    ApprovalCard.objects.update(due_at=clock.now())
    assert deliver()["sent"] == 1
    ApprovalCard.objects.all().delete()
    del office.people["wang"]
    assert deliver()["sent"] == 1
    failed = card_of(team.director)
    assert (failed.state, failed.attempts) == ("failed", 1)
    assert failed.problem


def test_two_workers_send_a_card_once(office, asked):
    approvals._note_wanted(Connection.objects.get(provider=office.provider), clock.now())
    ApprovalCard.objects.update(claimed_until=clock.now() + timedelta(minutes=1))
    assert deliver() == {"sent": 0, "closed": 0}
    assert not approvals._with_claim(ApprovalCard.objects.first().pk, lambda card: {})


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_approve_once(office, asked, desk, team):  # noqa: F811
    if database.vendor != "postgresql":
        pytest.skip("needs row locks")
    deliver()
    start, outcomes = threading.Barrier(4), []
    presses = [(team.manager, "lead"), (team.director, "wang")] * 2
    references = {who: card_of(user).reference for user, who in presses}

    def press(who):
        start.wait()
        try:
            outcomes.append(office.outcome(office.click(Client(), references[who], who)))
        finally:
            database.close()

    threads = [threading.Thread(target=press, args=(who,)) for _user, who in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == 4
    assert state_of(asked) == "approved"
    assert len(desk.ran) == 1
    assert AuditEntry.objects.filter(resource="approvals", record_id=asked.pk, action="approve").count() == 1


# --- personal messages -------------------------------------------------------------------------------------------


def message(url="/customers/7", **values):
    actions = (MessageAction("Open the list", "/customers"),)
    return Message(5, "note", "A title", "A text", url, clock.now(), values.get("actions", actions))


def test_messages_go_to_the_linked_person(office, connection, person):
    mine, other = person(), person()
    link(office.provider, "wang", mine, actor=ROOT)
    assert approvals.addresses_of(office.provider, [mine.pk, other.pk]) == {mine.pk: "wang"}
    channels.send(office.provider, "wang", [message(), message("")])
    assert [(one["to"], one["title"], one["approves"]) for one in office.sent] == [("wang", "A title", False)] * 2
    assert "https://crm.example.com/customers/7" in office.sent[0]["text"]


def test_an_approval_that_has_a_card_is_not_told_twice(office, asked):
    deliver()
    office.sent.clear()
    channels.send(office.provider, "lead", [message(f"/approvals/{asked.pk}")])
    assert office.sent == []
    channels.send(office.provider, "zhao", [message(f"/approvals/{asked.pk}")])
    assert len(office.sent) == 1


@pytest.mark.parametrize(("failure", "temporary"), [("busy", True), ("500", True), ("final", False)])
def test_undelivered_messages_say_whether_to_try_again(office, connection, failure, temporary):
    channels.send(office.provider, "wang", [message()])
    office.failures = [failure]
    with pytest.raises(Undelivered) as refused:
        channels.send(office.provider, "wang", [message()])
    assert refused.value.temporary is temporary


def test_nothing_is_sent_while_it_is_switched_off(office, connection):
    assert channels._ready(office.provider)
    save_record(Connection, {"active": False}, pk=connection.pk, actor=ROOT)
    assert not channels._ready(office.provider)
    with pytest.raises(Undelivered):
        channels.send(office.provider, "wang", [message()])
    assert office.sent == []


@pytest.mark.parametrize("office", ["dingtalk"], indirect=True)
def test_without_a_template_dingtalk_gets_a_card_that_opens_the_page(office, asked, connection):
    save_record(Connection, {"card_template": ""}, pk=connection.pk, actor=ROOT)
    assert deliver() == {"sent": 2, "closed": 0}
    assert [one["approves"] for one in office.sent] == [False, False]
    Approval.objects.filter(pk=asked.pk).update(state="withdrawn")
    assert deliver() == {"sent": 0, "closed": 2}
    assert office.closed == []
