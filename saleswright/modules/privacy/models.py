"""Requests of people about their data, and what is past its retention."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.interface.entity import sort_indexes
from saleswright.kernel import clock
from saleswright.kernel.models import OwnedRecord, Record, person
from saleswright.modules.privacy.states import ProposalState, RequestKind, RequestState


class SubjectRequest(OwnedRecord):
    """What a person asks for about their data. `targets` are the records found to be theirs: [[resource, id]].

    It is to be answered within fifteen working days (`due_on`). Once an erasure is done, the request itself says no
    more of the person than which records it was about.
    """

    title_field = "number"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    kind = models.CharField(_("What is asked for"), max_length=10, choices=RequestKind.choices, db_index=True)
    subject_name = models.CharField(_("Name of the person"), max_length=100)
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    email = models.EmailField(_("E-mail"), blank=True)
    received_on = models.DateField(pgettext_lazy("a request", "Received on"), default=clock.today)
    due_on = models.DateField(_("Answer due on"), editable=False, null=True, blank=True)
    details = models.TextField(_("In the person's words"), blank=True)
    status = models.CharField(
        _("State"), max_length=10, choices=RequestState.choices, default=RequestState.RECEIVED, editable=False
    )
    identity = models.CharField(_("How the identity was checked"), max_length=300, blank=True, editable=False)
    targets = models.JSONField(default=list, editable=False)
    asked_by = person(_("Erasure proposed by"), null=True, blank=True, editable=False)
    confirmed_by = person(_("Erasure confirmed by"), null=True, blank=True, editable=False)
    done_on = models.DateField(_("Answered on"), null=True, blank=True, editable=False)
    outcome = models.TextField(_("Outcome"), blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Request about personal data"), _("Requests about personal data")
        indexes = sort_indexes("subject_request", "status", "received_on", "due_on", "created_at")


class RetentionItem(Record):
    """A record with personal data that is past its retention, proposed for erasure by the daily check."""

    title_field = "resource"
    resource = models.CharField(_("Kind of record"), max_length=50, db_index=True)
    record_id = models.BigIntegerField(_("Record"))
    group = models.CharField(_("Group of personal data"), max_length=20, db_index=True)
    since = models.DateField(_("Past retention since"))
    status = models.CharField(
        _("State"), max_length=10, choices=ProposalState.choices, default=ProposalState.OPEN, editable=False
    )
    reason = models.CharField(_("Why it is kept on"), max_length=300, blank=True, editable=False)
    request = models.ForeignKey(
        SubjectRequest, models.PROTECT, verbose_name=_("Request about personal data"), null=True, blank=True,
        editable=False, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Data past its retention"), _("Data past its retention")
        indexes = sort_indexes("retention", "status", "since")
        constraints = (models.UniqueConstraint(fields=("resource", "record_id"), name="privacy_proposed_once"),)
