"""Invoices, collection plans, receipts and the ledger of receivables."""

from saleswright.interface import modules


class ReceivablesConfig(modules.ModuleConfig):
    """What customers owe and what they paid."""

    name = "saleswright.modules.receivables"
    label = "receivables"
