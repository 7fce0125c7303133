"""Pipelines, opportunities and activities as people and programs meet them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Attached, Board, Calendar, Entity, Exchange, Limit, Related, Section, register
from saleswright.interface.fields import Shown, spec_of
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.models import Collaborator
from saleswright.kernel.personal import Basis, Personal
from saleswright.kernel.resources import Lines, contribute
from saleswright.modules.leads.public import source_names
from saleswright.modules.notices.public import busy_sources
from saleswright.modules.pipeline import criteria, queries
from saleswright.modules.pipeline.actions import activities, leads, opportunities, solutions, stages
from saleswright.modules.pipeline.models import (
    Activity,
    ActivityParticipant,
    LossReason,
    Opportunity,
    OpportunityCompetitor,
    OpportunityContact,
    OpportunityLine,
    OpportunityMember,
    OpportunityNeed,
    Pipeline,
    Solution,
    SolutionLine,
    Stage,
    StageCriterion,
)
from saleswright.modules.pool.public import WON, Hold, Source, add_clock, add_hold


@register
class PipelineEntity(Entity):
    """Ways of selling."""

    name, model = "pipelines", Pipeline
    icon = "git-branch"
    search = ("title", "name")
    columns = ("title", "name", "sequence")
    sortable = ("title", "sequence")
    filters = ("name", "title")
    ordering = "sequence"
    form = (Section(_("Pipeline"), ("title", "name", "sequence", "review_post")),)
    related = (Related("stages", "pipeline"), Related("opportunities", "pipeline", create=False))
    exchange = Exchange(key="name", fields=("name", "title", "sequence", "review_post__title"))


@register
class StageEntity(Entity):
    """The stages of pipelines."""

    name, model = "stages", Stage
    icon = "stairs-up"
    search = ("title", "name")
    columns = ("title", "name", "pipeline", "sequence", "probability", "forecast_category", "time_limit_days")
    shown = (Shown("probability", percent=True),)
    sortable = ("sequence",)
    filters = ("pipeline", "name")
    ordering = "sequence"
    form = (
        Section(_("Stage"), ("pipeline", "title", "name", "sequence")),
        Section(_("Forecast"), ("probability", "forecast_category")),
        Section(_("Time and room"), ("time_limit_days", "most_deals", "limit_mode", "post")),
        Section(
            _("How to go on"),
            ("exit_requires", "guidance", "scripts"),
            _(
                "Activities, documents and conditions are asked for under “Exit criteria”. Attach templates to the "
                "stage itself: they are shown with every deal in it."
            ),
        ),
    )
    related = (Related("stage-criteria", "stage"), Related("opportunities", "stage", create=False))
    exchange = Exchange(
        key="name",
        fields=(
            "pipeline__name", "name", "title", "sequence", "probability", "forecast_category", "time_limit_days",
            "exit_requires", "guidance", "scripts", "most_deals", "limit_mode", "post__title",
        ),
    )  # fmt: skip

    def prepare(self, batch: Any) -> None:
        stages.prepare_stages(batch)

    def saved(self, batch: Any) -> None:
        stages.follow_stages(batch)


@register
class StageCriterionEntity(Entity):
    """What must be so before an opportunity leaves a stage forward."""

    name, model = "stage-criteria", StageCriterion
    icon = "checklist"
    search = ("title", "document_name")
    columns = ("title", "stage", "kind", "activity_kind", "count", "document_name", "condition", "sequence")
    filters = ("stage",)
    ordering = "id"
    form = (
        Section(_("Exit criterion"), ("stage", "kind", "title", "sequence")),
        Section(_("Activity done in the stage"), ("activity_kind", "count")),
        Section(_("Document attached"), ("document_name", "document_group")),
        Section(_("Condition that holds"), ("condition",)),
    )
    attached = (Attached("sentence", _("What is asked for"), criteria.sentences_of, {"type": "string"}, default=str),)
    exchange = Exchange(key="id")
    empty_text = _("Nothing is asked for yet. Add an activity, a document or a condition.")

    def prepare(self, batch: Any) -> None:
        stages.prepare_criteria(batch)

    def label_of(self, record: StageCriterion) -> str:
        return criteria.sentence(record)[:200]


@register
class LossReasonEntity(Entity):
    """Why deals are lost."""

    name, model = "loss-reasons", LossReason
    icon = "mood-sad"
    search = ("name", "code")
    columns = ("name", "code")
    sortable = ("name", "code")
    filters = ("code", "name")
    form = (Section(_("Loss reason"), ("name", "code")),)
    exchange = Exchange(key="code")


def left_to_us(name: str) -> Callable[[Any], int | None]:
    """A cleaner for a reference that may be left empty, since it is then filled in for the user."""
    clean = spec_of(Opportunity, name).clean
    return lambda value: None if value in (None, "") else clean(value)


@register
class OpportunityEntity(Entity):
    """Deals that may be had."""

    name, model = "opportunities", Opportunity
    icon = "target-arrow"
    number_field, state_field = "number", "status"
    search = ("name", "number", "code")
    columns = ("name", "number", "customer", "stage", "amount", "probability", "expected_close", "owner", "status")
    sortable = (
        "name", "amount", "base_amount", "probability", "opened_on", "closed_on", "expected_close", "next_step_at",
        "stage_since", "stage_due_on", "created_at", "updated_at",
    )  # fmt: skip
    filters = (
        "customer", "contact", "lead", "pipeline", "stage", "status", "product", "amount", "base_amount", "probability",
        "opened_on", "closed_on", "expected_close", "next_step_at", "source", "campaign", "competitor", "loss_reason",
        "stage_since", "stage_due_on", "created_at", "updated_at", "number", "code", "name",
    )  # fmt: skip
    derived = ("stage_due_on", "probability_manual")
    totals = ("base_amount",)
    shown = (
        Shown("probability", percent=True), Shown("source", names=source_names),
        Shown("member_lines.share", percent=True),
    )  # fmt: skip
    form = (
        Section(_("Deal"), ("name", "customer", "contact", "owner", "pipeline", "stage")),
        Section(
            _("Amount and dates"),
            ("product", "amount", "currency", "probability_mode", "probability", "opened_on", "expected_close"),
        ),
        Section(_("Next step"), ("next_step", "next_step_at")),
        Section(_("Background"), ("source", "campaign", "competitor", "lesson", "code")),
    )
    detail = (
        Section(_("Deal"), ("customer", "contact", "owner", "pipeline", "stage", "stage_since", "stage_due_on")),
        *form[1:],
    )
    api_write = ("needs",)
    limits = {
        "contact": Limit("customer"), "stage": Limit("pipeline"), "contact_lines.contact": Limit("customer"),
    }  # fmt: skip
    fills = {"contact": ("customer",)}
    lines = (
        Lines(
            "lines", OpportunityLine, "opportunity", _("Products"),
            fields=("product", "quantity", "unit_price"), read=("amount",), required=False,
        ),
        Lines(
            "need_lines", OpportunityNeed, "opportunity", _("Needs"),
            fields=("need", "importance", "answer", "gap"), required=False,
        ),
        Lines(
            "contact_lines", OpportunityContact, "opportunity", _("People at the customer"),
            fields=("contact", "role", "attitude", "note"), required=False,
        ),
        Lines(
            "member_lines", OpportunityMember, "opportunity", _("Deal team"),
            fields=("member", "role", "share"), required=False,
        ),
        Lines(
            "competitor_lines", OpportunityCompetitor, "opportunity", _("Competitors in the deal"),
            fields=("competitor", "standing", "note"), required=False,
        ),
    )  # fmt: skip
    first_panels = ("/opportunities/{pk}/progress",)
    path = ("open", "won")
    transitions = (
        opportunities.move_opportunity, opportunities.win_opportunity, opportunities.lose_opportunity,
        opportunities.assign_opportunity, opportunities.reopen_opportunity,
    )  # fmt: skip
    related = (Related("activities", "opportunity"), Related("solutions", "opportunity"))
    attached = (
        Attached("stuck", _("Stuck in its stage"), queries.stuck_ones, {"type": "boolean"}, bool, on_page=False),
        Attached("step_late", _("Next step overdue"), queries.late_steps, {"type": "boolean"}, bool, on_page=False),
        Attached(
            "missing",
            _("Missing to go on"),
            criteria.missing_of,
            {"type": "array", "items": {"type": "object"}},
            detail_only=True,
            on_page=False,
        ),
        Attached(
            "stage_history",
            _("Way through the stages"),
            queries.stage_histories,
            {"type": "array", "items": {"type": "object"}},
            detail_only=True,
            on_page=False,
        ),
    )
    board = Board(
        by="stage", title="name", subtitle="customer", amount="amount", date="expected_close", open_states=("open",),
        columns=queries.stage_columns, move="move", flags=("stuck", "step_late"),
    )  # fmt: skip
    exchange = Exchange(
        key="code",
        fields=(
            "code", "name", "customer__name", "contact__name", "pipeline__name", "stage__name", "status", "amount",
            "currency", "probability", "product__name", "opened_on", "closed_on", "expected_close", "source",
            "campaign__code", "competitor__name", "loss_reason__code", "needs", "next_step", "next_step_at",
            "owner__username", "lines.product__name", "lines.quantity", "lines.unit_price", "probability_mode",
        ),
        extra_export=("number", "base_amount"),
        synonyms={
            "code": ("opportunity_id", "商机编号"),
            "customer__name": ("account",),
            "opened_on": ("engage_date",),
            "closed_on": ("close_date",),
            "amount": ("close_value",),
        },
    )  # fmt: skip
    history_fields = ("closed_on", "loss_reason", "loss_note")
    cleaners = {"pipeline": left_to_us("pipeline"), "stage": left_to_us("stage")}
    empty_text = _("No opportunities yet. Convert a lead, or enter the first deal.")

    def prepare(self, batch: Any) -> None:
        opportunities.prepare_opportunities(batch)

    def saved(self, batch: Any) -> None:
        opportunities.note_stages(batch)


@register
class SolutionEntity(Entity):
    """What we answer to the needs of a deal."""

    name, model, via = "solutions", Solution, "opportunity"
    icon = "bulb"
    state_field = "status"
    search = ("title",)
    columns = ("title", "opportunity", "revision", "status", "created_by", "created_at")
    sortable = ("status", "created_at")
    filters = ("opportunity", "status", "created_at")
    form = (Section(_("Solution"), ("opportunity", "title", "summary")),)
    detail = (Section(_("Solution"), ("opportunity", "title", "revision", "summary")),)
    lines = (
        Lines(
            "lines", SolutionLine, "solution", _("Needs and answers"),
            fields=("need", "answer", "gap", "product", "quantity", "unit_price"), required=False,
        ),
    )  # fmt: skip
    line_fills = {"opportunity": ("lines", solutions.lines_for)}
    panels = ("/solutions/{pk}/recommended",)
    path = ("draft", "in_review", "approved")
    transitions = (solutions.submit_solution, solutions.revise_solution)
    exchange = Exchange(key="id")
    empty_text = _("No solutions yet. Open a deal and answer its needs.")

    def prepare(self, batch: Any) -> None:
        solutions.prepare_solutions(batch)

    def shown_to(self, actor: Actor, action: str) -> Q | None:
        """Who reviews a solution reads it, whether or not they see the deal."""
        if action != "view" or actor.user_id is None:
            return None
        lent = Collaborator.objects.filter(user=actor.user_id, resource=self.name)
        return Q(pk__in=lent.values("record_id"))

    def edit_refusal(self, record: Solution) -> Text | None:
        return solutions.edit_refusal(record)

    def label_of(self, record: Solution) -> str:
        return f"{record.title} · {record.revision}"


PLACE = _("To show that a visit took place at the customer's")


@register
class ActivityEntity(Entity):
    """Visits, calls and whatever else is done with customers."""

    name, model = "activities", Activity
    icon = "calendar-event"
    state_field = "status"
    search = ("subject", "outcome")
    personal_data = {
        "latitude": Personal("places", PLACE, Basis.LABOUR),
        "longitude": Personal("places", PLACE, Basis.LABOUR),
        "accuracy": Personal("places", PLACE, Basis.LABOUR),
        "distance": Personal("places", PLACE, Basis.LABOUR),
        "checked_in_at": Personal("places", _("To show that a visit took place"), Basis.LABOUR, "kept"),
        "checked_out_at": Personal("places", _("To show that a visit took place"), Basis.LABOUR, "kept"),
    }
    columns = ("subject", "kind", "status", "customer", "opportunity", "planned_at", "done_at", "owner")
    sortable = ("subject", "planned_at", "done_at", "created_at")
    filters = (
        "kind", "status", "customer", "contact", "lead", "opportunity", "planned_at", "done_at", "created_at",
        "subject", "place", "follows",
    )  # fmt: skip
    form = (
        Section(_("Activity"), ("kind", "subject", "owner", "planned_at", "planned_until", "done_at")),
        Section(_("With whom"), ("customer", "contact", "lead", "opportunity")),
        Section(_("Content"), ("purpose", "outcome", "needs", "next_step", "next_step_at")),
    )
    detail = (
        *form,
        Section(_("Check-in"), ("place", "distance", "accuracy", "checked_in_at", "checked_out_at", "place_note")),
        Section(_("Before and after"), ("follows", "ad_hoc")),
    )
    lines = (
        Lines(
            "participants", ActivityParticipant, "activity", _("Participants"),
            fields=("person", "contact"), required=False,
        ),
    )  # fmt: skip
    limits = {"contact": Limit("customer"), "opportunity": Limit("customer")}
    fills = {"opportunity": ("customer", "contact"), "contact": ("customer",)}
    path = ("planned", "done")
    transitions = (
        activities.complete_activity, activities.reschedule_activity, activities.miss_activity,
        activities.cancel_activity,
    )  # fmt: skip
    reaches = {"check-in": queries.goes_there, "check-out": queries.goes_there, "give-place": queries.gives_place}
    related = (Related("activities", "follows", label=_("Next steps"), create=False),)
    calendar = Calendar(by="planned_at", title="subject")
    exchange = Exchange(
        key="id",
        fields=(
            "kind", "subject", "status", "customer__name", "contact__name", "lead__number", "opportunity__number",
            "planned_at", "planned_until", "done_at", "purpose", "outcome", "needs", "next_step", "next_step_at",
            "owner__username",
        ),
    )  # fmt: skip
    empty_text = _("Nothing planned. Plan a visit or note a call.")

    def shown_to(self, actor: Actor, action: str) -> Q | None:
        return queries.takes_part(actor) if action == "view" else None

    def prepare(self, batch: Any) -> None:
        activities.prepare_activities(batch)

    def saved(self, batch: Any) -> None:
        activities.note_follow_ups([draft.record for draft in batch.drafts])

    def edit_refusal(self, record: Activity) -> Text | None:
        return activities.edit_refusal(record)


contribute(
    "leads",
    transitions=(leads.convert_lead,),
    related=(Related("opportunities", "lead", create=False), Related("activities", "lead")),
)
contribute("customers", related=(Related("opportunities", "customer"), Related("activities", "customer")))
contribute("campaigns", related=(Related("opportunities", "campaign", create=False),))

choose_from("currencies", "opportunities", "currency")
busy_sources.append(queries.visits_between)
add_hold(
    "customers",
    Hold("open_opportunity", _("It has an open opportunity."), queries.open_opportunities, "customer"),
)
add_hold("customers", Hold(WON, _("A deal was won with it."), queries.won_opportunities, "customer", "spare_won"))
add_clock(
    "customers", "opportunity", _("Days without an opportunity since it was claimed"),
    Source(Opportunity.objects.all, "customer", "created_at", once=True),
)  # fmt: skip
add_clock(
    "customers",
    "deal",
    _("Days without a deal"),
    Source(queries.won_opportunities, "customer", "closed_on", dated=True),
)
