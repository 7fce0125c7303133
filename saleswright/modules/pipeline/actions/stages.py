"""What is checked when pipelines' stages are written, and what follows."""

from __future__ import annotations

from django.db.models import F
from django.utils.translation import gettext as _

from saleswright.kernel.records import Batch
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.states import OpportunityStatus

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


def follow_probability(batch: Batch) -> None:
    """Open opportunities whose probability wasn't set by hand take over the new one of their stage."""
    for draft in batch.drafts:
        if draft.pk is not None and draft.changed("probability"):
            Opportunity.objects.filter(
                stage_id=draft.pk, status=OpportunityStatus.OPEN, probability_manual=False
            ).update(probability=draft.record.probability, version=F("version") + 1)
