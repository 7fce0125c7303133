"""Segments, figures, rules and life cycle as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Attached, Entity, Exchange, Related, Section, View, register
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.drafts import Batch
from saleswright.kernel.resources import contribute
from saleswright.modules.insight.actions import care, figures, grading, segments
from saleswright.modules.insight.models import (
    CareDuty,
    CarePlan,
    CustomerGrade,
    CustomerRules,
    CustomerStanding,
    GradeRules,
    LevelChange,
    LevelOverride,
    LifeCycleChange,
    Segment,
)


@register
class SegmentEntity(Entity):
    """Segments of customers, by conditions or as lists."""

    name, model = "segments", Segment
    icon = "users-group"
    search = ("name",)
    columns = ("name", "kind", "conditions", "owner", "updated_at")
    sortable = ("kind", "created_at", "updated_at")
    filters = ("kind", "name", "created_at")
    form = (
        Section(gettext_lazy("Segment"), ("name", "kind", "owner")),
        Section(
            gettext_lazy("Who is in it"), ("conditions",),
            gettext_lazy("Figures such as orders taken may be of a period, the last 365 days for example."),
        ),
        Section(gettext_lazy("Remark"), ("note",)),
    )  # fmt: skip
    form_template = "insight/segment_form.html"
    transitions = (segments.add_to_list, segments.remove_from_list, segments.freeze)
    panels = ("/segments/{pk}/members",)
    exchange = Exchange(key="name", fields=("name", "kind", "conditions", "note", "owner__username"))
    empty_text = gettext_lazy("No segments yet. Save conditions on customers, or name the customers of a list.")

    def prepare(self, batch: Batch) -> None:
        segments.prepare_segments(batch)


def reasons(ids: list[int], actor: Actor) -> dict[int, str]:
    """What the rhythm of each customer says, in words."""
    rows = CustomerStanding.objects.filter(pk__in=ids).values_list("pk", "usual_gap", "silent_days", "alive_percent")
    return {pk: figures.why(gap, silent, alive) for pk, gap, silent, alive in rows}


@register
class CustomerStandingEntity(Entity):
    """The nightly figures; whoever sees the customer sees them."""

    name, model, via = "customer-standings", CustomerStanding, "customer"
    icon = "activity"
    columns = (
        "customer", "alive_percent", "usual_gap", "silent_days", "last_order_on", "orders", "revenue_year", "rfm_score",
    )  # fmt: skip
    sortable = (
        "last_order_on", "silent_days", "usual_gap", "alive_percent", "revenue_year", "orders", "rfm_score",
        "created_at",
    )  # fmt: skip
    filters = (
        "customer", "last_order_on", "silent_days", "usual_gap", "alive_percent", "revenue_year", "orders", "rfm_score",
    )  # fmt: skip
    ordering = "alive_percent"
    shown = (Shown("alive_percent", percent=True),)
    detail = (
        Section(
            gettext_lazy("Rhythm"),
            ("customer", "as_of", "orders", "first_order_on", "last_order_on", "usual_gap", "silent_days",
             "alive_percent"),
        ),
        Section(
            gettext_lazy("Value score"),
            ("revenue_year", "revenue_before", "recency_score", "frequency_score", "monetary_score", "rfm_score"),
        ),
    )  # fmt: skip
    attached = (Attached("reason", gettext_lazy("In words"), reasons, {"type": "string"}, default=str),)
    creatable = editable = deletable = archivable = False
    exchange = Exchange(
        key="id",
        fields=("customer__code", "customer__name"),
        extra_export=(
            "as_of", "orders", "first_order_on", "last_order_on", "usual_gap", "silent_days", "alive_percent",
            "revenue_year", "revenue_before", "rfm_score",
        ),
    )  # fmt: skip
    empty_text = gettext_lazy("No figures yet: they are worked out every night from the orders.")


@register
class LifeCycleChangeEntity(Entity):
    """How customers came from one phase of their life into the next."""

    name, model, via = "life-cycle-changes", LifeCycleChange, "customer"
    icon = "route"
    columns = ("customer", "before", "after", "on", "silent_days")
    sortable = ("on", "after", "created_at")
    filters = ("customer", "after", "on")
    ordering = "-on"
    detail = (Section(gettext_lazy("What changed"), ("customer", "before", "after", "on", "silent_days")),)
    creatable = editable = deletable = archivable = False
    empty_text = gettext_lazy("No changes yet: the rules are looked at every night.")

    def label_of(self, record: LifeCycleChange) -> str:
        return str(record.get_after_display())


@register
class CustomerRulesEntity(Entity):
    """What makes a customer dormant, lost or at risk."""

    name, model = "customer-rules", CustomerRules
    icon = "adjustments"
    columns = ("dormant_days", "lost_days", "rfm_days", "medium_percent", "high_percent", "gap_factor")
    form = (
        Section(
            gettext_lazy("Life cycle"), ("dormant_days", "lost_days"),
            gettext_lazy("Of customers that have ordered; who never did stays what people say."),
        ),
        Section(gettext_lazy("Recency, frequency, monetary"), ("rfm_days",)),
        Section(gettext_lazy("Churn risk"), ("medium_percent", "high_percent", "gap_factor")),
    )  # fmt: skip
    shown = (Shown("medium_percent", percent=True), Shown("high_percent", percent=True))
    transitions = (figures.recompute,)
    creatable = deletable = archivable = False

    def prepare(self, batch: Batch) -> None:
        figures.prepare_rules(batch)

    def label_of(self, record: Any) -> str:
        return str(self.label)


@register
class GradeRulesEntity(Entity):
    """How customers and prospects are graded."""

    name, model = "grade-rules", GradeRules
    icon = "stairs-up"
    columns = ("active", "revenue_weight", "margin_weight", "growth_weight", "payment_weight", "potential_weight",
               "graded_on")  # fmt: skip
    form = (
        Section(
            gettext_lazy("Levels"), ("active", "a_from", "b_from", "c_from"),
            gettext_lazy("Scores run from 0 to 100; what nothing is known of counts as 50. Graded once a month."),
        ),
        Section(
            gettext_lazy("Weights for customers"),
            ("revenue_weight", "margin_weight", "growth_weight", "payment_weight", "potential_weight"),
            gettext_lazy(
                "Revenue, margin, growth of 12 months and open opportunities by percentile among the customers; payment"
                " by days late, none from 60 on. Percent, 100 in all."
            ),
        ),
        Section(
            gettext_lazy("Weights for prospects"), ("fit_weight", "prospect_weight", "timing_weight"),
            gettext_lazy(
                "Fit by the customers of the same industry, open opportunities by percentile, timing by the next"
                " expected close. Percent, 100 in all."
            ),
        ),
    )  # fmt: skip
    detail = (*form, Section(gettext_lazy("Grading"), ("graded_on",)))
    shown = tuple(Shown(f"{name}_weight", percent=True) for name in (*grading.OF_CUSTOMERS, *grading.OF_PROSPECTS))
    transitions = (grading.grade_now,)
    creatable = deletable = archivable = False

    def prepare(self, batch: Batch) -> None:
        grading.prepare_grade_rules(batch)

    def label_of(self, record: Any) -> str:
        return str(self.label)


def explained(ids: list[int], actor: Actor) -> dict[int, list[str]]:
    """The points of grades in words."""
    rows = CustomerGrade.objects.filter(pk__in=ids).values_list("pk", "parts")
    return {pk: grading.in_words(parts) for pk, parts in rows}


@register
class CustomerGradeEntity(Entity):
    """The last grade of each customer with its points; whoever sees the customer sees it."""

    name, model, via = "customer-grades", CustomerGrade, "customer"
    icon = "stairs-up"
    columns = ("customer", "card", "score", "level", "as_of")
    sortable = ("score", "level", "created_at")
    filters = ("customer", "card", "score", "level")
    ordering = "-score"
    detail = (Section(gettext_lazy("Grade"), ("customer", "card", "score", "level", "as_of")),)
    private = ("parts",)
    attached = (
        Attached(
            "reasons", gettext_lazy("Points of the measures"), explained, {"type": "array", "items": {"type": "string"}}
        ),
    )
    creatable = editable = deletable = archivable = False
    exchange = Exchange(
        key="id", fields=("customer__code", "customer__name"), extra_export=("as_of", "card", "score", "level")
    )
    empty_text = gettext_lazy("No grades yet: customers are graded once a month.")


@register
class LevelOverrideEntity(Entity):
    """Levels that somebody set by hand."""

    name, model, via = "level-overrides", LevelOverride, "customer"
    icon = "stairs-up"
    columns = ("customer", "level", "reason", "until", "ended_on", "created_by")
    sortable = ("until", "level", "created_at")
    filters = ("customer", "level", "until")
    ordering = "-created_at"
    detail = (Section(gettext_lazy("Level set by hand"), ("customer", "level", "reason", "until", "ended_on")),)
    creatable = editable = deletable = archivable = False
    empty_text = gettext_lazy("Nobody has set a level by hand.")


@register
class LevelChangeEntity(Entity):
    """How the levels of customers changed."""

    name, model, via = "level-changes", LevelChange, "customer"
    icon = "history"
    columns = ("customer", "before", "after", "on", "cause", "score", "reason")
    sortable = ("on", "after", "created_at")
    filters = ("customer", "after", "on")
    ordering = "-on"
    detail = (Section(gettext_lazy("What changed"), ("customer", "before", "after", "on", "cause", "score", "reason")),)
    creatable = editable = deletable = archivable = False
    empty_text = gettext_lazy("No level has changed yet.")

    def label_of(self, record: LevelChange) -> str:
        return str(record.get_after_display() or "–")


@register
class CarePlanEntity(Entity):
    """How the customers of a level, or of a segment, are looked after."""

    name, model = "care-plans", CarePlan
    icon = "heart-handshake"
    search = ("name",)
    columns = (
        "name", "active", "level", "contact_days", "visits_a_quarter", "festivals", "birthdays", "verify_months",
        "position",
    )  # fmt: skip
    sortable = ("position", "created_at")
    filters = ("name", "created_at")
    ordering = "position"
    form = (
        Section(gettext_lazy("Care plan"), ("name", "active", "position")),
        Section(
            gettext_lazy("For whom"), ("level", "conditions"),
            gettext_lazy(
                "Of several plans that fit a customer the first one decides. Customers without an owner have none."
            ),
        ),
        Section(
            gettext_lazy("What the plan asks for"),
            ("contact_days", "visits_a_quarter", "verify_months", "festivals", "birthdays"),
        ),
    )  # fmt: skip
    related = (Related("care-duties", "plan", create=False),)
    exchange = Exchange(key="name")
    empty_text = gettext_lazy("No care plans yet: nobody is reminded of anybody.")

    def prepare(self, batch: Batch) -> None:
        care.prepare_plans(batch)


@register
class CareDutyEntity(Entity):
    """What the care plans asked for, and what became of it."""

    name, model, via = "care-duties", CareDuty, "customer"
    icon = "checklist"
    state_field = "state"
    columns = ("customer", "kind", "due_on", "state", "done_on", "plan", "task")
    sortable = ("due_on", "state", "created_at")
    filters = ("state", "kind", "due_on", "customer", "plan")
    ordering = "due_on"
    detail = (
        Section(gettext_lazy("Duty of care"), ("customer", "kind", "due_on", "state", "done_on", "plan", "task")),
    )
    creatable = editable = deletable = archivable = False
    empty_text = gettext_lazy("Nothing is asked for. Care plans say what is, and every morning tasks are made of it.")

    def label_of(self, record: CareDuty) -> str:
        return str(record.get_kind_display())


contribute(
    "customers",
    transitions=(
        grading.set_level, grading.end_set_level, figures.win_back, segments.add_customer, segments.remove_customer,
    ),
    views=(
        View("overview", gettext_lazy("360°"), "radar", "customers.view"),
        View("map", gettext_lazy("Relation map"), "sitemap", "contacts.view"),
    ),
    related=(Related("life-cycle-changes", "customer", label=gettext_lazy("Life cycle"), create=False),
             Related("level-changes", "customer", label=gettext_lazy("Levels"), create=False),
             Related("care-duties", "customer", create=False)),
)  # fmt: skip
add_setting(
    "process",
    Setting("customer-rules", gettext_lazy("When a customer is dormant, lost or at risk, and the period of RFM")),
    Setting("care-plans", gettext_lazy("How often customers are contacted and visited, and what they are wished")),
    Setting("grade-rules", gettext_lazy("What makes customers A to D: weights, thresholds, and whether levels follow")),
)
