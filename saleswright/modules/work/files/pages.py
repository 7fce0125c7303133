"""Pages of files: the panel on a record's page, a large view with next and previous, downloads, the store's size."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_datetime, relative_datetime
from saleswright.interface.pages.common import actor_of, goes_to, in_range, language
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import DomainError, NotFound, ValidationFailed
from saleswright.kernel.records import delete_record
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work.actions import attachments, targets
from saleswright.modules.work.files import previews, store, upkeep
from saleswright.modules.work.files.kinds import INLINE, KINDS, FileGroup
from saleswright.modules.work.models import Attachment

SHOWN = 60
ICONS = {
    FileGroup.IMAGE: "photo", FileGroup.PDF: "file-type-pdf", FileGroup.OFFICE: "file-text",
    FileGroup.MACRO: "file-text", FileGroup.TEXT: "file-description", FileGroup.MEDIA: "player-play",
    FileGroup.DRAWING: "ruler", FileGroup.ARCHIVE: "package",
}  # fmt: skip
_GROUPS = {kind.content_type: kind.group for kind in KINDS.values()}

add_setting(
    "technical",
    Setting("file-rules", gettext_lazy("Which files may be attached, and how large")),
    Setting(
        "storage", gettext_lazy("How much room attachments take, by kind of file and of record"),
        gettext_lazy("Storage"), "database", "/settings/storage", "admin.manage",
    ),
)  # fmt: skip


def size_text(size: int) -> str:
    """A number of bytes as people read it: 17 B, 3.4 MB."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as the panel and the large view show it."""

    id: int
    name: str
    icon: str
    size: str
    who: str
    at: str
    at_exact: str
    revision: int
    drawn: bool


def _row(one: Attachment, spoken: str) -> FileRow:
    group = _GROUPS.get(one.content_type)
    return FileRow(
        one.pk, one.name, ICONS[group] if group else "file", size_text(one.size),
        one.created_by.get_short_name() if one.created_by else _("System"),
        relative_datetime(one.created_at, spoken), format_datetime(one.created_at), one.revision,
        previews.can_be_drawn(one.content_type),
    )  # fmt: skip


# --- the panel -------------------------------------------------------------------------------------------------


def panel_address(name: str, pk: int, actor: Actor) -> str | None:
    """Where the panel of a record is, for whoever may see files."""
    if targets.target(name) is None or not actor.may("attachments.view"):
        return None
    return f"/{name}/{pk}/files"


def _files_of(name: str, pk: int) -> Any:
    """The files of a record that count, newest first."""
    rows = Attachment.objects.filter(resource=name, record_id=pk, latest=True, archived_at=None)
    return rows.select_related("created_by").order_by("-created_at", "-id")


def _record(request: HttpRequest, name: str, pk: int) -> tuple[Any, Actor]:
    """The record whose files are meant. Raises NotFound."""
    entity, actor = entity_named(name), actor_of(request)
    if targets.target(name) is None:
        raise NotFound
    return fetch(entity.model, in_range(pk), actor=actor), actor


def _panel(request: HttpRequest, name: str, pk: int, actor: Actor) -> HttpResponse:
    found = list(_files_of(name, pk)[: SHOWN + 1]) if actor.may("attachments.view") else []
    spoken = language()
    context = {
        "files": [_row(one, spoken) for one in found[:SHOWN]],
        "more_url": f"/attachments?resource={name}&record_id={pk}" if len(found) > SHOWN else "",
        "url": f"/{name}/{pk}/files",
        "upload_url": f"/{name}/{pk}/attachments" if actor.may("attachments.create") else "",
        "accept": ",".join(f".{ending}" for ending in KINDS),
    }
    return render(request, "interface/files.html", context)


@require_GET
def panel(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """The files of a record."""
    _found, actor = _record(request, name, pk)
    return _panel(request, name, pk, actor)


@require_POST
def attach(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Attach files to a record: each for itself, so that a refused one holds back none of the others."""
    _found, actor = _record(request, name, pk)
    files: list[UploadedFile[Any] | None] = [*request.FILES.getlist("file")] or [None]
    if "application/json" in request.headers.get("Accept", ""):
        made = [attachments.attach(name, pk, file, actor=actor) for file in files]
        return JsonResponse({"files": [{"id": one.pk, "name": one.name} for one in made]}, status=201)
    for file in files:
        try:
            attachments.attach(name, pk, file, actor=actor)
        except DomainError as refused:
            said = refused.errors[0].message if isinstance(refused, ValidationFailed) else refused.detail
            messages.error(request, f"{file.name if file else ''} {said}".strip())
    return goes_to(request, f"/{name}/{pk}")


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete one revision of a file; answers the panel anew."""
    actor = actor_of(request)
    kept = fetch(Attachment, in_range(pk), actor=actor)
    run_atomic(lambda: delete_record(Attachment, kept.pk, actor=actor))
    if "HX-Request" in request.headers:
        return _panel(request, kept.resource, kept.record_id, actor)
    return goes_to(request, f"/{kept.resource}/{kept.record_id}")


@require_GET
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """A file seen large, page by page, with its revisions and the way to the next and previous file."""
    actor = actor_of(request)
    kept = fetch(Attachment, in_range(pk), actor=actor)
    order = list(_files_of(kept.resource, kept.record_id).values_list("pk", flat=True)[:1000])
    revisions = attachments.same_name(kept).filter(archived_at=None).select_related("created_by")
    rows = [(one, _row(one, language())) for one in revisions.order_by("-revision")]
    latest = next((one.pk for one, _shown in rows if one.latest), kept.pk)
    place = order.index(latest) if latest in order else -1
    asked = request.GET.get("page", "1")
    page = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 else 1
    drawn = previews.preview_of(kept.sha256, kept.content_type, size="preview", page=page)
    shown = next((row for one, row in rows if one.pk == kept.pk), None) or _row(kept, language())
    context = {
        "file": shown,
        "pages": drawn.pages if drawn else 0,
        "page": min(max(page, 1), drawn.pages) if drawn else 0,
        "revisions": [row for _one, row in rows],
        "before": order[place - 1] if place > 0 else None,
        "after": order[place + 1] if 0 <= place < len(order) - 1 else None,
        "place": place + 1,
        "count": len(order),
        "opens": kept.content_type in INLINE,
        "deletable": attachments.may_delete(kept, actor),
    }
    return render(request, "interface/file_view.html", context)


# --- contents --------------------------------------------------------------------------------------------------


@require_GET
def original(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Download a file, or see an image or PDF."""
    return sent_file(request, pk, actor_of(request))


@require_GET
def thumbnail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The small picture of a file."""
    return sent_picture(request, pk, actor_of(request), "thumbnail", 1)


@require_GET
def picture(request: HttpRequest, pk: int, page: int) -> HttpResponseBase:
    """A page of a file, or an image, large."""
    return sent_picture(request, pk, actor_of(request), "preview", page)


def sent_file(request: HttpRequest, pk: int, actor: Actor) -> Any:
    """The answer with a file's content, for whoever sees its record. Raises NotFound."""
    kept = fetch(Attachment, in_range(pk), actor=actor)
    source = store.path_of(kept.sha256)
    attachments.require_content(kept, source.exists())
    etag = f'"{kept.sha256}"'
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _safe(unchanged, etag)
    inline = kept.content_type in INLINE and "download" not in request.GET
    response = FileResponse(source.open("rb"), content_type=kept.content_type)
    response["Content-Disposition"] = disposition(kept.name, inline=inline)
    if kept.content_type != "application/pdf":  # the browser's viewer of PDF does not run in a sandbox
        response["Content-Security-Policy"] = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox"
    return _safe(response, etag)


def sent_picture(request: HttpRequest, pk: int, actor: Actor, size: str, page: int) -> Any:
    """The answer with a picture of a file, for whoever sees its record. Raises NotFound."""
    kept = fetch(Attachment, in_range(pk), actor=actor)
    found = previews.preview_of(kept.sha256, kept.content_type, size=size, page=page)
    if found is None:
        raise NotFound(_("There is no picture of this file."))
    etag = f'"{hashlib.sha256(found.path.name.encode()).hexdigest()[:32]}"'
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _safe(unchanged, etag)
    response = FileResponse(found.path.open("rb"), content_type="image/webp")
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return _safe(response, etag)


def _safe(response: Any, etag: str) -> Any:
    """Never guessed at, never kept by a proxy, asked for anew with each look, since rights may have changed."""
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def disposition(name: str, *, inline: bool) -> str:
    """The header with a file's name (RFC 6266): in ASCII for old clients, as UTF-8 (RFC 8187) for the others."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^\w .()+-]", "_", plain).strip(" .") or "file"
    if plain == name:
        return f'{"inline" if inline else "attachment"}; filename="{plain}"'
    _stem, dot, ending = name.rpartition(".")
    if dot and plain == ending:
        plain = f"file.{ending}"
    place = "inline" if inline else "attachment"
    return f"{place}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


# --- the administrators' page ----------------------------------------------------------------------------------


@require_GET
def storage(request: HttpRequest) -> HttpResponse:
    """How much room files take."""
    actor_of(request).require("admin.manage")
    found = upkeep.storage()
    context = {"storage": found, "size": size_text, "grace": upkeep.GRACE.days}
    return render(request, "interface/storage.html", context)


urlpatterns = [
    path("attachments/<int:pk>", original),
    path("attachments/<int:pk>/thumbnail", thumbnail),
    path("attachments/<int:pk>/page/<int:page>", picture),
    path("attachments/<int:pk>/view", view),
    path("attachments/<int:pk>/delete", delete),
    path("settings/storage", storage),
    path("<str:name>/<int:pk>/files", panel),
    path("<str:name>/<int:pk>/attachments", attach),
]
