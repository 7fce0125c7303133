"""The auditor's page: who did what, when and from where, over records of every kind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.db.models import Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from saleswright.interface import timeline
from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Entity, all_entities
from saleswright.interface.exchange.writers import write_csv, write_xlsx
from saleswright.interface.fields import has_field
from saleswright.interface.formatting import format_datetime
from saleswright.interface.pages.common import actor_of, address, parameters
from saleswright.interface.presentation import FilterControl, Option
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.custom_column import is_custom
from saleswright.kernel.errors import FieldError, Text, ValidationFailed
from saleswright.kernel.models import AuditEntry, SignInMethod, User
from saleswright.kernel.personal import UNMASKED
from saleswright.kernel.transactions import atomic

add_setting(
    "technical",
    Setting(
        "audit", gettext_lazy("Who did what, when and from where; sealed so that tampering shows"),
        gettext_lazy("Audit"), "history", "/audit", "audit.view",
    ),
)  # fmt: skip

PAGE = 50
MOST = 100_000
"""So many entries one file holds."""
AT_ONCE = 500
FILTERS = ("who", "from", "to", "resource", "action", "record", "origin")
BIGGEST = 2**63 - 1

#: what is done outside the plain edits and the transitions of records
DEEDS: dict[str, Text] = {
    "exported": gettext_lazy("Exported"),
    "import": gettext_lazy("Imported a file"),
    "signed_in": gettext_lazy("Signed in to the system"),
    "signed_out": gettext_lazy("Signed out"),
    "sign_in_refused": gettext_lazy("Sign-in refused"),
    "password_changed": gettext_lazy("Password changed"),
    "session_ended": gettext_lazy("Session ended"),
    "expire": gettext_lazy("Expired"),
    UNMASKED: gettext_lazy("Showed a hidden value"),
}


#: where something was done, by the first word of the origin
ORIGINS: dict[str, Text] = {
    "web": gettext_lazy("In the browser"),
    "import": gettext_lazy("Import"),
    "job": gettext_lazy("Background job"),
    "retention": gettext_lazy("Watch on retention"),
    "recycle": gettext_lazy("Recycling into pools"),
    "approval": gettext_lazy("After approval"),
    "hand-over": gettext_lazy("Hand-over"),
    "demo": gettext_lazy("Demonstration data"),
    "command": gettext_lazy("Command line"),
}
#: what is noted beside the fields of records
NOTED: dict[str, Text] = {
    "method": gettext_lazy("Way of signing in"),
    "rows": gettext_lazy("Rows"),
    "device": gettext_lazy("Device"),
    "address": gettext_lazy("Address"),
}


@dataclass(slots=True)
class Told:
    """An entry of the audit as people read it."""

    id: int
    at: str
    who: str
    origin: str
    kind: Text
    record: str
    url: str
    deed: Text
    changes: list[tuple[Text, str, str]]
    sequence: int | None


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The newest entries that the filters leave, fifty at a time."""
    actor, given = actor_of(request), parameters(request)
    actor.require("audit.view")
    errors: dict[str, Text] = {}
    found: list[AuditEntry] = []
    try:
        rows = entries(given)
        if before := _number("before", given):
            rows = rows.filter(pk__lt=before)
        found = list(rows[: PAGE + 1])
    except ValidationFailed as refused:
        errors = {error.field: error.message for error in refused.errors}
    context = {
        "filters": _controls(given),
        "errors": list(errors.values()),
        "entries": list(told(found[:PAGE], actor)),
        "next_url": address("/audit", given, before=found[PAGE - 1].pk) if len(found) > PAGE else "",
        "export_url": address("/audit/export", {n: given[n] for n in FILTERS if n in given} | {"format": "xlsx"}),
    }
    return render(request, "interface/audit.html", context, status=422 if errors else 200)


@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The same entries as a file (`?format=csv|xlsx`); that is noted in the audit itself.

    Raises ValidationFailed for more than MOST entries.
    """
    actor, given = actor_of(request), parameters(request)
    actor.require("audit.view")
    suffix = given.get("format", "xlsx")
    if suffix not in {"csv", "xlsx"}:
        raise ValidationFailed.of("format", "choice", _("csv or xlsx"))
    rows = entries(given)
    count = rows.order_by()[: MOST + 1].count()
    if count > MOST:
        text = _("A file holds at most %(most)d entries: choose a shorter time.")
        raise ValidationFailed.of("from", "too_many_rows", text % {"most": MOST})
    filters = {name: [None, given[name]] for name in FILTERS if name in given}
    line = AuditLine("audit", None, str(_("Audit")), "exported", {"rows": [None, count], **filters})
    newest = rows.first()
    with atomic():
        record_audit([line], actor=actor, at=clock.now())
    rows = rows.filter(pk__lte=newest.pk if newest else 0)  # the file is what was counted
    return _file(told(rows.iterator(chunk_size=2000), actor), suffix)


def _file(found: Iterable[Told], suffix: str) -> Any:
    headers = [
        _("Entry"), _("Time"), _("Person"), _("Origin"), _("Kind of record"), _("Record"), _("Action"), _("Changes"),
    ]  # fmt: skip
    cells = (
        [one.sequence, one.at, one.who, one.origin, str(one.kind), one.record, str(one.deed), _text(one)]
        for one in found
    )
    name = f"audit-{clock.today().isoformat()}.{suffix}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        if suffix == "csv":
            with path.open("w", encoding="utf-8", newline="") as stream:
                write_csv(stream, headers, cells, bom=True)
        else:
            write_xlsx(path, headers, cells, title=str(_("Audit")))
        return FileResponse(path.open("rb"), as_attachment=True, filename=name)


def _text(one: Told) -> str:
    return "; ".join(f"{label}: {old or '–'} → {new or '–'}" for label, old, new in one.changes)


# --- which entries ---------------------------------------------------------------------------------------------


def entries(given: Mapping[str, str]) -> QuerySet[AuditEntry]:
    """The entries that the filters leave, newest first. Raises ValidationFailed naming every bad filter."""
    rows, errors = AuditEntry.objects.select_related("actor").order_by("-id"), list[FieldError]()
    for name in ("who", "record", "from", "to"):
        try:
            rows = _cut(rows, name, given)
        except ValidationFailed as refused:
            errors += refused.errors
    if errors:
        raise ValidationFailed(errors)
    for name in ("resource", "action"):
        if given.get(name):
            rows = rows.filter(**{name: given[name]})
    return rows.filter(_origins_called(given["origin"])) if given.get("origin") else rows


def _cut(rows: QuerySet[AuditEntry], name: str, given: Mapping[str, str]) -> QuerySet[AuditEntry]:
    if name in {"who", "record"}:
        number = _number(name, given)
        return rows if number is None else rows.filter(**{{"who": "actor_id", "record": "record_id"}[name]: number})
    day = _day(name, given)
    if day is None:
        return rows
    if name == "from":
        return rows.filter(at__gte=clock.day_start(day))
    return rows.filter(at__lt=clock.day_start(day + timedelta(days=1)))


def _number(name: str, given: Mapping[str, str]) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= BIGGEST):
        raise ValidationFailed.of(name, "invalid", _("“%(value)s” is no number of a record.") % {"value": text})
    return int(text)


def _day(name: str, given: Mapping[str, str]) -> date | None:
    if not (text := given.get(name, "")):
        return None
    try:
        found = date.fromisoformat(text)
        if not 1900 <= found.year <= 9000:
            raise ValueError(text)
    except ValueError:
        raise ValidationFailed.of(name, "invalid", _("“%(value)s” is no day.") % {"value": text}) from None
    return found


def _controls(given: Mapping[str, str]) -> list[FilterControl]:
    who, kinds, deeds = given.get("who", ""), _kinds(), _deeds()
    people = (
        User.objects.filter(pk=int(who)) if who.isascii() and who.isdigit() and len(who) < 19 else User.objects.none()
    )
    chosen = [Option(str(person.pk), person.get_short_name(), True) for person in people]
    return [
        FilterControl("who", _("Person"), "reference", chosen, who, picker_url="/pick/employees"),
        FilterControl("from", _("From day"), "date", value=given.get("from", "")),
        FilterControl("to", _("To day"), "date", value=given.get("to", "")),
        FilterControl("resource", _("Kind of record"), "select", _options(kinds, given.get("resource", ""))),
        FilterControl("record", _("Its id (the number in its address)"), "text", value=given.get("record", "")),
        FilterControl("action", _("Action"), "select", _options(deeds, given.get("action", ""))),
        FilterControl("origin", _("Origin"), "text", value=given.get("origin", "")),
    ]


def _options(choices: Mapping[str, Text], chosen: str) -> list[Option]:
    found = [Option(value, label, value == chosen) for value, label in choices.items()]
    return [Option("", _("Any"), not chosen), *found]


def _kinds() -> dict[str, Text]:
    found: dict[str, Text] = {one.name: one.label_plural for one in all_entities()}
    found |= {"reports": _("Reports"), "audit": _("Audit")}
    return dict(sorted(found.items(), key=lambda pair: str(pair[1])))


def _deeds() -> dict[str, Text]:
    """Every action by its words; what several kinds call by the same name is named once."""
    found: dict[str, Text] = {**timeline.plain_deeds(), **DEEDS}
    for entity in all_entities():
        for transition in entity.transitions:
            found.setdefault(transition.name, transition.label)
    return found


# --- how they read ---------------------------------------------------------------------------------------------


def told(found: Iterable[AuditEntry], actor: Actor) -> Iterator[Told]:
    """The entries as people read them; what a field's right is needed for is left out without it."""
    entities = {entity.name: entity for entity in all_entities()}
    specs = {name: entity.specs_for(actor) for name, entity in entities.items()}
    source = iter(found)
    while some := list(islice(source, AT_ONCE)):
        names = timeline.names_in([(one, specs.get(one.resource, {})) for one in some], actor)
        for one in some:
            entity = entities.get(one.resource)
            changes = timeline.readable(entity, one, specs[one.resource], names, None) if entity else []
            yield _told(one, entity, [*changes, *_besides(one, entity)])


def _told(one: AuditEntry, entity: Entity | None, changes: list[tuple[Text, str, str]]) -> Told:
    plain = {"reports": _("Reports"), "audit": _("Audit")}
    return Told(
        one.pk,
        format_datetime(one.at, seconds=True),
        one.actor.get_short_name() if one.actor else _("System"),
        _origin(one.origin),
        entity.label if entity else plain.get(one.resource, one.resource),
        one.label or (f"#{one.record_id}" if one.record_id else ""),
        entity.url(one.record_id) if entity and one.record_id and one.action != "deleted" else "",
        DEEDS.get(one.action) or (timeline.words_of(entity, one.action)[1] if entity else one.action),
        changes,
        one.sequence,
    )


def _origin(text: str) -> str:
    """An origin in words; what it was done with, such as an address, stays as it is."""
    place, _space, rest = text.partition(" ")
    return f"{ORIGINS.get(place, place)} {rest}".strip()


def _origins_called(text: str) -> Q:
    """The origins that hold a text, as they are kept or as they read."""
    found = Q(origin__icontains=text)
    for place, words in ORIGINS.items():
        if text.casefold() in str(words).casefold():
            found |= Q(origin__startswith=place)
    return found


def _besides(one: AuditEntry, entity: Entity | None) -> Iterator[tuple[Text, str, str]]:
    """What was noted beside the fields of a record: counts, filters, devices."""
    lines = {spec.name for spec in entity.lines} | set(entity.extras) if entity else set()
    for name, pair in one.changes.items():
        if entity and (
            name in lines
            or is_custom(name)
            or has_field(entity.model, name)
            or has_field(entity.model, name.removesuffix("_id"))
        ):
            continue
        old, new = pair if isinstance(pair, list) and len(pair) == 2 else (None, pair)
        if name == "method":
            ways: dict[Any, str] = {way.value: str(way.label) for way in SignInMethod}
            old, new = ways.get(old, old), ways.get(new, new)
        yield NOTED.get(name, name), _short(old), _short(new)


def _short(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()[:200]
