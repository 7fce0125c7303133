"""Group bots of WeCom, DingTalk and Feishu, told by the webhook of the group.

Formats, signatures and limits as of the services' documentation for custom group bots:
WeCom developer.work.weixin.qq.com/document/path/91770, DingTalk open.dingtalk.com/document/robots/custom-robot-access,
Feishu open.feishu.cn/document/client-docs/bot-v3/add-custom-bot. All take JSON by POST and say in the answer's body
whether they took it: `errcode` or `code` 0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from saleswright.kernel import clock, transport
from saleswright.kernel.errors import NotFound
from saleswright.kernel.sealing import InvalidToken
from saleswright.kernel.words import said
from saleswright.modules.work.public import BotAccess, BotService, Channel, Message, Undelivered, bot_access, whole_id

WECOM_BYTES = 4096
OTHER_BYTES = 18_000  # DingTalk and Feishu take 20,000 bytes and 20 KB of the whole request
#: answers after which trying again may help: too many messages, the service itself is busy
BUSY = {"wecom_bot": {-1, 45009, 45033}, "dingtalk_bot": {-1, 130101, 410100}, "feishu_bot": {9499, 11232, 11233}}
_SPECIAL = re.compile(r"([\\`*_\[\]<>#~|])")

Request = tuple[str, dict[str, Any]]
"""Address and body."""


def heading(messages: Sequence[Message]) -> str:
    """What the message is called: its kind, or how many notices it holds."""
    if len(messages) == 1:
        return messages[0].title
    return ngettext("%(count)s notice", "%(count)s notices", len(messages)) % {"count": len(messages)}


def escaped(text: str) -> str:
    """Text in Markdown that stays what it is: no links, mentions or tags come out of what people wrote."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", "@\u200b")


def plain(text: str) -> str:
    """The same for WeCom, whose Markdown knows no backslashes: what would be markup becomes its full-width twin."""
    marks = str.maketrans("<>[]`*_#", "＜＞［］＇＊＿＃")
    return " ".join(text.split()).translate(marks)


def cut(lines: Sequence[str], most: int, between: str) -> str:
    """As many whole lines as fit into so many bytes of UTF-8, and how many were left out."""
    kept: list[str] = []
    size = len(between.encode())
    room = most - 80
    for index, line in enumerate(lines):
        room -= len(line.encode()) + size
        if room < 0:
            kept.append(_("… and %(count)s more") % {"count": len(lines) - index})
            break
        kept.append(line)
    return between.join(kept)


def wecom(access: BotAccess, messages: Sequence[Message], at: datetime) -> Request:
    """Markdown of at most 4096 bytes."""
    lines = [f"**{plain(heading(messages))}**"]
    for one in messages:
        text = plain(one.text)[:500]
        lines.append(f"> {text} [{_('Open')}]({one.url})" if one.url else f"> {text}")
    return access.url, {"msgtype": "markdown", "markdown": {"content": cut(lines, WECOM_BYTES, "\n")}}


def dingtalk(access: BotAccess, messages: Sequence[Message], at: datetime) -> Request:
    """A card with a button for one message, Markdown for several; signed in the address where there is a secret."""
    title = heading(messages)
    lines = [f"### {escaped(title)}"]
    for one in messages:
        text = escaped(one.text)[:500]
        lines.append(f"- {text} [{_('Open')}]({one.url})" if one.url and len(messages) > 1 else f"- {text}")
    text = cut(lines, OTHER_BYTES, "\n\n")
    if len(messages) == 1 and messages[0].url:
        card = {"title": title, "text": text, "singleTitle": _("Open"), "singleURL": messages[0].url}
        body: dict[str, Any] = {"msgtype": "actionCard", "actionCard": card}
    else:
        body = {"msgtype": "markdown", "markdown": {"title": title, "text": text}}
    if not access.secret:
        return access.url, body
    stamp = str(round(at.timestamp() * 1000))
    signed = hmac.new(access.secret.encode(), f"{stamp}\n{access.secret}".encode(), hashlib.sha256).digest()
    query = urlencode({"timestamp": stamp, "sign": base64.b64encode(signed).decode()})
    return f"{access.url}{'&' if '?' in access.url else '?'}{query}", body


def feishu(access: BotAccess, messages: Sequence[Message], at: datetime) -> Request:
    """A card; signed in the body where there is a secret: the key is time and secret, what is signed is empty."""
    lines = []
    for one in messages:
        text = escaped(one.text)[:500]
        lines.append(f"{text} [{_('Open')}]({one.url})" if one.url and len(messages) > 1 else text)
    elements: list[dict[str, Any]] = [
        {"tag": "div", "text": {"tag": "lark_md", "content": cut(lines, OTHER_BYTES, "\n")}}
    ]
    if len(messages) == 1 and messages[0].actions:
        buttons = [
            {"tag": "button", "text": {"tag": "plain_text", "content": one.label}, "url": one.url, "type": "primary"}
            for one in messages[0].actions
        ]
        elements.append({"tag": "action", "actions": buttons})
    header = {"title": {"tag": "plain_text", "content": heading(messages)}, "template": "blue"}
    card = {"config": {"wide_screen_mode": True}, "header": header, "elements": elements}
    body: dict[str, Any] = {"msg_type": "interactive", "card": card}
    if access.secret:
        stamp = str(int(at.timestamp()))
        signed = hmac.new(f"{stamp}\n{access.secret}".encode(), b"", hashlib.sha256).digest()
        body |= {"timestamp": stamp, "sign": base64.b64encode(signed).decode()}
    return access.url, body


def sender(service: str, made: Callable[[BotAccess, Sequence[Message], datetime], Request]) -> Any:
    """The `send` of a service's channel."""

    def send(address: str, messages: Sequence[Message]) -> None:
        try:
            access = bot_access(address)
        except NotFound:
            raise Undelivered(gettext_lazy("The bot is not there any more."), temporary=False) from None
        except InvalidToken:
            why = gettext_lazy("The address of the bot can't be read any more. Enter it again.")
            raise Undelivered(why, temporary=False) from None
        url, body = made(access, messages, clock.now())
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Message-Id": whole_id(messages)}
        read_answer(service, transport.post(url, orjson.dumps(body), headers))

    return send


def read_answer(service: str, outcome: transport.Outcome) -> None:
    """Raises Undelivered unless the service says that it took the message."""
    if outcome.problem:
        raise Undelivered(outcome.why or outcome.problem, temporary=True)
    try:
        answer = orjson.loads(outcome.answer or "null")
    except orjson.JSONDecodeError:
        answer = None
    if not outcome.good or not isinstance(answer, dict):
        refused = said(gettext_lazy("The service answered %(status)s."), status=outcome.status)
        raise Undelivered(refused, temporary=True)
    code = answer.get("errcode", answer.get("code", answer.get("StatusCode")))
    if code == 0:
        return
    text = answer.get("errmsg") or answer.get("msg") or answer.get("StatusMessage") or ""
    why = said(gettext_lazy("The service refused it: %(code)s %(text)s"), code=code, text=str(text)[:300])
    raise Undelivered(why, temporary=code in BUSY[service])


def nobody(user_ids: list[int]) -> dict[int, str]:
    """Bots are no addresses of people."""
    return {}


def always() -> bool:
    """Bots carry their own settings."""
    return True


_MADE = {BotService.WECOM: wecom, BotService.DINGTALK: dingtalk, BotService.FEISHU: feishu}
CHANNELS = [
    Channel(service.value, service.label, False, always, nobody, sender(service.value, made))
    for service, made in _MADE.items()
]
