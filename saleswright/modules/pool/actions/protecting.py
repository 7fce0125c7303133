"""Keeping a record out of the pool for a time, with consent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, NotFound
from saleswright.kernel.events import Occasion
from saleswright.kernel.models import User
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.records import Batch, announce, locked
from saleswright.kernel.transitions import transition
from saleswright.modules.pool.kinds import kinds
from saleswright.modules.pool.models import Protection
from saleswright.modules.pool.states import ProtectionStatus
from saleswright.modules.work.public import managers_of

#: nobody keeps a record for longer at a time
LONGEST = timedelta(days=180)
DRAFT, IN_APPROVAL, GRANTED = ProtectionStatus.DRAFT, ProtectionStatus.IN_APPROVAL, ProtectionStatus.GRANTED


def prepare_protections(batch: Batch) -> None:
    """They are about a record that the actor sees, end within half a year, and bear its name."""
    today = clock.local_date(batch.at)
    for draft in batch.good:
        protection = draft.record
        kind = kinds.get(protection.resource)
        if kind is None:
            draft.error("resource", "choice", _("There is no such kind of record."))
            continue
        if not batch.history and not today < protection.until <= today + LONGEST:
            text = _("Choose a day after today, at most %(days)d days from now.")
            draft.error("until", "range", text % {"days": LONGEST.days})
        try:
            protection.label = kind.of.label_of(fetch(kind.model, protection.record_id, actor=batch.actor))[:200]
        except NotFound:
            draft.error("record_id", "not_found", _("There is no such record."))


def _need(protection: Protection, actor: Actor, args: Mapping[str, Any]) -> ApprovalNeed | None:
    """The nearest manager agrees; whoever has none needs nobody's consent, unless a flow says so."""
    user = User.objects.filter(pk=actor.user_id).first()
    managers = managers_of(user)[:1] if user is not None else []
    return ApprovalNeed(protection.reason, approvers=tuple((manager.pk,) for manager in managers))


@transition(
    "protections", "submit", label=gettext_lazy("Submit"), source=[DRAFT], pending=IN_APPROVAL, target=GRANTED,
    approval=_need, icon="send", style="primary",
)  # fmt: skip
def submit_protection(protection: Protection, *, actor: Actor, at: datetime) -> None:
    """Keep the record with its owner until the day. Raises Conflict when it is in a pool by now."""
    kind, writer = kinds[protection.resource], system("protection")
    record = locked(kind.model, protection.record_id, actor=writer, action="view")
    if record.owner_id is None:
        raise Conflict(_("Nobody has it."))
    until = max(filter(None, (record.protected_until, protection.until)))
    if until == record.protected_until:
        return
    # its version stays: the record may be the one on which protection was asked for in this very transaction
    kind.model._default_manager.filter(pk=record.pk).update(protected_until=until)
    changes = {"protected_until": [record.protected_until, until]}
    record_audit(
        [AuditLine(kind.resource, record.pk, kind.of.label_of(record), "protect", changes)], actor=actor, at=at
    )
    announce(kind.of, [(record.pk, "protect")], Occasion(actor, at))
