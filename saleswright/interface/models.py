"""What people keep about how they look at records."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.models import OwnedRecord
from saleswright.kernel.states import States


class SavedView(OwnedRecord):
    """Filters, order and columns of a list under a name, for oneself or shared with one's department."""

    resource = models.CharField(max_length=50)
    name = models.CharField(_("Name"), max_length=80)
    parameters = models.JSONField(default=dict)
    shared = models.BooleanField(_("Shared with the department"), default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Saved view"), _("Saved views")
        indexes = (models.Index(fields=("resource", "owner"), name="interface_view_of"),)


class ImportRunState(States):
    """Whether what an import created still stands."""

    TAKEN = "taken", "green", pgettext_lazy("import", "Taken")
    TAKEN_BACK = "taken_back", "secondary", _("Taken back")


class ImportRun(OwnedRecord):
    """A file that was taken, or of which nothing could be taken; its owner is the person who did it.

    `taken_at` is the time of every entry that it made in the audit: from there one knows what it created.
    """

    resource = models.CharField(_("Kind of record"), max_length=50, db_index=True)
    file_name = models.CharField(_("File"), max_length=200)
    taken_at = models.DateTimeField(_("Taken at"))
    status = models.CharField(
        _("Status"), max_length=12, choices=ImportRunState.choices, default=ImportRunState.TAKEN, editable=False,
        db_index=True,
    )  # fmt: skip
    rows = models.PositiveIntegerField(_("Rows"), default=0)
    created = models.PositiveIntegerField(_("Records created"), default=0)
    updated = models.PositiveIntegerField(_("Records changed"), default=0)
    failed = models.PositiveIntegerField(_("Rows with errors"), default=0)
    taken_back = models.PositiveIntegerField(_("Records deleted again"), default=0)
    token = models.CharField(max_length=64, blank=True, editable=False)

    title_field = "file_name"

    class Meta:
        verbose_name, verbose_name_plural = _("Import"), _("Imports")
        indexes = (models.Index(fields=("taken_at", "id"), name="interface_import_taken_at"),)


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
