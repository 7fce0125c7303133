"""What happens to invoices and receipts."""

from dataclasses import dataclass

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class InvoiceIssued(Event):
    """The customer owes its total."""

    resource = "invoices"


@dataclass(frozen=True)
class InvoicePaid(Event):
    """Nothing is open of the invoice."""

    resource = "invoices"


@dataclass(frozen=True)
class InvoiceReversed(Event):
    """Red-letter invoice `red_id` took the invoice back, in whole or in part."""

    resource = "invoices"
    red_id: int


@dataclass(frozen=True)
class ReceiptBooked(Event):
    """Money came in."""

    resource = "receipts"
