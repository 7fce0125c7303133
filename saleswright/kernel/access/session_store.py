"""Sessions as rows of our own table, so that people see theirs and can end them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

from saleswright.kernel import clock


class DescribedSessions:
    """Fills the columns of a session from its data."""

    @classmethod
    def get_model_class(cls) -> Any:
        from saleswright.kernel.models import Session

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session = super().create_model_instance(data)  # type: ignore[misc]
        session.user_id = data.get(SESSION_KEY)
        session.seen_at = clock.now()
        session.began_at = datetime.fromisoformat(data["began_at"]) if "began_at" in data else session.seen_at
        for name in ("device", "address", "method"):
            setattr(session, name, data.get(name, ""))
        return session


class SessionStore(DescribedSessions, db.SessionStore):
    """Sessions that are read from the database, so that one which was ended is ended for every process."""
