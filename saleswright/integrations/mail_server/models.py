"""The mail server and the sender."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models import Record


class Security(models.TextChoices):
    """How the connection to the mail server is encrypted."""

    STARTTLS = "starttls", _("STARTTLS (mostly port 587)")
    TLS = "tls", _("TLS from the first byte (mostly port 465)")
    NONE = "none", _("None (only within one's own network)")


PORTS = {Security.STARTTLS.value: 587, Security.TLS.value: 465, Security.NONE.value: 25}


class MailServer(Record):
    """The mail server of this installation: exactly one row. The password is kept encrypted."""

    title_field = "host"
    host = models.CharField(
        _("Mail server"), max_length=253, blank=True,
        help_text=_("Such as smtp.exmail.qq.com. While it is empty no mails go out."),
    )  # fmt: skip
    port = models.PositiveIntegerField(
        _("Port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("Empty: the usual one of the encryption."),
    )  # fmt: skip
    security = models.CharField(_("Encryption"), max_length=8, choices=Security.choices, default=Security.STARTTLS)
    login = models.CharField(
        _("User name"), max_length=200, blank=True, help_text=_("Empty: the server takes mails without a sign-in.")
    )
    password = models.CharField(max_length=1000, blank=True, editable=False)
    sender_name = models.CharField(
        _("Name of the sender"), max_length=100, blank=True, help_text=_("Empty: the company's name.")
    )
    sender_address = models.EmailField(
        _("Address of the sender"), blank=True, help_text=_("While it is empty no mails go out.")
    )
    reply_to = models.EmailField(_("Answers go to"), blank=True, help_text=_("Empty: to the sender."))

    class Meta:
        verbose_name, verbose_name_plural = _("Mail server"), _("Mail server")
