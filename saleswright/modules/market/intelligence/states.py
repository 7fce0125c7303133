"""States, subjects and sources of intelligence."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class IntelligenceStatus(States):
    """Whether somebody else has checked it."""

    NEW = "new", "yellow", _("Not checked yet")
    VERIFIED = "verified", "green", _("Verified")
    REFUTED = "refuted", "red", _("Refuted")


class Topic(models.TextChoices):
    """What it is about."""

    MARKET = "market", _("Market")
    INDUSTRY = "industry", _("Industry")
    COMPETITOR = "competitor", _("Competitor")
    PRODUCT = "product", _("Product")


class SourceKind(models.TextChoices):
    """Where it comes from."""

    VISIT = "visit", _("Visit")
    CUSTOMER = "customer", _("Told by a customer")
    COLLEAGUE = "colleague", _("Told by a colleague")
    PARTNER = "partner", _("Told by a partner or supplier")
    FAIR = "fair", _("Trade fair or conference")
    MEDIA = "media", _("Press and web")
    OFFICIAL = "official", _("Authorities and associations")
    OTHER = "other", _("Other")
