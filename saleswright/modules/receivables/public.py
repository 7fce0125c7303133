"""What other modules may use of receivables."""

from saleswright.modules.receivables.models import CollectionPlan, Instalment, Invoice, LedgerEntry, Receipt
from saleswright.modules.receivables.queries import months_after
from saleswright.modules.receivables.states import POSTED, EntryKind, InvoiceKind, InvoiceStatus, Trigger

__all__ = [
    "POSTED",
    "CollectionPlan",
    "EntryKind",
    "Instalment",
    "Invoice",
    "InvoiceKind",
    "InvoiceStatus",
    "LedgerEntry",
    "Receipt",
    "Trigger",
    "months_after",
]
