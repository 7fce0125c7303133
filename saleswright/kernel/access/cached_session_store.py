"""The same sessions with a cache that all processes share in front of them."""

from __future__ import annotations

from django.contrib.sessions.backends import cached_db

from saleswright.kernel.access.session_store import DescribedSessions


class SessionStore(DescribedSessions, cached_db.SessionStore):
    """Sessions that are read from the shared cache, and from the database when it has lost them."""

    cache_key_prefix = "saleswright.session."
