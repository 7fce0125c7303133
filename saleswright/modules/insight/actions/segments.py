"""Segments: checked conditions, and the members of fixed lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.conditions import say, terms_of
from saleswright.interface.entity import entity_named
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import Customer
from saleswright.modules.insight import queries
from saleswright.modules.insight.models import Segment, SegmentMember
from saleswright.modules.insight.states import SegmentKind

FIXED, LIVE = SegmentKind.FIXED, SegmentKind.LIVE
AT_ONCE, NAMED = 500, 10
MOST_CODES = 100_000


def prepare_segments(batch: Batch) -> None:
    """Conditions must make sense to who writes them and lead back to no segment; only live segments have some."""
    for draft in batch.good:
        segment = draft.record
        if not draft.fresh and draft.changed("kind"):
            draft.error("kind", "read_only", _("A segment stays what it is. Freeze it into a list instead."))
        elif segment.kind == FIXED and segment.conditions:
            draft.error("conditions", "conflict", _("A fixed list has no conditions."))
        elif segment.conditions and (draft.fresh or draft.changed("conditions")):
            try:
                say(segment.conditions, terms_of(entity_named("customers"), batch.actor))
                if segment.pk in reached(segment.conditions):
                    raise ValidationFailed.of(
                        "conditions", "circle", _("The segments refer to each other in a circle.")
                    )
            except ValidationFailed as refused:
                draft.error("conditions", refused.errors[0].code, refused.errors[0].message)


def reached(tree: Any) -> set[int]:
    """The segments that a tree names, and those that these name in turn."""
    found: set[int] = set()
    waiting = set(_named(tree))
    while waiting:
        found |= waiting
        trees = Segment.objects.filter(pk__in=waiting, kind=LIVE).values_list("conditions", flat=True)
        waiting = {pk for one in trees for pk in _named(one)} - found
    return found


def _named(tree: Any) -> Iterator[int]:
    if not isinstance(tree, Mapping):
        return
    for join in ("and", "or"):
        for part in tree.get(join) or ():
            yield from _named(part)
    if tree.get("field") == "segment":
        value = tree.get("value")
        for one in value if isinstance(value, list) else str(value).split(","):
            if str(one).strip().isdecimal():
                yield int(one)


# --- members of fixed lists ------------------------------------------------------------------------------------


def only_lists(segment: Segment) -> Text | None:
    """Members are named on fixed lists alone."""
    return _("Who is in it follows from the conditions.") if segment.kind != FIXED else None


def codes_in(text: str) -> list[str]:
    """The codes or names in a text: a line each, or separated by commas, semicolons or tabs; each once."""
    parts = (part.strip().strip('"').strip() for part in re.split(r"[\n\r,;\t，；、]+", text.lstrip("\ufeff")))
    return list(dict.fromkeys(part for part in parts if part))


def customers_of(codes: Sequence[str], actor: Actor) -> list[int]:
    """The customers of these codes or names that the actor sees. Raises ValidationFailed naming what there is not."""
    if not codes:
        raise ValidationFailed.of("codes", "required", _("Name at least one customer."))
    if len(codes) > MOST_CODES:
        raise ValidationFailed.of("codes", "range", _("At most %(most)d at once.") % {"most": MOST_CODES})
    known: dict[str, set[int]] = {}
    seen = visible(Customer.objects.filter(archived_at=None), actor).order_by()
    for start in range(0, len(codes), AT_ONCE):
        part = codes[start : start + AT_ONCE]
        for pk, code, name in seen.filter(Q(code__in=part) | Q(name__in=part)).values_list("pk", "code", "name"):
            for key in (code, name):
                known.setdefault(key or "", set()).add(pk)
    missing = [code for code in codes if code not in known]
    if missing:
        words = {"count": len(missing), "codes": ", ".join(missing[:NAMED])}
        message = _("%(count)d of them are no customers that you see: %(codes)s") % words
        raise ValidationFailed.of("codes", "unknown", message)
    if double := [code for code in codes if len(known[code]) > 1]:
        message = _("Several customers are called so, give their codes: %(names)s") % {
            "names": ", ".join(double[:NAMED])
        }
        raise ValidationFailed.of("codes", "ambiguous", message)
    return list(dict.fromkeys(pk for code in codes for pk in known[code]))


def put_on(segment: Segment, ids: Iterable[int], *, actor: Actor, at: datetime) -> int:
    """Put customers on a list; who is on it already stays so. Returns how many are new."""
    wanted = set(ids)
    before = set(SegmentMember.objects.filter(segment=segment).values_list("customer_id", flat=True))
    rows = [
        SegmentMember(segment=segment, customer_id=pk, added_at=at, added_by_id=actor.user_id)
        for pk in sorted(wanted - before)
    ]
    SegmentMember.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)
    return len(rows)


def take_off(segment: Segment, ids: Sequence[int]) -> int:
    """Take customers off a list; returns how many were on it."""
    count = 0
    for start in range(0, len(ids), AT_ONCE):
        count += SegmentMember.objects.filter(segment=segment, customer__in=ids[start : start + AT_ONCE]).delete()[0]
    return count


def add_codes(segment_id: int, codes: Sequence[str], *, actor: Actor, at: datetime) -> int:
    """Put the customers of many codes on a list, all or none; returns how many are new.

    Raises NotFound, NotAllowed, Conflict for a segment by conditions, ValidationFailed.
    """
    segment = fetch(Segment, segment_id, actor=actor, action="add")
    if why := only_lists(segment):
        raise Conflict(why)
    count = put_on(segment, customers_of(codes, actor), actor=actor, at=at)
    line = AuditLine("segments", segment.pk, segment.name, "add", {"count": [None, count]})
    record_audit([line], actor=actor, at=at)
    return count


CODES = Arg(
    "codes", gettext_lazy("Customers"), "long", help=gettext_lazy("Codes or names, a line each or separated by commas.")
)


@transition(
    "segments", "add", label=gettext_lazy("Add customers"), guards=(only_lists,), args=(CODES,), icon="user-plus",
    result=(("added", int),),
)  # fmt: skip
def add_to_list(segment: Segment, *, actor: Actor, at: datetime, codes: str) -> dict[str, int]:
    """Put customers on the list."""
    return {"added": put_on(segment, customers_of(codes_in(codes), actor), actor=actor, at=at)}


@transition(
    "segments", "remove", label=gettext_lazy("Take customers off"), guards=(only_lists,), args=(CODES,),
    icon="user-minus", result=(("removed", int),),
)  # fmt: skip
def remove_from_list(segment: Segment, *, actor: Actor, at: datetime, codes: str) -> dict[str, int]:
    """Take customers off the list."""
    return {"removed": take_off(segment, customers_of(codes_in(codes), actor))}


@transition(
    "segments", "freeze", label=gettext_lazy("Freeze into a list"), icon="list-check",
    args=(Arg("name", gettext_lazy("Name of the list")),), result=(("id", int),), leads_to="segments",
)  # fmt: skip
def freeze(segment: Segment, *, actor: Actor, at: datetime, name: str) -> dict[str, int]:
    """Make a fixed list of those who are in the segment now and whom the actor sees."""
    note = _("Frozen from “%(name)s”") % {"name": segment.name}
    made = save_record(Segment, {"name": name, "kind": FIXED.value, "note": note}, actor=actor, at=at)
    ids = visible(queries.members(segment), actor).order_by().values_list("pk", flat=True)
    put_on(made, ids, actor=actor, at=at)
    return {"id": made.pk}


# --- from the customers' side ----------------------------------------------------------------------------------

LIST = Arg("segment_id", gettext_lazy("Fixed list"), "reference", to="segments")


def _list(segment_id: int, actor: Actor) -> Segment:
    segment = fetch(Segment, segment_id, actor=actor, action="edit")
    if why := only_lists(segment):
        raise ValidationFailed.of("segment_id", "conflict", why)
    return segment


@transition(
    "customers", "add-to-segment", label=gettext_lazy("Put on a list"), args=(LIST,), icon="list-check", drop=False
)
def add_customer(customer: Customer, *, actor: Actor, at: datetime, segment_id: int) -> None:
    """Put the customer on a fixed list that the actor may edit."""
    put_on(_list(segment_id, actor), [customer.pk], actor=actor, at=at)


@transition(
    "customers", "remove-from-segment", label=gettext_lazy("Take off a list"), args=(LIST,), icon="list", drop=False
)
def remove_customer(customer: Customer, *, actor: Actor, at: datetime, segment_id: int) -> None:
    """Take the customer off a fixed list that the actor may edit. Raises Conflict when it isn't on it."""
    if not take_off(_list(segment_id, actor), [customer.pk]):
        raise Conflict(_("The customer is not on this list."))
