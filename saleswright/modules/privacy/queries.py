"""What is kept of people: the inventory, what belongs to one person, what forbids its erasure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson
from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.interface.entity import Entity, all_entities, entity_named
from saleswright.kernel.access.actors import system
from saleswright.kernel.blacking import holding, says, words_of
from saleswright.kernel.errors import Text
from saleswright.kernel.models import AuditEntry, EmploymentState, Grant, User
from saleswright.kernel.personal import GROUPS, settings_of_groups
from saleswright.kernel.search import found_in
from saleswright.kernel.worktime import add_working_days
from saleswright.modules.customers.public import Contact
from saleswright.modules.leads.public import Lead
from saleswright.modules.market.public import SurveyInvitation
from saleswright.modules.privacy.models import SubjectRequest
from saleswright.modules.privacy.places import Place, places
from saleswright.modules.receivables.public import Invoice, InvoiceStatus
from saleswright.modules.sales.public import Contract, ContractStatus
from saleswright.modules.work.public import Attachment

WORKING_DAYS = 15
"""So many working days a request may take."""
SUBJECTS = ("contacts", "leads", "employees", "survey-invitations")
"""The kinds of record that stand for a person."""
MOST = 50
RUNNING = (ContractStatus.IN_APPROVAL, ContractStatus.APPROVED, ContractStatus.SIGNED, ContractStatus.IN_FORCE)
Target = tuple[str, int]


def due_day(received: date) -> date:
    """The last of the working days in which a request is to be answered; the day it came in doesn't count."""
    return add_working_days(received, WORKING_DAYS)


# --- the inventory ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """A personal field as the inventory lists it."""

    entity: Text
    url: str
    field: Text
    group: Text
    purpose: Text
    basis: Text
    months: int | None
    masked: Text
    readers: str


def inventory() -> list[Kept]:
    """Every personal field of every kind of record, made from the declarations and what the company has decided."""
    decided, roles = settings_of_groups(), _readers()
    return [
        Kept(
            entity.label_plural,
            entity.url(),
            entity.model._meta.get_field(name).verbose_name,
            GROUPS[personal.group].label,
            personal.purpose,
            personal.basis.label,
            decided[personal.group][1],
            _masking(entity, name, masked=decided[personal.group][0]),
            roles(f"{entity.name}.view", entity.right_of(name)),
        )
        for entity in all_entities()
        for name, personal in entity.personal_data.items()
        if not name.endswith("_key")
    ]


def _masking(entity: Entity, name: str, *, masked: bool) -> Text:
    if entity.mask_of(name) is None:
        return _("No")
    return _("For everybody, until asked for") if masked else _("For those without the right")


def _readers() -> Any:
    """A function that answers the names of the roles that hold both permissions."""
    from saleswright.kernel.access.actors import Access, Scope

    held: dict[str, dict[str, frozenset[Scope]]] = {}
    for role, permission in Grant.objects.filter(role__archived_at=None).values_list("role__name", "permission"):
        held.setdefault(role, {})[permission] = frozenset({Scope.ALL})
    access = {role: Access(grants=grants) for role, grants in held.items()}

    def readers(view: str, right: str) -> str:
        found = [
            role for role, one in access.items() if one.scopes(view) and (not right or one.scopes(f"fields.{right}"))
        ]
        return _(", ").join(sorted(found))

    return readers


# --- one person -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """A record that seems to be about the person: what it says, masked, and what becomes of that on erasure."""

    resource: str
    id: int
    kind: Text
    icon: str
    label: str
    url: str
    facts: list[tuple[Text, str, Text]]
    chosen: bool = False
    hold: Text = ""
    attachments: list[tuple[str, str]] = field(default_factory=list)
    entries: int = 0

    @property
    def key(self) -> str:
        return f"{self.resource}:{self.id}"


@dataclass(slots=True)
class Mention:
    """A text outside the person's own fields that names the person; people decide what becomes of it.

    `text` is an excerpt around the name. `value` is the whole text where people may write another one, else None.
    """

    kind: Text
    text: str
    url: str
    place: str = ""
    id: int = 0
    name: str = ""
    field: Text = ""
    value: str | None = None

    @property
    def key(self) -> str:
        return f"{self.place}:{self.id}:{self.name}"


def candidates(request: SubjectRequest) -> list[Target]:
    """The records that may be the person's: of the same name, phone number or e-mail, and the leads they came from."""
    found: dict[Target, None] = {}
    for name in SUBJECTS:
        entity = entity_named(name)
        for pk in _matching(entity, request):
            found[name, pk] = None
    contacts = [pk for resource, pk in found if resource == "contacts"]
    for pk in Lead.objects.filter(contact_id__in=contacts).values_list("pk", flat=True)[:MOST]:
        found["leads", pk] = None
    invited = SurveyInvitation.objects.filter(contact_id__in=contacts).order_by("-pk")
    for pk in invited.values_list("pk", flat=True)[:MOST]:
        found["survey-invitations", pk] = None
    return list(found)


def _matching(entity: Entity, request: SubjectRequest) -> list[int]:
    named = [name for name, personal in entity.personal_data.items() if personal.erased == "name"]
    same_name = Q()
    for name in named:
        same_name |= Q(**{f"{name}__iexact": request.subject_name.strip()})
    ids = list(entity.model._default_manager.filter(same_name).order_by("-pk").values_list("pk", flat=True)[:MOST])
    for text in filter(None, (request.phone.strip(), request.email.strip())) if entity.search else ():
        records = found_in(entity.model._default_manager.all(), entity, text, system("privacy"))
        ids += records.order_by("-pk").values_list("pk", flat=True)[:MOST]
    return list(dict.fromkeys(ids))


def findings(request: SubjectRequest) -> list[Found]:
    """The chosen records, and while the choice is open also the others that may be the person's."""
    chosen = [(str(resource), int(pk)) for resource, pk in request.targets]
    open_still = request.status == "received"
    return described([*chosen, *(candidates(request) if open_still else [])], set(chosen))


def described(targets: Iterable[Target], chosen: set[Target]) -> list[Found]:
    """The records with what they say of the person; those that are gone are left out."""
    wanted: dict[str, list[int]] = {}
    for resource, pk in dict.fromkeys(targets):
        wanted.setdefault(resource, []).append(pk)
    found: list[Found] = []
    for resource, ids in wanted.items():
        entity = entity_named(resource)
        records = entity.model._default_manager.in_bulk(ids)
        files, entries = _files(resource, ids), _entries(resource, ids)
        for pk in (pk for pk in ids if pk in records):
            record = records[pk]
            found.append(
                Found(
                    resource, pk, entity.label, entity.icon, entity.label_of(record), entity.url(pk),
                    _facts(entity, record), (resource, pk) in chosen, hold_of(resource, record) or "",
                    files.get(pk, []), entries.get(pk, 0),
                )
            )  # fmt: skip
    return found


def _facts(entity: Entity, record: Any) -> list[tuple[Text, str, Text]]:
    """Label, masked value, and what becomes of it, of each personal field that holds something."""
    facts: list[tuple[Text, str, Text]] = []
    for name, personal in entity.personal_data.items():
        value = getattr(record, name)
        if value in (None, "") or name.endswith("_key"):
            continue
        mask = entity.mask_of(name)
        becomes = {"name": pseudonym(record.pk), "empty": _("is removed"), "kept": _("is kept")}[personal.erased]
        model_field = entity.model._meta.get_field(name)
        shown = str(dict(model_field.flatchoices).get(value, value)) if model_field.choices else str(value)
        if isinstance(value, bool):
            shown = _("Yes") if value else _("No")
        facts.append((model_field.verbose_name, mask(str(value)) if mask else shown[:120], becomes))
    return facts


def pseudonym(pk: int) -> str:
    """What stands for a person whose data was erased."""
    return _("Erased #%(id)s") % {"id": pk}


def _files(resource: str, ids: list[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    rows = Attachment.objects.filter(resource=resource, record_id__in=ids).order_by("pk")
    for pk, record_id, name in rows.values_list("pk", "record_id", "name"):
        found.setdefault(record_id, []).append((name, f"/attachments/{pk}"))
    return found


def _entries(resource: str, ids: list[int]) -> dict[int, int]:
    """How many entries of the audit there are of each record."""
    found: dict[int, int] = {}
    for pk in AuditEntry.objects.filter(resource=resource, record_id__in=ids).values_list("record_id", flat=True):
        if pk is not None:
            found[pk] = found.get(pk, 0) + 1
    return found


def mentions(request: SubjectRequest) -> list[Mention]:
    """Texts and kept words that name the person or hold the number or address, at most MOST of a kind."""
    words = words_of_request(request)
    found: list[Mention] = []
    for place in places() if words else ():
        names = names_looked_at(place)
        rows = place.model._default_manager.all()
        if place.model is SubjectRequest:
            rows = rows.exclude(pk=request.pk)
        for record in holding(rows, names, words).order_by("-pk")[:MOST]:
            found += [_mention(place, record, name, words) for name in names if says(getattr(record, name), words)]
    return found


def words_of_request(request: SubjectRequest) -> list[str]:
    """The words that name the person who asks."""
    return words_of(request.subject_name, request.phone, request.email)


def names_looked_at(place: Place) -> tuple[str, ...]:
    """The columns of a place but the fields that an erasure of the record empties by itself."""
    if place.resource not in SUBJECTS:
        return place.names
    own = {n for n, one in entity_named(place.resource).personal_data.items() if one.erased != "kept"}
    return tuple(name for name in place.names if name not in own)


def _mention(place: Place, record: Any, name: str, words: list[str]) -> Mention:
    field, value = place.model._meta.get_field(name), getattr(record, name)
    is_text = isinstance(value, str)
    entity = entities_by_name().get(place.resource)
    return Mention(
        kind=entity.label if entity else place.model._meta.verbose_name,
        text=excerpt(value if is_text else orjson.dumps(value, default=str).decode(), words),
        url=entity.url(record.pk) if entity else "",
        place=place.key,
        id=record.pk,
        name=name,
        field=field.verbose_name,
        value=value if is_edited(place, name, value) else None,
    )


def is_edited(place: Place, name: str, value: Any) -> bool:
    """Whether people wrote the value, so that they can write another; what the program put there is blacked out."""
    by_people = place.model._meta.get_field(name).editable and place.resource and not place.copies_labels
    return isinstance(value, str) and bool(by_people)


def excerpt(text: str, words: list[str], length: int = 200) -> str:
    """At most so many characters of the text, with the first of the words in sight."""
    lower = text.casefold()
    first = min((at for word in words if (at := lower.find(word.casefold())) >= 0), default=0)
    start = max(0, first - length // 4) if len(text) > length else 0
    return ("…" if start else "") + text[start : start + length] + ("…" if start + length < len(text) else "")


def entities_by_name() -> dict[str, Entity]:
    """The kinds of record that have pages."""
    return {entity.name: entity for entity in all_entities()}


# --- what forbids -----------------------------------------------------------------------------------------------


def hold_of(resource: str, record: Any) -> Text | None:
    """Why the personal data of a record can't be erased now, or None."""
    if isinstance(record, User):
        left = record.state == EmploymentState.LEFT
        return None if left else _("%(name)s works here still.") % {"name": record.name}
    customer_id = record.customer_id if isinstance(record, (Contact, Lead)) else None
    if customer_id is None:
        return None
    invoices = Invoice.objects.filter(customer_id=customer_id, status=InvoiceStatus.ISSUED, balance__gt=0).count()
    contracts = Contract.objects.filter(customer_id=customer_id, status__in=RUNNING).count()
    if invoices or contracts:
        text = _("The customer has %(invoices)d open invoices and %(contracts)d running contracts.")
        return text % {"invoices": invoices, "contracts": contracts}
    return None


def holds(targets: Iterable[Any]) -> list[Text]:
    """What forbids the erasure of the targets, each said once."""
    found = [one.hold for one in described([(str(r), int(pk)) for r, pk in targets], set()) if one.hold]
    return list(dict.fromkeys(found))


def targets_of(ids: list[int], actor: Any = None) -> dict[int, list[dict[str, Any]]]:
    """The chosen records of some requests, as programs read them."""
    rows = SubjectRequest.objects.filter(pk__in=ids).values_list("pk", "targets")
    return {pk: [{"resource": resource, "id": one} for resource, one in targets] for pk, targets in rows}


def entity_names() -> Mapping[str, Text]:
    """What kinds of record are called."""
    return {entity.name: entity.label for entity in all_entities()}
