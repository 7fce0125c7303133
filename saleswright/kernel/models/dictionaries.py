"""Dictionaries 数据字典: the choices of fields, kept by the company."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models.base import Record


class Dictionary(Record):
    """A list of choices that fields use; a closed one allows nothing else."""

    code = models.CharField(_("Code"), max_length=40, unique=True, editable=False)
    name = models.CharField(_("Name"), max_length=100)
    closed = models.BooleanField(
        _("Only listed codes"), default=False,
        help_text=_("Files and programs, too, may use only what is listed here. Otherwise other words are kept."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Dictionary"), _("Dictionaries")


class DictionaryEntry(models.Model):
    """A choice: the code that records hold, what it is called, and whether it is still offered."""

    dictionary = models.ForeignKey(Dictionary, models.CASCADE, related_name="entries")
    position = models.PositiveIntegerField(default=0, editable=False)
    code = models.CharField(_("Code"), max_length=50)
    label_zh = models.CharField(_("Chinese label"), max_length=100)
    label_en = models.CharField(_("English label"), max_length=100, blank=True)
    active = models.BooleanField(_("Offered"), default=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("dictionary", "code"), name="kernel_entry_once_a_dictionary"),)
