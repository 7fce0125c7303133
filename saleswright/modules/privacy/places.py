"""Where words about people may stand: every text and JSON column, found by a walk, and those that are left as they are.

A column is searched unless it is declared here with the reason why not. So a column that is added later is searched
from its first day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.errors import NotFound, Text
from saleswright.kernel.resources import has_resource, resource_of

PACKAGE = "saleswright."

DOCUMENT = _("What was agreed, delivered and charged is kept for as long as the laws on contracts and accounts say.")
AUDIT = _("Values leave the audit by their seals, and the chain goes on proving the rest.")
REMADE = _("It is made anew from the record, or dropped, when the person is erased.")
SIGN_IN = _("The name for signing in stays, so that it is never given to somebody else.")
TECHNICAL = _("Keys, codes and digests that say nothing of people.")

#: a model or one of its columns -> why it is not searched and not changed
KEPT: dict[str, Text] = {
    "sales.Quote.terms": DOCUMENT,
    "sales.QuoteLine": DOCUMENT,
    "sales.Contract.title": DOCUMENT,
    "sales.Contract.clauses": DOCUMENT,
    "sales.Order.customer_order_number": DOCUMENT,
    "sales.OrderLine": DOCUMENT,
    "fulfilment.DeliveryLine": DOCUMENT,
    "receivables.InvoiceLine": DOCUMENT,
    "receivables.Receipt.reference": DOCUMENT,
    "receivables.LedgerEntry": DOCUMENT,
    "kernel.AuditEntry": AUDIT,
    "kernel.AuditHead": TECHNICAL,
    "kernel.SearchRow": REMADE,
    "kernel.IdempotencyKey": REMADE,
    "kernel.User.username": SIGN_IN,
    "kernel.User.password": TECHNICAL,
    "kernel.Session.session_key": TECHNICAL,
    "kernel.Session.session_data": TECHNICAL,
    "kernel.SecondFactor": TECHNICAL,
    "kernel.RecoveryCode": TECHNICAL,
    "kernel.ApiToken.digest": TECHNICAL,
    "kernel.EventDelivery": TECHNICAL,
    "kernel.Counter": TECHNICAL,
    "interface.ImportRun.token": TECHNICAL,
    "interface.ImportMapping.headers_key": TECHNICAL,
    "work.Approval.content_hash": TECHNICAL,
    "work.Attachment.sha256": TECHNICAL,
    "work.OrphanedContent": TECHNICAL,
    "work.GroupBot.url": TECHNICAL,
    "work.GroupBot.secret": TECHNICAL,
    "market.Survey.nonce": TECHNICAL,
    "market.SurveyInvitation.nonce": TECHNICAL,
    "market.SurveyAnswer.ticket": TECHNICAL,
    "integration.Webhook.secret": TECHNICAL,
    "mail_server.MailServer.password": TECHNICAL,
    "workplace.Connection.secret": TECHNICAL,
    "workplace.Connection.contacts_secret": TECHNICAL,
    "workplace.Connection.callback_token": TECHNICAL,
    "workplace.Connection.callback_key": TECHNICAL,
    "workplace.Ticket": TECHNICAL,
}
#: what people wrote on records themselves: it is looked through one by one, also on the records that are erased
WRITTEN = frozenset({"work.Comment", "work.Task", "work.Attachment"})


@dataclass(frozen=True, slots=True)
class Place:
    """A table and its columns that may hold words about people."""

    model: Any
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        return str(self.model._meta.label)

    @property
    def resource(self) -> str:
        """The kind of record that its rows are, "" where they are none."""
        return resource_of(self.model).name if has_resource(self.model) else ""

    @property
    def copies_labels(self) -> bool:
        """Whether its rows hold words about another record that the program put there, such as its title."""
        names = {field.name for field in self.model._meta.concrete_fields}
        return {"resource", "record_id"} <= names and self.key not in WRITTEN


@lru_cache(maxsize=1)
def places() -> tuple[Place, ...]:
    """Every table with columns to search."""
    return tuple(place for model in models_of_ours() if (place := Place(model, tuple(_searched(model)))).names)


def models_of_ours() -> Iterator[Any]:
    """The models of this program."""
    return (model for model in apps.get_models() if model.__module__.startswith(PACKAGE))


def columns_with_words(model: Any) -> Iterator[Any]:
    """The text and JSON columns of a model whose content isn't one of a few choices."""
    kinds = (models.CharField, models.TextField, models.JSONField)
    return (field for field in model._meta.concrete_fields if isinstance(field, kinds) and not field.choices)


def _searched(model: Any) -> Iterator[str]:
    label = model._meta.label
    if label in KEPT:
        return
    for field in columns_with_words(model):
        if f"{label}.{field.name}" not in KEPT:
            yield field.name


def place_named(key: str) -> Place:
    """The place of that key. Raises NotFound."""
    for place in places():
        if place.key == key:
            return place
    raise NotFound
