"""Which adapter speaks with which program."""

from __future__ import annotations

from saleswright.integrations.workplace.adapter import Workplace
from saleswright.integrations.workplace.choices import Provider
from saleswright.integrations.workplace.dingtalk import DingTalk
from saleswright.integrations.workplace.models import Connection
from saleswright.integrations.workplace.wecom import WeCom
from saleswright.kernel.errors import NotFound

ADAPTERS: dict[str, type[Workplace]] = {Provider.WECOM: WeCom, Provider.DINGTALK: DingTalk}


def workplace_of(connection: Connection) -> Workplace:
    """The adapter of a connection."""
    return ADAPTERS[connection.provider](connection)


def active(provider: str) -> Connection:
    """The connection of a program that is switched on. Raises NotFound."""
    found = Connection.objects.filter(provider=provider, active=True, archived_at=None).first()
    if found is None:
        raise NotFound
    return found


def all_active() -> list[Connection]:
    """The connections that are switched on."""
    return list(Connection.objects.filter(active=True, archived_at=None).order_by("id"))
