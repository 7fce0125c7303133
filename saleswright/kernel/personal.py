"""Personal data: why each field of a person is kept, for how long, whether it is masked, and showing masked values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.caching import kept
from saleswright.kernel.errors import NotAllowed, NotFound, Text
from saleswright.kernel.models import DataGroup, UnmaskCount
from saleswright.kernel.resources import EXTRA_PERMISSIONS, Resource
from saleswright.kernel.transactions import atomic

UNMASKED = "unmasked"
"""The action under which the audit notes that somebody was shown masked values."""
SHOWN = "***"
"""What the audit has in place of such a value."""
EXPORT_UNMASKED = "privacy.export-unmasked"
VIEW = "privacy.view"
CORRECT_TEXTS = "privacy.correct-texts"
"""To edit or black out any text that names a person who asked for it, wherever it stands."""
EXTRA_PERMISSIONS.update({VIEW, EXPORT_UNMASKED, CORRECT_TEXTS})
#: values that one person may have shown; a person who phones needs one for each call
PACE = Limit("unmask", 30, 60)


class Basis(models.TextChoices):
    """On what ground of article 13 of the PIPL 个人信息保护法 a field is kept."""

    CONTRACT = "contract", _("Making and keeping a contract")
    LABOUR = "labour", _("Managing people under labour rules")
    DUTY = "duty", _("A duty of law")
    CONSENT = "consent", _("Consent of the person")


@dataclass(frozen=True, slots=True)
class Group:
    """Personal fields that are kept alike. `months` is what a fresh installation keeps them for; None: no end."""

    label: Text
    months: int | None = None
    masked: bool = True


GROUPS: dict[str, Group] = {
    "contacts": Group(_("Numbers and addresses of contacts"), 36),
    "leads": Group(_("Data of leads"), 24),
    "employees": Group(_("Numbers of employees"), 24),
    "places": Group(_("Places of visits"), 12, masked=False),
}


@dataclass(frozen=True, slots=True)
class Personal:
    """A field that says something of a person: what it is kept for, on which ground, in which group.

    `erased` says what becomes of it when the person's data is erased: `empty`, a `name` that stands for the person, or
    `kept` because a law or figures need it.
    """

    group: str
    purpose: Text
    basis: Basis = Basis.CONTRACT
    erased: Literal["empty", "name", "kept"] = "empty"


@kept(seconds=30)
def settings_of_groups() -> dict[str, tuple[bool, int | None]]:
    """(masked, months) of each group, as the company has decided or else as shipped."""
    found = {code: (group.masked, group.months) for code, group in GROUPS.items()}
    return found | {code: (masked, months) for code, masked, months in
                    DataGroup.objects.values_list("code", "masked", "months")}  # fmt: skip


def masked_by_default(resource: Resource, name: str) -> bool:
    """Whether those who may read the field still have to ask for its value."""
    personal = resource.personal_data.get(name)
    return personal is not None and settings_of_groups()[personal.group][0]


def unmask(resource: Resource, pk: int, names: Iterable[str], actor: Actor) -> dict[str, str]:
    """The values of masked fields of one record, noted in the audit with who asked; nothing is noted of empty ones.

    Raises NotFound for a record out of reach and for fields that are not masked ones, NotAllowed without the field's
    right, TooMany for more than `PACE` allows.
    """
    record = fetch(resource.model, pk, actor=actor)
    names = list(dict.fromkeys(names))
    for name in names:
        if resource.mask_of(name) is None:
            raise NotFound
        if not actor.sees(resource.right_of(name)):
            raise NotAllowed(permission=f"fields.{resource.right_of(name)}")
    values = {name: str(getattr(record, name) or "") for name in names}
    shown = [name for name, value in values.items() if value]
    if shown:
        note_unmasked(resource, [(record, shown)], actor)
    return values


def note_unmasked(resource: Resource, shown: list[tuple[Any, list[str]]], actor: Actor) -> None:
    """Note that the actor was shown these fields of these records. Raises TooMany."""
    count = sum(len(names) for _record, names in shown)
    if actor.user_id is not None:
        for _time in range(count):
            PACE.take(str(actor.user_id))
    lines = [
        AuditLine(resource.name, record.pk, resource.label_of(record), UNMASKED, {n: [None, SHOWN] for n in names})
        for record, names in shown
    ]
    with atomic():
        record_audit(lines, actor=actor, at=clock.now())
        if actor.user_id is not None:
            _count(actor.user_id, count)


def _count(user_id: int, count: int) -> None:
    today = clock.today()
    UnmaskCount.objects.bulk_create([UnmaskCount(user_id=user_id, day=today)], ignore_conflicts=True)
    UnmaskCount.objects.filter(user_id=user_id, day=today).update(count=F("count") + count)


def unmasked_today(user_id: int) -> int:
    """How many masked values the person has had shown today."""
    return UnmaskCount.objects.filter(user_id=user_id, day=clock.today()).values_list("count", flat=True).first() or 0
