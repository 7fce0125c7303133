"""What the kernel asks of higher modules; `work` fills these at start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from saleswright.kernel.errors import Text
from saleswright.kernel.words import Words

if TYPE_CHECKING:
    from saleswright.kernel.access.actors import Actor
    from saleswright.kernel.transitions import Transition

Fact = Decimal | str | int


@dataclass(frozen=True, slots=True)
class ApprovalNeed:
    """Why a transition may need someone's consent.

    `facts` (amount, discount …) choose the steps of the flow, those that cost a query as functions; `approvers` are
    people who must approve one after the other whatever the flows say, each a tuple of whom any one suffices.
    """

    reason: str
    facts: dict[str, Fact | Callable[[], Fact | None]] = field(default_factory=dict)
    approvers: tuple[tuple[int, ...], ...] = ()

    def known(self) -> dict[str, Fact | None]:
        """The facts worked out."""
        return {name: value() if callable(value) else value for name, value in self.facts.items()}


class ApprovalPort(Protocol):
    """Decides whether consent is needed and keeps the request until it is given."""

    def request(
        self,
        *,
        transition: Transition,
        record: Any,
        arguments: dict[str, Any],
        need: ApprovalNeed,
        actor: Actor,
        at: datetime,
    ) -> bool:
        """Start an approval if the need calls for one; False when the transition may run at once."""
        ...

    def changed(self, resource: str, ids: list[int], *, actor: Actor, at: datetime) -> None:
        """Records were edited: what was asked or given for their former content holds no longer."""
        ...


class NotificationPort(Protocol):
    """Tells people about something.

    `text` is said in each reader's own language where it is `said(...)` (kernel/words.py). `kind` is what the notice
    is about (modules/work/kinds.py), by which people choose how they are told. A notice about no record
    (`record_id` 0) leads to `path`.
    """

    def notify(
        self,
        *,
        user_ids: list[int],
        text: Words | Text,
        resource: str,
        record_id: int,
        at: datetime,
        kind: str = "other",
        path: str = "",
    ) -> None: ...


class _NoApproval:
    def request(self, **_: Any) -> bool:
        return False

    def changed(self, resource: str, ids: list[int], **_: Any) -> None:
        return None


class _Silence:
    def notify(self, **_: Any) -> None:
        return None


@dataclass(slots=True)
class Ports:
    """The ports as filled at start."""

    approval: ApprovalPort = field(default_factory=_NoApproval)
    notification: NotificationPort = field(default_factory=_Silence)


ports = Ports()
