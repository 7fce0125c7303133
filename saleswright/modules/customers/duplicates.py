"""The search for customers that are there twice, and what people make of what it found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel import jobs as queue
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.bulk import insert_records
from saleswright.kernel.errors import Text
from saleswright.kernel.jobs import JobContext
from saleswright.kernel.matching import Pair, Row, likely_pairs
from saleswright.kernel.merging.declared import settles
from saleswright.kernel.merging.moving import Log
from saleswright.kernel.models import Job
from saleswright.kernel.records import Batch, save_record, stamp
from saleswright.kernel.transactions import atomic
from saleswright.kernel.transitions import transition
from saleswright.modules.customers.models import Contact, Customer, DuplicatePair, DuplicateScan
from saleswright.modules.customers.states import PairStatus, ScanStatus

SCAN_JOB = "customers.find_duplicates"
#: rows written in one transaction
AT_ONCE = 1000
#: of the progress of a scan, what preparing and what comparing take
COMPARED, WRITTEN = 90, 100

REASONS: dict[str, Text] = {
    "same_code": gettext_lazy("Same credit code"),
    "same_phone": gettext_lazy("Same phone"),
    "same_email": gettext_lazy("Same e-mail"),
    "same_address": gettext_lazy("Same address"),
    "same_name": gettext_lazy("Same name"),
    "same_brand": gettext_lazy("Same brand name"),
    "place_missing": gettext_lazy("One without a place"),
    "place_within": gettext_lazy("City in the province"),
    "trade_missing": gettext_lazy("One without a trade"),
    "slip_in_brand": gettext_lazy("Typing slip in the brand name"),
    "slip_in_place": gettext_lazy("Typing slip in the place"),
    "slip_in_trade": gettext_lazy("Typing slip in the trade"),
    "similar_name": gettext_lazy("Similar name"),
}


def reasons() -> Mapping[str, Text]:
    """What the codes of reasons are called."""
    return REASONS


@transition(
    "duplicate-pairs", "dismiss", label=gettext_lazy("Not the same"), source=[PairStatus.OPEN],
    target=PairStatus.DISMISSED, icon="x",
)  # fmt: skip
def dismiss_pair(pair: DuplicatePair, *, actor: Actor, at: datetime) -> None:
    """Say that the two are different companies: later searches leave the pair alone."""


@transition(
    "duplicate-pairs", "reopen", label=gettext_lazy("Look at it again"), source=[PairStatus.DISMISSED],
    target=PairStatus.OPEN, icon="rotate",
)  # fmt: skip
def reopen_pair(pair: DuplicatePair, *, actor: Actor, at: datetime) -> None:
    """Take back that the two are different."""


def check_scans(batch: Batch) -> None:
    """Refuse a second scan while one runs; one whose job has died is given up."""
    _give_up_dead()
    running = DuplicateScan.objects.filter(status=ScanStatus.RUNNING).exists()
    for draft in batch.good:
        if running:
            draft.error("", "conflict", _("A search is running already."))
        running = True


def start_scans(batch: Batch) -> None:
    """Ask a worker for each new scan."""
    for draft in batch.drafts:
        if draft.fresh:
            job = queue.enqueue(SCAN_JOB, arguments={"scan_id": draft.record.pk}, user=batch.actor.user_id)
            DuplicateScan.objects.filter(pk=draft.record.pk).update(job_id=job.pk)


def start_nightly(actor: Actor) -> int | None:
    """Start the scan of the night, unless one runs or there is nothing to compare; its id."""
    _give_up_dead()
    nothing = Customer.objects.filter(archived_at=None).count() < 2
    if nothing or DuplicateScan.objects.filter(status=ScanStatus.RUNNING).exists():
        return None
    scan: DuplicateScan = save_record(DuplicateScan, {}, actor=actor)
    return scan.pk


def _give_up_dead() -> None:
    running = DuplicateScan.objects.filter(status=ScanStatus.RUNNING)
    alive = Job.objects.filter(pk__in=running.values("job_id"), state__in=queue.OPEN).values("pk")
    running.exclude(job_id__in=alive).update(status=ScanStatus.FAILED)


@transition(
    "duplicate-scans", "cancel", label=gettext_lazy("Cancel"), source=[ScanStatus.RUNNING],
    target=ScanStatus.CANCELLED, icon="player-stop",
)  # fmt: skip
def cancel_scan(scan: DuplicateScan, *, actor: Actor, at: datetime) -> None:
    """Stop the search. Raises Conflict when it is over already."""
    if job := Job.objects.filter(pk=scan.job_id or 0).first():
        queue.cancel(job)


def scan_customers(scan_id: int, ctx: JobContext) -> dict[str, int]:
    """Compare all customers that aren't archived and bring the table of likely pairs up to date.

    Pairs found again keep their place, dismissed ones stay dismissed, open ones that are no longer likely go. A run
    that stops halfway has changed nothing, or left a part of the changes, which the next one completes.
    """
    scan = DuplicateScan.objects.filter(pk=scan_id, status=ScanStatus.RUNNING)
    shown = -1

    def progress(done: int, total: int) -> None:
        nonlocal shown
        ctx.progress(done, total)
        percent = COMPARED * done // max(total, 1)
        if percent > shown:
            shown = percent
            scan.update(percent=percent)

    try:
        rows = _rows()
        pairs = likely_pairs(rows, progress=progress)
        fresh = _keep(pairs, ctx)
    except (queue.Cancelled, queue.Interrupted, queue.LeaseLost):
        raise
    except Exception:
        scan.update(status=ScanStatus.FAILED)
        raise
    counted = {"customers": len(rows), "found": len(pairs), "fresh": fresh}
    scan.update(status=ScanStatus.DONE, percent=WRITTEN, updated_at=clock.now(), **counted)
    return counted


def _rows() -> list[Row]:
    """The customers with the phones and addresses of their people."""
    phones, emails = defaultdict[int, list[str]](list), defaultdict[int, list[str]](list)
    contacts = Contact.objects.filter(archived_at=None, customer__archived_at=None).order_by()
    for customer, mobile, phone, email in contacts.values_list("customer_id", "mobile", "phone", "email").iterator():
        phones[customer] += [number for number in (mobile, phone) if number]
        emails[customer] += [email] if email else []
    customers = Customer.objects.filter(archived_at=None).order_by("pk")
    return [
        Row(pk, name, tuple(phones.get(pk, ())), tuple(emails.get(pk, ())), address, code or "")
        for pk, name, address, code in customers.values_list("pk", "name", "address", "credit_code").iterator()
    ]


def _keep(pairs: list[Pair], ctx: JobContext) -> int:
    """Bring the table up to date; how many pairs are new."""
    at = clock.now()
    columns = ("pk", "first_id", "second_id", "likelihood", "reasons", "status")
    known = {(one[1], one[2]): one for one in DuplicatePair.objects.values_list(*columns)}
    fresh, changed = [], []
    for pair in pairs:
        first, second = sorted((int(pair.a), int(pair.b)))
        likelihood, codes = round(pair.probability * 100), list(pair.reasons)
        old = known.pop((first, second), None)
        if old is None:
            fresh.append((first, second, likelihood, codes))
        elif old[5] == PairStatus.OPEN and (old[3], old[4]) != (likelihood, codes):
            changed.append((old[0], likelihood, codes))
    gone = [one[0] for one in known.values() if one[5] == PairStatus.OPEN]
    for start in range(0, len(fresh), AT_ONCE):
        ctx.check_cancelled()
        with atomic():
            _insert(fresh[start : start + AT_ONCE], ctx.actor, at)
    open_pairs = DuplicatePair.objects.filter(status=PairStatus.OPEN)
    for pk, likelihood, codes in changed:
        open_pairs.filter(pk=pk).update(likelihood=likelihood, reasons=codes, updated_at=at)
    for start in range(0, len(gone), AT_ONCE):
        ctx.check_cancelled()
        open_pairs.filter(pk__in=gone[start : start + AT_ONCE]).delete()
    return len(fresh)


def _insert(found: list[tuple[int, int, int, list[str]]], actor: Actor, at: datetime) -> None:
    """Insert pairs of which both customers still exist."""
    ids = {pk for first, second, *_rest in found for pk in (first, second)}
    present = set(Customer.objects.filter(pk__in=ids).values_list("pk", flat=True))
    records = []
    for first, second, likelihood, codes in found:
        if {first, second} <= present:
            record = DuplicatePair(first_id=first, second_id=second, likelihood=likelihood, reasons=codes)
            stamp(record, actor, at, fresh=True)
            records.append(record)
    if records:
        insert_records(records)


def settle_pairs(rows: list[Any], column: str, survivor_id: int, log: Log) -> None:
    """What was said of a merged customer and others is said of the survivor; of the two themselves it goes."""
    known = set(
        DuplicatePair.objects.filter(Q(first=survivor_id) | Q(second=survivor_id)).values_list("first_id", "second_id")
    )
    for row in rows:
        other = row.second_id if column == "first_id" else row.first_id
        pair = (min(other, survivor_id), max(other, survivor_id))
        if other == survivor_id or other in log.names or pair in known:
            log.remove(row)
        else:
            known.add(pair)
            log.change(row, {"first_id": pair[0], "second_id": pair[1]})


settles("customers.DuplicatePair", settle_pairs)
