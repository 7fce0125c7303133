"""The first screen and the reports."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from saleswright.interface import home as tiles
from saleswright.interface import reports
from saleswright.interface.exchange.writers import write_csv
from saleswright.interface.formatting import format_date, format_money, format_number, format_percent
from saleswright.interface.pages.common import actor_of, address, language, parameters
from saleswright.interface.presentation import (
    Cell,
    CellKind,
    Column,
    FilterControl,
    HomePage,
    Option,
    ReportPage,
    Switch,
)
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import atomic

_KINDS: dict[str, CellKind] = {
    "integer": "number", "money": "money", "quantity": "number", "percent": "percent", "days": "number", "date": "date",
}  # fmt: skip


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """My work today."""
    actor = actor_of(request)
    hour = clock.local_time(clock.now()).hour
    greeting = _("Good morning") if hour < 12 else _("Good afternoon") if hour < 18 else _("Good evening")
    page = HomePage(f"{greeting}{_(', ')}{actor.name}", tiles.tiles_for(actor))
    return render(request, "interface/home.html", {"page": page})


@require_GET
def report_index(request: HttpRequest) -> HttpResponse:
    """The first report."""
    actor_of(request).require("reports.view")
    return HttpResponseRedirect(f"/reports/{reports.all_reports()[0].name}")


@require_GET
def report(request: HttpRequest, name: str) -> HttpResponse:
    """A report with its parameters, picture and table."""
    actor, given = actor_of(request), parameters(request)
    found = reports.report_named(name)
    problems: list[Text] = []
    try:
        result = found.run(given, actor)
    except ValidationFailed as refused:
        # an address that was kept may name a field that is no more: say so, and let people choose anew
        known = {one.name: one.label for one in found.parameters_for(actor, given)}
        problems = [_("%(field)s: %(problem)s") % {"field": known.get(e.field, e.field), "problem": e.message}
                    for e in refused.errors]  # fmt: skip
        result = reports.Result([], [])
    spoken = language()
    read, rows = result.for_people()
    columns = [Column(c.name, c.label, _KINDS.get(c.kind, "text")) for c in read]
    cells = [
        [_cell(result.kind(c, place), value, spoken) for c, value in zip(read, row, strict=True)]
        for place, row in enumerate(rows)
    ]
    for row, url in zip(cells, result.drill, strict=False):
        row[0].url = url
    page = ReportPage(
        found.name,
        found.title,
        [_control(parameter, given, actor) for parameter in found.parameters_for(actor, given)],
        columns,
        cells,
        [Switch(one.title, one.icon, f"/reports/{one.name}", one.name == name) for one in reports.all_reports()],
        chart=result.chart,
        as_of=clock.local_time(result.as_of).strftime("%Y-%m-%d %H:%M"),
        export_url="" if problems else address(f"/reports/{name}/export", given) + ("&" if given else "?") + "x=1",
        problems=problems,
    )
    return render(request, "interface/report.html", {"page": page}, status=422 if problems else 200)


def _cell(asked: reports.ColumnKind, value: Any, spoken: str) -> Cell:
    kind = _KINDS.get(asked, "text")
    if value is None or value == "":
        return Cell("—" if asked != "text" else "", kind)
    match asked:
        case "money":
            return Cell(format_money(Decimal(str(value)), base_currency(), spoken), kind)
        case "percent":
            return Cell(format_percent(Decimal(str(value))), kind)
        case "integer" | "quantity" | "days":
            return Cell(format_number(Decimal(str(value))), kind)
        case "date":
            return Cell(value if isinstance(value, str) else format_date(value), kind)
    return Cell(str(value), kind)


def _control(parameter: reports.Parameter, given: dict[str, str], actor: Actor) -> FilterControl:
    value = given.get(parameter.name, "")
    if not value and parameter.default is not None:
        default = parameter.default() if callable(parameter.default) else parameter.default
        value = "" if default is None else str(default)
    if parameter.kind == "choice":
        options = [Option(key, label, key == value) for key, label in parameter.choices]
        if parameter.default is None:
            options.insert(0, Option("", _("Any"), not value))
        return FilterControl(parameter.name, parameter.label, "select", options, value)
    if parameter.kind == "reference":
        options = []
        if value.isdigit():
            target = resource_named(parameter.to)
            rows = target.model._default_manager.filter(pk=min(int(value), 2**63 - 1))
            options = [Option(value, target.label_of(record), True) for record in visible(rows, actor)]
        return FilterControl(
            parameter.name, parameter.label, "reference", options, value, picker_url=f"/pick/{parameter.to}"
        )
    return FilterControl(parameter.name, parameter.label, "date" if parameter.kind == "date" else "text", value=value)


@require_GET
def export_report(request: HttpRequest, name: str) -> HttpResponse:
    """The rows of a report as a file, recorded in the audit."""
    actor, given = actor_of(request), parameters(request)
    asked = given.pop("format", "xlsx")
    given.pop("x", None)
    found = reports.report_named(name)
    result = found.run(given, actor)
    with atomic():
        record_audit(
            [AuditLine("reports", None, name, "exported", {"rows": [None, len(result.rows)]})],
            actor=actor,
            at=clock.now(),
        )
    columns, rows = result.for_people()
    headers = [str(column.label) for column in columns]
    return _file(f"{name}.{'csv' if asked == 'csv' else 'xlsx'}", headers, rows)


def _file(filename: str, headers: list[str], rows: list[list[Any]]) -> HttpResponse:
    import io
    import tempfile
    from pathlib import Path

    from saleswright.interface.exchange.writers import write_xlsx

    if filename.endswith(".csv"):
        stream = io.StringIO(newline="")
        write_csv(stream, headers, rows, bom=True)
        content, kind = stream.getvalue().encode(), "text/csv; charset=utf-8"
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / filename
            write_xlsx(path, headers, rows, title=filename.rsplit(".", 1)[0])
            content = path.read_bytes()
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
