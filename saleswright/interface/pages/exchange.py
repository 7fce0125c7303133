"""Import step by step (upload, match columns, check, take) and export of what a list shows."""

from __future__ import annotations

import hashlib
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from saleswright.interface import listing
from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.exchange import uploads
from saleswright.interface.exchange.cells import plain_text
from saleswright.interface.exchange.errors import ExchangeError, MappingError
from saleswright.interface.exchange.exporter import export_rows
from saleswright.interface.exchange.mapping import Mapping
from saleswright.interface.exchange.outcome import AlikeRow, ImportOutcome, RowError
from saleswright.interface.exchange.plan import plan_import
from saleswright.interface.exchange.readers import Table, open_table
from saleswright.interface.exchange.slots import Slot, slots_of
from saleswright.interface.exchange.uploads import Upload
from saleswright.interface.exchange.writers import write_xlsx
from saleswright.interface.fields import spec_of
from saleswright.interface.jobs import IMPORT_JOB, take_upload
from saleswright.interface.models import ImportMapping
from saleswright.interface.pages.common import actor_of, address, goes_to, in_range, language, parameters, subject
from saleswright.interface.pages.lists import PAGE_ONLY, chosen_columns
from saleswright.interface.presentation import ImportPage, ImportReport
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.clock import today
from saleswright.kernel.errors import NotFound, TooLarge, ValidationFailed
from saleswright.kernel.jobs import enqueue
from saleswright.kernel.models import Job, JobState
from saleswright.kernel.records import required_fields

JOB_FROM_ROWS = 2000
"""Larger files are checked and taken by a worker, with a progress page."""

SAMPLES = 3
#: what can become of a row that is likely there already
ALIKE = ("create", "skip", "update")
SHOWN_ERRORS = 100
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_http_methods(["GET", "POST"])
def import_page(request: HttpRequest, name: str) -> HttpResponse:
    """The import of one kind of record."""
    entity, actor = entity_named(name), actor_of(request)
    actor.require(f"{entity.name}.import")
    if entity.exchange is None:
        raise NotFound
    if request.method == "GET":
        if "job" in request.GET:
            return _progress(request, entity, actor)
        return _show(request, _page(entity, "upload"))
    try:
        if request.POST.get("file_token"):
            upload = uploads.find(request.POST["file_token"], resource=entity.name, user_id=_user_id(actor))
            return _check_or_take(request, entity, actor, upload)
        return _match(request, entity, actor)
    except (ExchangeError, TooLarge) as problem:
        page = _page(entity, "upload")
        page.errors = [str(problem)]
        return _show(request, page, status=422)


def _user_id(actor: Actor) -> int:
    """The person whose upload it is: pages have no other actors."""
    assert actor.user_id is not None
    return actor.user_id


def _page(entity: Entity, step: Any) -> ImportPage:
    url = entity.url() + "/import"
    return ImportPage(subject(entity), step, url, template_url=f"{url}/template")


def _show(request: HttpRequest, page: ImportPage, status: int = 200) -> HttpResponse:
    return render(request, "interface/import.html", {"page": page}, status=status)


# --- matching --------------------------------------------------------------------------------------------------


def _match(request: HttpRequest, entity: Entity, actor: Actor) -> HttpResponse:
    """Keep the file and show which column would be which field, as remembered or by name."""
    file = request.FILES.get("file")
    if file is None:
        raise ExchangeError("required", _("Choose a file."))
    upload = uploads.keep(file, resource=entity.name, user_id=_user_id(actor))
    try:
        table = open_table(upload.path, name=upload.name)
    except ExchangeError:
        upload.remove_file()
        raise
    remembered = ImportMapping.objects.filter(
        resource=entity.name, headers_key=_headers_key(table.headers), user_id=_user_id(actor)
    ).first()
    return _show(request, _match_page(entity, actor, upload, table, remembered.mapping if remembered else None))


def _match_page(
    entity: Entity, actor: Actor, upload: Upload, table: Table, columns: dict[str, str] | None, problem: str = ""
) -> ImportPage:
    page = _page(entity, "match")
    page.file_token, page.file_name = upload.token, upload.name
    slots = slots_of(entity, actor)
    matched: dict[int, str] = {}
    if columns is not None:
        matched = {i: columns[h] for i, h in enumerate(table.headers) if columns.get(h) in slots}
    else:
        try:
            plan = plan_import(entity, table.headers, actor=actor, mapping=Mapping())
            matched = {index: slot.name for index, slot in plan.matched}
        except MappingError as refused:
            page.errors.append(str(refused))
    if problem:
        page.errors.append(problem)
    page.fields = [(name, _label(slot), _is_required(entity, slot)) for name, slot in slots.items()]
    samples = [row.cells for row in islice(table.rows, SAMPLES) if not row.problem]
    page.headers = [
        (header, matched.get(index, ""), [plain_text(cells[index])[:60] for cells in samples])
        for index, header in enumerate(table.headers)
    ]
    return page


def _label(slot: Slot) -> str:
    """What the field is called in the select; a reference by one of its columns says by which."""
    label = str(slot.label)
    if slot.spec is not None and not label:
        column = spec_of(slot.spec.target, slot.columns[0])
        label = f"{slot.spec.label} ({column.label})"
    return f"{slot.group}: {label}" if slot.group else label


def _is_required(entity: Entity, slot: Slot) -> bool:
    return not slot.group and slot.name in required_fields(entity.model)


def _headers_key(headers: list[str]) -> str:
    return hashlib.sha256("\n".join(headers).encode()).hexdigest()


# --- checking and taking ---------------------------------------------------------------------------------------


def _check_or_take(request: HttpRequest, entity: Entity, actor: Actor, upload: Upload) -> HttpResponse:
    """Check the rows without writing, or take them; long files are left to a worker."""
    if not upload.path.exists():
        raise NotFound
    table = open_table(upload.path, name=upload.name)
    columns = _chosen(request, table.headers)
    try:
        plan_import(entity, table.headers, actor=actor, mapping=Mapping(columns=columns), exact=True)
    except MappingError as problem:
        page = _match_page(entity, actor, upload, table, columns, str(problem))
        return _show(request, page, status=422)
    ImportMapping.objects.update_or_create(
        resource=entity.name,
        headers_key=_headers_key(table.headers),
        user_id=_user_id(actor),
        defaults={"mapping": columns},
    )
    arguments: dict[str, Any] = {
        "resource": entity.name,
        "token": upload.token,
        "columns": columns,
        "dry_run": request.POST.get("dry_run") == "1",
        "language": language(),
        **_chosen_for_alike(request),
    }
    if table.estimated_rows > JOB_FROM_ROWS:
        job = enqueue(IMPORT_JOB, arguments=arguments, user=actor.user_id)
        return HttpResponse(
            status=302, headers={"Location": address(_page(entity, "result").submit_url, {"job": job.pk})}
        )
    outcome = take_upload(actor, **arguments)
    return _show(request, _result_page(entity, upload, outcome, columns))


def _chosen(request: HttpRequest, headers: list[str]) -> dict[str, str]:
    """Header -> field, as the form has it."""
    fields = ((header, request.POST.get(f"column.{index}", "")) for index, header in enumerate(headers))
    return {header: name for header, name in fields if name}


def _chosen_for_alike(request: HttpRequest) -> dict[str, Any]:
    """What is to become of rows that are likely there already: in general, and line by line where it differs."""
    general = request.POST.get("alike", "")
    rows = {
        name.removeprefix("alike."): choice
        for name, choice in request.POST.items()
        if name.startswith("alike.") and name.removeprefix("alike.").isdigit() and choice in ALIKE
    }
    return {"alike": general if general in ALIKE else "create", "alike_rows": rows}


def _result_page(entity: Entity, upload: Upload, outcome: ImportOutcome, columns: dict[str, str]) -> ImportPage:
    page = _page(entity, "result")
    page.file_token, page.file_name = upload.token, upload.name
    page.headers = [(header, columns.get(header, ""), []) for header in outcome.headers]
    called = {name: header for header, name in columns.items()}
    page.report = ImportReport(
        outcome.rows,
        outcome.created,
        outcome.updated,
        outcome.failed,
        outcome.dry_run,
        [(e.line, called.get(e.field, e.field), e.message) for e in outcome.errors[:SHOWN_ERRORS]],
        f"{page.submit_url}/errors/{upload.token}" if outcome.failed else "",
        likely=outcome.likely,
        skipped=outcome.skipped,
        alike=[(one, entity.url(one.record_id) if one.seen else "") for one in outcome.alike[:SHOWN_ERRORS]],
    )
    page.errors = list(outcome.notes) if outcome.dry_run else []
    return page


def _progress(request: HttpRequest, entity: Entity, actor: Actor) -> HttpResponse:
    """How far a worker is with a file; when it is done, what came of it."""
    pk = request.GET["job"]
    jobs = Job.objects.filter(kind=IMPORT_JOB, user_id=_user_id(actor), arguments__resource=entity.name)
    job = jobs.filter(pk=in_range(int(pk))).first() if pk.isascii() and pk.isdigit() else None
    if job is None:
        raise NotFound
    page = _page(entity, "result")
    url = address(page.submit_url, {"job": job.pk})
    if job.state in (JobState.QUEUED, JobState.RUNNING):
        if "HX-Request" in request.headers:
            return render(request, "interface/import_progress.html", {"done": job.done, "total": job.total})
        page.job_url = url
        return _show(request, page)
    if "HX-Request" in request.headers:
        return goes_to(request, url)
    if job.state == JobState.DONE and job.result:
        upload = uploads.find(job.arguments["token"], resource=entity.name, user_id=_user_id(actor))
        return _show(request, _result_page(entity, upload, _outcome_of(job), job.arguments["columns"]))
    page.errors = [job.problem if job.state == JobState.FAILED else _("The import was stopped")]
    return _show(request, page)


def _outcome_of(job: Job) -> ImportOutcome:
    result: dict[str, Any] = dict(job.result or {})
    alike = [AlikeRow(**one) for one in result.get("alike", [])]
    return ImportOutcome(**{**result, "errors": [RowError(**error) for error in result["errors"]], "alike": alike})


# --- files -----------------------------------------------------------------------------------------------------


@require_GET
def errors_file(request: HttpRequest, name: str, token: str) -> HttpResponse:
    """The failed rows with the reasons beside them, to correct and send again."""
    entity, actor = entity_named(name), actor_of(request)
    actor.require(f"{entity.name}.import")
    upload = uploads.find(token, resource=entity.name, user_id=_user_id(actor))
    if not upload.errors_path.exists():
        raise NotFound
    return send_file(upload.errors_path, f"{entity.name}-errors.xlsx")


@require_GET
def template_file(request: HttpRequest, name: str) -> HttpResponse:
    """An empty workbook with the columns that an import understands."""
    entity, actor = entity_named(name), actor_of(request)
    actor.require(f"{entity.name}.import")
    if entity.exchange is None:
        raise NotFound
    slots = slots_of(entity, actor)
    labels = [
        str(slots[field.partition("__")[0]].label)
        for field in entity.exchange_fields
        if field.partition("__")[0] in slots
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.xlsx"
        write_xlsx(path, labels, (), title=str(entity.label_plural))
        return send_file(path, f"{entity.name}-template.xlsx")


@require_GET
def export(request: HttpRequest, name: str) -> HttpResponse:
    """What a list shows, with its filters, order and columns, as a file (`?format=csv|xlsx`, `?bom=0`)."""
    entity, actor, given = entity_named(name), actor_of(request), parameters(request)
    file_format = given.get("format", "xlsx")
    if file_format not in {"csv", "xlsx"}:
        raise ValidationFailed.of("format", "choice", _("csv or xlsx"))
    query = listing.parse(entity, given, ignore=PAGE_ONLY)
    columns = [spec.name for spec in chosen_columns(entity, actor, given)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        export_rows(
            entity,
            query,
            actor=actor,
            columns=columns,
            path=path,
            file_format="csv" if file_format == "csv" else "xlsx",
            bom=given.get("bom") != "0",
            unmasked=given.get("unmask") == "1",
        )
        return send_file(path, f"{entity.name}-{today().isoformat()}.{file_format}")


def send_file(path: Path, name: str) -> HttpResponse:
    """The file as a download; it may be removed once it is open."""
    kind = XLSX if name.endswith(".xlsx") else "text/csv; charset=utf-8"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type=kind)  # type: ignore[return-value]
