"""What must be so before an opportunity leaves its stage forward, and what of it is missing (OPP-01, OPP-03)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from saleswright.interface.conditions import say, vocabulary
from saleswright.interface.fields import spec_of
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.conditions import build
from saleswright.kernel.errors import ValidationFailed
from saleswright.modules.pipeline.models import (
    Activity,
    Opportunity,
    OpportunityCompetitor,
    OpportunityContact,
    OpportunityNeed,
    Stage,
    StageChange,
    StageCriterion,
)
from saleswright.modules.pipeline.states import ActivityKind, ActivityStatus, CriterionKind
from saleswright.modules.work.public import Attachment, FileGroup, group_of

#: fields that are also filled when there are lines for them
LINED: dict[str, Any] = {
    "needs": OpportunityNeed, "contact": OpportunityContact, "competitor": OpportunityCompetitor,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is asked for, whether it is so, and in which way people bring it about.

    `detail` names the field, or the kind of activity, that is missing.
    """

    kind: Literal["field", "activity", "document", "condition"]
    text: str
    met: bool
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """The API's form."""
        return {"kind": self.kind, "text": self.text, "met": self.met}


def checks(opportunity: Opportunity) -> list[Check]:
    """All that the present stage of the opportunity asks for, in its order: fields first."""
    return checks_of([opportunity])[opportunity.pk]


def missing(opportunity: Opportunity) -> list[Check]:
    """What of that is not so."""
    return [check for check in checks(opportunity) if not check.met]


def checks_of(opportunities: Sequence[Opportunity]) -> dict[int, list[Check]]:
    """The same for many opportunities, with a constant number of statements but for conditions: one each."""
    stages = Stage.objects.in_bulk({one.stage_id for one in opportunities})
    criteria: dict[int, list[StageCriterion]] = defaultdict(list)
    for criterion in StageCriterion.objects.filter(stage__in=stages, archived_at=None).order_by("sequence", "id"):
        criteria[criterion.stage_id].append(criterion)
    facts = _Facts(opportunities, [one for some in criteria.values() for one in some])
    return {
        one.pk: [
            *_fields(one, stages[one.stage_id].exit_requires),
            *(facts.check(one, criterion) for criterion in criteria[one.stage_id]),
        ]
        for one in opportunities
    }


def in_a_sentence(lacking: Sequence[Check]) -> str:
    """What is missing, as the refusal to go on says it: fields together, then the rest."""
    labels = [str(spec_of(Opportunity, one.detail).label) for one in lacking if one.kind == "field"]
    parts = [_("fill in: %(fields)s") % {"fields": ", ".join(labels)}] if labels else []
    return pgettext("list of sentences", "; ").join(parts + [one.text for one in lacking if one.kind != "field"])


def _fields(opportunity: Opportunity, names: Iterable[str]) -> list[Check]:
    found = []
    for name in names:
        spec = spec_of(Opportunity, name)
        text = _("Fill in: %(field)s") % {"field": spec.label}
        found.append(Check("field", text, _is_filled(opportunity, name, spec.attname), name))
    return found


def _is_filled(opportunity: Opportunity, name: str, attname: str) -> bool:
    """Whether there is something in the field; an amount of zero is nothing."""
    lines = LINED.get(name)
    return bool(getattr(opportunity, attname)) or (
        lines is not None and lines.objects.filter(opportunity=opportunity).exists()
    )


class _Facts:
    """What was done with, attached to and is true of some opportunities, read when a criterion asks for it first."""

    def __init__(self, opportunities: Sequence[Opportunity], criteria: Sequence[StageCriterion]) -> None:
        self.ids = [one.pk for one in opportunities]
        kinds = {criterion.kind for criterion in criteria}
        self.done = self._done(opportunities) if CriterionKind.ACTIVITY in kinds else {}
        self.files = self._files() if CriterionKind.DOCUMENT in kinds else {}
        self.holding = {one.pk: self._holding(one) for one in criteria if one.kind == CriterionKind.CONDITION}

    def _done(self, opportunities: Sequence[Opportunity]) -> dict[int, dict[str, int]]:
        """How many activities of each kind were done since the opportunity came into its stage."""
        began = came_in(opportunities)
        rows = Activity.objects.filter(
            opportunity__in=self.ids, status=ActivityStatus.DONE, archived_at=None, done_at__gte=min(began.values())
        )
        found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for pk, kind, at in rows.values_list("opportunity_id", "kind", "done_at"):
            if at is not None and at >= began[pk]:
                found[pk][kind] += 1
        return found

    def _files(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        rows = Attachment.objects.filter(
            resource="opportunities", record_id__in=self.ids, latest=True, archived_at=None
        )
        for pk, name in rows.values_list("record_id", "name"):
            found[pk].append(name)
        return found

    def _holding(self, criterion: StageCriterion) -> frozenset[int]:
        """For which of the opportunities the condition holds: none when it names what is no more."""
        try:
            holds = build(criterion.condition, vocabulary("opportunities", system("criteria")))
        except ValidationFailed:
            return frozenset()
        return frozenset(Opportunity.objects.filter(holds, pk__in=self.ids).values_list("pk", flat=True))

    def check(self, opportunity: Opportunity, criterion: StageCriterion) -> Check:
        """How a criterion stands."""
        match criterion.kind:
            case CriterionKind.ACTIVITY:
                return self._activity(opportunity, criterion)
            case CriterionKind.DOCUMENT:
                names = self.files.get(opportunity.pk, ())
                met = any(_fits(name, criterion) for name in names)
                return Check("document", sentence(criterion), met)
        return Check("condition", sentence(criterion), opportunity.pk in self.holding[criterion.pk])

    def _activity(self, opportunity: Opportunity, criterion: StageCriterion) -> Check:
        counts = self.done.get(opportunity.pk, {})
        done = counts.get(criterion.activity_kind, 0) if criterion.activity_kind else sum(counts.values())
        text = sentence(criterion)
        if criterion.count > 1:
            values = {"what": text, "done": min(done, criterion.count), "count": criterion.count}
            text = _("%(what)s (%(done)d of %(count)d)") % values
        return Check("activity", text, done >= criterion.count, criterion.activity_kind)


def came_in(opportunities: Sequence[Opportunity]) -> dict[int, datetime]:
    """Since when each opportunity is in its stage: by its history, else since the beginning of that day."""
    found = {one.pk: clock.day_start(one.stage_since) for one in opportunities}
    here = {one.pk: one.stage_id for one in opportunities}
    rows = StageChange.objects.filter(opportunity__in=list(here)).values("opportunity_id", "to_stage_id")
    for row in rows.annotate(last=Max("at")).order_by():
        pk = row["opportunity_id"]
        if row["to_stage_id"] == here[pk]:
            found[pk] = row["last"]
    return found


def _fits(name: str, criterion: StageCriterion) -> bool:
    """Whether a file of that name is what the criterion asks for."""
    named = not criterion.document_name or criterion.document_name.casefold() in name.casefold()
    return named and (not criterion.document_group or group_of(name) == criterion.document_group)


def sentence(criterion: StageCriterion) -> str:
    """What a criterion asks for, in words: its own, or made from what it asks for."""
    if criterion.title:
        return criterion.title
    match criterion.kind:
        case CriterionKind.ACTIVITY:
            if not criterion.activity_kind:
                return _("Do and note something with the customer")
            return _("Do and note: %(kind)s") % {"kind": ActivityKind(criterion.activity_kind).label}
        case CriterionKind.DOCUMENT:
            group = FileGroup(criterion.document_group).label if criterion.document_group else ""
            if not criterion.document_name:
                return _("Attach a file: %(kind)s") % {"kind": group}
            if not group:
                return _("Attach the file “%(name)s”") % {"name": criterion.document_name}
            return _("Attach the file “%(name)s” (%(kind)s)") % {"name": criterion.document_name, "kind": group}
    try:
        return say(criterion.condition, vocabulary("opportunities", system("criteria")))
    except ValidationFailed:
        return _("A condition that can't be read any more")


def sentences_of(ids: list[int], actor: Actor) -> dict[int, str]:
    """What some criteria ask for, in words."""
    return {one.pk: sentence(one) for one in StageCriterion.objects.filter(pk__in=ids)}


def missing_of(ids: list[int], actor: Actor) -> dict[int, list[dict[str, Any]]]:
    """What some opportunities lack before they may go on, as the API says it."""
    found = checks_of(list(Opportunity.objects.filter(pk__in=ids, status="open")))
    return {pk: [one.as_json() for one in some if not one.met] for pk, some in found.items()}
