"""What happens to intelligence: it is noted, checked by somebody else, and told of once a week."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import EVERYTHING, Actor, Scope, actor_for
from saleswright.kernel.access.scopes import standard_scope, visible
from saleswright.kernel.drafts import Batch
from saleswright.kernel.errors import Text
from saleswright.kernel.models import EmploymentState, User
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.words import said
from saleswright.modules.market.intelligence.models import Intelligence
from saleswright.modules.market.intelligence.states import IntelligenceStatus, Topic
from saleswright.modules.work.public import Notice, NoticeKind, Pace, add_kind, tell

NEW, VERIFIED, REFUTED = IntelligenceStatus.NEW, IntelligenceStatus.VERIFIED, IntelligenceStatus.REFUTED
DIGEST = "intelligence_digest"
#: headlines that a digest names; the others are counted
NAMED = 3

add_kind(
    NoticeKind(
        DIGEST, gettext_lazy("Weekly market intelligence"), "bulb", {"email": Pace.DAILY, "*": Pace.NOW}
    )
)  # fmt: skip

#: what a piece must name by what it is about
NEEDED = {Topic.MARKET: "market", Topic.INDUSTRY: "industry", Topic.COMPETITOR: "competitor", Topic.PRODUCT: "product"}
COLUMNS = {Topic.MARKET: "market_id", Topic.INDUSTRY: "industry", Topic.COMPETITOR: "competitor_id",
           Topic.PRODUCT: "product_id"}  # fmt: skip


def prepare_intelligence(batch: Batch) -> None:
    """A piece names what it is about, and was learned on a day that has come."""
    today = clock.today()
    for draft in batch.good:
        one: Intelligence = draft.record
        if one.topic in Topic.values:
            topic = Topic(one.topic)
            if not getattr(one, COLUMNS[topic]):
                draft.error(NEEDED[topic], "required", _("Say which one it is about."))
        if one.observed_on > today:
            draft.error("observed_on", "future", _("The day lies in the future."))


def edit_refusal(one: Intelligence) -> Text | None:
    """What was checked stays as it was checked."""
    return None if one.status == NEW else _("It was checked. Open it again first.")


# --- checking --------------------------------------------------------------------------------------------------


def may_be_checked(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """What lies within the scopes and is by somebody else."""
    found = standard_scope(resource_named("intelligence"), queryset, actor, scopes)
    if actor.user_id is None:
        return found
    return found.exclude(Q(created_by=actor.user_id) | Q(owner=actor.user_id))


HOW = Arg(
    "how", gettext_lazy("How it was checked"), "text", help=gettext_lazy("A second source, a document, a question.")
)


def _check(one: Intelligence, actor: Actor, at: datetime, how: str) -> None:
    one.checked_by_id, one.checked_at, one.checked_how = actor.user_id, at, how


@transition(
    "intelligence", "verify", label=gettext_lazy("Verify"), source=[NEW], target=VERIFIED, args=(HOW,), icon="checks",
    style="success",
)  # fmt: skip
def verify_intelligence(one: Intelligence, *, actor: Actor, at: datetime, how: str) -> None:
    """Somebody other than the author has found it true; the next digest tells of it."""
    _check(one, actor, at, how)


@transition(
    "intelligence", "refute", label=gettext_lazy("Refute"), source=[NEW], target=REFUTED, args=(HOW,), icon="x",
    style="danger",
)  # fmt: skip
def refute_intelligence(one: Intelligence, *, actor: Actor, at: datetime, how: str) -> None:
    """Somebody other than the author has found it wrong."""
    _check(one, actor, at, how)


@transition(
    "intelligence", "reopen", label=gettext_lazy("Open again"), source=[VERIFIED, REFUTED], target=NEW,
    icon="lock-open",
)  # fmt: skip
def reopen_intelligence(one: Intelligence, *, actor: Actor, at: datetime) -> None:
    """It has to be checked anew, because it changed; once verified the digest tells of it again."""
    one.checked_by_id = one.checked_at = one.digested_on = None
    one.checked_how = ""


# --- the weekly digest -----------------------------------------------------------------------------------------


def send_digest(at: datetime) -> dict[str, int]:
    """Tell those who sell of what was verified before this week and not told of yet.

    A second run in the same week, or two at once, tell of nothing twice: the pieces are marked in the same transaction.
    """
    today = clock.local_time(at).date()
    monday = today - timedelta(days=today.weekday())
    rows = Intelligence.objects.filter(
        status=VERIFIED, archived_at=None, digested_on=None, checked_at__lt=clock.day_start(monday)
    )
    pieces = list(rows.select_for_update().order_by("-observed_on", "-pk"))
    if not pieces:
        return {"pieces": 0, "told": 0}
    ids = [one.pk for one in pieces]
    Intelligence.objects.filter(pk__in=ids).update(digested_on=today)
    notices = [notice for user in readers() if (notice := _digest(user, pieces, today.isoformat())) is not None]
    tell(notices, at=at)
    return {"pieces": len(pieces), "told": len(notices)}


def readers() -> Iterable[User]:
    """Those who work here and sell: they meet competitors and see intelligence."""
    people = User.objects.filter(archived_at=None).exclude(state=EmploymentState.LEFT)
    for user in people.prefetch_related("roles").order_by("pk"):
        actor = actor_for(user, origin="digest")
        if actor.may("intelligence.view") and actor.may("opportunities.view"):
            yield user


def _digest(user: User, pieces: list[Intelligence], day: str) -> Notice | None:
    """What one person is told: of the pieces that they may see."""
    actor = actor_for(user, origin="digest")
    if actor.scopes("intelligence.view") != EVERYTHING:
        seen = visible(Intelligence.objects.filter(pk__in=[one.pk for one in pieces]), actor)
        known = set(seen.values_list("pk", flat=True))
        pieces = [one for one in pieces if one.pk in known]
    if not pieces:
        return None
    titles = "; ".join(one.title for one in pieces[:NAMED])
    text = (
        said(gettext_lazy("Verified market intelligence (%(count)s): %(titles)s"), count=len(pieces), titles=titles)
        if len(pieces) <= NAMED
        else said(
            gettext_lazy("Verified market intelligence (%(count)s): %(titles)s, and more"),
            count=len(pieces), titles=titles,
        )
    )  # fmt: skip
    return Notice(user.pk, text, "", 0, DIGEST, f"/intelligence?digested_on={day}")
