"""Events reach their webhooks: signed, in order, again after failures, and never twice at once."""

import base64
import hashlib
import hmac
import json
import socket
from datetime import timedelta
from ipaddress import ip_network

import pytest
import time_machine
from django.conf import settings as installation

from saleswright.kernel import clock, outbox, transport
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.jobs import Interrupted
from saleswright.kernel.models import Job, OutboxEvent, User
from saleswright.kernel.records import archive_record, save_record
from saleswright.kernel.transport import Outcome
from saleswright.kernel.worker import Worker
from saleswright.modules.customers.public import Customer
from saleswright.modules.integration import jobs
from saleswright.modules.integration.actions import sending, webhooks
from saleswright.modules.integration.models import Webhook, WebhookAttempt, WebhookDelivery
from saleswright.modules.integration.queries import choices, is_wanted
from saleswright.modules.integration.states import DeliveryState
from saleswright.modules.integration.tests.conftest import SECRET
from saleswright.modules.work.public import Notification

pytestmark = pytest.mark.django_db
ROOT = system("test")
SENT = "customers.created"


@pytest.fixture
def customer(db):
    """Makes a customer, and with it an event."""

    def make(name="A"):
        return save_record(Customer, {"name": name}, actor=ROOT)

    return make


@pytest.fixture
def now():
    """A clock that stands still until it is moved on."""
    with time_machine.travel("2026-11-23T06:00:00Z", tick=False) as moved:
        yield moved


def told(receiver):
    """What the receiver was told: (type, record)."""
    bodies = [json.loads(body) for _headers, body in receiver.got]
    return [(body["type"], body["data"]["record_id"]) for body in bodies]


def answered(monkeypatch, *outcomes):
    """Have the requests end like this, the last one for good; returns the events that were sent."""
    sent, left = [], list(outcomes)

    def post(url, body, headers):
        sent.append(json.loads(body)["data"]["record_id"])
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(transport, "post", post)
    return sent


BAD, GOOD, SILENCE = Outcome(5, 500, "no"), Outcome(5, 200), Outcome(9, problem="No answer in time.")


# --- one event ---------------------------------------------------------------------------------------------------


def test_the_worker_sends_what_was_subscribed_to_and_signs_it(webhook, receiver, customer):
    made, one = webhook(SENT), customer()
    Worker("w").run_once()
    assert told(receiver) == [(SENT, one.pk)]
    headers, body = receiver.got[0]
    event = OutboxEvent.objects.get(name=SENT)
    assert json.loads(body) == {
        "id": f"evt_{event.pk}",
        "type": SENT,
        "timestamp": event.at.isoformat(),
        "data": {"resource": "customers", "record_id": one.pk, "actor_id": None},
    }
    assert (headers["Content-Type"], headers["Webhook-Id"]) == ("application/json", f"evt_{event.pk}")
    signed = f"evt_{event.pk}.{headers['Webhook-Timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["Webhook-Signature"] == f"v1,{expected}"
    delivery = WebhookDelivery.objects.get(webhook=made)
    assert (delivery.state, delivery.status, delivery.attempts) == (DeliveryState.DELIVERED, 200, 1)
    assert delivery.delivered_at is not None
    assert list(WebhookAttempt.objects.values_list("delivery_id", "status")) == [(delivery.pk, 200)]


def test_it_sends_each_event_once(webhook, receiver, customer):
    webhook("*", "customers.*", SENT)
    customer()
    Worker("w").run_once()
    Worker("w").run_once()
    assert len(receiver.got) == 1


@pytest.mark.parametrize(("pattern", "count"), [("*", 1), ("customers.*", 1), (SENT, 1), ("orders.*", 0)])
def test_it_sends_what_a_pattern_covers(webhook, receiver, customer, pattern, count):
    webhook(pattern)
    customer()
    Worker("w").run_once()
    assert len(receiver.got) == count


def test_it_tells_nobody_of_events_of_webhooks_themselves(webhook, receiver):
    made = webhook("*")
    save_record(Webhook, {"name": "Other name"}, pk=made.pk, actor=ROOT)
    Worker("w").run_once()
    assert receiver.got == []
    assert not is_wanted("webhooks.changed")
    assert not [name for name, _label in choices() if name.startswith("webhook")]


def test_a_test_goes_to_that_webhook_alone(webhook, receiver):
    webhook("*", name="Other")
    made = webhook("orders.*")
    webhooks.test_webhook(made.pk, actor=ROOT)
    Worker("w").run_once()
    assert told(receiver) == [("webhooks.test", made.pk)]
    assert WebhookDelivery.objects.get().webhook_id == made.pk


def test_a_secret_that_can_t_be_read_is_said(webhook, receiver, customer, settings):
    webhook("*")
    customer()
    outbox.deliver()
    settings.SECRET_KEY = "another one"
    Worker("w").run_once()
    assert receiver.got == []
    assert WebhookDelivery.objects.get().problem == "The secret can't be read any more. Give the webhook a new one."


def test_installations_allow_no_network_at_first():
    assert installation.WEBHOOK_ALLOWED_NETWORKS == []


# --- switched off ------------------------------------------------------------------------------------------------


def test_nothing_goes_to_a_webhook_that_is_switched_off_or_archived(webhook, receiver, customer):
    webhook("*", active=False)
    archive_record(Webhook, webhook("*", name="Old").pk, actor=ROOT)
    customer()
    Worker("w").run_once()
    assert receiver.got == []
    assert not WebhookDelivery.objects.exists()


def test_what_waited_goes_on_when_it_is_switched_on(webhook, receiver, customer):
    made, one = webhook("*"), customer()
    outbox.deliver()
    save_record(Webhook, {"active": False}, pk=made.pk, actor=ROOT)
    Worker("w").run_once()
    assert receiver.got == []
    save_record(Webhook, {"active": True}, pk=made.pk, actor=ROOT)
    Worker("w").run_once()
    assert told(receiver) == [(SENT, one.pk)]


@pytest.mark.parametrize("action", [webhooks.test_webhook, webhooks.send_failed])
def test_nothing_is_asked_of_one_that_is_switched_off(webhook, action):
    made = webhook("*", active=False)
    with pytest.raises(Conflict, match="switched off"):
        action(made.pk, actor=ROOT)
    assert not Job.objects.exists()


# --- order and failures ------------------------------------------------------------------------------------------


def test_it_keeps_the_order_of_a_record_and_lets_others_pass(webhook, customer, monkeypatch, now):
    made, first, second = webhook("customers.*"), customer("A"), customer("B")
    save_record(Customer, {"name": "A2"}, pk=first.pk, actor=ROOT)
    outbox.deliver()
    sent = answered(monkeypatch, BAD, GOOD)
    sending.send_waiting(made.pk)
    assert sent == [first.pk, second.pk]
    now.shift(13)
    sending.send_waiting(made.pk)
    assert sent == [first.pk, second.pk, first.pk, first.pk]
    names = WebhookDelivery.objects.order_by("delivered_at", "event_id").values_list("event_name", "record_id")
    assert list(names) == [(SENT, second.pk), (SENT, first.pk), ("customers.changed", first.pk)]


def test_it_tries_again_later_and_gives_up_in_the_end(webhook, customer, monkeypatch, now):
    made = webhook("*")
    customer()
    outbox.deliver()
    sent = answered(monkeypatch, BAD)
    for attempt in range(1, sending.MOST_ATTEMPTS):
        sending.send_waiting(made.pk)
        delivery = WebhookDelivery.objects.get()
        assert (delivery.state, delivery.attempts, delivery.status) == ("waiting", attempt, 500)
        assert delivery.problem == "The receiver answered 500."
        sending.send_waiting(made.pk)
        assert len(sent) == attempt
        now.move_to(delivery.due_at)
    sending.send_waiting(made.pk)
    assert (WebhookDelivery.objects.get().state, len(sent)) == (DeliveryState.FAILED, sending.MOST_ATTEMPTS)
    assert WebhookAttempt.objects.count() == sending.MOST_ATTEMPTS
    assert sending.next_due(made.pk) is None


def test_it_goes_on_with_a_record_when_an_event_of_it_has_failed(webhook, customer, monkeypatch, now):
    made, one = webhook("customers.*"), customer()
    save_record(Customer, {"name": "A2"}, pk=one.pk, actor=ROOT)
    outbox.deliver()
    WebhookDelivery.objects.filter(event_name=SENT).update(attempts=sending.MOST_ATTEMPTS - 1)
    answered(monkeypatch, BAD, GOOD)
    sending.send_waiting(made.pk)
    states = dict(WebhookDelivery.objects.values_list("event_name", "state"))
    assert states == {SENT: DeliveryState.FAILED, "customers.changed": DeliveryState.DELIVERED}


def test_its_maker_and_administrators_are_told_once_until_they_have_read_it(
    webhook, customer, monkeypatch, now, person
):
    boss, maker, _other = person("administrator"), person("sales_operations"), person("sales_operations")
    gone = person("administrator")
    User.objects.filter(pk=gone.pk).update(state="left")
    made = webhook("*")
    Webhook.objects.filter(pk=made.pk).update(created_by=maker)
    customer("A"), customer("B"), customer("C")
    outbox.deliver()
    WebhookDelivery.objects.update(attempts=sending.MOST_ATTEMPTS - 1)
    answered(monkeypatch, BAD, BAD, BAD)
    sending.send_waiting(made.pk)
    notices = Notification.objects.filter(kind="webhook_failed", resource="webhooks", record_id=made.pk)
    assert sorted(notices.values_list("user_id", flat=True)) == sorted([boss.pk, maker.pk])
    assert notices[0].arguments == {"name": "ERP"}
    notices.filter(user=boss).update(read_at=made.created_at)
    WebhookDelivery.objects.update(state="waiting", attempts=sending.MOST_ATTEMPTS - 1, due_at=made.created_at)
    answered(monkeypatch, BAD, BAD, BAD)
    sending.send_waiting(made.pk)
    assert (notices.filter(user=boss).count(), notices.filter(user=maker).count()) == (2, 1)


def test_pauses_grow_and_are_mixed():
    for attempts, seconds in ((1, 10), (2, 40), (3, 160), (9, 21600), (30, 21600)):
        found = {sending.pause(attempts).total_seconds() for _time in range(50)}
        assert all(seconds * 0.8 <= one <= seconds * 1.2 for one in found)
        assert len(found) > 1


def test_it_leaves_a_receiver_alone_that_does_not_answer(webhook, customer, monkeypatch, now):
    made = webhook("*")
    customer("A"), customer("B")
    outbox.deliver()
    Job.objects.all().delete()
    sent = answered(monkeypatch, SILENCE, SILENCE, GOOD)
    sending.send_waiting(made.pk)
    sending.send_waiting(made.pk)
    assert len(sent) == 1
    assert jobs.wake(None) == {"webhooks": 0}
    silent = Webhook.objects.get()
    assert silent.silences == 1
    assert Job.objects.get().run_at == silent.rests_until
    now.move_to(silent.rests_until + timedelta(seconds=1))
    sending.send_waiting(made.pk)
    assert (len(sent), Webhook.objects.get().silences) == (2, 2)
    now.shift(3600)
    sending.send_waiting(made.pk)
    assert (len(sent), Webhook.objects.get().silences, Webhook.objects.get().rests_until) == (4, 0, None)


def test_somebody_who_asks_wakes_it_at_once(webhook, customer, monkeypatch, now):
    made = webhook("*")
    customer()
    outbox.deliver()
    sent = answered(monkeypatch, SILENCE, GOOD)
    sending.send_waiting(made.pk)
    webhooks.test_webhook(made.pk, actor=ROOT)
    outbox.deliver()
    sending.send_waiting(made.pk)
    assert sent[1:] == [made.pk]


# --- workers -----------------------------------------------------------------------------------------------------


def test_a_delivery_is_claimed_by_one_worker_and_taken_up_when_that_dies(webhook, customer, now):
    made = webhook("*")
    customer()
    outbox.deliver()
    assert sending.claim(made.pk).attempts == 1
    assert sending.claim(made.pk) is None
    assert sending.next_due(made.pk) == clock.now() + sending.CLAIM
    now.shift(61)
    assert sending.claim(made.pk).attempts == 2


def test_what_a_late_worker_notes_changes_nothing_any_more(webhook, customer, now):
    made = webhook("*")
    customer()
    outbox.deliver()
    late = sending.claim(made.pk)
    now.shift(61)
    sending.note(sending.claim(made.pk), GOOD)
    sending.note(late, BAD)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status) == (DeliveryState.DELIVERED, 200)
    assert WebhookAttempt.objects.count() == 2


def test_it_stops_with_the_worker_and_between_deliveries(webhook, customer, monkeypatch):
    made = webhook("*")
    customer()
    outbox.deliver()
    sent = answered(monkeypatch, GOOD)

    def stop():
        raise Interrupted

    with pytest.raises(Interrupted):
        sending.send_waiting(made.pk, stop)
    assert sent == []
    assert WebhookDelivery.objects.get().claimed_until is None


def test_a_long_queue_is_left_to_the_next_job_after_a_spell(webhook, customer, monkeypatch):
    made = webhook("*")
    customer()
    outbox.deliver()
    Job.objects.all().delete()
    monkeypatch.setattr(sending, "SPELL", 0.0)
    assert sending.send_waiting(made.pk) == {"delivered": 0, "failed": 0}
    assert Job.objects.get().arguments == {"webhook_id": made.pk}


def test_one_job_is_asked_for_however_many_events_there_are(webhook, customer):
    webhook("*")
    customer("A"), customer("B"), customer("C")
    outbox.deliver()
    assert Job.objects.filter(kind=sending.KIND).count() == 1


def test_what_nobody_was_asked_for_is_taken_up_each_minute(webhook, customer, receiver):
    webhook("*")
    customer()
    outbox.deliver()
    Job.objects.all().delete()
    assert jobs.wake(None) == {"webhooks": 1}
    Worker("w").run_once()
    assert len(receiver.got) == 1


def test_deliveries_that_arrived_are_forgotten_after_three_months(webhook, customer, monkeypatch, now):
    made = webhook("*")
    customer("A"), customer("B")
    outbox.deliver()
    answered(monkeypatch, GOOD, BAD)
    sending.send_waiting(made.pk)
    now.shift(timedelta(days=91))
    assert jobs.tidy(None) == {"removed": 1}
    assert WebhookDelivery.objects.get().state == DeliveryState.WAITING


# --- again -------------------------------------------------------------------------------------------------------


@pytest.fixture
def failed(webhook, customer, monkeypatch):
    """A webhook whose two deliveries have failed, and what is sent from then on."""
    made = webhook("customers.*")
    customer("A"), customer("B")
    outbox.deliver()
    WebhookDelivery.objects.update(attempts=sending.MOST_ATTEMPTS - 1)
    answered(monkeypatch, BAD)
    sending.send_waiting(made.pk)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"failed"}
    return made, answered(monkeypatch, GOOD)


def test_a_failed_delivery_is_sent_again_under_its_id(failed):
    made, sent = failed
    delivery = WebhookDelivery.objects.order_by("id").first()
    webhooks.send_again(delivery.pk, actor=ROOT)
    sending.send_waiting(made.pk)
    assert sent == [delivery.record_id]
    after = WebhookDelivery.objects.get(pk=delivery.pk)
    assert (after.state, after.attempts, after.event_id, after.problem) == ("delivered", 1, delivery.event_id, "")


def test_all_failed_ones_are_sent_again(failed):
    made, sent = failed
    assert webhooks.send_failed(made.pk, actor=ROOT) == {"count": 2}
    sending.send_waiting(made.pk)
    assert len(sent) == 2
    assert webhooks.send_failed(made.pk, actor=ROOT) == {"count": 0}


def test_what_waits_is_not_sent_again(webhook, customer):
    webhook("*")
    customer()
    outbox.deliver()
    delivery = WebhookDelivery.objects.get()
    with pytest.raises(Conflict):
        webhooks.send_again(delivery.pk, actor=ROOT)
    assert WebhookDelivery.objects.get().version == delivery.version


def test_a_period_is_sent_again_with_events_from_before_the_webhook(webhook, customer, monkeypatch, now):
    begin = clock.now()
    early = customer("A")
    outbox.deliver()
    now.shift(60)
    made, later = webhook("customers.*"), customer("B")
    outbox.deliver()
    sent = answered(monkeypatch, GOOD)
    sending.send_waiting(made.pk)
    assert sent == [later.pk]
    now.shift(60)
    after = customer("C")
    assert webhooks.replay_webhook(made.pk, since=begin, until=clock.now(), actor=ROOT) == {"count": 2}
    sending.send_waiting(made.pk)
    assert sent == [later.pk, early.pk, later.pk]
    assert not WebhookDelivery.objects.filter(record_id=after.pk).exists()


def test_a_replay_covers_what_is_subscribed_to(webhook, customer):
    customer()
    begin, end = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    counts = {
        pattern: webhooks.replay_webhook(webhook(pattern, name=pattern).pk, since=begin, until=end, actor=ROOT)["count"]
        for pattern in ("*", "customers.*", SENT, "customers.changed", "orders.*")
    }
    assert counts == {"*": 1, "customers.*": 1, SENT: 1, "customers.changed": 0, "orders.*": 0}


def test_a_replay_needs_a_period_that_is_not_too_long(webhook, customer, monkeypatch):
    made, at = webhook("*"), clock.now()
    customer("A"), customer("B")
    monkeypatch.setattr(webhooks, "REPLAYED", 1)
    hour = timedelta(hours=1)
    for since, until, code in ((at, at, "invalid"), (at - hour, at + hour, "too_many")):
        with pytest.raises(ValidationFailed) as refused:
            webhooks.replay_webhook(made.pk, since=since, until=until, actor=ROOT)
        assert [(error.field, error.code) for error in refused.value.errors] == [("until", code)]
    assert not WebhookDelivery.objects.exists()


def test_redelivery_of_an_event_inside_does_not_send_it_twice(webhook, receiver, customer):
    webhook("*")
    customer()
    Worker("w").run_once()
    OutboxEvent.objects.filter(name=SENT).update(delivered_at=None)
    Worker("w").run_once()
    assert len(receiver.got) == 1


def test_a_name_that_leads_within_is_refused_when_it_is_sent(webhook, customer, settings, monkeypatch):
    made = webhook("*", url="https://hooks.example.com/in")
    customer()
    outbox.deliver()
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("192.168.0.0/16")]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    sending.send_waiting(made.pk)
    assert WebhookDelivery.objects.get().problem == "127.0.0.1 is not an address of the public internet."
