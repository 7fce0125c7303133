"""What other modules may use of deliveries."""

from saleswright.modules.fulfilment.models import Delivery
from saleswright.modules.fulfilment.queries import Progress, progress_of
from saleswright.modules.fulfilment.states import DeliveryStatus

__all__ = ["Delivery", "DeliveryStatus", "Progress", "progress_of"]
