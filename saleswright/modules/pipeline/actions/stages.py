"""What is checked when pipelines' stages are written, and what follows."""

from __future__ import annotations

from django.db.models import F
from django.utils.translation import gettext as _

from saleswright.interface.conditions import say, vocabulary
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import Batch
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.probability import refresh_learned
from saleswright.modules.pipeline.states import CriterionKind, OpportunityStatus, ProbabilityMode
from saleswright.modules.pipeline.timing import follow_time_limits

#: what a stage may ask for before an opportunity goes on
EXIT_FIELDS = frozenset({
    "customer", "contact", "amount", "product", "expected_close", "source", "campaign", "needs", "next_step",
    "next_step_at", "competitor",
})  # fmt: skip


def prepare_stages(batch: Batch) -> None:
    """Exit criteria name fields of opportunities; a stage in use stays in its pipeline."""
    moved = [draft.pk for draft in batch.good if draft.pk is not None and draft.changed("pipeline")]
    used = set(Opportunity.objects.filter(stage_id__in=moved).values_list("stage_id", flat=True)) if moved else set()
    for draft in batch.good:
        unknown = [str(name) for name in draft.record.exit_requires if name not in EXIT_FIELDS]
        if unknown:
            values = {"names": ", ".join(unknown), "known": ", ".join(sorted(EXIT_FIELDS))}
            draft.error(
                "exit_requires", "choice", _("Not among the fields: %(names)s. Choose from %(known)s.") % values
            )
        if draft.pk in used:
            draft.error("pipeline", "invalid", _("The stage has opportunities; it stays in its pipeline."))


def prepare_criteria(batch: Batch) -> None:
    """A criterion says what it asks for; what belongs to another kind of criterion is left out."""
    for draft in batch.good:
        one = draft.record
        if one.kind != CriterionKind.ACTIVITY:
            one.activity_kind, one.count = "", 1
        if one.kind != CriterionKind.DOCUMENT:
            one.document_name, one.document_group = "", ""
        elif not one.document_name and not one.document_group:
            draft.error("document_name", "required", _("Say which text the name has, or which kind of file it is."))
        if one.kind != CriterionKind.CONDITION:
            one.condition = {}
        elif not one.condition:
            draft.error("condition", "required", _("Say what has to hold."))
        else:
            try:
                say(one.condition, vocabulary("opportunities", batch.actor))
            except ValidationFailed as refused:
                draft.error("condition", refused.errors[0].code, refused.errors[0].message)


def follow_stages(batch: Batch) -> None:
    """Open opportunities follow a new probability and time limit of their stage."""
    follow_probability(batch)
    limited = [d.record.pk for d in batch.drafts if d.pk is not None and d.changed("time_limit_days")]
    if limited:
        follow_time_limits(limited)


def follow_probability(batch: Batch) -> None:
    """Open opportunities whose probability is the stage's take over the new one."""
    for draft in batch.drafts:
        if draft.pk is not None and draft.changed("probability"):
            Opportunity.objects.filter(
                stage_id=draft.pk, status=OpportunityStatus.OPEN, probability_mode=ProbabilityMode.STAGE
            ).update(probability=draft.record.probability, version=F("version") + 1)
            refresh_learned()
