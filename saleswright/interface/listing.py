"""Lists of records for pages, boards, exports and the API: filters, search, order and pages, cut by rights.

Pages are found by key, not by offset: a deep page costs the same as the first.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from saleswright.interface.conditions import read_tree, terms_of
from saleswright.interface.custom_specs import CustomSpec
from saleswright.interface.entity import Entity
from saleswright.interface.fields import FieldSpec
from saleswright.interface.labels import add_labels
from saleswright.kernel import conditions, search
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.custom_column import PREFIX, is_custom
from saleswright.kernel.errors import FieldError, ValidationFailed

CONTROL = frozenset({"q", "ordering", "limit", "cursor", "count", "fields", "archived", "where", "match"})
LIMIT, MAX_LIMIT = 50, 200
Row = dict[str, Any]


@dataclass(slots=True)
class ListQuery:
    """What a caller asks of a list; values are text as in an address."""

    filters: dict[str, str] = field(default_factory=dict)
    q: str = ""
    ordering: str = ""
    limit: int = LIMIT
    cursor: str = ""
    count: bool = False
    fields: tuple[str, ...] = ()
    archived: bool = False
    where: str = ""
    match_any: bool = False


@dataclass(slots=True)
class Page:
    """Some rows of a list and where the next ones begin."""

    rows: list[Row]
    next_cursor: str | None


def parse(entity: Entity, parameters: Mapping[str, str], *, ignore: frozenset[str] = frozenset()) -> ListQuery:
    """Read the parameters of an address. Raises ValidationFailed naming every unknown or bad one."""
    errors: list[FieldError] = []
    query = ListQuery(ordering=entity.ordering)
    for name, value in parameters.items():
        if name in ignore:
            continue
        if name not in CONTROL:
            if filter_column(entity, name) is None:
                errors.append(FieldError(name, "unknown", _("There is no such filter.")))
            elif value != "":
                query.filters[name] = value
            continue
        match name:
            case "q":
                query.q = value.replace("\x00", "")[:200]
            case "limit":
                if value.isascii() and value.isdigit() and len(value) < 5 and 1 <= int(value) <= MAX_LIMIT:
                    query.limit = int(value)
                else:
                    errors.append(FieldError("limit", "range", _("From 1 to %(most)d.") % {"most": MAX_LIMIT}))
            case "ordering":
                if _sorts_by(entity, value.lstrip("-")) and not value.startswith("--"):
                    query.ordering = value
                else:
                    errors.append(FieldError("ordering", "choice", _("The list can't be sorted by that.")))
            case "fields":
                query.fields = tuple(part for part in value.split(",") if part)
            case "cursor":
                query.cursor = value
            case "count" | "archived" if value in {"0", "1", "true", "false", ""}:
                setattr(query, name, value in {"1", "true"})
            case "match" if value in {"all", "any", ""}:
                query.match_any = value == "any"
            case "where":
                query.where = value
            case _:
                errors.append(FieldError(name, "invalid", _("The value is not valid.")))
    if errors:
        raise ValidationFailed(errors)
    return query


def usable(
    entity: Entity, given: Mapping[str, str], actor: Actor, *, ignore: frozenset[str] = frozenset()
) -> tuple[ListQuery, dict[str, str], list[str]]:
    """The query of an address that was kept, without what asks for custom fields or choices that are no more.

    Also the parameters that are left, and in words what was left out. Raises ValidationFailed for everything else.
    """
    left, notes = dict(given), list[str]()
    while True:
        try:
            query = parse(entity, left, ignore=ignore)
            if any(PREFIX in text for text in (*query.filters, query.where)):
                queryset(entity, query, actor)  # reads the values
            return query, left, notes
        except ValidationFailed as refused:
            for error in refused.errors:
                if not _leave_out(left, error):
                    raise
                notes.append(_what_is_gone(entity, error, actor))


def _leave_out(left: dict[str, str], error: FieldError) -> bool:
    """Take a refused comparison with a custom field out of the parameters; whether there was one."""
    name = error.field
    if name == "ordering" and is_custom(left["ordering"].lstrip("-")):
        del left["ordering"]
        return True
    if name in left and is_custom(name):
        del left[name]
        return True
    if PREFIX not in name or "where" not in left:
        return False
    tree = _without(read_tree(left.pop("where")), name)
    if tree:
        left["where"] = orjson.dumps(tree).decode()
    return True


def _without(tree: Any, name: str) -> Any:
    """A tree of conditions without the comparisons of a field; None if nothing is left."""
    for join in ("and", "or"):
        if join in tree:
            parts = [left for part in tree[join] if (left := _without(part, name)) is not None]
            return {join: parts} if parts else None
    return None if str(tree["field"]) == name else tree


def _what_is_gone(entity: Entity, error: FieldError, actor: Actor) -> str:
    spec = entity.known_to(actor).get(error.field.partition("__")[0].removesuffix("_id"))
    if spec is not None:
        return _("“%(field)s” is not asked for: %(problem)s") % {"field": spec.label, "problem": error.message}
    if error.field == "ordering":
        return _("The field that this was sorted by is no more.")
    return _("“%(field)s” is not asked for: there is no such field any more, or not for you.") % {"field": error.field}


def _sorts_by(entity: Entity, name: str) -> bool:
    """Whether lists can be sorted by the name; also by a retired field, where that was kept."""
    if name in {*entity.sorts, "id"}:
        return True
    gone = entity.retired_specs.get(name)
    return isinstance(gone, CustomSpec) and gone.definition.sortable


def filter_column(entity: Entity, name: str) -> tuple[FieldSpec, str] | None:
    """The spec and operator that a filter parameter such as `amount__gte` or `owner_id` means."""
    base, given, op = name.partition("__")
    specs = {**entity.specs, **entity.retired_specs} if entity.retired_specs else entity.specs
    spec = specs.get(base.removesuffix("_id") if base not in specs else base)
    if spec is None or (spec.name not in {*entity.filterable, *entity.retired_specs} and spec.name != "id"):
        return None
    if base != (spec.api_name if spec.kind == "reference" else spec.name):
        return None
    known = conditions.OPERATORS[spec.kind]
    op = op if given else known[0]
    return (spec, op) if op in known else None


def columns_for(entity: Entity, actor: Actor) -> dict[str, conditions.Column]:
    """What filters may name: the filterable fields that the actor may see."""
    specs = entity.asked_by(actor)
    found = [specs[name] for name in (*entity.filterable, *entity.retired_specs, "id") if name in specs]
    columns = {
        spec.name: conditions.Column(spec.attname, spec.kind, spec.parse, numeric=spec.numeric) for spec in found
    }
    return columns | {spec.api_name: columns[spec.name] for spec in found}


def queryset(entity: Entity, query: ListQuery, actor: Actor, *, action: str = "view") -> QuerySet[Any]:
    """The records that the query asks for and the actor may see, without order.

    Raises ValidationFailed for a bad filter value.
    """
    actor.require(f"{entity.name}.view")
    records = visible(entity.model._default_manager.all(), actor, action)
    records = records.filter(archived_at__isnull=not query.archived)
    if condition := _filters(entity, query, actor):
        records = records.filter(condition)
    if query.where:
        records = records.filter(conditions.build(read_tree(query.where), terms_of(entity, actor)))
    if query.q.strip():
        records = search.found_in(records, entity, query.q, actor)
    return records


def _filters(entity: Entity, query: ListQuery, actor: Actor) -> Q | None:
    columns, joined, errors = columns_for(entity, actor), None, []
    for name, value in query.filters.items():
        found = filter_column(entity, name)
        if found is None or found[0].name not in columns:
            errors.append(FieldError(name, "unknown", _("There is no such filter.")))
            continue
        spec, op = found
        try:
            one = conditions.comparison(name, columns[spec.name], op, value)
        except ValidationFailed as problem:
            errors += problem.errors
            continue
        joined = one if joined is None else (joined | one if query.match_any else joined & one)
    if errors:
        raise ValidationFailed(errors)
    return joined


def fetch(
    entity: Entity, query: ListQuery, actor: Actor, specs: list[FieldSpec], *, extra: tuple[str, ...] = ()
) -> Page:
    """One page of rows with what the specs need and the `extra` columns, and the cursor of the next page.

    Raises ValidationFailed for an order by a field that the actor may not see.
    """
    name, descending = query.ordering.lstrip("-"), query.ordering.startswith("-")
    order = entity.specs.get(name) or entity.retired_specs[name]
    if order.secret and not actor.sees(order.secret):
        raise ValidationFailed.of("ordering", "choice", _("The list can't be sorted by that."))
    attname = order.attname
    needed = [*specs, order] if name not in {spec.name for spec in specs} else specs
    select = {"id", "version", *extra, *(part for spec in needed for part in (spec.column, *spec.beside))}
    if any(spec.kind == "money" for spec in specs) and "currency" in entity.specs:
        select.add("currency")
    source = queryset(entity, query, actor).values(*select)
    nullable = name != "id" and order.field.null
    after = _read_cursor(query, entity) if query.cursor else None
    want = query.limit + 1
    rows: list[Row] = []
    if after is None or after[0] is not None or not nullable:
        rows = list(_known(source, attname, descending, after, nullable)[:want])
    if nullable and len(rows) < want:
        rows += list(_unknown(source, attname, descending, after)[: want - len(rows)])
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    add_labels(rows, needed)
    return Page(rows, _cursor(query, rows[-1], attname) if more else None)


def _known(source: Any, attname: str, descending: bool, after: tuple[Any, int] | None, nullable: bool) -> Any:
    """Rows that have a value in the column, in order, after the cursor."""
    sign = "-" if descending else ""
    if attname == "id":
        if after is not None:
            source = source.filter(**{"id__lt" if descending else "id__gt": after[1]})
        return source.order_by(f"{sign}id")
    if nullable:
        source = source.filter(**{f"{attname}__isnull": False})
    if after is not None:
        op = "lt" if descending else "gt"
        value, pk = after
        beyond = Q(**{f"{attname}__{op}": value}) | Q(**{attname: value, f"id__{op}": pk})
        source = source.filter(**{f"{attname}__{op}e": value}).filter(beyond)
    return source.order_by(f"{sign}{attname}", f"{sign}id")


def _unknown(source: Any, attname: str, descending: bool, after: tuple[Any, int] | None) -> Any:
    """Rows without a value, which come last."""
    source = source.filter(**{f"{attname}__isnull": True})
    if after is not None and after[0] is None:
        source = source.filter(**{"id__lt" if descending else "id__gt": after[1]})
    return source.order_by("-id" if descending else "id")


def _cursor(query: ListQuery, row: Row, attname: str) -> str:
    content = [query.ordering, None if attname == "id" else row[attname], row["id"]]
    return base64.urlsafe_b64encode(orjson.dumps(content, default=str)).decode().rstrip("=")


def _read_cursor(query: ListQuery, entity: Entity) -> tuple[Any, int]:
    bad = ValidationFailed.of("cursor", "invalid", _("The cursor does not belong to this list."))
    try:
        ordering, value, pk = orjson.loads(base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4)))
        if ordering != query.ordering or not isinstance(pk, int) or isinstance(pk, bool) or not 0 < pk < 2**63:
            raise bad
        name = ordering.lstrip("-")
        spec = entity.specs.get(name) or entity.retired_specs[name]
        return (None if name == "id" else _cursor_value(spec, value)), pk
    except (ValueError, TypeError, ValidationError):
        raise bad from None


def _cursor_value(spec: FieldSpec, value: Any) -> Any:
    """A value of the column as the cursor has it. Raises ValueError, TypeError or ValidationError."""
    if value is None:
        if not spec.field.null:
            raise ValueError("the column holds no null")
        return None
    if spec.kind in {"text", "long", "choice"}:
        if "\x00" in str(value):
            raise ValueError("text without NUL")
        return spec.field.to_python(value)
    return spec.clean(value)


def total(entity: Entity, query: ListQuery, actor: Actor) -> int:
    """How many records the query finds."""
    return queryset(entity, query, actor).order_by().count()
