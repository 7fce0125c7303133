"""Whose records were before they changed hands."""

from __future__ import annotations

from django.db import models

from saleswright.kernel.models.access import Department, Region
from saleswright.kernel.models.base import person


class PastHolding(models.Model):
    """Until a moment a record belonged to another person, who had a department and a region.

    What it counts for in figures up to `last_on` (of facts with a time: before `until`) stays theirs.
    """

    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField()
    owner = person("", db_index=False)
    department = models.ForeignKey(Department, models.PROTECT, null=True, related_name="+", db_index=False)
    region = models.ForeignKey(Region, models.PROTECT, null=True, related_name="+", db_index=False)
    until = models.DateTimeField()
    last_on = models.DateField()

    class Meta:
        indexes = (
            models.Index(fields=("resource", "record_id", "until"), name="kernel_holding_of_record"),
            models.Index(fields=("resource", "owner"), name="kernel_holding_of_person"),
        )
