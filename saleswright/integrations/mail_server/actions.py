"""Setting the mail server up, and trying it out."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.integrations.mail_server.access import PURPOSE, access, fixed, kept_server
from saleswright.integrations.mail_server.models import MailServer
from saleswright.integrations.mail_server.sending import hand_over
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.company import company
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import User
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Extra
from saleswright.kernel.sealing import seal
from saleswright.kernel.transactions import atomic
from saleswright.modules.work.public import Undelivered

RIGHT = "mail-server.edit"
HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?|[0-9a-f:.]{2,45}", re.IGNORECASE)
PACE = Limit("mail-test", 5, 60)
"""Test messages that one person may send; each may take a connection for as long as the server doesn't answer."""


def check_servers(batch: Batch) -> None:
    """What the environment fixes stays, a host is one, and a kept password is never told another server."""
    by = fixed()
    for draft in batch.good:
        record = draft.record
        record.host = record.host.strip()
        for name, variable in by.items():
            if draft.extras.get(name) if name == "password" else draft.changed(name):
                text = _("The environment variable %(name)s fixes this.") % {"name": variable}
                draft.error(name, "fixed", text)
        if record.host and not HOST.fullmatch(record.host):
            draft.error("host", "invalid", _("Give the name or address of a server alone, such as smtp.example.com."))
        if not record.login.isascii():  # neither sign-in that servers commonly offer knows others
            draft.error("login", "invalid", _("A user name has letters, digits and marks of ASCII only."))
        if "\n" in record.sender_name or "\r" in record.sender_name:
            draft.error("sender_name", "invalid", _("This can't stand in a mail."))
        if draft.extras.get("password") and not record.login and "host" not in by:
            draft.error("login", "required", _("A password needs a user name."))
        moved = not draft.fresh and draft.changed("host") and record.host and record.password
        if moved and record.login and not draft.extras.get("password") and "host" not in by:
            draft.error("password", "required", _("Give the password anew: the kept one is for the server before."))


def follow_servers(batch: Batch) -> None:
    """A sign-in that was taken out takes its password along; what is kept in memory is read anew."""
    gone = [draft.record.pk for draft in batch.good if not draft.record.login]
    MailServer.objects.filter(pk__in=gone).exclude(password="").update(password="")
    transaction.on_commit(kept_server.forget)  # type: ignore[attr-defined]
    kept_server.forget()  # type: ignore[attr-defined]


def refuse_putting_away() -> None:
    """There is one from the start. Raises Conflict."""
    raise Conflict(_("This can be changed only."))


def _clean_password(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or len(value) > 200 or not (value.isprintable() and value.isascii()):
        raise ValidationError(_("A password has at most 200 letters, digits and marks of ASCII."), code="invalid")
    return value


def _save_passwords(given: list[tuple[Any, str | None]], batch: Batch) -> None:
    for record, value in given:
        if value:
            MailServer.objects.filter(pk=record.pk).update(password=seal(value, PURPOSE))
    transaction.on_commit(kept_server.forget)  # type: ignore[attr-defined]


PASSWORD = Extra(
    "password", gettext_lazy("Password (never shown again)"), _clean_password, _save_passwords,
    {"type": "string", "writeOnly": True},
)  # fmt: skip


def send_test(server: MailServer, *, actor: Actor, at: datetime) -> str:
    """Send the actor a mail with what is in effect; returns the address it went to.

    Raises NotAllowed, TooMany, and Conflict with the reason in words. No database transaction is open meanwhile; the
    audit notes how it ended.
    """
    actor.require(RIGHT)
    address = User.objects.filter(pk=actor.user_id).values_list("email", flat=True).first()
    if not address:
        raise Conflict(_("You have no e-mail address: enter it with your own data first."))
    by = access(server)
    if not by.ready:
        raise Conflict(_("Give a mail server and the address of the sender first."))
    PACE.take(str(actor.user_id))
    try:
        hand_over(test_letter(address), by)
    except Undelivered as fault:
        _note(server, False, actor=actor, at=at)
        raise Conflict(fault.reason) from fault
    _note(server, True, actor=actor, at=at)
    return address


def test_letter(address: str) -> EmailMultiAlternatives:
    """The mail that tries it out."""
    from saleswright.integrations.mail import domain, reply_addresses, sender

    text = _("This is a test: %(company)s has set up its mail server. Nothing needs to be done.")
    return EmailMultiAlternatives(
        subject=_("[Saleswright] Test message"),
        body=text % {"company": company().name},
        from_email=sender(),
        to=[address],
        reply_to=reply_addresses(),
        headers={"Message-ID": f"<{uuid4().hex}@{domain()}>", "Auto-Submitted": "auto-generated"},
    )


def _note(server: MailServer, sent: bool, *, actor: Actor, at: datetime) -> None:
    with atomic():
        line = AuditLine("mail-server", server.pk, str(server), "test", {"sent": [None, sent]})
        record_audit([line], actor=actor, at=at)
