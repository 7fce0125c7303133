"""What conditions on customers may name beside fields and figures: segments, and how long something is ago."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.conditions import Term, Vocabulary
from saleswright.interface.entity import Entity
from saleswright.interface.fields import FieldSpec
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.conditions import Check, Column
from saleswright.kernel.errors import Text
from saleswright.kernel.metrics import metric_named
from saleswright.modules.customers.public import Customer
from saleswright.modules.insight import queries
from saleswright.modules.insight.models import SegmentMember

MOST_DAYS = 36_500
#: term -> words, measure, whether the first day counts instead of the last one
AGES: dict[str, tuple[Text, str, bool]] = {
    "days_since_order": (gettext_lazy("Days since the last order"), "orders_confirmed", False),
    "days_since_visit": (gettext_lazy("Days since the last visit"), "visits_done", False),
    "overdue_days": (gettext_lazy("Days overdue"), "overdue_amount", True),
}
_depth: ContextVar[int] = ContextVar("segments in segments", default=0)


@contextmanager
def nested(depth: int) -> Iterator[None]:
    """What is built inside lies so deep in other segments."""
    token = _depth.set(depth)
    try:
        yield
    finally:
        _depth.reset(token)


class InSegment(Term):
    """The segments that a customer is in, chosen like a reference."""

    __slots__ = ()

    def query(self, check: Check) -> Q:
        """The records whose customer is in one of the segments, or in none of them."""
        if check.op == "empty":
            ids: Any = queries.Segment.objects.filter(archived_at=None).values_list("pk", flat=True)
        else:
            ids = check.operand if check.op == "in" else (check.operand,)
        inside = queries.in_any(list(ids), depth=_depth.get() + 1)
        where = Q(**{f"{self.attname}__in": Customer.objects.filter(inside).values("pk")})
        outside = check.op == "not" or (check.op == "empty" and check.operand)
        return ~where if outside else where


class Ago(Column):
    """How many days ago the edge of a measure's facts lies; who has none fulfils no comparison but `empty`."""

    __slots__ = ("actor", "first", "measure")

    def __init__(self, attname: str, measure: str, first: bool, actor: Actor, label: Text) -> None:
        super().__init__(attname, "integer", _days, label)
        self.measure, self.first, self.actor = measure, first, actor

    def query(self, check: Check) -> Q:
        """The records whose customer's last (first) fact lies so long ago."""
        rows, member = queries.edge_day(self.measure, self.actor, first=self.first)
        if check.op == "empty":
            found = Q(**{f"{self.attname}__in": rows.values(member)})
            return ~found if check.operand else found
        passed = Q()
        match check.op:
            case "within":
                for lookup, days in check.operand:
                    passed &= self._edge(lookup, days)
            case "in":
                passed = Q(pk__in=[])
                for days in check.operand:
                    passed |= self._edge("exact", days)
            case "exact":
                passed = self._edge("exact", check.operand)
            case "not":
                passed = ~self._edge("exact", check.operand)
        return Q(**{f"{self.attname}__in": rows.filter(passed).values(member)})

    def _edge(self, lookup: str, days: int) -> Q:
        """More days ago is earlier."""
        day = clock.today() - timedelta(days=days)
        start, end = self._moment(day), self._moment(day + timedelta(days=1))
        match lookup:
            case "gte":
                return Q(edge__lt=end)
            case "gt":
                return Q(edge__lt=start)
            case "lte":
                return Q(edge__gte=start)
            case "lt":
                return Q(edge__gte=end)
        return Q(edge__gte=start, edge__lt=end)

    def _moment(self, day: date) -> date | datetime:
        return clock.day_start(day) if metric_named(self.measure).moment else day


def _days(value: Any) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_DAYS):
        raise ValidationError(_("Give whole days from 0 to %(most)d.") % {"most": MOST_DAYS}, code="range")
    return int(text)


def customer_terms(entity: Entity, actor: Actor) -> Vocabulary:
    """The terms of customers, and of what refers to a customer. One may not see nothing of what isn't seen."""
    if entity.model is Customer:
        return _terms("pk", "", "", actor)
    found: Vocabulary = {}
    if actor.may("customers.view"):
        for spec in entity.known_to(actor).values():
            if spec.kind == "reference" and spec.target is Customer:
                found |= _terms(spec.attname, f"{spec.name}.", str(spec.label), actor)
    return found


def _terms(attname: str, prefix: str, record: str, actor: Actor) -> Vocabulary:
    def label(text: Text) -> Text:
        return _("%(record)s · %(field)s") % {"record": record, "field": text} if record else text

    found: Vocabulary = {}
    if actor.may("segments.view"):
        spec = FieldSpec("segment", SegmentMember)
        found[f"{prefix}segment"] = InSegment(attname, spec, actor, label(gettext_lazy("Segment")))
    for name, (text, measure, first) in AGES.items():
        if actor.may(f"{metric_named(measure).resource}.view"):
            found[f"{prefix}{name}"] = Ago(attname, measure, first, actor, label(text))
    return found
