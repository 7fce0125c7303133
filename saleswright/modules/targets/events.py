"""What happens to targets."""

from dataclasses import dataclass

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class TargetAgreed(Event):
    """The responsibility sheet is signed."""

    resource = "targets"


@dataclass(frozen=True)
class TargetChanged(Event):
    """An agreed target got another value, with a reason."""

    resource = "targets"
