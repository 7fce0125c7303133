"""Periods for which the size of a market is known."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MarketPeriod(models.TextChoices):
    """A part of the fiscal year."""

    YEAR = "year", _("Year")
    Q1 = "q1", _("1st quarter")
    Q2 = "q2", _("2nd quarter")
    Q3 = "q3", _("3rd quarter")
    Q4 = "q4", _("4th quarter")
