"""People who write while customers are merged: nothing is left pointing to a merged one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import DomainError, ValidationFailed
from saleswright.kernel.models import Merge
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.receivables.tests.factories import make_customer, make_order
from saleswright.modules.sales.models import Order
from saleswright.modules.work.models import Comment

ROOT = system("test")
WAIT = 20

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _on_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("threads share SQLite's one write lock")


def merge(kept: int, other: int) -> Any:
    transition = resource_named("customers").transition("merge")
    return run_atomic(lambda: transition(kept, actor=ROOT, others=[{"record_id": other}]))


def in_thread(work: Callable[[], Any], outcomes: list[Any]) -> threading.Thread:
    def run() -> None:
        try:
            outcomes.append(work())
        except DomainError as refused:
            outcomes.append(refused)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_it_waits_for_a_writer_that_has_read_the_other_customer() -> None:
    kept, other = make_customer(), make_customer()
    merged: list[Any] = []
    with transaction.atomic():
        contact = save_record(Contact, {"customer": other.pk, "name": "Wang"}, actor=ROOT)
        remark = save_record(Comment, {"resource": "customers", "record_id": other.pk, "text": "x"}, actor=ROOT)
        thread = in_thread(lambda: merge(kept.pk, other.pk), merged)
        thread.join(0.3)
        assert merged == []  # it waits
    thread.join(WAIT)
    assert list(merged[0]) == ["id"]
    assert Contact.objects.get(pk=contact.pk).customer_id == kept.pk
    assert Comment.objects.get(pk=remark.pk).record_id == kept.pk


def test_a_writer_that_comes_second_is_refused_or_writes_about_the_kept_one() -> None:
    kept, other = make_customer(), make_customer()
    written: list[Any] = []
    with transaction.atomic():
        merge(kept.pk, other.pk)
        first = in_thread(lambda: save_record(Contact, {"customer": other.pk, "name": "Wang"}, actor=ROOT), written)
        first.join(0.3)
        assert written == []
    first.join(WAIT)
    assert isinstance(written[0], ValidationFailed)
    remark = save_record(Comment, {"resource": "customers", "record_id": other.pk, "text": "x"}, actor=ROOT)
    assert remark.record_id == kept.pk
    assert not Contact.objects.filter(customer=other.pk).exists()


def test_two_merges_crosswise_leave_one_customer() -> None:
    one, two = make_customer(), make_customer()
    order = make_order(customer=two, confirmed=False)
    outcomes: list[Any] = []
    threads = [in_thread(lambda: merge(one.pk, two.pk), outcomes), in_thread(lambda: merge(two.pk, one.pk), outcomes)]
    for thread in threads:
        thread.join(WAIT)
    assert sorted(type(found) is dict for found in outcomes) == [False, True]
    live = Customer.objects.get(pk__in=(one.pk, two.pk), archived_at=None)
    assert Order.objects.get(pk=order.pk).customer_id == live.pk
    assert Merge.objects.count() == 1
