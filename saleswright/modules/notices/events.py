"""What happens with announcements and meetings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class MinutesSigned(Event):
    """The minutes of a meeting stand."""

    resource: ClassVar[str] = "meetings"
