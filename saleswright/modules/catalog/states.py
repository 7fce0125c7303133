"""Where a product stands in its life."""

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class LifeCycle(States):
    """The phases of a product's life (PROD-01); discontinued ones are no longer offered."""

    INTRODUCTION = "introduction", "azure", _("Introduction")
    GROWTH = "growth", "blue", _("Growth")
    MATURITY = "maturity", "green", _("Maturity")
    DECLINE = "decline", "yellow", _("Decline")
    DISCONTINUED = "discontinued", "red", _("Discontinued")
