"""What happens in after-sales service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class TicketResolved(Event):
    """The customer has a solution."""

    resource: ClassVar[str] = "tickets"


@dataclass(frozen=True)
class TicketClosed(Event):
    """The case is over."""

    resource: ClassVar[str] = "tickets"


@dataclass(frozen=True)
class CallbackCompleted(Event):
    """The customer was asked."""

    resource: ClassVar[str] = "callbacks"
