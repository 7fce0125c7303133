"""What happens to deliveries."""

from dataclasses import dataclass

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class DeliveryShipped(Event):
    """The goods have left."""

    resource = "deliveries"


@dataclass(frozen=True)
class DeliveryAccepted(Event):
    """The customer took them, in whole or in part."""

    resource = "deliveries"
