"""The ways by which people are told outside the pages: e-mail, messages, group bots. Adapters register at start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from saleswright.kernel.errors import Text
from saleswright.kernel.words import Words


@dataclass(frozen=True, slots=True)
class MessageAction:
    """A button of a message: its words and the absolute address it leads to."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, in the language of whoever gets it.

    `id` stays the same however often it is sent, so that a receiver can know a repetition; `title` says what kind of
    thing happened, `text` what exactly; `url` is the absolute address of the record, "" for none.
    """

    id: str
    kind: str
    title: str
    text: str
    url: str
    at: datetime
    actions: tuple[MessageAction, ...] = field(default=())


class Undelivered(Exception):
    """It could not be sent: `temporary` if it may succeed later; why in words, which may be `said` in any language.

    `reason` is what they say in the language that is active now, the receiver's.
    """

    def __init__(self, why: Words | Text, *, temporary: bool) -> None:
        self.why, self.reason, self.temporary = why, str(why), temporary
        super().__init__(self.reason)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to tell people: to one person each (`personal`), else to a group's bot.

    `ready`: is it configured? `address_of`: user ids -> address, those without one left out, in one query. `send`:
    one message, or several as one digest, to an address; it runs outside any transaction with the receiver's language
    active, and raises Undelivered. The same may come again, with the same `whole_id`, after a worker was killed
    while it sent.
    """

    name: str
    label: Text
    personal: bool
    ready: Callable[[], bool]
    address_of: Callable[[list[int]], dict[int, str]]
    send: Callable[[str, Sequence[Message]], None]


def whole_id(messages: Sequence[Message]) -> str:
    """What names a message or digest, however often it is sent and whatever of it has been left out meanwhile."""
    return messages[0].id.partition(".")[0]


_channels: dict[str, Channel] = {}


def add_channel(channel: Channel) -> None:
    """Make a channel known; one of the same name is replaced."""
    _channels[channel.name] = channel


def all_channels() -> list[Channel]:
    """Every channel, whether configured or not."""
    return list(_channels.values())


def personal_channels() -> list[Channel]:
    """The channels by which single people can be told now."""
    return [one for one in _channels.values() if one.personal and one.ready()]


def channel_named(name: str) -> Channel | None:
    """The channel, if an adapter has made it known."""
    return _channels.get(name)
