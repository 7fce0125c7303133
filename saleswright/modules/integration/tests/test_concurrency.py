"""Several workers send to one webhook at the same moment, on PostgreSQL."""

import threading

import pytest
from django.db import connection

from saleswright.kernel import outbox
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.integration.actions import sending
from saleswright.modules.integration.models import WebhookAttempt, WebhookDelivery
from saleswright.modules.integration.tests.test_sending import told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
ROOT = system("test")
RECORDS, CHANGES, WORKERS = 6, 4, 4


@pytest.fixture(autouse=True)
def _on_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one worker")


def test_each_event_is_sent_once_and_those_of_a_record_in_their_order(webhook, receiver):
    made = webhook("customers.*")
    records = [save_record(Customer, {"name": f"Customer {number}"}, actor=ROOT) for number in range(RECORDS)]
    for change in range(CHANGES):
        for record in records:
            save_record(Customer, {"name": f"{record.name} {change}"}, pk=record.pk, actor=ROOT)
    outbox.deliver()

    def work():
        try:
            while WebhookDelivery.objects.filter(state="waiting").exists():
                sending.send_waiting(made.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(receiver.got) == WebhookAttempt.objects.count() == RECORDS * (CHANGES + 1)
    numbers = [int(headers["Webhook-Id"].removeprefix("evt_")) for headers, _body in receiver.got]
    for record in records:
        own = [number for number, (_type, pk) in zip(numbers, told(receiver), strict=True) if pk == record.pk]
        assert own == sorted(set(own))
        assert len(own) == CHANGES + 1
