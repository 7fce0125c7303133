"""The buttons on the sign-in page; within a program's own browser nobody needs to press one."""

from __future__ import annotations

from django.http import HttpRequest

from saleswright.integrations.workplace.choices import Provider
from saleswright.integrations.workplace.registry import ADAPTERS, all_active
from saleswright.interface.pages.session import Door


def doors(request: HttpRequest) -> list[Door]:
    """A door for each program that is switched on and lets people in."""
    agent = request.headers.get("User-Agent", "")
    return [
        Door(
            Provider(connection.provider).label,
            ADAPTERS[connection.provider].icon,
            f"/sign-in/{connection.provider}",
            silent=ADAPTERS[connection.provider].agent_mark in agent,
        )
        for connection in all_active()
        if connection.signs_in
    ]
