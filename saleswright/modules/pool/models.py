"""Pools, rules that fill them, limits on taking from them, and what a record must have to be in one."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import ConditionField
from saleswright.kernel.merging.declared import add_pair
from saleswright.kernel.models import Department, OwnedRecord, Record, Region, person
from saleswright.modules.pool.states import ProtectionStatus, RuleStatus, Way


class Pool(Record):
    """A public pool 公海 of records of one kind; its members may claim them.

    Without members, managers left aside, it is open to everybody who has the right to claim.
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    resource = models.CharField(_("Kind of record"), max_length=50)
    region = models.ForeignKey(
        Region, models.PROTECT, verbose_name=_("Region"), null=True, blank=True, related_name="+"
    )
    position = models.PositiveSmallIntegerField(
        _("Order"), default=0, help_text=_("What is given back goes into the first pool that one belongs to.")
    )
    cool_down_days = models.PositiveSmallIntegerField(
        _("Cool-down"), default=30, validators=[MaxValueValidator(3650)],
        help_text=_("Days before whoever had a record may claim it again."),
    )  # fmt: skip
    note = models.TextField(_("Remark"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Public pool"), _("Public pools")
        indexes = sort_indexes("pool", "resource", "position")


class PoolMember(models.Model):
    """A person, or everybody in a department and below, belongs to a pool; managers assign what is in it."""

    pool = models.ForeignKey(Pool, models.CASCADE, related_name="members")
    position = models.PositiveIntegerField(default=0, editable=False)
    member = person(_("Person"), null=True, blank=True)
    department = models.ForeignKey(
        Department, models.PROTECT, verbose_name=_("Department"), null=True, blank=True, related_name="+"
    )
    manages = models.BooleanField(_("Manages the pool"), default=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(member=None, department__isnull=False) | Q(member__isnull=False, department=None),
                name="pool_member_is_somebody",
            ),
        )


class Pooled(OwnedRecord):
    """A record that can be in a pool: then it has no owner and `pooled_at` and `pool_reason` say since when and why.

    `followed_up_at` is the last real follow-up, which edits don't touch; `owned_since` when the owner got it.
    """

    pool = models.ForeignKey(
        Pool, models.PROTECT, verbose_name=_("Public pool"), null=True, blank=True, related_name="+"
    )
    pooled_at = models.DateTimeField(_("In the pool since"), null=True, blank=True, editable=False)
    pool_reason = models.CharField(_("Why in the pool"), max_length=300, blank=True, editable=False)
    owned_since = models.DateTimeField(_("With the owner since"), null=True, blank=True, editable=False)
    followed_up_at = models.DateTimeField(_("Last follow-up"), null=True, blank=True, editable=False, db_index=True)
    protected_until = models.DateField(_("Protected until"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class RecycleRule(Record):
    """When records go into a pool by themselves: its conditions hold and nothing keeps them.

    A rule without conditions matches nothing. Rules are asked in their order; the first that takes a record decides.
    """

    name = models.CharField(_("Name"), max_length=100)
    pool = models.ForeignKey(Pool, models.PROTECT, verbose_name=_("Goes to the pool"), related_name="rules")
    resource = models.CharField(_("Kind of record"), max_length=50, editable=False, db_index=True)
    position = models.PositiveSmallIntegerField(_("Order"), default=0)
    status = models.CharField(
        _("Status"), max_length=6, choices=RuleStatus.choices, default=RuleStatus.DRAFT, editable=False, db_index=True
    )
    conditions = ConditionField(
        _("Conditions"), terms="pool:{resource}", help_text=_("A rule without conditions matches nothing.")
    )
    spare_levels = models.JSONField(
        _("Levels that stay"), default=list, blank=True, help_text=_("Such as: A, B. Separated by commas.")
    )
    spare_tags = models.JSONField(
        _("Tags that stay"), default=list, blank=True, help_text=_("Records with one of these tags stay.")
    )
    spare_contracts = models.BooleanField(_("Keep those with an open contract"), default=True)
    spare_won = models.BooleanField(_("Keep those with a won deal"), default=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Recycle rule"), _("Recycle rules")
        indexes = sort_indexes("recycle_rule", "position", "name")


class RecycleNotice(models.Model):
    """The owner was told that a rule will take the record `days` before; `base` is what the clock ran from then."""

    rule = models.ForeignKey(RecycleRule, models.CASCADE, related_name="+")
    record_id = models.BigIntegerField()
    days = models.PositiveSmallIntegerField()
    base = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("rule", "record_id", "base", "days"), name="pool_notice_once"),)


class Protection(OwnedRecord):
    """The wish to keep a record with its owner until a day, and why; it holds once it is granted."""

    title_field = "label"
    resource = models.CharField(_("Kind of record"), max_length=50)
    record_id = models.BigIntegerField(_("Record"), db_index=True)
    label = models.CharField(_("Record"), max_length=200, editable=False, blank=True)
    until = models.DateField(_("Protected until"))
    reason = models.CharField(_("Reason"), max_length=300)
    status = models.CharField(
        _("Status"), max_length=11, choices=ProtectionStatus.choices, default=ProtectionStatus.DRAFT, editable=False,
        db_index=True,
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Protection"), _("Protections")
        indexes = sort_indexes("protection", "until", "created_at")


class ClaimLimit(Record):
    """How much the holders of a post, or everybody, may take out of pools; of several the most generous holds."""

    title_field = "resource"
    resource = models.CharField(_("Kind of record"), max_length=50, db_index=True)
    post = models.ForeignKey(
        "org.Post", models.PROTECT, verbose_name=_("Post"), null=True, blank=True, related_name="+",
        help_text=_("Left empty: everybody whose posts have no limit of their own."),
    )  # fmt: skip
    claims_a_day = models.PositiveIntegerField(_("Claims a day"), null=True, blank=True)
    most_held = models.PositiveIntegerField(_("Most held at once"), null=True, blank=True)
    won_exempt = models.BooleanField(
        _("Won customers don't count"), default=True, help_text=_("Who has bought is not counted among those held.")
    )
    assigned_count = models.BooleanField(
        _("Holds for what managers assign"), default=False,
        help_text=_("Whether a manager may assign no more than the limit either."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Claim limit"), _("Claim limits")


class Claim(models.Model):
    """Somebody got a record out of a pool; append-only, so that giving it back resets no limit."""

    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField()
    pool = models.ForeignKey(Pool, models.PROTECT, related_name="+")
    user = person(_("Person"))
    way = models.CharField(max_length=6, choices=Way.choices)
    at = models.DateTimeField()
    day = models.DateField()

    class Meta:
        indexes = (
            models.Index(fields=("user", "resource", "day"), name="pool_claims_of_the_day"),
            models.Index(fields=("resource", "record_id", "at"), name="pool_claims_of_record"),
        )


add_pair("pool.RecycleNotice", resource="rule__resource")
