"""Postings: the entries behind every balance, and the balances that are kept beside them (REC-04).

All functions work on rows that the caller has locked. Balances change in memory first and are then written under
the condition that nobody else was faster, so that two writers can never spend the same money.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Stale
from saleswright.kernel.money import round_half_up
from saleswright.kernel.records import announce, diff, snapshot, stamp
from saleswright.kernel.resources import resource_of
from saleswright.modules.receivables.models import Allocation, Invoice, LedgerEntry, Receipt
from saleswright.modules.receivables.states import EntryKind, InvoiceStatus

Before = Mapping[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Moment:
    """Who writes and when."""

    actor: Actor
    at: datetime

    @property
    def today(self) -> date:
        return clock.local_date(self.at)


@dataclass(frozen=True, slots=True)
class Share:
    """Money of a receipt for an invoice."""

    receipt: Receipt
    invoice: Invoice
    amount: Decimal


# --- entries ---------------------------------------------------------------------------------------------------


def of_invoice(
    invoice: Invoice, kind: EntryKind, amount: Decimal, base: Decimal, on: date, receipt: Receipt | None = None
) -> LedgerEntry:
    """An entry that changes the balance of an invoice."""
    return LedgerEntry(
        customer_id=invoice.customer_id, invoice=invoice, receipt=receipt, contract_id=invoice.contract_id, kind=kind,
        currency=invoice.currency, amount=amount, base_amount=base, posted_on=on,
    )  # fmt: skip


def of_receipt(receipt: Receipt, kind: EntryKind, amount: Decimal, base: Decimal, on: date) -> LedgerEntry:
    """An entry that changes the unapplied money of a receipt; more of it is negative."""
    return LedgerEntry(
        customer_id=receipt.customer_id, receipt=receipt, kind=kind, currency=receipt.currency, amount=amount,
        base_amount=base, posted_on=on,
    )  # fmt: skip


def post(entries: Iterable[LedgerEntry], moment: Moment) -> None:
    """Write entries, in one statement a thousand."""
    rows = list(entries)
    for row in rows:
        row.posted_at, row.actor_id = moment.at, moment.actor.user_id
    LedgerEntry.objects.bulk_create(rows, batch_size=1000)


def part_of(amount: Decimal, whole: Decimal, base: Decimal) -> Decimal:
    """The share of `base` that goes with `amount` of `whole`; the last share takes what is left."""
    return base if amount == whole else round_half_up(base * amount / whole)


# --- money of receipts for invoices ----------------------------------------------------------------------------


def apply_shares(shares: Sequence[Share], moment: Moment) -> list[Allocation]:
    """Let invoices take money: entries, allocations and balances in memory; the caller writes the records.

    An allocation counts from the day on which there were both the money and the invoice. Both sides move at their
    own exchange rate: the difference between the two entries is the realised gain or loss.
    """
    entries, allocations = [], []
    for share in shares:
        receipt, invoice, amount = share.receipt, share.invoice, share.amount
        assert invoice.issued_on is not None  # drafts take no money
        on = max(receipt.received_on, invoice.issued_on)
        owed = part_of(amount, invoice.balance, invoice.base_balance)
        paid = part_of(amount, receipt.unapplied, receipt.base_unapplied)
        entries.append(of_invoice(invoice, EntryKind.ALLOCATION, -amount, -owed, on, receipt))
        entries.append(of_receipt(receipt, EntryKind.ALLOCATION, amount, paid, on))
        invoice.balance, invoice.base_balance = invoice.balance - amount, invoice.base_balance - owed
        receipt.unapplied, receipt.base_unapplied = receipt.unapplied - amount, receipt.base_unapplied - paid
        settle(invoice, on)
        allocations.append(Allocation(receipt=receipt, invoice=invoice, amount=amount, posted_on=on))
    post(entries, moment)
    return Allocation.objects.bulk_create(allocations, batch_size=1000)


def take_back(allocation: Allocation, amount: Decimal, invoice: Invoice, receipt: Receipt) -> list[LedgerEntry]:
    """Give money that an invoice took back to its receipt, in memory; the entries that are to be posted."""
    on = max(clock.today(), allocation.posted_on)
    owed = _given_back(amount, invoice.total, invoice.balance, invoice.base_total, invoice.base_balance)
    paid = _given_back(amount, receipt.amount, receipt.unapplied, receipt.base_amount, receipt.base_unapplied)
    allocation.released += amount
    invoice.balance, invoice.base_balance = invoice.balance + amount, invoice.base_balance + owed
    receipt.unapplied, receipt.base_unapplied = receipt.unapplied + amount, receipt.base_unapplied + paid
    settle(invoice, on)
    return [
        of_invoice(invoice, EntryKind.RELEASE, amount, owed, on, receipt),
        of_receipt(receipt, EntryKind.RELEASE, -amount, -paid, on),
    ]


def _given_back(amount: Decimal, whole: Decimal, left: Decimal, base: Decimal, base_left: Decimal) -> Decimal:
    return base - base_left if left + amount == whole else round_half_up(base * amount / whole)


def settle(invoice: Invoice, on: date) -> None:
    """An invoice without a balance is paid, one with a balance is open."""
    if invoice.balance == 0 and invoice.status == InvoiceStatus.ISSUED:
        invoice.status, invoice.paid_on = InvoiceStatus.PAID, on
    elif invoice.balance > 0 and invoice.status == InvoiceStatus.PAID:
        invoice.status, invoice.paid_on = InvoiceStatus.ISSUED, None


# --- rows ------------------------------------------------------------------------------------------------------


def locked(model: type[Any], ids: Collection[int]) -> dict[int, Any]:
    """The rows with these ids by id, locked in the order of their ids until the transaction ends."""
    rows = model.objects.filter(pk__in=set(ids)).select_for_update(of=("self",)).order_by("pk")
    return {row.pk: row for row in rows} if ids else {}


def snapshots(records: Iterable[Any]) -> dict[int, dict[str, Any]]:
    """What the records hold now, by id."""
    return {record.pk: snapshot(record) for record in records}


def store(records: Iterable[Any], before: Before, action: str, moment: Moment) -> list[Any]:
    """Write the records that changed since `before`, with audit and outbox, and say which.

    Raises Stale, with nothing written, when one of them
    has another version than was read.
    """
    changed = [record for record in records if snapshot(record) != before[record.pk]]
    if not changed:
        return []
    resource = resource_of(type(changed[0]))
    names = {name for record in changed for name, value in snapshot(record).items() if before[record.pk][name] != value}
    for record in changed:
        stamp(record, moment.actor, moment.at)
    names |= {"version", "updated_at", "updated_by_id"}
    if write(changed, names, [before[record.pk]["version"] for record in changed]) != len(changed):
        raise Stale
    record_audit(
        [
            AuditLine(resource.name, r.pk, resource.label_of(r)[:200], action, diff(before[r.pk], snapshot(r)))
            for r in changed
        ],
        actor=moment.actor,
        at=moment.at,
    )
    announce(resource, [(record.pk, action) for record in changed], moment)
    return changed


def write(records: Sequence[Any], attnames: Collection[str], versions: Sequence[int]) -> int:
    """Update rows of one model, each under the condition of its version, in one round trip; how many were found."""
    meta, quote = type(records[0])._meta, connection.ops.quote_name
    fields = [field for field in meta.concrete_fields if field.attname in attnames]
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    rows = [
        (*(f.get_db_prep_save(getattr(record, f.attname), connection) for f in fields), record.pk, version)
        for record, version in zip(records, versions, strict=True)
    ]
    statement = f"UPDATE {quote(meta.db_table)} SET {columns} WHERE {quote(meta.pk.column)} = %s AND version = %s"
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
        return cursor.rowcount
