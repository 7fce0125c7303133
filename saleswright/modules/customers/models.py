"""The customer archive: companies and the people in them."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.merging.declared import add_pair
from saleswright.kernel.models import Record
from saleswright.kernel.models.base import person
from saleswright.modules.customers.states import (
    Attitude,
    ChurnRisk,
    DecisionRole,
    JoinKind,
    JoinStatus,
    Level,
    LifeCycle,
    PairStatus,
    RfmGroup,
    ScanStatus,
)
from saleswright.modules.pool.public import Pooled


class Industry(Record):
    """A section, division or finer part of GB/T 4754; `section` is the letter of the section that it belongs to."""

    code = models.CharField(_("Code"), max_length=10, unique=True)
    name = models.CharField(_("Name"), max_length=100)
    name_en = models.CharField(_("English name"), max_length=100, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Belongs to"), null=True, blank=True, related_name="parts"
    )
    section = models.CharField(_("Section"), max_length=1, editable=False, blank=True, db_index=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Industry (GB/T 4754)"), _("Industries (GB/T 4754)")
        indexes = sort_indexes("industry", "code", "name", "created_at")


class Customer(Pooled):
    """A company or person that buys, or may."""

    code = models.CharField(_("Code"), max_length=40, unique=True, null=True, blank=True)
    name = models.CharField(_("Name"), max_length=200)
    name_key = models.CharField(max_length=200, editable=False, blank=True, db_index=True)
    #: by which a database finds names that may be the same with a slip, see `kernel.matching.lookup_keys`
    brand_key = models.CharField(max_length=100, editable=False, blank=True, default="")
    head_key = models.CharField(max_length=100, editable=False, blank=True, default="")
    tail_key = models.CharField(max_length=100, editable=False, blank=True, default="")
    short_name = models.CharField(_("Short name"), max_length=100, blank=True)
    credit_code = models.CharField(
        _("Unified social credit code"), max_length=30, unique=True, null=True, blank=True,
        help_text=_("18 characters; outside China the tax number."),
    )  # fmt: skip
    industry = models.CharField(_("Industry"), max_length=100, blank=True, db_index=True)
    industry_class = models.ForeignKey(
        Industry, models.PROTECT, verbose_name=_("Industry (GB/T 4754)"), null=True, blank=True, related_name="+"
    )
    customer_class = models.CharField(_("Class"), max_length=50, blank=True, db_index=True)
    size = models.CharField(_("Size"), max_length=50, blank=True)
    country = models.CharField(_("Country"), max_length=2, default="CN", blank=True, db_index=True)
    province = models.CharField(_("Province"), max_length=50, blank=True, db_index=True)
    city = models.CharField(_("City"), max_length=50, blank=True, db_index=True)
    district = models.CharField(_("District"), max_length=50, blank=True)
    address = models.CharField(_("Address"), max_length=300, blank=True)
    latitude = models.DecimalField(
        _("Latitude"), max_digits=9, decimal_places=6, null=True, blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)], help_text=_("Degrees, WGS 84; north is positive."),
    )  # fmt: skip
    longitude = models.DecimalField(
        _("Longitude"), max_digits=9, decimal_places=6, null=True, blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)], help_text=_("Degrees, WGS 84; east is positive."),
    )  # fmt: skip
    website = models.CharField(_("Website"), max_length=200, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Parent company"), null=True, blank=True, related_name="subsidiaries"
    )
    source = models.CharField(_("Source"), max_length=50, blank=True, db_index=True)
    channel = models.CharField(_("Channel"), max_length=50, blank=True)
    level = models.CharField(_("Level"), max_length=1, choices=Level.choices, blank=True)
    life_cycle = models.CharField(
        _("Life cycle"), max_length=10, choices=LifeCycle.choices, default=LifeCycle.PROSPECT, db_index=True
    )
    #: what the nightly figures say, written by `actions.note_figures` alone
    churn_risk = models.CharField(
        _("Churn risk"), max_length=6, choices=ChurnRisk.choices, blank=True, default="", editable=False
    )
    rfm_group = models.CharField(
        _("RFM group"), max_length=11, choices=RfmGroup.choices, blank=True, default="", editable=False
    )
    tags = models.JSONField(_("Tags"), default=list, blank=True)
    invoice_title = models.CharField(_("Invoice title"), max_length=200, blank=True)
    bank = models.CharField(_("Bank"), max_length=100, blank=True)
    bank_account = models.CharField(_("Bank account"), max_length=50, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Customer"), _("Customers")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(latitude=None, longitude=None)
                | models.Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__gte=-90,
                    latitude__lte=90,
                    longitude__gte=-180,
                    longitude__lte=180,
                ),
                name="customer_is_somewhere_on_earth",
            ),
        )
        indexes = (
            *sort_indexes("customer", "name", "level", "created_at", "updated_at", "churn_risk", "rfm_group"),
            models.Index(fields=("brand_key",), name="customer_brand_key"),
            models.Index(fields=("head_key",), name="customer_head_key"),
            models.Index(fields=("tail_key",), name="customer_tail_key"),
        )


class Contact(Record):
    """A person at a customer."""

    customer = models.ForeignKey(Customer, models.PROTECT, verbose_name=_("Customer"), related_name="contacts")
    name = models.CharField(_("Full name"), max_length=100)
    title = models.CharField(_("Job title"), max_length=100, blank=True)
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    mobile = models.CharField(_("Mobile"), max_length=40, blank=True)
    email = models.EmailField(_("E-mail"), blank=True)
    decision_role = models.CharField(_("Role in decisions"), max_length=12, choices=DecisionRole.choices, blank=True)
    attitude = models.CharField(_("Attitude"), max_length=50, choices=Attitude.choices, blank=True)
    reports_to = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Reports to"), null=True, blank=True, related_name="reports"
    )
    birthday = models.DateField(_("Birthday"), null=True, blank=True)
    may_be_contacted = models.BooleanField(_("Consents to be contacted"), default=True)
    is_primary = models.BooleanField(_("Main contact"), default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Contact"), _("Contacts")
        indexes = sort_indexes("contact", "name", "created_at")


class DuplicatePair(Record):
    """Two customers that are likely one company, as a scan found them; `first` has the lower id.

    `likelihood` is the probability in whole percent, `reasons` are codes of what speaks for it.
    """

    first = models.ForeignKey(Customer, models.CASCADE, verbose_name=_("Customer"), related_name="+")
    second = models.ForeignKey(Customer, models.CASCADE, verbose_name=_("Looks the same"), related_name="+")
    likelihood = models.PositiveSmallIntegerField(_("Likelihood"))
    reasons = models.JSONField(_("What speaks for it"), default=list)
    status = models.CharField(
        _("Status"), max_length=10, choices=PairStatus.choices, default=PairStatus.OPEN, editable=False
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Likely duplicate"), _("Likely duplicates")
        indexes = sort_indexes("duplicate_pair", "likelihood", "status", "created_at")
        constraints = (
            models.UniqueConstraint(fields=("first", "second"), name="customers_one_pair_of_two"),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="customers_lower_id_comes_first"
            ),
        )

    def __str__(self) -> str:
        return f"{self.first.name} / {self.second.name}"


class DuplicateScan(Record):
    """A search for duplicates among all customers, done by a worker."""

    title_field = "status"
    status = models.CharField(
        _("Status"), max_length=10, choices=ScanStatus.choices, default=ScanStatus.RUNNING, editable=False
    )
    percent = models.PositiveSmallIntegerField(_("Progress"), default=0, editable=False)
    customers = models.PositiveIntegerField(_("Customers compared"), default=0, editable=False)
    found = models.PositiveIntegerField(_("Likely pairs"), default=0, editable=False)
    fresh = models.PositiveIntegerField(_("New pairs"), default=0, editable=False)
    note = models.CharField(_("Note"), max_length=200, blank=True)
    job_id = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Search for duplicates"), _("Searches for duplicates")
        indexes = sort_indexes("duplicate_scan", "status", "created_at")
        constraints = (
            models.UniqueConstraint(
                fields=("status",), condition=models.Q(status="running"), name="customers_one_scan_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"


class JoinRequest(Record):
    """Somebody asks to work with a customer or lead that another person has 撞单; that person's manager decides.

    `label` and `owner` are what the asking person was shown, `mine` is a lead or customer of their own that clashes.
    """

    title_field = "label"
    resource = models.CharField(_("Kind of record"), max_length=50, choices=JoinKind.choices)
    record_id = models.BigIntegerField(_("Record"))
    label = models.CharField(_("Asked for"), max_length=200, editable=False)
    owner = person(_("Owner"), editable=False)
    decider = person(_("Decided by"), editable=False)
    why = models.CharField(_("Why"), max_length=500)
    mine_resource = models.CharField(_("Kind of the own record"), max_length=50, choices=JoinKind.choices, blank=True)
    mine_id = models.BigIntegerField(_("Own record"), null=True, blank=True)
    status = models.CharField(
        _("Status"), max_length=11, choices=JoinStatus.choices, default=JoinStatus.OPEN, editable=False
    )
    reason = models.CharField(_("Reason of the decision"), max_length=500, blank=True, editable=False)
    decided_at = models.DateTimeField(_("Decided"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Request to join"), _("Requests to join")
        indexes = (
            *sort_indexes("join_request", "status", "created_at", "decider", "owner"),
            models.Index(fields=("resource", "record_id"), name="join_request_record"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("resource", "record_id", "created_by"),
                condition=models.Q(status="open"),
                name="customers_asked_once",
            ),
        )


add_pair("customers.JoinRequest", record="mine_id", resource="mine_resource")
