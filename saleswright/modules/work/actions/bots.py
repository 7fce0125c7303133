"""Group bots as administrators set them up: address and secret (kept encrypted), kinds of notices, trying out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, NotFound, Text
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Extra
from saleswright.kernel.sealing import seal, unseal
from saleswright.kernel.transitions import transition
from saleswright.kernel.transport import Refused, read_url
from saleswright.kernel.words import kept_words
from saleswright.modules.work import kinds
from saleswright.modules.work.actions.planning_out import start
from saleswright.modules.work.models import GroupBot, NoticeDelivery

PURPOSE = "saleswright.group-bots"


@dataclass(frozen=True, slots=True)
class BotAccess:
    """How a bot is reached: its address with the key in it, and the secret that signs, "" for none."""

    url: str
    secret: str


def bot_access(address: str) -> BotAccess:
    """The bot behind the address that its channel is given. Raises NotFound, InvalidToken (another `SECRET_KEY`)."""
    bot = GroupBot.objects.filter(pk=int(address), archived_at=None).first()
    if bot is None:
        raise NotFound
    return BotAccess(unseal(bot.url, PURPOSE), unseal(bot.secret, PURPOSE) if bot.secret else "")


def prepare_bots(batch: Batch) -> None:
    """A bot needs its address, and kinds that it is told of."""
    for draft in batch.good:
        for name in ("url", "kinds"):
            if draft.fresh and not draft.extras.get(name):
                draft.error(name, "required", _("This field is required."))


def _clean_url(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or len(value) > 500:
        raise ValidationError(_("This is not an address."), code="invalid")
    try:
        read_url(value.strip())
    except Refused as refused:
        raise ValidationError(str(refused), code="invalid") from None
    return value.strip()


def _clean_secret(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or len(value) > 200 or not value.isascii():
        raise ValidationError(_("This is not the secret of a bot."), code="invalid")
    return value.strip()


def _clean_kinds(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else list(value or ())
    known = dict(kinds.choices())
    if not all(isinstance(name, str) and name in known for name in names):
        raise ValidationError(_("This is not one of the choices."), code="choice")
    return [name for name in known if name in names]


def _save_urls(given: list[tuple[Any, str | None]], batch: Batch) -> None:
    for bot, url in given:
        if url:
            hint = f"{urlsplit(url).hostname} …{url[-4:]}"[:120]
            GroupBot.objects.filter(pk=bot.pk).update(url=seal(url, PURPOSE), hint=hint)


def _save_secrets(given: list[tuple[Any, str | None]], batch: Batch) -> None:
    for bot, secret in given:
        if secret:
            GroupBot.objects.filter(pk=bot.pk).update(secret=seal(secret, PURPOSE))


def _save_kinds(given: list[tuple[Any, list[str]]], batch: Batch) -> None:
    for bot, names in given:
        GroupBot.objects.filter(pk=bot.pk).update(kinds=names)


def kinds_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[str]]:
    """The kinds of notices that some bots are told of."""
    return dict(GroupBot.objects.filter(pk__in=ids).values_list("pk", "kinds"))


URL = Extra(
    "url", gettext_lazy("Address of the webhook"), _clean_url, _save_urls, {"type": "string", "writeOnly": True},
    required=True,
)  # fmt: skip
SECRET = Extra(
    "secret", gettext_lazy("Secret for signing"), _clean_secret, _save_secrets, {"type": "string", "writeOnly": True}
)
KINDS = Extra(
    "kinds", gettext_lazy("Kinds of notices"), _clean_kinds, _save_kinds,
    {"type": "array", "items": {"type": "string"}}, required=True, choices=kinds.choices, read=kinds_of,
)  # fmt: skip


def is_on(bot: GroupBot) -> Text | None:
    """Nothing is sent to a bot that is switched off."""
    return None if bot.active else _("The bot is switched off.")


@transition("notice-bots", "test", label=gettext_lazy("Send a test"), guards=(is_on,), icon="send")
def test_bot(bot: GroupBot, *, actor: Actor, at: datetime) -> None:
    """Send the group a message; what became of it stands in the log of sent notices."""
    words = gettext_lazy("This is a test: the bot of this group has been set up.")
    source, arguments = kept_words(words)
    NoticeDelivery.objects.create(
        bot=bot, channel=bot.service, address=bot.name, kind=kinds.OTHER, text=str(words), source=source,
        arguments=arguments, resource="", record_id=0, path="/", batch=uuid4().hex, due_at=at, created_at=at,
        updated_at=at, created_by_id=actor.user_id,
    )  # fmt: skip
    start(bot.service, at=at)


def refuse_putting_away() -> None:
    """What was sent stays in the log. Raises Conflict."""
    raise Conflict(_("The log of deliveries is kept as it is."))
