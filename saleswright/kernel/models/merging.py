"""Records that were merged into others, and what was moved with them, so that it can be put back."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models.base import Record
from saleswright.kernel.states import States


class MergeStatus(States):
    """Whether a merge stands."""

    DONE = "done", "green", _("Merged")
    UNDONE = "undone", "secondary", _("Undone")


class Merge(Record):
    """Records of one kind were made one: the others are archived and lead to the survivor.

    `fields` are the values that changed, {record id: {column: [before, after]}}; `counts` how many rows of each table
    were moved, {table: count}; `stayed` what an undo had to leave with the survivor, [[label of the table, words]].
    """

    title_field = "label"
    resource = models.CharField(_("Kind of record"), max_length=50, editable=False)
    survivor_id = models.BigIntegerField(_("Kept record"), editable=False)
    label = models.CharField(_("Kept record"), max_length=200, editable=False)
    others = models.CharField(_("Merged records"), max_length=500, editable=False)
    status = models.CharField(
        _("Status"), max_length=10, choices=MergeStatus.choices, default=MergeStatus.DONE, editable=False
    )
    undo_until = models.DateTimeField(_("Can be undone until"), editable=False)
    undone_at = models.DateTimeField(_("Undone at"), null=True, blank=True, editable=False)
    fields = models.JSONField(default=dict, editable=False)
    counts = models.JSONField(default=dict, editable=False)
    stayed = models.JSONField(default=list, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Merge"), _("Merges")
        indexes = (
            models.Index(fields=("status", "id"), name="kernel_merge_status_sort"),
            models.Index(fields=("created_at", "id"), name="kernel_merge_created_sort"),
            models.Index(fields=("resource", "survivor_id"), name="kernel_merge_survivor"),
        )


class MergedRecord(models.Model):
    """A record that lives on in another one, as long as the merge stands."""

    merge = models.ForeignKey(Merge, models.CASCADE, related_name="merged")
    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField()
    survivor_id = models.BigIntegerField()
    label = models.CharField(max_length=200)
    stands = models.BooleanField(default=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("resource", "record_id"), condition=models.Q(stands=True), name="kernel_merged_once"
            ),
        )
        indexes = (models.Index(fields=("resource", "survivor_id"), name="kernel_merged_survivor"),)


class MoveKind(models.TextChoices):
    """What a merge did with a row."""

    MOVED = "moved"
    CUSTOM = "custom"
    CHANGED = "changed"
    REMOVED = "removed"
    POSTED = "posted"


class MergeMove(models.Model):
    """A row that a merge touched.

    `table` is the model's label, `row_id` its id, `version` the row's afterwards. `moved`: `column` pointed to the
    record `former`; `custom`: the same in the custom field of that code. `changed`: `content` is {column: [before,
    after]}. `removed`: `content` is the whole row. `posted`: `content` is what a ledger carried over from `former`.
    """

    merge = models.ForeignKey(Merge, models.CASCADE, related_name="moves")
    kind = models.CharField(max_length=8, choices=MoveKind.choices)
    table = models.CharField(max_length=80)
    row_id = models.BigIntegerField()
    column = models.CharField(max_length=80, blank=True)
    former = models.BigIntegerField(null=True)
    version = models.PositiveIntegerField(null=True)
    content = models.JSONField(null=True)
