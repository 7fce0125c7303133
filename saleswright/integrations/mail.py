"""E-mail by SMTP: one notice or a digest as plain text and HTML, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formataddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language, gettext_lazy, ngettext

from saleswright.integrations.mail_server.access import access
from saleswright.integrations.mail_server.sending import hand_over
from saleswright.interface.formatting import format_datetime
from saleswright.kernel.company import company
from saleswright.kernel.models import User
from saleswright.modules.work.public import Channel, Message, whole_id

LONGEST_SUBJECT = 120


def ready() -> bool:
    """Whether a mail server and a sender are set."""
    return access().ready


def addresses(user_ids: list[int]) -> dict[int, str]:
    """The e-mail addresses of these people."""
    return dict(User.objects.filter(pk__in=user_ids).exclude(email="").values_list("pk", "email"))


def send(address: str, messages: Sequence[Message]) -> None:
    """Send one mail. Raises Undelivered."""
    hand_over(letter(address, messages), access())


def letter(address: str, messages: Sequence[Message]) -> EmailMultiAlternatives:
    """The mail that says these messages; its Message-ID is the same however often it is made."""
    first = messages[0]
    if len(messages) == 1:
        subject = first.text
    else:
        subject = ngettext("%(count)s notice", "%(count)s notices", len(messages)) % {"count": len(messages)}
    name = "销匠" if (get_language() or "").startswith("zh") else "Saleswright"
    shown = {
        "groups": grouped(messages), "count": len(messages), "company": company().name, "site": settings.SITE_URL,
        "product": name, "language": "zh-Hans" if name == "销匠" else "en", "subject": one_line(subject),
    }  # fmt: skip
    made = EmailMultiAlternatives(
        subject=f"[{name}] {one_line(subject)[:LONGEST_SUBJECT]}",
        body=render_to_string("mail/notice.txt", shown),
        from_email=sender(),
        to=[address],
        reply_to=reply_addresses(),
        headers={
            "Message-ID": f"<{whole_id(messages)}@{domain()}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    made.attach_alternative(render_to_string("mail/notice.html", shown), "text/html")
    return made


def grouped(messages: Sequence[Message]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The messages by kind, in the order in which the kinds first come."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in messages:
        line = {"text": one.text, "url": one.url, "at": format_datetime(one.at), "actions": one.actions}
        found.setdefault(one.title, []).append(line)
    return list(found.items())


def sender() -> str:
    """The sender; the company's name before a bare address."""
    by = access()
    return formataddr((one_line(by.sender_name) or one_line(company().name), by.sender_address))


def reply_addresses() -> list[str] | None:
    """Where answers go, if not to the sender."""
    address = access().reply_to
    return [address] if address else None


def domain() -> str:
    """What stands behind the @ of Message-IDs."""
    return access().sender_address.rpartition("@")[2] or "localhost"


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, as headers want it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


CHANNEL = Channel("email", gettext_lazy("E-mail"), True, ready, addresses, send)
