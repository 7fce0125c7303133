"""Connections as administrators set them up: what must be given, the secrets, trying out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.integrations.workplace.adapter import WorkplaceError
from saleswright.integrations.workplace.envelope import key_of
from saleswright.integrations.workplace.models import Connection, Ticket
from saleswright.integrations.workplace.registry import ADAPTERS, workplace_of
from saleswright.integrations.workplace.secrets import sealed
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Extra
from saleswright.kernel.transactions import atomic

RIGHT = "workplaces.edit"
#: what tokens were fetched with: a change makes the kept ones worthless
IDENTITY = ("corp_id", "agent_id", "client_id")


def check_connections(batch: Batch) -> None:
    """A connection that is switched on has all that its program needs; addresses are addresses, ids are ids."""
    for draft in batch.good:
        record, adapter = draft.record, ADAPTERS[draft.record.provider]
        record.site = record.site.rstrip("/")
        record.departments = ",".join(record.chosen)
        if record.site and not _is_site(record.site):
            draft.error("site", "invalid", _("Give an address that begins with https:// or http://, without a path."))
        if not all(part.isascii() and part.isdigit() for part in record.chosen):
            draft.error("departments", "invalid", _("The ids of departments are numbers, with commas between."))
        if record.active:
            for name in ("site", *adapter.required):
                if not (getattr(record, name) or draft.extras.get(name)):
                    draft.error(name, "required", _("This is needed before it is switched on."))


def _is_site(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        parts.scheme in {"https", "http"} and bool(parts.hostname) and not (parts.path or parts.query or parts.fragment)
    )


def follow_connections(batch: Batch) -> None:
    """Tokens of another application are forgotten."""
    changed = [draft.record.pk for draft in batch.good if not draft.fresh and any(map(draft.changed, IDENTITY))]
    Ticket.objects.filter(connection_id__in=changed).delete()


def refuse_putting_away() -> None:
    """The two programs are there from the start. Raises Conflict."""
    raise Conflict(_("This can be changed only."))


# --- secrets, which are written and never read -------------------------------------------------------------------


def _clean(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not value.isascii() or len(value) > 200 or value != value.strip():
        raise ValidationError(_("Give the text as the program shows it, without spaces around it."), code="invalid")
    return value


def _clean_key(value: Any) -> str | None:
    text = _clean(value)
    if text is not None:
        try:
            key_of(text)
        except ValueError:
            raise ValidationError(_("The key has 43 letters and digits."), code="invalid") from None
    return text


def _save(name: str, given: list[tuple[Any, str | None]], batch: Batch) -> None:
    for record, value in given:
        if value:
            Connection.objects.filter(pk=record.pk).update(**{name: sealed(value)})
            Ticket.objects.filter(connection_id=record.pk).delete()


def _extra(name: str, label: Text, clean: Callable[[Any], str | None] = _clean) -> Extra:
    return Extra(name, label, clean, partial(_save, name), {"type": "string", "writeOnly": True})


SECRETS = (
    _extra("secret", gettext_lazy("Secret of the application (never shown again)")),
    _extra("contacts_secret", gettext_lazy("Secret of the address book (WeCom, if there is one)")),
    _extra("callback_token", gettext_lazy("Callback token")),
    _extra("callback_key", gettext_lazy("Callback key (EncodingAESKey)"), _clean_key),
)


# --- trying out --------------------------------------------------------------------------------------------------


def try_out(connection: Connection, callback_url: str, *, actor: Actor, at: datetime) -> int:
    """Ask the program for its departments and tell it our callback address; returns how many departments there are.

    Raises NotAllowed, and Conflict with what the program says. No database transaction is open meanwhile.
    """
    actor.require(RIGHT)
    missing = [name for name in ADAPTERS[connection.provider].required if not getattr(connection, name)]
    if missing:
        raise ValidationFailed.of(missing[0], "required", _("This is needed before it is switched on."))
    try:
        workplace = workplace_of(connection)
        count = len(workplace.departments())
        workplace.set_up(callback_url)
    except WorkplaceError as fault:
        raise Conflict(str(fault)) from fault
    with atomic():
        record_audit([AuditLine("workplaces", connection.pk, str(connection), "test")], actor=actor, at=at)
    return count
