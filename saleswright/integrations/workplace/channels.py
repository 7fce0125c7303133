"""Personal messages: each program is a channel of the notifications."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.integrations.workplace.actions.accounts import addresses_of
from saleswright.integrations.workplace.actions.approvals import has_card
from saleswright.integrations.workplace.adapter import Card, Temporary, WorkplaceError
from saleswright.integrations.workplace.choices import Provider
from saleswright.integrations.workplace.models import Connection
from saleswright.integrations.workplace.registry import active, workplace_of
from saleswright.kernel.errors import NotFound
from saleswright.modules.work.public import Channel, Message, Undelivered, add_channel

APPROVAL = re.compile(r"^(?:https?://[^/]+)?/approvals/(\d{1,18})$")


def register() -> None:
    """Make both programs known as channels; each is ready while its connection is switched on."""
    for provider in Provider:
        add_channel(
            Channel(
                name=provider.value,
                label=provider.label,
                personal=True,
                ready=partial(_ready, provider.value),
                address_of=partial(addresses_of, provider.value),
                send=partial(send, provider.value),
            )
        )


def _ready(provider: str) -> bool:
    return Connection.objects.filter(provider=provider, active=True, archived_at=None).exists()


def send(provider: str, address: str, messages: Sequence[Message]) -> None:
    """Send each message as a card. Raises Undelivered.

    An approval about which the person gets a card with buttons is not told a second time.
    """
    try:
        connection = active(provider)
    except NotFound:
        raise Undelivered(gettext_lazy("The program is switched off."), temporary=False) from None
    workplace = workplace_of(connection)
    for message in messages:
        about = APPROVAL.match(message.url)
        if about and connection.cards and has_card(provider, address, int(about[1])):
            continue
        try:
            workplace.send_card(address, _card(connection, message))
        except WorkplaceError as fault:
            raise Undelivered(str(fault), temporary=isinstance(fault, Temporary)) from fault


def _card(connection: Connection, message: Message) -> Card:
    def whole(url: str) -> str:
        return f"{connection.site}{url}" if url.startswith("/") else url or connection.site

    return Card(
        reference=f"message-{message.id}",
        title=message.title,
        text=message.text,
        url=whole(message.url),
        open_label=_("Open"),
        buttons=tuple((action.label, whole(action.url)) for action in message.actions),
    )
