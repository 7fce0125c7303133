"""Access tokens and tickets: kept encrypted in the database, so that all processes share one and fetch it once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.integrations.workplace.adapter import Final, Temporary
from saleswright.integrations.workplace.models import Connection, Ticket
from saleswright.integrations.workplace.secrets import opened, sealed
from saleswright.kernel import clock

MARGIN = timedelta(minutes=5)  # so long before its end a ticket is fetched anew
CLAIM = timedelta(seconds=20)  # longer than a request may take
WAIT = 12.0  # seconds that others wait for the one who fetches


def secret(kept: str) -> str:
    """A secret of a connection in clear. Raises Final where it can't be read any more."""
    if not kept:
        raise Final(_("A secret is missing."))
    try:
        return opened(kept)
    except InvalidToken:
        raise Final(_("The secrets can't be read any more. Give them anew.")) from None


def ticket(connection: Connection, kind: str, fetch: Callable[[], tuple[str, int]], *, stale: str = "") -> str:
    """The ticket of a kind; `fetch` answers a new one with the seconds that it holds.

    `stale` is one that the program has just refused: it is fetched anew unless somebody else did so meanwhile.
    Raises what `fetch` raises, and Temporary when another process does not get on with it.
    """
    row, _made = Ticket.objects.get_or_create(connection=connection, kind=kind)
    until = time.monotonic() + WAIT
    while True:
        at, value = clock.now(), _value(row)
        if value and value != stale and row.expires_at is not None and row.expires_at > at + MARGIN:
            return value
        free = Ticket.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=at), pk=row.pk, value=row.value)
        if free.update(claimed_until=at + CLAIM):
            return _fetched(row, fetch)
        if time.monotonic() > until:
            raise Temporary(_("The program did not let us in in time."))
        time.sleep(0.05)
        row.refresh_from_db()


def _value(row: Ticket) -> str:
    try:
        return opened(row.value) if row.value else ""
    except InvalidToken:
        return ""


def _fetched(row: Ticket, fetch: Callable[[], tuple[str, int]]) -> str:
    mine = Ticket.objects.filter(pk=row.pk)
    try:
        value, seconds = fetch()
    except BaseException:
        mine.update(claimed_until=None)
        raise
    # a ticket that holds for less than twice the margin is used for half of its time
    holds = max(timedelta(seconds=seconds), MARGIN + timedelta(seconds=seconds / 2))
    mine.update(value=sealed(value), expires_at=clock.now() + holds, claimed_until=None)
    return value
