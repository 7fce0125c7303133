"""The kinds of notices, by which people choose how they are told; higher modules add theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.errors import Text
from saleswright.modules.work.states import Pace

OTHER = "other"


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """What a notice is about.

    `paces` says how soon a channel tells of it until the company or the person says otherwise: by the channel's name,
    `*` for all others. An `urgent` one also goes out in quiet hours. `silent` ones stay in the page and are not
    offered among the preferences.
    """

    name: str
    label: Text
    icon: str = "bell"
    paces: Mapping[str, Pace] = field(default_factory=dict)
    urgent: bool = False
    silent: bool = False

    def pace(self, channel: str) -> Pace:
        """How soon the channel tells of it by default."""
        return self.paces.get(channel) or self.paces.get("*") or Pace.OFF


_kinds: dict[str, NoticeKind] = {}


def add_kind(kind: NoticeKind) -> NoticeKind:
    """Make a kind known. Raises ValueError when another one has its name."""
    if _kinds.get(kind.name, kind) != kind:
        raise ValueError(f"there are two kinds of notices called {kind.name!r}")
    _kinds[kind.name] = kind
    return kind


def all_kinds() -> list[NoticeKind]:
    """Every kind in the order in which they were made known."""
    return list(_kinds.values())


def kind_named(name: str) -> NoticeKind:
    """The kind; that of other notices for a name that nobody knows any more."""
    return _kinds.get(name) or _kinds[OTHER]


def choices() -> list[tuple[str, Text]]:
    """The kinds to choose from."""
    return [(kind.name, kind.label) for kind in all_kinds() if not kind.silent]


AT_ONCE = {"*": Pace.NOW}
BY_MAIL_DAILY = {"email": Pace.DAILY, "*": Pace.NOW}
DAILY = {"*": Pace.DAILY}

for _kind in (
    NoticeKind("approval_asked", _("Approval asked for"), "rubber-stamp", AT_ONCE),
    NoticeKind("approval_decided", _("Approval decided"), "checks", AT_ONCE),
    NoticeKind("approval_reminder", _("Reminder or escalation"), "alarm", AT_ONCE, urgent=True),
    NoticeKind("mention", _("Someone mentions me"), "at", AT_ONCE),
    NoticeKind("comment", _("Comment on what I follow"), "message-circle", BY_MAIL_DAILY),
    NoticeKind("assignment", _("Assigned or handed over to me"), "user-share", AT_ONCE),
    NoticeKind("overdue", _("Over a time limit"), "clock-exclamation", AT_ONCE),
    NoticeKind("task_reminder", _("Reminder of a task"), "checklist", AT_ONCE),
    NoticeKind("job", _("Import, export or job ended"), "settings-automation", AT_ONCE),
    NoticeKind("pool_warning", _("About to go back to the pool"), "arrow-back-up", BY_MAIL_DAILY),
    NoticeKind("announcement", _("Announcement"), "speakerphone", AT_ONCE),
    NoticeKind("alert", _("Alert"), "alert-triangle", AT_ONCE, urgent=True),
    NoticeKind(OTHER, _("Other notices"), "bell", DAILY),
):
    add_kind(_kind)
