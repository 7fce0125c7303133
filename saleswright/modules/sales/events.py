"""What happens to quotes, contracts and orders."""

from dataclasses import dataclass

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class QuoteAccepted(Event):
    """The customer said yes."""

    resource = "quotes"


@dataclass(frozen=True)
class ContractSigned(Event):
    """Both sides signed; it may be in force later only."""

    resource = "contracts"


@dataclass(frozen=True)
class ContractReplaced(Event):
    """A signed amendment, the contract `by_id`, took the place of the contract."""

    resource = "contracts"
    by_id: int


@dataclass(frozen=True)
class ContractTerminated(Event):
    """The contract ended before its time."""

    resource = "contracts"


@dataclass(frozen=True)
class OrderConfirmed(Event):
    """The order binds both sides: reserve, check credit, plan its collection."""

    resource = "orders"


@dataclass(frozen=True)
class OrderCancelled(Event):
    """The order is void; nothing of it was delivered or invoiced."""

    resource = "orders"


@dataclass(frozen=True)
class OrderClosed(Event):
    """What was not delivered of the order is given up."""

    resource = "orders"
