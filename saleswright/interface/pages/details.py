"""One record: state path, next actions, facts, lines, related records, documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface import listing, timeline
from saleswright.interface.api.views import render_document
from saleswright.interface.entity import Entity, Related, Section, entity_named
from saleswright.interface.fields import SCHEMES, FieldSpec
from saleswright.interface.formatting import format_datetime, relative_datetime
from saleswright.interface.labels import read_rows
from saleswright.interface.pages.common import actor_of, address, goes_to, in_range, language, subject, views_of
from saleswright.interface.pages.lists import build
from saleswright.interface.presentation import (
    ActionButton,
    Cell,
    Column,
    DetailPage,
    Fact,
    FactSection,
    LineTable,
    PathStep,
    Tab,
)
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.collaborators import collaborators_of
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import NotFound
from saleswright.kernel.merging.names import merged_into
from saleswright.kernel.personal import unmask
from saleswright.kernel.resources import Lines
from saleswright.kernel.state_limits import due_at
from saleswright.kernel.transactions import run_atomic
from saleswright.kernel.transitions import Availability, Reached, Transition

TOTAL_FIELDS = ("untaxed", "tax", "total")
STYLES = {"primary": 0, "success": 1, "default": 2, "danger": 4}
#: higher modules add at start: (resource, id, actor) -> the address of a panel on the page of every record, or None
everywhere: list[Callable[[str, int, Actor], str | None]] = []
NEXT_STEP, WAY_OUT = STYLES["default"], 3


@require_GET
def detail(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """The page of a record."""
    entity, actor = entity_named(name), actor_of(request)
    record = fetch(entity.model, in_range(pk), actor=actor)
    if (found := _lives_on(request, entity, record, actor)) is not None:
        return found
    specs = entity.specs_for(actor)
    (row,) = read_rows(entity.model._default_manager.filter(pk=pk), specs.values(), "id")
    spoken = language()
    page = DetailPage(
        subject(entity),
        pk,
        _title(entity, record),
        number=str(getattr(record, entity.number_field) or "") if entity.number_field else "",
        status=specs[entity.state_field].cell(row, spoken) if entity.state_field in specs else None,
        archived=record.archived_at is not None,
        path=state_path(entity, record),
        actions=actions(entity, record, actor),
        sections=fact_sections(entity, row, specs, spoken, actor),
        lines=_line_tables(entity, row, specs, spoken),
        tabs=[_tab(entity, related, pk) for related in _tabs(entity, actor)],
        panels=[panel.format(pk=pk) for panel in entity.panels] + _panels_everywhere(entity, pk, actor),
        first_panels=[panel.format(pk=pk) for panel in entity.first_panels],
        timeline_url=entity.url(pk, "timeline"),
        documents=[(one.label, entity.url(pk, f"document.{one.suffix}"), one.suffix) for one in entity.documents],
        views=views_of(entity, pk, actor),
    )
    _edit_state(page, entity, record, actor)
    return render(request, entity.detail_template, {"page": page})


def _lives_on(request: HttpRequest, entity: Entity, record: Any, actor: Actor) -> HttpResponse | None:
    """Send whoever asks for a merged record to the one that it lives on in; `?merged=1` shows it as it was."""
    if record.archived_at is None or "merged" in request.GET:
        return None
    survivor_id = merged_into(entity, record.pk)
    if survivor_id is None or not visible(entity.model._default_manager.filter(pk=survivor_id), actor).exists():
        return None
    messages.info(request, _("“%(what)s” was merged into this record.") % {"what": entity.label_of(record)})
    return goes_to(request, entity.url(survivor_id))


def _panels_everywhere(entity: Entity, pk: int, actor: Actor) -> list[str]:
    return [found for panel in everywhere if (found := panel(entity.name, pk, actor))]


def _title(entity: Entity, record: Any) -> str:
    return entity.label_of(record)


def _edit_state(page: DetailPage, entity: Entity, record: Any, actor: Actor) -> None:
    if not entity.editable or not actor.may(f"{entity.name}.edit"):
        return
    page.edit_url = entity.url(record.pk, "edit")
    if record.archived_at is not None:
        page.edit_reason = _("The record is archived. Restore it first.")
    elif refusal := entity.edit_refusal(record):
        page.edit_reason = refusal
    elif not visible(entity.model._default_manager.filter(pk=record.pk), actor, "edit").exists():
        page.edit_url = ""


def state_path(entity: Entity, record: Any) -> list[PathStep]:
    """The way through the states, with the present one; an end off the way is put behind it."""
    states = entity.states
    if states is None or not entity.path:
        return []
    current = str(getattr(record, entity.state_field))
    names = list(entity.path)
    place = names.index(current) if current in names else -1
    steps = []
    for index, name in enumerate(names):
        state = states(name)
        mark = "current" if index == place else "done" if index < place else "todo"
        steps.append(PathStep(state.label, state.colour, mark))  # type: ignore[arg-type]
    if place < 0:
        steps.append(PathStep(states(current).label, states(current).colour, "current"))
    return steps


def actions(entity: Entity, record: Any, actor: Actor) -> list[ActionButton]:
    """The next allowed actions; those that a guard refuses are disabled and say why."""
    ranked, reached = [], Reached()
    for transition in entity.transitions:
        availability = transition.availability(record, actor, reached)
        if availability.shown:
            button = _button(entity, record, transition, availability, actor)
            ranked.append((not button.enabled, _rank(transition), button))
    ranked.sort(key=lambda one: one[:2])
    if ranked and ranked[0][:2] == (False, NEXT_STEP):
        ranked[0][2].style = "primary"
    return [button for _refused, _place, button in ranked] + _housekeeping(entity, record, actor)


def _rank(transition: Transition) -> int:
    """Where an action stands: what has to be given a reason is a way out, not the next step."""
    if any(arg.name == "reason" for arg in transition.args) and transition.style == "default":
        return WAY_OUT
    return STYLES[transition.style]


def _button(
    entity: Entity, record: Any, transition: Transition, availability: Availability, actor: Actor
) -> ActionButton:
    return ActionButton(
        transition.name,
        transition.label,
        entity.url(record.pk, "actions", transition.name),
        enabled=availability.enabled,
        reason=availability.reason,
        style=transition.style,
        link=entity.url(record.pk, transition.page) if transition.page else "",
        has_form=any(arg.kind != "rows" or arg.table is not None for arg in transition.all_args(actor, record)),
        icon=transition.icon,
    )


def _housekeeping(entity: Entity, record: Any, actor: Actor) -> list[ActionButton]:
    found = []
    if entity.archivable and actor.may(f"{entity.name}.archive"):
        verb, label = ("restore", _("Restore")) if record.archived_at else ("archive", _("Archive"))
        found.append(ActionButton(verb, label, entity.url(record.pk, "actions", verb), icon="archive"))
    if entity.deletable and actor.may(f"{entity.name}.delete"):
        reason = entity.edit_refusal(record) or ""
        url = entity.url(record.pk, "actions", "delete")
        found.append(ActionButton("delete", _("Delete"), url, not reason, reason, "danger", icon="trash"))
    return found


def fact_sections(
    entity: Entity, row: Any, specs: dict[str, FieldSpec], spoken: str, actor: Actor
) -> list[FactSection]:
    """The facts of a record by section, people and times last."""
    found = []
    for section in entity.detail_sections:
        facts = _facts(section, row, specs, spoken)
        if facts:
            found.append(FactSection(section.label, facts))
    limit = _limit_facts(entity, row, spoken)
    found.append(FactSection(_("Record"), limit + _record_facts(entity, row, specs, spoken, actor)))
    return found


def _facts(section: Section, row: Any, specs: dict[str, FieldSpec], spoken: str) -> list[Fact]:
    facts = [Fact(specs[n].label, specs[n].cell(row, spoken)) for n in section.fields if n in specs]
    return [fact for fact in facts if fact.cell.text or fact.cell.tags]


def _limit_facts(entity: Entity, row: Any, spoken: str) -> list[Fact]:
    """Until when the record may stay in its state."""
    state = row.get(entity.state_field)
    due = due_at(entity, row["id"], state, row["created_at"]) if state else None
    if due is None:
        return []
    late = due < clock.now()
    label = _("Over the time limit since") if late else _("Time limit of the state")
    return [Fact(label, Cell(relative_datetime(due, spoken), "datetime", format_datetime(due)))]


def _record_facts(entity: Entity, row: Any, specs: dict[str, FieldSpec], spoken: str, actor: Actor) -> list[Fact]:
    names = ["owner", "department"] if entity.owned else []
    shown = {name for section in entity.detail_sections for name in section.fields}
    names = [name for name in names if name not in shown]
    facts = [
        Fact(specs[n].label, specs[n].cell(row, spoken)) for n in (*names, "created_by", "created_at", "updated_at")
    ]
    for attached in (one for one in entity.attached if one.on_page):
        value = attached.load([row["id"]], actor).get(row["id"])
        if isinstance(value, list) and value and not isinstance(value[0], dict):
            called = attached.names() if attached.names else {}
            tags = tuple(str(called.get(one, one)) for one in value)
            facts.append(Fact(attached.label, Cell(", ".join(tags), "tags", tags=tags)))
        elif isinstance(value, list) and value and "label" in value[0]:
            labels = tuple(str(one["label"]) for one in value)
            facts.append(Fact(attached.label, Cell(", ".join(labels), "tags", tags=labels)))
        elif isinstance(value, (str, int)):
            facts.append(Fact(attached.label, Cell(str(value))))
    if entity.owned:
        people = tuple(one["label"] for one in collaborators_of(entity.name, [row["id"]]).get(row["id"], []))
        if people:
            facts.append(Fact(_("Collaborators"), Cell(", ".join(people), "tags", tags=people)))
    return facts


def _line_tables(entity: Entity, row: Any, specs: dict[str, FieldSpec], spoken: str) -> list[LineTable]:
    """The lines of a document; of those that need not be there the empty ones are left out, but for the first."""
    found = [(spec, line_table(entity, spec, row, specs, spoken)) for spec in entity.lines if spec.tabled]
    return [table for place, (spec, table) in enumerate(found) if table.rows or spec.required or not place]


def line_table(entity: Entity, lines: Lines, row: Any, specs: dict[str, FieldSpec], spoken: str) -> LineTable:
    """The lines of a document with its totals."""
    line_specs = entity.line_specs[lines.name]
    records = lines.model._default_manager.filter(**{lines.parent: row["id"]}).order_by("position", "id")
    found = read_rows(records, line_specs.values(), "id")
    currency = {"currency": row.get("currency") or base_currency()}
    cells = [[spec.cell({**currency, **line}, spoken) for spec in line_specs.values()] for line in found]
    columns = [Column(name, spec.label, spec.cell_kind) for name, spec in line_specs.items()]
    totals = [Fact(specs[n].label, specs[n].cell(row, spoken)) for n in TOTAL_FIELDS if n in specs]
    return LineTable(lines.label, columns, cells, totals)


def _tabs(entity: Entity, actor: Actor) -> list[Related]:
    return [related for related in entity.related if actor.may(f"{related.resource}.view")]


def _tab(entity: Entity, related: Related, pk: int) -> Tab:
    target = entity_named(related.resource)
    name = f"{related.resource}-{related.field}"
    return Tab(name, related.label or target.label_plural, entity.url(pk, "related", name))


@require_POST
def reveal(request: HttpRequest, name: str, pk: int, field: str) -> HttpResponse:
    """The whole value of a masked field, noted in the audit; with `call=1` the page opens it at once."""
    entity, actor = entity_named(name), actor_of(request)
    value = run_atomic(lambda: unmask(entity, in_range(pk), [field], actor))[field]
    refusal = entity.contact_refusal(fetch(entity.model, pk, actor=actor), field)
    scheme = SCHEMES.get(entity.mask_of(field), "")  # type: ignore[arg-type]
    target = "".join(value.split()) if scheme == "tel" else value
    link = f"{scheme}:{target}" if scheme and value and not refusal else ""
    context = {"value": value, "link": link, "open": request.GET.get("call") == "1", "refusal": refusal}
    response = render(request, "interface/revealed.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_GET
def related(request: HttpRequest, name: str, pk: int, tab: str) -> HttpResponse:
    """The records behind a tab."""
    entity, actor = entity_named(name), actor_of(request)
    fetch(entity.model, in_range(pk), actor=actor)
    for one in _tabs(entity, actor):
        if f"{one.resource}-{one.field}" == tab:
            break
    else:
        raise NotFound
    target = entity_named(one.resource)
    given = {f"{one.field}_id": str(pk), "limit": "10"}
    query = listing.parse(target, given)
    readable = target.specs_for(actor)
    specs = [readable[n] for n in target.columns if n in readable and n != one.field][:6]
    page = build(target, query, specs, actor, given)
    page.next_url = address(target.url(), {f"{one.field}_id": str(pk)}) if page.next_url else ""
    may_create = one.create and page.create_url
    page.create_url = address(page.create_url, {one.field: str(pk)}) if may_create else ""
    return render(request, "interface/related.html", {"page": page})


@require_GET
def history(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """What happened to a record, newest first."""
    entity, actor = entity_named(name), actor_of(request)
    record = fetch(entity.model, in_range(pk), actor=actor)
    return render(request, "interface/timeline.html", timeline.context(entity, record, actor, _before(request)))


def _before(request: HttpRequest) -> datetime | None:
    """The moment before which the next part of a long timeline lies."""
    try:
        return datetime.fromtimestamp(float(request.GET.get("before", "")), UTC)
    except (ValueError, OverflowError, OSError):
        return None


@require_GET
def document(request: HttpRequest, name: str, pk: int, suffix: str) -> HttpResponse:
    """A file made from a record."""
    return render_document(entity_named(name), in_range(pk), suffix, actor_of(request), language())
