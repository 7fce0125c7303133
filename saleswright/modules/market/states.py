"""Kinds of campaigns."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CampaignKind(models.TextChoices):
    """What a campaign is."""

    EXHIBITION = "exhibition", _("Exhibition")
    CONFERENCE = "conference", _("Conference")
    SEMINAR = "seminar", _("Seminar")
    ONLINE = "online", _("Online")
    ADVERTISING = "advertising", _("Advertising")
    MAILING = "mailing", _("Mailing")
    OTHER = "other", _("Other")
