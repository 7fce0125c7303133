"""Custom fields 自定义字段: what a company adds to its kinds of record."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.custom_fields import KINDS
from saleswright.kernel.fields import QuantityField
from saleswright.kernel.models.base import Record


class CustomField(Record):
    """A field of a kind of record; archived it is retired: hidden, its values kept."""

    resource = models.CharField(_("Kind of record"), max_length=50)
    code = models.CharField(
        _("Code"), max_length=40,
        help_text=_("Small letters, digits and underscores; programs and files use it. It never changes."),
    )  # fmt: skip
    kind = models.CharField(_("Kind of value"), max_length=20, choices=list(KINDS.items()))
    target = models.CharField(
        _("Refers to"), max_length=50, blank=True, help_text=_("For a record of another kind: which kind.")
    )
    label_zh = models.CharField(_("Chinese label"), max_length=60)
    label_en = models.CharField(_("English label"), max_length=60, blank=True)
    help = models.CharField(_("Help text"), max_length=200, blank=True)
    required = models.BooleanField(
        _("Required"), default=False, help_text=_("New records need it; imported history does not.")
    )
    unique = models.BooleanField(
        _("Unique"), default=False, help_text=_("No two records hold the same. For text and whole numbers only.")
    )
    default = models.CharField(_("Value of new records"), max_length=200, blank=True)
    minimum = QuantityField(_("Least value"), null=True, blank=True)
    maximum = QuantityField(_("Greatest value"), null=True, blank=True)
    right = models.CharField(
        _("Protected by the right"), max_length=40, blank=True,
        help_text=_("A word such as margin: only roles with this right over fields see and set it."),
    )  # fmt: skip
    position = models.PositiveIntegerField(_("Place in the form"), default=100)
    searchable = models.BooleanField(
        _("Can be searched for"), default=False,
        help_text=_("Records are found by its words, in lists and in the search. Not for a protected field."),
    )  # fmt: skip
    indexed = models.BooleanField(_("Can be sorted by"), default=False, editable=False)

    title_field = "label_zh"

    class Meta:
        verbose_name, verbose_name_plural = _("Custom field"), _("Custom fields")
        constraints = (models.UniqueConstraint(fields=("resource", "code"), name="kernel_custom_code_once"),)


class CustomChoice(models.Model):
    """A choice of a custom field."""

    field = models.ForeignKey(CustomField, models.CASCADE, related_name="choices")
    position = models.PositiveIntegerField(default=0, editable=False)
    code = models.CharField(_("Code"), max_length=50)
    label_zh = models.CharField(_("Chinese label"), max_length=100)
    label_en = models.CharField(_("English label"), max_length=100, blank=True)
    active = models.BooleanField(_("Offered"), default=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("field", "code"), name="kernel_custom_choice_once"),)
