"""Boards over a state or stage, and calendars over a date."""

from __future__ import annotations

from calendar import Calendar as MonthOfWeeks
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface import listing
from saleswright.interface.entity import Board, BoardKey, Entity, entity_named
from saleswright.interface.fields import FieldSpec
from saleswright.interface.formatting import compact_money, format_money, format_number
from saleswright.interface.labels import add_labels
from saleswright.interface.pages.common import actor_of, address, in_range, language, parameters, subject, switches
from saleswright.interface.pages.forms import dialog
from saleswright.interface.pages.lists import TOTALS_SECONDS, chips, filter_controls
from saleswright.interface.presentation import (
    BoardColumn,
    BoardPage,
    CalendarDay,
    CalendarEntry,
    CalendarPage,
    Card,
    Switch,
)
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Conflict, NotFound, Text, ValidationFailed
from saleswright.kernel.transactions import run_atomic
from saleswright.kernel.transitions import Transition

BOARD_ONLY = frozenset({"column", "after", "pipeline"})
CALENDAR_ONLY = frozenset({"day", "mode"})
A_DAYS_ENTRIES = {"month": 4, "week": 40, "day": 200}


def board_keys(entity: Entity, board: Board, actor: Actor, given: Mapping[str, str]) -> list[BoardKey]:
    """The columns: those that the module names, else the states."""
    if board.columns is not None:
        return board.columns(actor, given)
    spec = entity.specs[board.by]
    states = spec.states
    return [
        BoardKey(str(value), label, states(value).colour if states else "secondary")
        for value, label in spec.choices.items()
        if value != ""
    ]


def _board(entity: Entity) -> Board:
    if entity.board is None:
        raise NotFound
    return entity.board


def board_page(request: HttpRequest, name: str) -> HttpResponse:
    """The board of one kind of record; totals load after it."""
    entity, actor, given = entity_named(name), actor_of(request), parameters(request)
    board = _board(entity)
    query = listing.parse(entity, given, ignore=BOARD_ONLY)
    columns = board_keys(entity, board, actor, given)
    cards = _cards(entity, board, query, actor, columns)
    path = entity.url() + "/board"
    page = BoardPage(
        subject(entity),
        [
            BoardColumn(c.key, c.label, c.colour, cards.get(c.key, []), c.percent, room=c.room, full=c.full)
            for c in columns
        ],
        drop_url=f"{path}/drop",
        totals_url=address(f"{path}/totals", given),
        query=query.q,
        filters=[f for f in filter_controls(entity, query, actor) if f.name.removesuffix("_id") != board.by],
        chips=chips(entity, query, actor, given),
        switches=switches(entity, "board"),
        hidden=list(given.items()),
        create_url=f"{entity.url()}/new" if entity.creatable and actor.may(f"{entity.name}.create") else "",
    )
    return render(request, "interface/board.html", {"page": page})


def _cards(
    entity: Entity, board: Board, query: listing.ListQuery, actor: Actor, columns: list[BoardKey]
) -> dict[str, list[Card]]:
    """The newest cards of every column in one statement (a UNION ALL of limited queries)."""
    specs = entity.specs_for(actor)
    names = [n for n in (board.title, board.subtitle, board.amount, board.date, board.person) if n and n in specs]
    select = list(dict.fromkeys(specs[n].attname for n in ("id", board.by, *names)))
    if board.amount and "currency" in specs:
        select.append("currency")
    base = listing.queryset(entity, query, actor)
    if board.open_states:
        base = base.filter(**{f"{entity.state_field}__in": board.open_states})
    by = specs[board.by].attname
    arms = [base.filter(**{by: c.key}).order_by("-id").values(*select)[: board.limit] for c in columns]
    rows = _union(arms)
    add_labels(rows, [specs[n] for n in names])
    flags = _flags(entity, board, [row["id"] for row in rows], actor)
    people = specs.get(board.person)
    spoken, today, found = language(), clock.today(), dict[str, list[Card]]()
    for row in rows:
        found.setdefault(str(row[by]), []).append(_card(entity, board, row, specs, people, spoken, today))
        found[str(row[by])][-1].flag = flags.get(row["id"], "")
    return found


def _flags(entity: Entity, board: Board, ids: list[int], actor: Actor) -> dict[int, str]:
    """What is said on the cards of those records that need a look."""
    found: dict[int, list[str]] = {}
    for attached in entity.attached:
        if attached.name in board.flags:
            for pk, needs in attached.load(ids, actor).items():
                if needs:
                    found.setdefault(pk, []).append(str(attached.label))
    return {pk: " · ".join(labels) for pk, labels in found.items()}


def _union(arms: list[Any]) -> list[Any]:
    from django.db import connection

    if connection.vendor == "postgresql" and len(arms) > 1:
        return list(arms[0].union(*arms[1:], all=True))
    return [row for arm in arms for row in arm]


def _card(
    entity: Entity,
    board: Board,
    row: Any,
    specs: dict[str, FieldSpec],
    people: FieldSpec | None,
    spoken: str,
    today: date,
) -> Card:
    def text(name: str) -> str:
        return specs[name].cell(row, spoken, links=False).text if name and name in specs else ""

    amount = row.get(specs[board.amount].attname) if board.amount in specs else None
    day = row.get(specs[board.date].attname) if board.date in specs else None
    day = clock.local_date(day) if isinstance(day, datetime) else day
    return Card(
        row["id"],
        entity.url(row["id"]),
        text(board.title) or f"#{row['id']}",
        subtitle=text(board.subtitle),
        amount=format_money(amount, row.get("currency") or base_currency(), spoken, short=True) if amount else "",
        date=f"{day:%m-%d}" if day and day.year == today.year else f"{day:%Y-%m-%d}" if day else "",
        date_late=bool(day and day < today and specs[board.date].kind == "date"),
        person=str(row[people.title] or "") if people is not None and row.get(people.attname) else "",
    )


@require_GET
def board_totals(request: HttpRequest, name: str) -> HttpResponse:
    """Counts and amounts of the columns, kept for half a minute for a person; `fresh=1` works them out anew."""
    entity, actor, given = entity_named(name), actor_of(request), parameters(request)
    board, fresh = _board(entity), bool(given.pop("fresh", ""))
    key = f"board:{actor.user_id}:{language()}:{entity.name}:{hash(tuple(sorted(given.items())))}"
    content = None if fresh else cache.get(key)
    if content is None:
        query = listing.parse(entity, given, ignore=BOARD_ONLY)
        content = _board_totals(entity, board, query, actor, board_keys(entity, board, actor, given))
        cache.set(key, content, TOTALS_SECONDS)
    return JsonResponse(content)


def _board_totals(
    entity: Entity, board: Board, query: listing.ListQuery, actor: Actor, columns: list[BoardKey]
) -> dict[str, Any]:
    specs = entity.specs_for(actor)
    base = listing.queryset(entity, query, actor).order_by()
    if board.open_states:
        base = base.filter(**{f"{entity.state_field}__in": board.open_states})
    by = specs[board.by].attname
    amount = f"base_{board.amount}" if f"base_{board.amount}" in specs else board.amount
    figures: dict[str, Any] = {"count": Count("pk")}
    weighs = amount in specs and "probability" in specs
    if amount in specs:
        figures["amount"] = Sum(amount)
    if weighs:
        figures["weighted"] = Sum(F(amount) * F("probability"), output_field=specs[amount].field)
    spoken, currency = language(), base_currency()
    found: dict[str, Any] = {}
    rows = {str(row[by]): row for row in base.values(by).annotate(**figures)}
    nothing: dict[str, Any] = dict.fromkeys(figures, 0)
    for column in columns:
        row = rows.get(column.key, nothing)
        one: dict[str, Any] = {"room": column.room, "full": column.full} if column.room else {}
        one |= {"count": format_number(row["count"])}
        if "amount" in figures:
            one["amount"] = compact_money(row["amount"] or Decimal(0), currency, spoken) if row["count"] else ""
        if weighs:
            weighted = Decimal(row["weighted"] or 0) / 100
            one["weighted"] = compact_money(weighted, currency, spoken) if row["count"] else ""
        found[column.key] = one
    return found


@require_POST
def drop(request: HttpRequest, name: str) -> HttpResponse:
    """A card was dropped on another column: run the transition that leads there, or ask for what it needs."""
    entity, actor = entity_named(name), actor_of(request)
    board = _board(entity)
    card, column = request.POST.get("card", ""), request.POST.get("column", "")
    if not (card.isascii() and card.isdigit()):
        raise NotFound
    record = fetch(entity.model, in_range(int(card)), actor=actor)
    transition, start = _leading_to(entity, board, record, column)
    args = transition.all_args(actor, record)
    missing = [arg for arg in args if arg.required and arg.name not in start and arg.default is None]
    if missing:
        return dialog(request, entity, record, transition, actor, start=start)
    try:
        run_atomic(lambda: transition(record.pk, actor=actor, **start))
    except ValidationFailed as refused:
        if any(error.field in {arg.name for arg in args} for error in refused.errors):
            return dialog(request, entity, record, transition, actor, refused=refused, data=start)
        raise
    return HttpResponse(status=204)


def _leading_to(entity: Entity, board: Board, record: Any, column: str) -> tuple[Transition, dict[str, Any]]:
    """The transition that brings the record to the column. Raises Conflict when there is none."""
    if board.move:
        transition = next(t for t in entity.transitions if t.name == board.move)
        return transition, {f"{board.by}_id": column}
    state = str(getattr(record, board.by))
    for transition in entity.transitions:
        leads_there = transition.drop and column in {transition.target, transition.pending}
        if leads_there and (transition.source is None or state in transition.source):
            return transition, {}
    choices: dict[Any, Text] = entity.specs[board.by].choices
    text = _("There is no way from “%(here)s” to “%(there)s”.")
    raise Conflict(text % {"here": choices.get(state, state), "there": choices.get(column, column)})


# --- calendars -------------------------------------------------------------------------------------------------


@require_GET
def calendar_page(request: HttpRequest, name: str) -> HttpResponse:
    """Records on the days of a month, week or day."""
    entity, actor, given = entity_named(name), actor_of(request), parameters(request)
    if entity.calendar is None:
        raise NotFound
    query = listing.parse(entity, given, ignore=CALENDAR_ONLY)
    mode = given.get("mode", "month")
    if mode not in A_DAYS_ENTRIES:
        mode = "month"
    try:
        day = date.fromisoformat(given.get("day", "")) if given.get("day") else clock.today()
    except ValueError:
        raise ValidationFailed.of("day", "invalid", _("Enter a date such as 2026-11-23.")) from None
    if not 1901 <= day.year <= 2199:
        raise ValidationFailed.of("day", "range", _("The calendar shows the years 1901 to 2199."))
    weeks = _weeks(day, mode)
    entries = _entries(entity, query, actor, weeks[0][0], weeks[-1][-1])
    limit, today = A_DAYS_ENTRIES[mode], clock.today()
    path = entity.url() + "/calendar"

    def box(one: date) -> CalendarDay:
        found = entries.get(one, [])
        outside = mode == "month" and one.month != day.month
        return CalendarDay(one.isoformat(), one.day, one == today, outside, found[:limit], max(0, len(found) - limit))

    page = CalendarPage(
        subject(entity),
        _calendar_title(day, weeks, mode),
        mode,  # type: ignore[arg-type]
        _weekdays(weeks[0], mode),
        [[box(one) for one in week] for week in weeks],
        address(path, given, day=_step(day, mode, -1).isoformat()),
        address(path, given, day=_step(day, mode, 1).isoformat()),
        address(path, given, day=None),
        modes=[Switch(label, "", address(path, given, mode=key), key == mode) for key, label in _modes()],
        switches=switches(entity, "calendar"),
        create_url=f"{entity.url()}/new" if entity.creatable and actor.may(f"{entity.name}.create") else "",
    )
    return render(request, "interface/calendar.html", {"page": page})


def _modes() -> list[tuple[str, Text]]:
    return [("month", _("Month")), ("week", _("Week")), ("day", _("Day"))]


def _weeks(day: date, mode: str) -> list[list[date]]:
    if mode == "month":
        return MonthOfWeeks(firstweekday=0).monthdatescalendar(day.year, day.month)
    if mode == "week":
        monday = day - timedelta(days=day.weekday())
        return [[monday + timedelta(days=n) for n in range(7)]]
    return [[day]]


def _step(day: date, mode: str, direction: int) -> date:
    if mode == "month":
        return clock.month_start(day.year, day.month + direction)
    return day + timedelta(days=direction * (7 if mode == "week" else 1))


def _calendar_title(day: date, weeks: list[list[date]], mode: str) -> str:
    if mode == "month":
        return date_format(day, "YEAR_MONTH_FORMAT")
    if mode == "week":
        return f"{weeks[0][0]:%Y-%m-%d} – {weeks[0][-1]:%m-%d}"
    return f"{day:%Y-%m-%d}"


def _weekdays(week: list[date], mode: str) -> list[Text]:
    return [date_format(day, "D") for day in week] if mode != "day" else [date_format(week[0], "l")]


def _entries(
    entity: Entity, query: listing.ListQuery, actor: Actor, first: date, last: date
) -> dict[date, list[CalendarEntry]]:
    calendar = entity.calendar
    assert calendar is not None
    specs = entity.specs_for(actor)
    spec, timed = specs[calendar.by], specs[calendar.by].kind == "datetime"
    low: Any = clock.day_start(first) if timed else first
    high: Any = clock.day_start(last + timedelta(days=1)) if timed else last + timedelta(days=1)
    select = {"id", spec.attname, *specs[calendar.title].select}
    state = specs.get(entity.state_field)
    select |= set(state.select) if state else set()
    rows = listing.queryset(entity, query, actor).filter(**{f"{spec.attname}__gte": low, f"{spec.attname}__lt": high})
    spoken, found = language(), dict[date, list[CalendarEntry]]()
    for row in rows.order_by(spec.attname, "id").values(*select)[:2000]:
        moment = clock.local_time(row[spec.attname]) if timed else None
        day = moment.date() if moment else row[spec.attname]
        colour = state.cell(row, spoken).colour if state else ""
        title = specs[calendar.title].cell(row, spoken, links=False).text or f"#{row['id']}"
        entry = CalendarEntry(row["id"], entity.url(row["id"]), title, f"{moment:%H:%M}" if moment else "", colour)
        found.setdefault(day, []).append(entry)
    return found
