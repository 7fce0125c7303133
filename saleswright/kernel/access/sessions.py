"""Which sessions a person has open, and how they end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import NotFound
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.kernel.models import Session, User
from saleswright.kernel.transactions import atomic, update_if_free

#: when a session was last seen is known to this exactness, to spare a write on each request
EXACTNESS = timedelta(minutes=5)
DEVICES = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
#: who calls itself something else as well comes first
BROWSERS = (
    ("wxwork", "WeCom"), ("MicroMessenger", "WeChat"), ("DingTalk", "DingTalk"), ("Lark", "Feishu"), ("Edg", "Edge"),
    ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip


def store(key: str | None = None) -> Any:
    """The session with this key, in the store of the settings."""
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def described(*, agent: str, address: str, method: str) -> dict[str, str]:
    """What a session keeps about its beginning: the browser that calls itself `agent`, its address, the way in."""
    return {
        "device": device_of(agent),
        "address": address[:45],
        "method": method,
        "began_at": clock.now().isoformat(),
    }


def device_of(agent: str) -> str:
    """A browser and what it runs on, as far as it says: "Chrome · Windows"."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    device = next((name for mark, name in DEVICES if mark in agent), "")
    return " · ".join(filter(None, (browser, device))) or agent[:60]


def sessions_of(user: User) -> list[Session]:
    """The open sessions of a person, the one seen last first; those from before a new password are over."""
    rows = Session.objects.filter(user=user, expire_date__gt=clock.now()).order_by("-seen_at")
    digest = user.get_session_auth_hash()
    return [session for session in rows if session.get_decoded().get(HASH_SESSION_KEY) == digest]


def touch(key: str | None) -> None:
    """Note that a session has been seen, unless that was noted a short while ago."""
    at = clock.now()
    update_if_free(Session.objects.filter(session_key=key, seen_at__lt=at - EXACTNESS), seen_at=at)


def end_session(user: User, handle: str, actor: Actor) -> None:
    """End one session of a person. Raises NotFound when there is none of this handle."""
    found = [session for session in sessions_of(user) if session.handle == handle]
    if not found:
        raise NotFound
    _end(user, found, actor)


def end_sessions(user: User, actor: Actor, *, keep: str | None = None) -> int:
    """End all sessions of a person but the one with the key `keep`; returns how many were open."""
    found = [session for session in sessions_of(user) if session.session_key != keep]
    if found:
        _end(user, found, actor)
    return len(found)


def _end(user: User, sessions: Iterable[Session], actor: Actor) -> None:
    at = clock.now()
    with atomic():
        for session in sessions:
            store(session.session_key).delete()
        lines = [
            AuditLine("employees", user.pk, user.username, "session_ended", {"device": [session.device, None]})
            for session in sessions
        ]
        record_audit(lines, actor=actor, at=at)


@periodic("kernel.sessions", every="03:40")
def tidy(ctx: JobContext) -> dict[str, int]:
    """Remove the sessions that have run out."""
    return {"removed": Session.objects.filter(expire_date__lt=clock.now()).delete()[0]}
