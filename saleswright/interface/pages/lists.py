"""Lists: columns, filters, saved views, totals, bulk actions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from saleswright.interface import conditions, listing
from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.fields import FieldSpec
from saleswright.interface.labels import read_rows
from saleswright.interface.models import SavedView
from saleswright.interface.navigation import is_setting
from saleswright.interface.pages.common import (
    actor_of,
    address,
    goes_to,
    in_range,
    language,
    parameters,
    subject,
    switches,
)
from saleswright.interface.presentation import (
    BulkAction,
    BulkPage,
    Chip,
    Column,
    Fact,
    FilterControl,
    ListPage,
    Option,
    Row,
    SavedViewLink,
    Totals,
)
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.conditions import PERIODS
from saleswright.kernel.errors import NotFound, Text, ValidationFailed
from saleswright.kernel.personal import EXPORT_UNMASKED
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import has_resource, resource_of

PAGE_ONLY = frozenset({"columns", "view", "format", "bom", "unmask"})
TOTALS_SECONDS = 30


def list_page(request: HttpRequest, name: str) -> HttpResponse:
    """The list of one kind of record, whole or (for HTMX) the table alone."""
    entity, actor, given = entity_named(name), actor_of(request), parameters(request)
    query, given, gone = listing.usable(entity, given, actor, ignore=PAGE_ONLY)
    specs = chosen_columns(entity, actor, given)
    page = build(entity, query, specs, actor, given)
    page.notes = [*gone]
    fragment = request.headers.get("HX-Target") == "list" and "HX-Boosted" not in request.headers
    if not fragment:
        furnish(page, entity, query, actor, given)
    return render(request, "interface/list_table.html" if fragment else entity.list_template, {"page": page})


def chosen_columns(entity: Entity, actor: Actor, given: Mapping[str, str]) -> list[FieldSpec]:
    """The columns that the caller chose and may see, else the declared ones."""
    readable = entity.specs_for(actor)
    names = [name for name in given.get("columns", "").split(",") if name in readable] or entity.columns
    return [readable[name] for name in names if name in readable]


def build(
    entity: Entity, query: listing.ListQuery, specs: list[FieldSpec], actor: Actor, given: Mapping[str, str]
) -> ListPage:
    """The table of a list."""
    found = listing.fetch(entity, query, actor, specs)
    path, spoken, base = entity.url(), language(), entity.url() + "/"
    rows = [
        Row(row["id"], f"{base}{row['id']}", [spec.cell(row, spoken) for spec in specs], query.archived)
        for row in found.rows
    ]
    bulk = bulk_actions(entity, actor)
    return ListPage(
        subject(entity),
        [_column(entity, spec, query, given) for spec in specs],
        rows,
        query=query.q,
        chips=chips(entity, query, actor, given),
        bulk=bulk,
        fragment_url=address(path, given),
        totals_url=address(f"{path}/totals", given, cursor=None),
        first_url=address(path, given, cursor=None) if query.cursor else "",
        next_url=address(path, given, cursor=found.next_cursor) if found.next_cursor else "",
        create_url=f"{path}/new" if entity.creatable and actor.may(f"{entity.name}.create") else "",
        empty_text=entity.empty_text,
        archived=query.archived,
        setting=is_setting(entity.name, actor),
    )


def furnish(page: ListPage, entity: Entity, query: listing.ListQuery, actor: Actor, given: Mapping[str, str]) -> None:
    """Add what stands around the table: filters, views, columns, ways out."""
    path, shown = entity.url(), {column.name for column in page.columns}
    page.filters = filter_controls(entity, query, actor)
    page.views = saved_views(entity, actor, given)
    page.switches = switches(entity, "list")
    readable = entity.specs_for(actor)
    page.all_columns = [(name, spec.label, name in shown) for name, spec in readable.items() if name != "archived_at"]
    page.hidden = [(name, value) for name, value in given.items() if name not in {"cursor", "view"}]
    page.save_view_url = f"{path}/views"
    if entity.exchange and actor.may(f"{entity.name}.import"):
        page.import_url = f"{path}/import"
    if actor.may(f"{entity.name}.export"):
        exported = {"columns": ",".join(column.name for column in page.columns), **given}
        page.export_url = address(f"{path}/export", exported, cursor=None, limit=None, view=None)
        if entity.masks and actor.may(EXPORT_UNMASKED):
            page.export_full_url = f"{page.export_url}&unmask=1"
    page.archived_url = address(path, given, archived=None if query.archived else "1", cursor=None)


def _column(entity: Entity, spec: FieldSpec, query: listing.ListQuery, given: Mapping[str, str]) -> Column:
    column = Column(spec.name, spec.label, spec.cell_kind)
    if spec.name in entity.sorts:
        current = query.ordering.lstrip("-") == spec.name
        descending = query.ordering.startswith("-")
        column.sorted = ("desc" if descending else "asc") if current else ""
        wanted = spec.name if not current or descending else f"-{spec.name}"
        column.sort_url = address(entity.url(), given, ordering=wanted, cursor=None)
    return column


def chips(entity: Entity, query: listing.ListQuery, actor: Actor, given: Mapping[str, str]) -> list[Chip]:
    """The filters that are on, in words."""
    found = []
    for name, value in query.filters.items():
        column = listing.filter_column(entity, name)
        if column is None:
            continue
        spec, op = column
        text = in_words(spec, value, actor)
        sign = {"gte": "≥ ", "lte": "≤ ", "gt": "> ", "lt": "< ", "not": "≠ "}.get(op, "")
        found.append(Chip(f"{spec.label}: {sign}{text}", address(entity.url(), given, **{name: None, "cursor": None})))
    if query.q:
        found.append(Chip(f"“{query.q}”", address(entity.url(), given, q=None, cursor=None)))
    if query.where:
        words = conditions.say(conditions.read_tree(query.where), conditions.terms_of(entity, actor))
        found.append(Chip(words, address(entity.url(), given, where=None, cursor=None)))
    if query.archived:
        found.append(Chip(_("Archived"), address(entity.url(), given, archived=None, cursor=None)))
    return found


def in_words(spec: FieldSpec, value: str, actor: Actor) -> str:
    """A filter value as a person reads it."""
    if spec.kind == "choice":
        return ", ".join(str(spec.choices.get(part, part)) for part in value.split(","))
    if names := spec.names:
        return ", ".join(str(names.get(part, part)) for part in value.split(","))
    if spec.kind == "reference":
        return ", ".join(option.label for option in reference_options(spec, value, actor)) or value  # type: ignore[misc]
    if spec.kind == "bool":
        return _("Yes") if value in {"1", "true"} else _("No")
    return str(PERIODS.get(value, value))


def reference_options(spec: FieldSpec, value: str, actor: Actor) -> list[Option]:
    """The records that a reference filter names, as far as the actor sees them."""
    ids = [int(part) for part in value.split(",") if part.isascii() and part.isdigit() and int(part) < 2**63]
    if not ids:
        return []
    rows = spec.target._default_manager.filter(pk__in=ids)
    if has_resource(spec.target):
        rows = visible(rows, actor)
    return [Option(str(record.pk), str(record), True) for record in rows]


def filter_controls(entity: Entity, query: listing.ListQuery, actor: Actor) -> list[FilterControl]:
    """The inputs of the filter panel, filled with what is on."""
    readable = entity.specs_for(actor)
    found = []
    for name in entity.filterable:
        spec = readable.get(name)
        if spec is None or (spec.kind in {"text", "long"} and name in {"name", "code", "number"}):
            continue
        found.append(_control(spec, query.filters, actor))
    return found


def _control(spec: FieldSpec, on: Mapping[str, str], actor: Actor) -> FilterControl:
    name, value = spec.name, on.get(spec.api_name, "")
    low, high = on.get(f"{name}__gte", ""), on.get(f"{name}__lte", "")
    if spec.kind == "choice":
        chosen = set(value.split(","))
        options = [Option(str(v), label, str(v) in chosen) for v, label in spec.choices.items() if v != ""]
        return FilterControl(name, spec.label, "choice", options, value)
    if spec.kind == "reference":
        options = reference_options(spec, value, actor)
        picker = f"/pick/{resource_of(spec.target).name}" if has_resource(spec.target) else ""
        return FilterControl(spec.api_name, spec.label, "reference", options, value, picker_url=picker)
    if spec.kind == "bool":
        return FilterControl(name, spec.label, "bool", value=value)
    if spec.kind in {"date", "datetime"}:
        options = [Option(period, label, period == value) for period, label in PERIODS.items()]
        return FilterControl(name, spec.label, "period", options, value, low=low, high=high)
    if names := spec.choosable(value):
        options = [Option(code, label, code == value) for code, label in names.items()]
        return FilterControl(name, spec.label, "select", [Option("", "—"), *options], value)
    if spec.kind in {"text", "long", "json"}:
        return FilterControl(name, spec.label, "text", value=value)
    return FilterControl(name, spec.label, "range", low=low, high=high)


# --- saved views -----------------------------------------------------------------------------------------------


def views_for(entity: Entity, actor: Actor) -> Any:
    """One's own views of a list and those shared in one's department."""
    mine = Q(owner_id=actor.user_id) | Q(shared=True, department_id=actor.access.department_id)
    return SavedView.objects.filter(mine, resource=entity.name, archived_at=None).order_by("name", "id")


def saved_views(entity: Entity, actor: Actor, given: Mapping[str, str]) -> list[SavedViewLink]:
    """The tabs of the saved-view bar."""
    active = given.get("view", "")
    found = [SavedViewLink(None, _("All"), entity.url(), not active)]
    for view in views_for(entity, actor):
        url = address(entity.url(), view.parameters, view=view.pk)
        mine = view.owner_id == actor.user_id
        found.append(SavedViewLink(view.pk, view.name, url, active == str(view.pk), mine, view.shared))
    return found


@require_POST
def save_view(request: HttpRequest, name: str) -> HttpResponse:
    """Keep the present filters, order and columns under a name."""
    entity, actor = entity_named(name), actor_of(request)
    actor.require(f"{entity.name}.view")
    skipped = {"csrfmiddlewaretoken", "view_name", "view_shared", "view", "cursor"}
    kept = {key: ",".join(values) for key, values in request.POST.lists() if key not in skipped and any(values)}
    listing.queryset(entity, listing.parse(entity, kept, ignore=PAGE_ONLY), actor)  # refuses bad values
    values = {
        "name": request.POST.get("view_name", ""),
        "resource": entity.name,
        "parameters": kept,
        "shared": request.POST.get("view_shared") == "1",
    }
    view = save_record(SavedView, values, actor=actor)
    return goes_to(request, address(entity.url(), view.parameters, view=view.pk))


@require_POST
def delete_view(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Forget one of one's own views."""
    from saleswright.kernel.records import delete_record

    entity, actor = entity_named(name), actor_of(request)
    if not SavedView.objects.filter(pk=in_range(pk), owner_id=actor.user_id).exists():
        raise NotFound
    delete_record(SavedView, pk, actor=actor)
    return goes_to(request, entity.url())


# --- totals ----------------------------------------------------------------------------------------------------


def totals(request: HttpRequest, name: str) -> HttpResponse:
    """How many records the list holds and what they add up to; kept for half a minute for a person."""
    entity, actor, given = entity_named(name), actor_of(request), parameters(request)
    key = f"totals:{actor.user_id}:{language()}:{entity.name}:{hash(tuple(sorted(given.items())))}"
    content = cache.get(key)
    if content is None:
        query = listing.parse(entity, given, ignore=PAGE_ONLY)
        content = _totals(entity, query, actor)
        cache.set(key, content, TOTALS_SECONDS)
    return render(request, "interface/list_totals.html", {"totals": content})


def _totals(entity: Entity, query: listing.ListQuery, actor: Actor) -> Totals:
    from django.db.models import Count

    readable = entity.specs_for(actor)
    names = [name for name in entity.totals if name in readable]
    found = listing.queryset(entity, query, actor).order_by()
    figures = found.aggregate(count=Count("pk"), **{f"sum_{name}": Sum(name) for name in names})
    spoken, sums = language(), []
    for name in names:
        spec = readable[name]
        row = {spec.attname: figures[f"sum_{name}"] or Decimal(0)}
        sums.append(Fact(spec.label, spec.cell(row, spoken)))
    return Totals(figures["count"], sums)


# --- bulk actions ----------------------------------------------------------------------------------------------


BULK_LIMIT = 200


def bulk_actions(entity: Entity, actor: Actor) -> list[BulkAction]:
    """What can be done with several ticked rows."""
    base = f"{entity.url()}/bulk/"
    simple = [t for t in entity.transitions if not any(a.kind == "rows" for a in t.args) and not t.leads_to]
    found = [BulkAction(t.name, t.label, base + t.name) for t in simple if actor.may(t.permission)]
    if entity.archivable and actor.may(f"{entity.name}.archive"):
        found.append(BulkAction("archive", _("Archive"), base + "archive"))
    return found


@require_POST
def bulk(request: HttpRequest, name: str, verb: str) -> HttpResponse:
    """Preview a bulk action, or (with `confirm`) do it row by row: each row succeeds or says why not."""
    from saleswright.interface.api.views import runner
    from saleswright.interface.pages.forms import argument_form, argument_values
    from saleswright.kernel.errors import DomainError

    entity, actor = entity_named(name), actor_of(request)
    ids = [int(i) for i in request.POST.getlist("id") if i.isascii() and i.isdigit()][:BULK_LIMIT]
    action = next((a for a in bulk_actions(entity, actor) if a.name == verb), None)
    if action is None:
        raise NotFound
    transition = next((t for t in entity.transitions if t.name == verb), None)
    confirmed, errors = request.POST.get("confirm") == "1", []
    form = argument_form(transition, actor, request.POST if confirmed else None) if transition else None
    values: dict[str, Any] = {}
    if confirmed and form is not None and transition is not None:
        try:
            values = argument_values(transition, form, actor)
            transition.clean(values, actor)
        except ValidationFailed as problem:
            confirmed, errors = False, [str(problem)]
    records = visible(entity.model._default_manager.filter(pk__in=ids), actor).in_bulk()
    specs = chosen_columns(entity, actor, {})[:4]
    outcome: dict[int, Text] = {}
    for pk, record in records.items():
        if confirmed:
            try:
                runner(entity, verb)(pk, actor, None, values)
            except DomainError as refused:
                outcome[pk] = str(refused)
        elif transition is not None:
            availability = transition.availability(record, actor)
            if not availability.enabled:
                outcome[pk] = availability.reason or transition.refusal(record) or _("You may not do this")
    page = BulkPage(
        subject(entity),
        f"{action.label}: {entity.label_plural}",
        action.url,
        entity.url(),
        [_column(entity, spec, listing.ListQuery(), {}) for spec in specs],
        _bulk_rows(entity, records, specs, outcome),
        sections=[form.section] if form is not None and form.fields else [],
        hidden=[("confirm", "1"), *[("id", str(pk)) for pk in records]],
        errors=errors,
        style=transition.style if transition else "default",
        done=confirmed,
    )
    return render(request, "interface/bulk.html", {"page": page})


def _bulk_rows(
    entity: Entity, records: Mapping[int, Any], specs: list[FieldSpec], outcome: Mapping[int, Text]
) -> list[tuple[Row, Text]]:
    found = read_rows(entity.model._default_manager.filter(pk__in=list(records)).order_by("-id"), specs, "id")
    spoken = language()
    return [
        (Row(row["id"], entity.url(row["id"]), [spec.cell(row, spoken) for spec in specs]), outcome.get(row["id"], ""))
        for row in found
    ]
