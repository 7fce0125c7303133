"""States of invoices, and what entries of the ledger and instalments are about."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class InvoiceStatus(States):
    """From the draft to the money."""

    DRAFT = "draft", "secondary", _("Draft")
    ISSUED = "issued", "blue", _("Issued")
    PAID = "paid", "green", _("Paid")
    REVERSED = "reversed", "dark", _("Reversed")


#: invoices that are in the ledger
POSTED = (InvoiceStatus.ISSUED, InvoiceStatus.PAID, InvoiceStatus.REVERSED)


class InvoiceKind(models.TextChoices):
    """Kinds of invoices by Chinese tax law."""

    VAT_SPECIAL = "vat_special", _("Special VAT invoice")
    VAT_NORMAL = "vat_normal", _("Ordinary VAT invoice")
    OTHER = "other", _("Other")


class EntryKind(models.TextChoices):
    """Why an entry stands in the ledger."""

    INVOICE = "invoice", _("Invoice")
    RED_LETTER = "red_letter", _("Red-letter invoice")
    OFFSET = "offset", _("Offset by a red-letter invoice")
    SETTLED_BEFORE = "settled_before", _("Settled before the take-over")
    RECEIPT = "receipt", _("Receipt")
    ALLOCATION = "allocation", _("Allocation")
    RELEASE = "release", _("Allocation taken back")
    REFUND = "refund", _("Refund")


class Trigger(models.TextChoices):
    """What makes an instalment due."""

    DATE = "date", _("Date")
    SIGNING = "signing", _("Signing")
    DELIVERY = "delivery", _("Delivery")
    ACCEPTANCE = "acceptance", _("Acceptance")
    WARRANTY_END = "warranty_end", _("End of warranty")
