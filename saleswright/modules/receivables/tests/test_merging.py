"""Merging customers with all that belongs to them, and undoing it: nothing is lost, no total changes."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db.models import Sum

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.merging.action import follow_late, forget_details
from saleswright.kernel.merging.names import survivors
from saleswright.kernel.merging.walk import tables
from saleswright.kernel.models import AuditEntry, Collaborator, Merge, MergeMove
from saleswright.kernel.records import archive_record, delete_record, save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.search import search
from saleswright.modules.customers.models import Contact, Customer, DuplicatePair
from saleswright.modules.pool.public import Pool
from saleswright.modules.receivables.actions.receipts import allocate_receipt
from saleswright.modules.receivables.models import Invoice, LedgerEntry, Receipt
from saleswright.modules.receivables.tests.factories import (
    free_invoice,
    issued,
    make_customer,
    make_order,
    receive,
    reread,
)
from saleswright.modules.sales.models import Order
from saleswright.modules.work.models import Attachment, Comment, Follower, Task

ROOT = system("test")
#: what a merge and its undo may change in every table: who wrote last and how often
LOOSE = {"version", "updated_at", "updated_by_id"}
#: tables that say what happened, and those made anew
APART = {
    "kernel.AuditEntry", "kernel.OutboxEvent", "kernel.Merge", "kernel.MergedRecord", "kernel.MergeMove",
    "receivables.LedgerEntry", "kernel.Counter", "kernel.SearchRow", "kernel.ApiToken",
}  # fmt: skip


def merge(kept: Any, *others: Any, actor: Any = ROOT, values: Any = None) -> Merge:
    """Merge the others into the first."""
    transition = resource_named("customers").transition("merge")
    rows = [{"record_id": one.pk} for one in others]
    result = transition(kept.pk, actor=actor, others=rows, values=values)
    return Merge.objects.get(pk=result["id"])


def undo(merged: Merge, actor: Any = ROOT) -> Merge:
    """Undo it."""
    resource_named("merges").transition("undo")(merged.pk, actor=actor)
    return reread(merged)


def everything() -> dict[str, dict[int, dict[str, Any]]]:
    """All rows of all tables, less what a merge and its undo may change."""
    found = {}
    for model in tables():
        if model._meta.label not in APART:
            names = [one.attname for one in model._meta.concrete_fields if one.attname not in LOOSE]
            found[model._meta.label] = {row["pk"]: row for row in model._base_manager.values("pk", *names)}
    return found


def ledger(*by: str) -> list[tuple[Any, ...]]:
    """Sums of the ledger by columns, without those that are nothing."""
    rows = LedgerEntry.objects.order_by().values_list(*by).annotate(Sum("amount"), Sum("base_amount"))
    return sorted((row for row in rows if row[-2] or row[-1]), key=str)


def comment(about: Any, text: str = "hello") -> Comment:
    """A remark about a customer."""
    return save_record(Comment, {"resource": "customers", "record_id": about.pk, "text": text}, actor=ROOT)


@pytest.mark.django_db
class TestMergingCustomers:
    """One customer of two."""

    def test_it_moves_what_belongs_to_the_other(self) -> None:
        kept, other = make_customer(name="华东精密"), make_customer(name="华东精密机械")
        order, invoice = make_order(customer=other), issued(other, "50")
        contact = save_record(Contact, {"customer": other.pk, "name": "Wang"}, actor=ROOT)
        remark = comment(other)
        task = save_record(Task, {"title": "Call", "resource": "customers", "record_id": other.pk}, actor=ROOT)
        merged = merge(kept, other)
        for record in (order, invoice, contact):
            assert reread(record).customer_id == kept.pk
        assert (reread(remark).record_id, reread(task).record_id) == (kept.pk, kept.pk)
        assert merged.counts == {
            "customers.Contact": 1, "receivables.Invoice": 1, "sales.Order": 1, "work.Comment": 1, "work.Task": 1,
        }  # fmt: skip
        assert reread(other).archived_at == merged.created_at

    def test_it_keeps_its_own_values_fills_gaps_and_takes_what_is_chosen(self) -> None:
        kept = make_customer(name="A", city="上海", tags=["x"], level="")
        other = make_customer(name="B", city="苏州", tags=["y", "x"], level="B", address="路 1 号", credit_code=None)
        merge(kept, other, values=[{"field": "name", "record_id": other.pk}])
        kept = reread(kept)
        assert (kept.name, kept.city, kept.level, kept.address, kept.tags) == ("B", "上海", "B", "路 1 号", ["x", "y"])
        assert kept.name_key == "b"

    def test_it_exchanges_what_must_be_unique(self) -> None:
        kept = make_customer(name="A", code="K1")
        other = make_customer(name="B", code="K2", credit_code="91310000MA1FL0Y115")
        merge(kept, other, values=[{"field": "code", "record_id": other.pk}])
        kept, other = reread(kept), reread(other)
        assert (kept.code, other.code) == ("K2", "K1")
        assert (kept.credit_code, other.credit_code) == ("91310000MA1FL0Y115", None)

    def test_it_keeps_both_order_numbers_of_a_customer(self) -> None:
        kept, other = make_customer(code="K1"), make_customer(code="K2")
        mine = make_order(customer=kept, customer_order_number="PO-1", confirmed=False)
        theirs = make_order(customer=other, customer_order_number="PO-1", confirmed=False)
        merged = merge(kept, other)
        assert reread(mine).customer_order_number == "PO-1"
        assert reread(theirs).customer_order_number == "PO-1 (K2)"
        undo(merged)
        assert (reread(theirs).customer_order_number, reread(theirs).customer_id) == ("PO-1", other.pk)

    def test_it_follows_once_and_keeps_files_of_one_name_apart(self, person: Any) -> None:
        kept, other, one, two = make_customer(code="K1"), make_customer(code="K2"), person(), person()
        for customer, people in ((kept, (one,)), (other, (one, two))):
            for user in people:
                Follower.objects.create(resource="customers", record_id=customer.pk, user=user)
                Collaborator.objects.create(resource="customers", record_id=customer.pk, user=user)
            for revision in (1, 2):
                Attachment.objects.create(
                    resource="customers", record_id=customer.pk, name="合同.pdf", revision=revision, size=1,
                    sha256="0" * 64, content_type="application/pdf", created_at=clock.now(), updated_at=clock.now(),
                )  # fmt: skip
        before = everything()
        merged = merge(kept, other)
        for model in (Follower, Collaborator):
            assert list(model.objects.filter(record_id=kept.pk).values_list("user_id", flat=True)) == [one.pk, two.pk]
            assert not model.objects.filter(record_id=other.pk).exists()
        files = Attachment.objects.filter(record_id=kept.pk).order_by("id").values_list("name", "revision")
        assert list(files) == [("合同.pdf", 1), ("合同.pdf", 2), ("合同 (K2).pdf", 1), ("合同 (K2).pdf", 2)]
        undo(merged)
        assert everything() == before

    def test_it_settles_pairs_of_likely_duplicates(self) -> None:
        a, b, c, d = (make_customer() for _ in range(4))
        stamps = {"likelihood": 50, "created_at": clock.now(), "updated_at": clock.now()}
        for first, second, status in ((a, b, "open"), (b, c, "dismissed"), (a, c, "open"), (b, d, "dismissed")):
            DuplicatePair.objects.create(first=first, second=second, status=status, **stamps)
        before = everything()
        merged = merge(a, b)
        found = DuplicatePair.objects.order_by("second_id").values_list("first_id", "second_id", "status")
        assert list(found) == [(a.pk, c.pk, "open"), (a.pk, d.pk, "dismissed")]
        undo(merged)
        assert everything() == before

    def test_it_leaves_the_pool_when_the_other_has_an_owner(self, person: Any) -> None:
        pool, owner = Pool.objects.get(resource="customers"), person("sales_representative")
        kept, other = make_customer(pool=pool.pk), make_customer(owner=owner)
        merged = merge(kept, other)
        kept = reread(kept)
        assert (kept.pool_id, kept.owner_id, kept.owned_since) == (None, owner.pk, other.owned_since)
        undo(merged)
        kept = reread(kept)
        assert (kept.pool_id, kept.owner_id, kept.owned_since) == (pool.pk, None, None)

    def test_it_does_not_stand_above_itself(self) -> None:
        top = make_customer()
        other = make_customer(parent=top.pk)
        between = make_customer(parent=other.pk)
        kept = make_customer(parent=between.pk)
        merged = merge(kept, other)
        assert reread(between).parent_id == kept.pk
        assert reread(kept).parent_id == top.pk
        undo(merged)
        assert (reread(between).parent_id, reread(kept).parent_id) == (other.pk, between.pk)

    def test_it_leads_to_the_kept_one(self, browse: Any) -> None:
        kept, other, last = make_customer(name="新名字"), make_customer(name="老厂牌"), make_customer(name="最后")
        merge(kept, other)
        merge(last, kept)
        assert survivors("customers", [other.pk]) == {other.pk: last.pk}
        assert [hit.record_id for hit in search(ROOT, "老厂牌")] == [last.pk]
        answer = browse().get(f"/customers/{other.pk}")
        assert (answer.status_code, answer["Location"]) == (302, f"/customers/{last.pk}")

    def test_it_is_not_restored_or_deleted_behind_the_merge(self) -> None:
        kept, other = make_customer(), make_customer()
        merge(kept, other)
        with pytest.raises(Conflict):
            archive_record(Customer, other.pk, actor=ROOT, restore=True)
        with pytest.raises(Conflict):
            delete_record(Customer, other.pk, actor=ROOT)
        assert reread(other).archived_at is not None

    def test_it_is_written_into_both_audits(self) -> None:
        kept, other = make_customer(name="A"), make_customer(name="B")
        merged = merge(kept, other)
        entries = AuditEntry.objects.filter(resource="customers").order_by("id")
        assert "merge" in entries.filter(record_id=kept.pk).values_list("action", flat=True)
        assert entries.get(record_id=other.pk, action="merged").changes["merged_into_id"] == [None, kept.pk]
        undo(merged)
        assert entries.get(record_id=other.pk, action="unmerged").changes["merged_into_id"] == [kept.pk, None]


@pytest.mark.django_db
class TestRefusals:
    """Nothing is written where a merge is refused."""

    def test_it_needs_the_rights_on_both(self, person: Any, acting: Any) -> None:
        seller = person("sales_representative")
        mine, strange = make_customer(owner=seller), make_customer(owner=person("sales_representative"))
        before = everything()
        with pytest.raises(ValidationFailed):  # what one can't see isn't there
            merge(mine, strange, actor=acting(seller))
        Collaborator.objects.create(resource="customers", record_id=strange.pk, user=person())
        reader = person("service_agent")
        with pytest.raises((NotAllowed, NotFound)):
            merge(mine, strange, actor=acting(reader))
        assert reread(strange).archived_at is None
        assert everything()["customers.Customer"] == before["customers.Customer"]

    def test_it_refuses_itself_nothing_and_too_many(self) -> None:
        one = make_customer()
        for others in ([], [one], [make_customer() for _ in range(11)]):
            with pytest.raises(ValidationFailed):
                merge(one, *others)
        assert not Merge.objects.exists()

    def test_it_refuses_unknown_fields_and_records_that_are_not_merged(self) -> None:
        one, two, three = make_customer(), make_customer(), make_customer()
        with pytest.raises(ValidationFailed) as refused:
            merge(
                one, two, values=[{"field": "name_key", "record_id": two.pk}, {"field": "name", "record_id": three.pk}]
            )
        assert [error.field for error in refused.value.errors] == ["values.0.field", "values.1.record_id"]
        assert reread(two).archived_at is None

    def test_it_waits_for_open_approvals(self, person: Any) -> None:
        from saleswright.modules.work.models import Approval

        kept, other = make_customer(), make_customer()
        order = make_order(customer=other, confirmed=False)
        approval = Approval.objects.create(
            resource="orders", record_id=order.pk, subject_label="SO-1", transition="confirm", content_hash="",
            requested_by=person(), requested_at=clock.now(), created_at=clock.now(), updated_at=clock.now(),
        )  # fmt: skip
        with pytest.raises(Conflict, match="SO-1"):
            merge(kept, other)
        assert reread(order).customer_id == other.pk
        Approval.objects.filter(pk=approval.pk).update(state="approved")
        assert merge(kept, other).pk


@pytest.mark.django_db
class TestUndoing:
    """What has not been changed goes back."""

    def test_it_is_refused_after_30_days(self) -> None:
        kept, other = make_customer(), make_customer()
        merged = merge(kept, other)
        with time_machine.travel(clock.now() + timedelta(days=30, minutes=1)), pytest.raises(Conflict):
            undo(merged)
        assert reread(other).archived_at is not None
        with time_machine.travel(clock.now() + timedelta(days=29)):
            assert undo(merged).status == "undone"
        with pytest.raises(Conflict):
            undo(merged)

    def test_its_details_are_dropped_when_it_can_not_be_undone_any_more(self) -> None:
        kept, other = make_customer(), make_customer(tags=["x"])
        comment(other)
        merged = merge(kept, other)
        assert forget_details() == 0
        assert MergeMove.objects.count() == 1
        with time_machine.travel(clock.now() + timedelta(days=31)):
            assert forget_details() == 1
        assert (reread(merged).fields, MergeMove.objects.count()) == ({}, 0)
        assert survivors("customers", [other.pk]) == {other.pk: kept.pk}

    def test_it_is_refused_while_the_kept_one_is_merged_itself(self) -> None:
        a, b, c = make_customer(), make_customer(), make_customer()
        first, second = merge(a, b), merge(c, a)
        with pytest.raises(Conflict):
            undo(first)
        undo(second)
        assert undo(first).status == "undone"
        assert reread(b).archived_at is None

    def test_it_names_what_was_changed_and_what_belongs_to_it(self) -> None:
        kept, other = make_customer(name="A"), make_customer(name="B", city="苏州")
        changed, left = make_order(customer=other), make_order(customer=other)
        invoice = save_record(
            Invoice, {"order": changed.pk},
            lines={"lines": [{"order_line": changed.lines.get().pk, "quantity": Decimal(1)}]}, actor=ROOT,
        )  # fmt: skip
        merged = merge(kept, other)
        _touch(changed)
        save_record(Customer, {"city": "昆山"}, pk=kept.pk, actor=ROOT)
        merged = undo(merged)
        assert [reread(one).customer_id for one in (changed, invoice, left)] == [kept.pk, kept.pk, other.pk]
        assert [(kind, words["what"]) for kind, _text, words in merged.stayed] == [
            ("invoices", str(invoice)), ("orders", str(changed)), ("customers", "A"),
        ]  # fmt: skip
        assert reread(kept).city == "昆山"

    def test_it_moves_what_came_in_late(self) -> None:
        kept, other = make_customer(), make_customer()
        merged = merge(kept, other)
        late = make_order(customer=kept)
        Order.objects.filter(pk=late.pk).update(customer_id=other.pk)
        assert follow_late(ROOT) == 1
        assert (reread(late).customer_id, reread(merged).counts) == (kept.pk, {"sales.Order": 1})
        assert follow_late(ROOT) == 0
        undo(merged)
        assert reread(late).customer_id == other.pk

    @pytest.mark.parametrize("seed", range(4))
    def test_it_brings_back_what_was(self, seed: int, person: Any) -> None:
        chance = random.Random(seed)
        people = [person(), person()]
        customers = [make_customer(name=f"甲{n}", code=f"C{n}", tags=[f"t{n}"]) for n in range(4)]
        _random_history(chance, customers, people)
        before = everything()
        sums = [ledger("customer_id"), ledger("customer_id", "posted_on", "kind"), ledger("invoice_id", "receipt_id")]
        whole = ledger("kind", "currency", "posted_on")
        kept, *others = chance.sample(customers, chance.randrange(2, 4))
        names = chance.sample(["name", "code", "city", "level", "tags"], 3)
        choice = [{"field": name, "record_id": chance.choice([kept, *others]).pk} for name in names]
        merged = merge(kept, *others, values=choice)
        ids = [one.pk for one in (kept, *others)]
        joint = sum((amount for pk, amount, _base in sums[0] if pk in ids), Decimal(0))
        after = {pk: amount for pk, amount, _base in ledger("customer_id")}
        assert after.get(kept.pk, 0) == joint
        assert not any(one.pk in after for one in others)
        assert ledger("kind", "currency", "posted_on") == whole
        assert ledger("invoice_id", "receipt_id") == sums[2]
        for pointer_rows in _pointing(others):
            assert not pointer_rows
        found = undo(merged)
        assert found.stayed == []
        assert everything() == before
        assert [ledger("customer_id"), ledger("customer_id", "posted_on", "kind")] == sums[:2]
        assert ledger("kind", "currency", "posted_on") == whole


def _touch(order: Order) -> None:
    """An edit of a confirmed order's version, as its actions make it."""
    Order.objects.filter(pk=order.pk).update(version=order.version + 5)


def _pointing(others: list[Customer]) -> list[list[int]]:
    from saleswright.kernel.merging.walk import pointers_to

    ids = [one.pk for one in others]
    pointers = [one for one in pointers_to(resource_named("customers")) if one.model is not Customer]
    return [list(one.rows(ids).values_list("pk", flat=True)) for one in pointers]


def _random_history(chance: random.Random, customers: list[Customer], people: list[Any]) -> None:
    """Orders, invoices, money, contacts, remarks, followers and pairs in random order."""
    at = clock.now()
    for step in range(24):
        customer = chance.choice(customers)
        match chance.randrange(9):
            case 0:
                number = chance.choice(["", "PO-1", f"PO-{step}"])
                taken = Order.objects.filter(customer=customer, customer_order_number=number).exists()
                make_order(customer=customer, confirmed=False, customer_order_number="" if taken else number)
            case 1:
                issued(customer, chance.choice(["10", "20.50"]))
            case 2:
                receive(customer, "15")
            case 3:
                receipt = Receipt.objects.filter(customer=customer, unapplied__gt=5).first()
                invoice = Invoice.objects.filter(customer=customer, balance__gt=5).first()
                if receipt is not None and invoice is not None:
                    rows = [{"invoice_id": invoice.pk, "amount": "5"}]
                    allocate_receipt(receipt.pk, actor=ROOT, allocations=rows)
            case 4:
                save_record(Contact, {"customer": customer.pk, "name": f"P{step}"}, actor=ROOT)
            case 5:
                comment(customer, f"remark {step}")
            case 6:
                Follower.objects.get_or_create(
                    resource="customers", record_id=customer.pk, user=chance.choice(people), defaults={}
                )
            case 7:
                first, second = sorted(chance.sample(customers, 2), key=lambda one: one.pk)
                if not DuplicatePair.objects.filter(first=first, second=second).exists():
                    DuplicatePair.objects.create(
                        first=first, second=second, likelihood=60, created_at=at, updated_at=at
                    )
            case 8:
                free_invoice(customer, "7")
