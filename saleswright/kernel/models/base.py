"""What every record has."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.custom_column import CustomColumn
from saleswright.kernel.errors import Text


def person(label: Text, **kwargs: Any) -> models.ForeignKey:
    """A reference to a person; people are never deleted."""
    return models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=label, related_name="+", **kwargs)


class Record(models.Model):
    """A row that people work with: stamped, versioned, archived instead of deleted."""

    created_at = models.DateTimeField(_("Created"), editable=False)
    updated_at = models.DateTimeField(_("Changed"), editable=False)
    created_by = person(_("Created by"), null=True, blank=True, editable=False, db_index=False)
    updated_by = person(_("Changed by"), null=True, blank=True, editable=False, db_index=False)
    version = models.PositiveIntegerField(_("Version"), default=1, editable=False)
    archived_at = models.DateTimeField(_("Archived"), null=True, blank=True, editable=False)
    custom = CustomColumn(_("Custom fields"), default=dict, blank=True, editable=False)

    class Meta:
        abstract = True

    #: the field whose text names the record for people
    title_field: ClassVar[str] = "name"

    def __str__(self) -> str:
        return str(getattr(self, self.title_field) or f"#{self.pk}")


class OwnedRecord(Record):
    """A record that belongs to a person and a department; rights follow both."""

    owner = person(_("Owner"), null=True, blank=True)
    department = models.ForeignKey(
        "kernel.Department", models.PROTECT, verbose_name=_("Department"), null=True, blank=True, related_name="+"
    )

    class Meta:
        abstract = True
