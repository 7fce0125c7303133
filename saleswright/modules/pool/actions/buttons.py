"""The actions that every kind of record in pools has: claim, release, protect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.records import save_record
from saleswright.kernel.transitions import Arg, Transition, transition
from saleswright.modules.pool.actions import moving
from saleswright.modules.pool.actions.protecting import submit_protection
from saleswright.modules.pool.kinds import kinds
from saleswright.modules.pool.models import Protection


def is_in_pool(record: Any) -> Text | None:
    """Only what lies in a pool can be claimed; who was faster is named."""
    if record.pool_id is not None:
        return None
    if record.owner is not None:
        return _("%(name)s has it already.") % {"name": record.owner.get_short_name()}
    return _("It is in no pool.")


def is_with_somebody(record: Any) -> Text | None:
    """What is in a pool can't be given back once more."""
    return _("It is in the pool already.") if record.pool_id is not None else None


def has_owner(record: Any) -> Text | None:
    """Only what somebody has can be kept for them."""
    return None if record.owner_id is not None else _("Nobody has it.")


def pool_transitions(
    resource: str, *, source: Iterable[str] | None = None, reason_required: bool = True
) -> tuple[Transition, ...]:
    """Claim, release and protect for records of a kind; `source` are the states in which it can be in a pool."""
    states = None if source is None else tuple(source)

    @transition(
        resource, "claim", label=gettext_lazy("Claim"), source=states, guards=(is_in_pool,), icon="hand-stop",
        style="primary",
    )  # fmt: skip
    def claim(record: Any, *, actor: Actor, at: datetime) -> None:
        """Take it out of the pool for oneself."""
        moving.claim(record, kinds[resource], actor=actor, at=at)

    @transition(
        resource, "release", label=gettext_lazy("Give back to the pool"), source=states, guards=(is_with_somebody,),
        icon="arrow-back-up",
        args=(
            Arg("reason", gettext_lazy("Reason"), required=reason_required),
            Arg("pool_id", gettext_lazy("Public pool"), "reference", required=False, to="pools",
                help=gettext_lazy("Left empty: the first pool that one belongs to.")),
        ),
    )  # fmt: skip
    def release(record: Any, *, actor: Actor, at: datetime, reason: str | None, pool_id: int | None) -> None:
        """Give it back to a pool."""
        moving.release(record, kinds[resource], reason or _("Given back"), pool_id, actor=actor, at=at)

    @transition(
        resource, "protect", label=gettext_lazy("Ask for protection"), source=states,
        guards=(is_with_somebody, has_owner), icon="shield-check", result=(("protection_id", int),),
        makes=("protections",),
        args=(
            Arg("until", gettext_lazy("Protected until"), "date"),
            Arg("reason", gettext_lazy("Reason")),
        ),
    )  # fmt: skip
    def protect(record: Any, *, actor: Actor, at: datetime, until: date, reason: str) -> dict[str, int]:
        """Ask that it stays with its owner until a day, whatever the rules say."""
        values = {"resource": resource, "record_id": record.pk, "until": until, "reason": reason}
        trusted = actor.trusted_with("protections.create").trusted_with("protections.submit")
        made = save_record(Protection, values, actor=trusted, at=at)
        submit_protection(made.pk, actor=trusted, at=at)
        return {"protection_id": made.pk}

    return claim, release, protect
