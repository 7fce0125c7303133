"""Where a record stands: in a pool, or when it will go there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.entity import Attached
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import ValidationFailed
from saleswright.modules.pool.actions.recycling import WARNED, due, live_rules
from saleswright.modules.pool.kinds import kinds


def pool_standing(resource: str) -> Attached:
    """What the page and the API say of a record: its pool with the reason, or the rule that will take it."""

    def load(ids: list[int], actor: Actor) -> dict[int, Any]:
        rows = kinds[resource].model._default_manager.filter(pk__in=ids)
        found: dict[int, Any] = {}
        for pk, pool, reason in rows.exclude(pool=None).values_list("pk", "pool__name", "pool_reason"):
            found[pk] = _("In the pool “%(pool)s”: %(reason)s") % {"pool": pool, "reason": reason or "—"}
        if rest := [pk for pk in ids if pk not in found]:
            found |= _coming(resource, rest)
        return found

    return Attached("pool_standing", gettext_lazy("Recycling"), load, {"type": "string"}, default=str, detail_only=True)


def _coming(resource: str, ids: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    at = clock.now()
    for rule in live_rules():
        if rule.resource != resource:
            continue
        names = {"pool": rule.pool.name, "rule": rule.name}
        for days in (0, *WARNED):
            left = [pk for pk in ids if pk not in found]
            try:
                rows = due(rule, at + timedelta(days=days)).filter(pk__in=left) if left else ()
            except ValidationFailed:
                break
            for record in rows:
                text = (
                    _("Goes to the pool “%(pool)s” within %(days)d days (%(rule)s)") if days
                    else _("Goes to the pool “%(pool)s” tonight (%(rule)s)")
                )  # fmt: skip
                found[record.pk] = text % (names | {"days": days})
    return found
