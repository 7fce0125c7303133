"""Room in a stage, and who answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.models import User
from saleswright.kernel.words import said
from saleswright.modules.pipeline.models import Opportunity, Stage
from saleswright.modules.pipeline.queries import open_in
from saleswright.modules.pipeline.states import LimitMode, OpportunityStatus
from saleswright.modules.work.public import Notice, NoticeKind, Pace, add_kind, tell

add_kind(NoticeKind("stage", gettext_lazy("Deal in a stage that one answers for"), "stairs-up", {"*": Pace.DAILY}))
ARRIVED = gettext_lazy("%(deal)s came into the stage “%(stage)s”, for which you answer")


def check_room(stage: Stage) -> None:
    """Refuse another deal in a stage whose limit is one that lets no more in. The stage stays locked until the end
    of the transaction, so that of two who come at once one finds it full. Raises Conflict.
    """
    if stage.most_deals is None or stage.limit_mode != LimitMode.BLOCK:
        return
    list(Stage.objects.select_for_update(no_key=True).filter(pk=stage.pk).values_list("pk"))
    if open_in([stage.pk]).get(stage.pk, 0) >= stage.most_deals:
        raise Conflict(_full(stage))


def check_rooms(batch: Batch, stages: Mapping[int, Stage]) -> None:
    """The same for deals that are entered into a stage or come with a new pipeline; history stands as it is."""
    if batch.history:
        return
    coming: dict[int, list[Draft]] = {}
    for draft in batch.good:
        stage = stages.get(draft.record.stage_id)
        limited = stage is not None and stage.most_deals is not None and stage.limit_mode == LimitMode.BLOCK
        if limited and draft.changed("stage") and draft.record.status == OpportunityStatus.OPEN:
            coming.setdefault(draft.record.stage_id, []).append(draft)
    if not coming:
        return
    list(Stage.objects.select_for_update(no_key=True).filter(pk__in=coming).order_by("pk").values_list("pk"))
    taken = open_in(coming)
    for pk, drafts in coming.items():
        room = max((stages[pk].most_deals or 0) - taken.get(pk, 0), 0)
        for draft in drafts[room:]:
            draft.error("stage", "range", _full(stages[pk]))


def _full(stage: Stage) -> Text:
    values = {"stage": stage.title, "most": stage.most_deals}
    return _("“%(stage)s” is full: %(most)d open deals may stand there. Close or move one first.") % values


def holders_of(stage: Stage) -> list[User]:
    """The people who hold the responsible post of the stage now and work here."""
    if stage.post_id is None:
        return []
    people = User.objects.filter(holdings__post=stage.post_id, holdings__until=None, archived_at=None)
    return [one for one in people.distinct().order_by("name", "id") if one.is_active]


def tell_responsible(opportunity: Opportunity, stage: Stage, actor: Actor, at: datetime) -> None:
    """Tell those who answer for the stage, as far as they may see the deal and haven't moved or got it themselves."""
    told = [one for one in holders_of(stage) if one.pk not in (actor.user_id, opportunity.owner_id)]
    rows = Opportunity.objects.filter(pk=opportunity.pk)
    told = [one for one in told if visible(rows, actor_for(one, origin="stage")).exists()]
    words = said(ARRIVED, deal=opportunity.name, stage=stage.title)
    tell([Notice(one.pk, words, "opportunities", opportunity.pk, "stage") for one in told], at=at)
