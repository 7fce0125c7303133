"""Connections to workplace programs, who and what is whose there, runs of the staff sync, cards of approvals."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.integrations.workplace.choices import CardState, MatchBy, Missing, Provider, RunKind, RunState
from saleswright.interface.entity import sort_indexes
from saleswright.kernel.models import Record, User, person


def _secret() -> models.CharField[str, str]:
    return models.CharField(max_length=500, blank=True, editable=False)


class Connection(Record):
    """A workplace program as the company has it. What is secret is kept encrypted."""

    title_field = "provider"
    provider = models.CharField(_("Program"), max_length=10, choices=Provider.choices, unique=True, editable=False)
    active = models.BooleanField(
        _("Switched on"), default=False,
        help_text=_("While it is switched off nobody signs in by it, nothing is sent and nothing is taken over."),
    )  # fmt: skip
    site = models.CharField(
        _("Address of this system"), max_length=200, blank=True,
        help_text=_("As phones reach it, such as https://crm.example.com."),
    )  # fmt: skip
    corp_id = models.CharField(_("Corp id"), max_length=64, blank=True)
    agent_id = models.CharField(_("Agent id"), max_length=32, blank=True)
    client_id = models.CharField(
        _("Client id (AppKey)"), max_length=64, blank=True, help_text=_("DingTalk alone has one.")
    )
    signs_in = models.BooleanField(_("Sign-in"), default=True, help_text=_("Colleagues may sign in by it."))
    match_by = models.CharField(
        _("Recognised by"), max_length=10, choices=MatchBy.choices, default=MatchBy.MOBILE,
        help_text=_("How somebody who is not linked yet is found here; only who is found once is taken."),
    )  # fmt: skip
    departments = models.CharField(
        _("Departments"), max_length=500, blank=True,
        help_text=_("The ids there, with commas between; what lies below them comes along. Others are left alone."),
    )  # fmt: skip
    daily = models.BooleanField(_("Take staff over daily"), default=False)
    missing = models.CharField(
        _("Who is no longer there"), max_length=10, choices=Missing.choices, default=Missing.PROPOSE
    )
    cards = models.BooleanField(_("Approvals as cards"), default=True)
    card_template = models.CharField(
        _("Card template"), max_length=100, blank=True,
        help_text=_("DingTalk: the id of the interactive card; without it approvers get a card that opens the page."),
    )  # fmt: skip
    robot_code = models.CharField(_("Robot code"), max_length=64, blank=True, help_text=_("DingTalk alone has one."))
    secret = _secret()
    contacts_secret = _secret()
    callback_token = _secret()
    callback_key = _secret()

    class Meta:
        verbose_name, verbose_name_plural = _("Workplace program"), _("Workplace programs")

    def __str__(self) -> str:
        return str(Provider(self.provider).label) if self.provider else ""

    @property
    def chosen(self) -> list[str]:
        """The ids of the departments that are taken over with what lies below them."""
        return [part.strip() for part in self.departments.split(",") if part.strip()]


class Ticket(models.Model):
    """What is fetched with the secret and holds for some hours: access tokens, tickets of pages.

    `claimed_until`: a process is fetching a new one, the others wait for it.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    value = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("connection", "kind"), name="workplace_ticket_once"),)


class ExternalAccount(Record):
    """Who a colleague is there."""

    title_field = "external_id"
    provider = models.CharField(_("Program"), max_length=10, choices=Provider.choices, db_index=True)
    external_id = models.CharField(_("Id there"), max_length=64, db_index=True)
    user = person(_("Employee"))

    class Meta:
        verbose_name, verbose_name_plural = _("Linked account"), _("Linked accounts")
        constraints = (
            models.UniqueConstraint(fields=("provider", "external_id"), name="workplace_account_of_one"),
            models.UniqueConstraint(fields=("provider", "user"), name="workplace_one_account_each"),
        )


class ExternalDepartment(models.Model):
    """What a department is there."""

    provider = models.CharField(max_length=10, choices=Provider.choices)
    external_id = models.CharField(max_length=64)
    department = models.ForeignKey("kernel.Department", models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("provider", "external_id"), name="workplace_department_of_one"),
            models.UniqueConstraint(fields=("provider", "department"), name="workplace_one_department_each"),
        )


class SyncRun(Record):
    """A run of the staff sync: what it changed, or would change, and what somebody has to decide.

    `lines` are {"what", "action", "id", "label", "detail", "pk"}; `counts` how many of each action.
    """

    title_field = "created_at"
    connection = models.ForeignKey(Connection, models.CASCADE, verbose_name=_("Program"), related_name="runs")
    kind = models.CharField(_("Extent"), max_length=10, choices=RunKind.choices)
    state = models.CharField(
        _("State"), max_length=10, choices=RunState.choices, default=RunState.RUNNING, editable=False
    )
    finished_at = models.DateTimeField(_("Finished"), null=True)
    counts = models.JSONField(default=dict)
    lines = models.JSONField(default=list)
    problem = models.CharField(_("Problem"), max_length=500, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Staff sync"), _("Staff syncs")
        indexes = sort_indexes("sync_run", "created_at")
        constraints = (
            models.UniqueConstraint(
                fields=("connection",), condition=Q(state="running"), name="workplace_one_run_at_a_time"
            ),
        )


class ExternalContact(models.Model):
    """Which contact or lead somebody is with whom colleagues chat."""

    provider = models.CharField(max_length=10, choices=Provider.choices)
    external_id = models.CharField(max_length=128)
    contact = models.ForeignKey("customers.Contact", models.CASCADE, null=True, related_name="+")
    lead = models.ForeignKey("leads.Lead", models.CASCADE, null=True, related_name="+")
    linked_at = models.DateTimeField()
    linked_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("provider", "external_id"), name="workplace_contact_once"),
            models.CheckConstraint(
                condition=Q(contact__isnull=False, lead=None) | Q(contact=None, lead__isnull=False),
                name="workplace_contact_or_lead",
            ),
        )


class ApprovalCard(models.Model):
    """The card by which one person is asked about one part of an approval.

    `reference` names it to the program; `update_code` is what WeCom wants for a change of it. `due_at` is the next
    attempt; `claimed_until` is how long a worker may be at it before another one takes it.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    task = models.ForeignKey("work.ApprovalTask", models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=64)
    reference = models.CharField(max_length=64, unique=True)
    update_code = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=CardState.choices, default=CardState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("connection", "task", "user"), name="workplace_card_once"),)
        indexes = (models.Index(fields=("state", "due_at"), name="workplace_card_due"),)
