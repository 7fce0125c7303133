"""What is checked and filled in when opportunities are written, and how they move, are won, lost and reopened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.company import base_currency, exchange_rate
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.fields import LIMITS
from saleswright.kernel.money import round_half_up
from saleswright.kernel.records import Batch, Draft, snapshot
from saleswright.kernel.transitions import ASSIGN_ARGS, Arg, transition
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Contact, Customer, give_to, tell_new_owner
from saleswright.modules.pipeline.actions import standing
from saleswright.modules.pipeline.actions.lines import follow_lines, keep_closing_days, prepare_lines
from saleswright.modules.pipeline.criteria import in_a_sentence, missing
from saleswright.modules.pipeline.events import OpportunityLost, OpportunityWon
from saleswright.modules.pipeline.models import LossReason, Opportunity, OpportunityLine, Stage, StageChange
from saleswright.modules.pipeline.probability import learned, refresh_learned, weigh
from saleswright.modules.pipeline.queries import chosen_pipeline
from saleswright.modules.pipeline.states import OpportunityStatus, ProbabilityMode
from saleswright.modules.pipeline.timing import due_on

OPEN, WON, LOST = OpportunityStatus.OPEN, OpportunityStatus.WON, OpportunityStatus.LOST
STAGE, MANUAL, LEARNED = ProbabilityMode.STAGE, ProbabilityMode.MANUAL, ProbabilityMode.LEARNED


# --- plain edits -----------------------------------------------------------------------------------------------


def prepare_opportunities(batch: Batch) -> None:
    """Place them in a stage, add up their lines, convert and name them, and check their days."""
    _refuse_closed(batch)
    stages = {stage.pk: stage for stage in Stage.objects.order_by("sequence", "id")}
    default = chosen_pipeline(None)
    owners, due = _customers_of_contacts(batch.good), lru_cache(maxsize=None)(due_on)
    for draft in batch.good:
        match_contact(draft, owners)
        _date(draft, batch)
        _place(draft, batch, stages, default)
        _add_up(draft, batch.history)
        _weigh(draft, stages)
        _limit(draft, stages, due)
    standing.check_rooms(batch, stages)
    prepare_lines(batch)
    _learn(batch, stages)
    _keep_sums(batch)
    _convert(batch)
    _name(batch.good)


def _refuse_closed(batch: Batch) -> None:
    """Won and lost opportunities stand as they are; the same values again, as in a repeated import, do no harm."""
    closed = [draft for draft in batch.good if not draft.fresh and draft.before["status"] != OPEN]
    for draft in closed:
        if _same_lines(draft):
            for kept in (draft.lines, draft.line_drafts, draft.removed_lines):
                kept.pop("lines", None)
        if not draft.lines and not draft.extras and snapshot(draft.record) == draft.before:
            continue
        if len(batch.drafts) == 1:
            raise Conflict(_("A closed opportunity can't be changed. Reopen it first."))
        draft.error("", "conflict", _("A closed opportunity can't be changed. Reopen it first."))


def _same_lines(draft: Draft) -> bool:
    """Whether the lines given are those that the opportunity has."""
    given = [(d.record.product_id, d.record.quantity, d.record.unit_price) for d in draft.line_drafts.get("lines", ())]
    present = [(line["product"], line["quantity"], line["unit_price"]) for line in draft.lines_before.get("lines", ())]
    return given == present


def _date(draft: Draft, batch: Batch) -> None:
    """Closed ones have a day of closing, won ones a customer; in a file a missing day of opening is unknown."""
    opportunity = draft.record
    if draft.fresh and (batch.history or draft.row is not None) and "opened_on" not in draft.values:
        opportunity.opened_on = None
    if opportunity.status == OPEN and opportunity.closed_on:
        draft.error("closed_on", "invalid", _("An open opportunity has no day of closing."))
    if opportunity.status != OPEN and not opportunity.closed_on:
        draft.error("closed_on", "required", _("A closed opportunity needs the day of closing."))
    if opportunity.status == WON and not opportunity.customer_id:
        draft.error("customer", "required", _("A won opportunity needs a customer."))
    if opportunity.opened_on and opportunity.closed_on and opportunity.closed_on < opportunity.opened_on:
        draft.error("closed_on", "order", _("It can't be closed before it was opened."))


def _place(draft: Draft, batch: Batch, stages: dict[int, Stage], default: int) -> None:
    """Settle pipeline and stage: of a new one as given or the first; of others only a new pipeline changes it."""
    opportunity, before = draft.record, draft.before
    opportunity.stage_id = opportunity.stage_id or before.get("stage_id")
    stage = stages.get(opportunity.stage_id)
    if draft.fresh:
        opportunity.pipeline_id = opportunity.pipeline_id or (stage.pipeline_id if stage else default or None)
    else:
        opportunity.pipeline_id = opportunity.pipeline_id or before["pipeline_id"]
        moved = opportunity.pipeline_id != before["pipeline_id"]
        if not moved and opportunity.stage_id != before["stage_id"] and not batch.history:
            draft.error("stage", "read_only", _("Use “Change stage” to change the stage."))
        if moved and opportunity.stage_id == before["stage_id"]:
            opportunity.stage_id = None
    if opportunity.stage_id is None:
        own = [s for s in stages.values() if s.pipeline_id == opportunity.pipeline_id and s.archived_at is None]
        if not own:
            draft.error("pipeline", "invalid", _("The pipeline has no stages."))
            return
        opportunity.stage_id = own[-1 if opportunity.status == WON else 0].pk
    elif stage is not None and stage.pipeline_id != opportunity.pipeline_id:
        draft.error("stage", "invalid", _("The stage belongs to another pipeline."))
    if draft.changed("stage"):
        today = clock.local_date(batch.at)
        since = (opportunity.closed_on or opportunity.opened_on) if batch.history or draft.fresh else None
        opportunity.stage_since = min(since or today, today)


def _customers_of_contacts(drafts: Iterable[Draft]) -> dict[int, int]:
    ids = {draft.record.contact_id for draft in drafts if draft.record.contact_id}
    return dict(Contact.objects.filter(pk__in=ids).values_list("pk", "customer_id")) if ids else {}


def match_contact(draft: Draft, owners: dict[int, int]) -> None:
    """The contact is a person of the customer, who is taken from the contact if not given."""
    record = draft.record
    customer_id = owners.get(record.contact_id)
    if customer_id is None:
        return
    record.customer_id = record.customer_id or customer_id
    if record.customer_id != customer_id:
        draft.error("contact", "invalid", _("This person belongs to another customer."))


def _add_up(draft: Draft, history: bool) -> None:
    """When all lines have a price the amount is their sum (history keeps its own); the first names the product."""
    if "lines" not in draft.lines:
        return
    opportunity, lines = draft.record, [line.record for line in draft.line_drafts.get("lines", ())]
    for index, line in enumerate(lines):
        line.amount = None if line.unit_price is None else round_half_up(line.quantity * line.unit_price)
        if line.amount is not None and line.amount > LIMITS[2]:
            draft.error(f"lines.{index}.unit_price", "range", _("The amount is too large."))
    if draft.errors or not lines:
        return
    opportunity.product_id = lines[0].product_id
    if all(line.amount is not None for line in lines) and not (history and "amount" in draft.values):
        opportunity.amount = sum((line.amount for line in lines), Decimal(0))


def _keep_sums(batch: Batch) -> None:
    """Without new lines the amount of an opportunity with priced lines stays their sum."""
    changed = [d for d in batch.good if not d.fresh and "lines" not in d.lines and d.changed("amount")]
    if not changed or batch.history:
        return
    lines = OpportunityLine.objects.filter(opportunity_id__in=[draft.pk for draft in changed])
    unpriced = set(lines.filter(unit_price=None).values_list("opportunity_id", flat=True))
    priced = set(lines.values_list("opportunity_id", flat=True)) - unpriced
    for draft in changed:
        if draft.pk in priced:
            draft.error("amount", "read_only", _("The amount is the sum of the lines; change those."))


def _weigh(draft: Draft, stages: dict[int, Stage]) -> None:
    """The probability is 100 or 0 once closed, else as set by hand, else the stage's.

    A probability that is given is one set by hand unless another mode is asked for besides; one that is emptied is
    the stage's again.
    """
    opportunity, stage = draft.record, stages.get(draft.record.stage_id)
    if opportunity.status != OPEN or stage is None:
        opportunity.probability, opportunity.probability_manual = (100 if opportunity.status == WON else 0), False
        return
    asked = draft.values.get("probability_mode") or ""
    chosen = asked not in {"", STAGE} if draft.fresh else bool(asked) and draft.changed("probability_mode")
    if "probability" in draft.values and not chosen:
        if draft.values["probability"] in (None, ""):
            opportunity.probability_mode = STAGE
        elif draft.changed("probability"):
            by_hand = opportunity.probability != stage.probability
            if by_hand or opportunity.probability_mode == MANUAL:
                opportunity.probability_mode = MANUAL if by_hand else STAGE
    opportunity.probability_mode = opportunity.probability_mode or STAGE
    weigh(opportunity, stage)


def _limit(draft: Draft, stages: dict[int, Stage], due: Callable[[date, Stage], date | None]) -> None:
    """Keep until when it may stay in its stage."""
    opportunity, stage = draft.record, stages.get(draft.record.stage_id)
    if opportunity.status != OPEN or stage is None:
        opportunity.stage_due_on = None
    elif draft.changed("stage") or draft.changed("status"):
        opportunity.stage_due_on = due(opportunity.stage_since, stage)


def _learn(batch: Batch, stages: dict[int, Stage]) -> None:
    """What the past says of those that want to know, all at once; new ones are asked for once they are saved."""
    wanting = [
        d for d in batch.good if not d.fresh and d.record.probability_mode == LEARNED and d.record.status == OPEN
    ]
    found = learned([draft.pk for draft in wanting if draft.pk is not None])
    for draft in wanting:
        weigh(draft.record, stages[draft.record.stage_id], found.get(draft.pk or 0))


def _convert(batch: Batch) -> None:
    """Keep the amount in base currency too; a rate is looked up once for a currency and day."""
    today, rate = clock.local_date(batch.at), lru_cache(exchange_rate)
    for draft in batch.good:
        opportunity = draft.record
        opportunity.currency = (opportunity.currency or base_currency()).upper()
        if not any(draft.changed(name) for name in ("amount", "currency", "opened_on", "closed_on")):
            continue
        try:
            opportunity.base_amount = base_amount(opportunity, today, rate)
        except ValidationFailed as problem:
            draft.errors += problem.errors


def base_amount(opportunity: Opportunity, today: date, rate: Callable[[str, date], Decimal] = exchange_rate) -> Decimal:
    """The amount in base currency at the rate of the day of closing, else of opening, else of today.

    Raises ValidationFailed when no rate is known for that day.
    """
    day = opportunity.closed_on or opportunity.opened_on or today
    return round_half_up(Decimal(opportunity.amount) * rate(opportunity.currency, day))


def _name(drafts: list[Draft]) -> None:
    """An opportunity without a name is called after its customer and product, or its outside code."""
    nameless = [draft for draft in drafts if not draft.record.name]
    if not nameless:
        return
    customers = _names(Customer, {draft.record.customer_id for draft in nameless})
    products = _names(Product, {draft.record.product_id for draft in nameless})
    for draft in nameless:
        opportunity = draft.record
        parts = [customers.get(opportunity.customer_id, ""), products.get(opportunity.product_id, "")]
        opportunity.name = (" · ".join(filter(None, parts)) or opportunity.code or "")[:200]
        if not opportunity.name:
            draft.error("name", "required", _("Give a name, a customer or a product."))


def _names(model: Any, ids: set[int | None]) -> dict[int, str]:
    wanted = ids - {None}
    return dict(model.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}


def note_stages(batch: Batch) -> None:
    """Write the history of those that came into a stage; new ones did so on the day when they were opened."""
    StageChange.objects.bulk_create(
        (
            StageChange(
                opportunity_id=draft.record.pk,
                from_stage_id=draft.before.get("stage_id"),
                to_stage_id=draft.record.stage_id,
                at=_moment_of(draft, batch),
                days=_days_since(draft.before.get("stage_since"), batch.at),
                actor_id=batch.actor.user_id,
            )
            for draft in batch.drafts
            if draft.changed("stage")
        ),
        batch_size=1000,
    )
    keep_closing_days(batch)
    follow_lines(batch)
    wanting = [d.record.pk for d in batch.drafts if d.fresh and d.record.probability_mode == LEARNED]
    if wanting:
        refresh_learned(wanting)


def _moment_of(draft: Draft, batch: Batch) -> datetime:
    opened = draft.record.opened_on
    return clock.day_start(opened) if draft.fresh and opened and opened < clock.local_date(batch.at) else batch.at


def _days_since(since: date | None, at: datetime) -> int | None:
    return None if since is None else max(0, (clock.local_date(at) - since).days)


# --- changes of state ------------------------------------------------------------------------------------------


@transition("opportunities", "assign", label=gettext_lazy("Assign"), args=ASSIGN_ARGS, icon="user-share")
def assign_opportunity(opportunity: Opportunity, *, actor: Actor, at: datetime, owner_id: int) -> None:
    """Give the opportunity to another owner."""
    give_to(opportunity, actor, owner_id, "opportunities.assign")
    tell_new_owner(opportunity, actor, at)


@transition(
    "opportunities", "move", label=gettext_lazy("Change stage"), source=[OPEN], icon="arrow-right", style="primary",
    args=(
        Arg("stage_id", gettext_lazy("To stage"), "reference", to="stages"),
        Arg("reason", gettext_lazy("Reason"), required=False,
            help=gettext_lazy("Needed to skip a stage or to go back.")),
    ),
)  # fmt: skip
def move_opportunity(
    opportunity: Opportunity, *, actor: Actor, at: datetime, stage_id: int, reason: str | None
) -> None:
    """Bring it into another stage of its pipeline (OPP-03).

    Raises ValidationFailed (another pipeline; no reason for skipping or going back) and Conflict (it stands there
    already; what the present stage asks for is missing).
    """
    present, target = opportunity.stage, Stage.objects.get(pk=stage_id)
    if target.pipeline_id != opportunity.pipeline_id:
        raise ValidationFailed.of("stage_id", "invalid", _("The stage belongs to another pipeline."))
    if target.pk == present.pk:
        raise Conflict(_("The opportunity is in this stage already."))
    if not reason and (unusual := _unusual(present, target)):
        raise ValidationFailed.of("reason", "required", unusual)
    if target.sequence > present.sequence and (lacking := missing(opportunity)):
        values = {"stage": present.title, "missing": in_a_sentence(lacking)}
        raise Conflict(_("Before “%(stage)s” is left: %(missing)s.") % values)
    standing.check_room(target)
    _note_move(opportunity, target, actor, at, reason or "")
    opportunity.stage = target
    opportunity.stage_since = clock.local_date(at)
    opportunity.stage_due_on = due_on(opportunity.stage_since, target)
    weigh(opportunity, target, learned([opportunity.pk]).get(opportunity.pk))
    standing.tell_responsible(opportunity, target, actor, at)


def _unusual(present: Stage, target: Stage) -> Text | None:
    """Why a move needs a reason, or None: it goes back, or leaves out a stage."""
    if target.sequence < present.sequence:
        return _("Give a reason for going back.")
    between = Stage.objects.filter(
        pipeline_id=present.pipeline_id,
        sequence__gt=present.sequence,
        sequence__lt=target.sequence,
        archived_at=None,
    )
    return _("Give a reason for skipping a stage.") if between.exists() else None


def _note_move(opportunity: Opportunity, target: Stage, actor: Actor, at: datetime, reason: str) -> None:
    StageChange.objects.create(
        opportunity=opportunity,
        from_stage_id=opportunity.stage_id,
        to_stage=target,
        at=at,
        days=_days_since(opportunity.stage_since, at),
        actor_id=actor.user_id,
        reason=reason,
    )


def has_customer(opportunity: Opportunity) -> Text | None:
    """Only a deal with somebody can be won."""
    return None if opportunity.customer_id else _("Name the customer first.")


@transition(
    "opportunities", "win", label=gettext_lazy("Win"), source=[OPEN], target=WON, guards=(has_customer,),
    event=OpportunityWon,
    icon="trophy", style="success",
    args=(Arg("closed_on", gettext_lazy("Closed on"), "date", required=False,
              help=gettext_lazy("Left empty: today.")),),
)  # fmt: skip
def win_opportunity(opportunity: Opportunity, *, actor: Actor, at: datetime, closed_on: date | None) -> None:
    """The deal is made."""
    _close(opportunity, at, closed_on)
    opportunity.probability = 100


@transition(
    "opportunities", "lose", label=gettext_lazy("Lose"), source=[OPEN], target=LOST, event=OpportunityLost,
    icon="mood-sad",
    style="danger",
    args=(
        Arg("reason", gettext_lazy("Reason"),
            help=gettext_lazy("One of the loss reasons, or what happened in your own words.")),
        Arg("competitor_id", gettext_lazy("Lost to"), "reference", required=False, to="competitors"),
        Arg("lesson", gettext_lazy("Lesson learned"), "long", required=False),
        Arg("closed_on", gettext_lazy("Closed on"), "date", required=False, help=gettext_lazy("Left empty: today.")),
    ),
)  # fmt: skip
def lose_opportunity(
    opportunity: Opportunity,
    *,
    actor: Actor,
    at: datetime,
    reason: str,
    competitor_id: int | None,
    lesson: str | None,
    closed_on: date | None,
) -> None:
    """The deal is not made. `reason` is the code or name of a loss reason; other words are kept under “other”."""
    _close(opportunity, at, closed_on)
    opportunity.probability = 0
    opportunity.loss_reason, opportunity.loss_note = loss_reason(reason), reason
    opportunity.competitor_id = competitor_id or opportunity.competitor_id
    opportunity.lesson = lesson or opportunity.lesson


def loss_reason(text: str) -> LossReason | None:
    """The loss reason of that code or name, else the one of the code `other` if it is kept."""
    known = {reason.code.casefold(): reason for reason in LossReason.objects.filter(archived_at=None).order_by("-id")}
    by_name = {reason.name.casefold(): reason for reason in known.values()}
    return known.get(text.casefold()) or by_name.get(text.casefold()) or known.get("other")


def _close(opportunity: Opportunity, at: datetime, closed_on: date | None) -> None:
    today = clock.local_date(at)
    day = closed_on or today
    if day > today:
        raise ValidationFailed.of("closed_on", "range", _("The day of closing lies in the future."))
    if opportunity.opened_on and day < opportunity.opened_on:
        raise ValidationFailed.of("closed_on", "order", _("It can't be closed before it was opened."))
    opportunity.closed_on, opportunity.probability_manual, opportunity.stage_due_on = day, False, None
    opportunity.base_amount = base_amount(opportunity, today)


@transition(
    "opportunities", "reopen", label=gettext_lazy("Reopen"), source=[WON, LOST], target=OPEN, icon="rotate",
    args=(Arg("reason", gettext_lazy("Reason")),),
)  # fmt: skip
def reopen_opportunity(opportunity: Opportunity, *, actor: Actor, at: datetime, reason: str) -> None:
    """Take the deal up again in the stage where it was closed; the reason goes into its history."""
    standing.check_room(opportunity.stage)
    _note_move(opportunity, opportunity.stage, actor, at, reason)
    opportunity.closed_on, opportunity.loss_reason, opportunity.loss_note = None, None, ""
    opportunity.stage_since = clock.local_date(at)
    opportunity.stage_due_on = due_on(opportunity.stage_since, opportunity.stage)
    opportunity.probability_mode = LEARNED if opportunity.probability_mode == LEARNED else STAGE
    weigh(opportunity, opportunity.stage, learned([opportunity.pk]).get(opportunity.pk))
    opportunity.base_amount = base_amount(opportunity, clock.local_date(at))
