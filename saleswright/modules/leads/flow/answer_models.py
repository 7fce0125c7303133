"""What a lead carries of its way through the sales force: why its owner has it, and the clock of their answer."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.modules.leads.states import ResponseState
from saleswright.modules.pool.public import Pooled


class Answered(Pooled):
    """A record that waits for its owner's answer.

    `assigned_because` holds for the owner since `assigned_at`, no longer. `response_from` is what the clock runs from:
    the later one of getting the owner and of the last real follow-up. `response_state` is empty while nothing is
    waited for. `response_minutes` is working time.
    """

    assigned_because = models.CharField(_("Why with this owner"), max_length=300, blank=True, editable=False)
    assigned_at = models.DateTimeField(null=True, editable=False)
    link = models.ForeignKey(
        "leads.LeadLink", models.PROTECT, verbose_name=_("Tracked link"), null=True, blank=True, editable=False,
        related_name="leads",
    )  # fmt: skip
    duplicate_note = models.TextField(_("Looks like"), blank=True, editable=False)
    response_limit = models.ForeignKey(
        "leads.ResponseLimit", models.SET_NULL, verbose_name=_("Time limit"), null=True, blank=True, editable=False,
        related_name="+",
    )  # fmt: skip
    response_from = models.DateTimeField(null=True, editable=False)
    response_due_at = models.DateTimeField(_("Answer due"), null=True, blank=True, editable=False)
    response_state = models.CharField(
        pgettext_lazy("lead", "Answer"), max_length=9, choices=ResponseState.choices, default="", blank=True,
        editable=False, db_index=True,
    )  # fmt: skip
    responded_at = models.DateTimeField(_("First response"), null=True, blank=True, editable=False)
    response_minutes = models.PositiveIntegerField(
        _("Working minutes to the first response"), null=True, blank=True, editable=False
    )

    class Meta:
        abstract = True
