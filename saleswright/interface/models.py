"""What people keep about how they look at records."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models import OwnedRecord


class SavedView(OwnedRecord):
    """Filters, order and columns of a list under a name, for oneself or shared with one's department."""

    resource = models.CharField(max_length=50)
    name = models.CharField(_("Name"), max_length=80)
    parameters = models.JSONField(default=dict)
    shared = models.BooleanField(_("Shared with the department"), default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Saved view"), _("Saved views")
        indexes = (models.Index(fields=("resource", "owner"), name="interface_view_of"),)


class ImportMapping(models.Model):
    """Which column of files with these headers a person took for which field the last time."""

    resource = models.CharField(max_length=50)
    headers_key = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("resource", "headers_key", "user"), name="interface_mapping_once"),
        )
