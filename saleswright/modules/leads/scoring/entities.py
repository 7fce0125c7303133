"""Score rules, learned versions and how they are learned, as people and programs meet them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.conditions import KINDS
from saleswright.interface.entity import Entity, Exchange, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.drafts import Batch
from saleswright.kernel.errors import Text
from saleswright.modules.leads.scoring import jobs as jobs
from saleswright.modules.leads.scoring import training
from saleswright.modules.leads.scoring.models import ScoreRule, ScoreSetup, ScoreVersion
from saleswright.modules.leads.scoring.rules import check_rules, score_terms

KINDS["lead-score"] = score_terms
METHODS: dict[str, Text] = {
    "line": _("Logistic regression"), "forest": _("Boosted trees"), "both": _("Logistic regression and trees"), "": "",
}  # fmt: skip


@register
class ScoreRuleEntity(Entity):
    """Points for leads on which a condition holds."""

    name, model = "score-rules", ScoreRule
    icon = "list-numbers"
    search = ("label",)
    columns = ("label", "part", "points", "active", "conditions", "position")
    sortable = ("position", "points", "label")
    filters = ("part", "points", "label")
    ordering = "position"
    form = (
        Section(_("Score rule"), ("label", "part", "points", "position", "active")),
        Section(_("Gives its points when"), ("conditions",)),
    )
    panels = ("/score-rules/{pk}/preview/panel",)
    exchange = Exchange(key="label")
    empty_text = _("No rules: until something is learned, every lead has the score 0.")

    def prepare(self, batch: Batch) -> None:
        check_rules(batch)

    def saved(self, batch: Batch) -> None:
        training.rules_changed(batch)

    def put_away(self, record: ScoreRule, actor: Actor) -> None:
        from saleswright.kernel import clock

        training.rescore_soon(clock.now())

    def term_of(self, name: str, typed: Mapping[str, Any], actor: Actor) -> str:
        return "leads"


@register
class ScoreSetupEntity(Entity):
    """How the lead score is learned."""

    name, model = "score-setup", ScoreSetup
    icon = "adjustments"
    columns = ("learns", "fewest_outcomes", "lost_after_days", "every_days", "known_after", "admitted")
    form = (
        Section(_("Learning"), ("learns", "fewest_outcomes", "every_days", "lost_after_days")),
        Section(
            _("Columns"), ("known_after", "admitted"),
            _("The page of the lead score lists the columns and says which were set aside and why."),
        ),
    )  # fmt: skip
    private = ("name",)
    creatable = deletable = archivable = False
    transitions = (training.treat_column,)

    def prepare(self, batch: Batch) -> None:
        training.check_setup(batch)

    def label_of(self, record: ScoreSetup) -> str:
        return str(record)


@register
class ScoreVersionEntity(Entity):
    """Versions of the learned score: one is learned by creating it."""

    name, model = "score-versions", ScoreVersion
    icon = "versions"
    state_field = "status"
    columns = ("number", "status", "created_at", "method", "outcomes", "auc", "used_since", "created_by")
    sortable = ("status", "created_at", "auc")
    filters = ("status", "created_at", "number", "auc")
    shown = (Shown("percent", percent=True), Shown("method", names=lambda: METHODS))
    form = (
        Section(
            _("Learn from our own leads"), ("note",),
            _("Converted and disqualified leads are compared by a worker. It takes a minute or two."),
        ),
    )  # fmt: skip
    detail = (
        Section(
            _("Learned version"),
            ("number", "method", "outcomes", "converted", "auc", "percent", "used_since", "problem", "note"),
        ),
    )
    private = ("job_id",)
    derived = ("evaluation", "columns", "percent")
    editable = deletable = archivable = False
    panels = ("/score-versions/{pk}/evaluation/panel",)
    transitions = (training.use_version, training.retire_version, training.cancel_version)
    empty_text = _("Nothing was learned yet.")

    def prepare(self, batch: Batch) -> None:
        training.check_versions(batch)

    def saved(self, batch: Batch) -> None:
        training.start_versions(batch)

    def label_of(self, record: ScoreVersion) -> str:
        return str(record)


add_setting(
    "process",
    Setting("score-rules", _("Points for who a lead is and what it does, with their conditions")),
    Setting(
        "lead-score-page", _("How good the lead score is, what it was learned from, and its versions"), _("Lead score"),
        "chart-histogram", "/lead-score", "score-versions.view",
    ),
)  # fmt: skip
