"""The pipeline, its stages and the loss reasons that a fresh database holds."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from saleswright.kernel import clock
from saleswright.modules.pipeline.models import LossReason, Pipeline, Stage
from saleswright.modules.pipeline.states import ForecastCategory

DEFAULT_PIPELINE = "default"
#: code, name, probability in percent, forecast category, days after which a deal counts as stuck
STAGES = (
    ("new", _("First contact"), 10, ForecastCategory.PIPELINE, 14),
    ("needs", _("Needs confirmed"), 30, ForecastCategory.PIPELINE, 21),
    ("proposal", _("Proposal and quote"), 50, ForecastCategory.BEST_CASE, 30),
    ("negotiation", _("Negotiation"), 70, ForecastCategory.COMMIT, 30),
    ("closing", _("Signing"), 90, ForecastCategory.COMMIT, 14),
)
LOSS_REASONS = (
    ("price", _("Price")),
    ("product", _("Product did not fit")),
    ("competitor", _("Competitor preferred")),
    ("budget", _("No budget")),
    ("timing", _("Project stopped or put off")),
    ("relationship", _("No access to who decides")),
    ("service", _("Delivery or service")),
    ("other", _("Other")),
)


def ship() -> None:
    """Write the default pipeline and loss reasons where none are yet; what was changed is left as it is."""
    at = clock.now()
    if not Pipeline.objects.exists():
        pipeline = Pipeline.objects.create(
            name=DEFAULT_PIPELINE, title=str(_("Standard sale")), sequence=10, created_at=at, updated_at=at
        )
        Stage.objects.bulk_create(
            Stage(
                pipeline=pipeline,
                name=name,
                title=str(title),
                sequence=10 * place,
                probability=probability,
                forecast_category=category,
                time_limit_days=days,
                created_at=at,
                updated_at=at,
            )
            for place, (name, title, probability, category, days) in enumerate(STAGES, start=1)
        )
    if not LossReason.objects.exists():
        LossReason.objects.bulk_create(
            LossReason(code=code, name=str(name), created_at=at, updated_at=at) for code, name in LOSS_REASONS
        )
