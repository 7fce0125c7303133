"""Files that nobody needs any more, and how much room the others take."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Sum
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotFound
from saleswright.kernel.records import delete_record
from saleswright.modules.work.actions.targets import target
from saleswright.modules.work.files import previews, store
from saleswright.modules.work.files.kinds import KINDS, FileGroup
from saleswright.modules.work.models import Attachment, OrphanedContent

#: how long a content without any file is kept: longer than a backup or a copy of the media folder takes
GRACE = timedelta(days=7)
AT_ONCE = 500


def clean(now: datetime, actor: Actor) -> dict[str, int]:
    """Delete files whose record is gone, and contents that no file has named for `GRACE`; returns how many.

    A content becomes an orphan when it is first seen without a file, so that a backup or an upload under way never
    loses anything: neither is as long as the grace.
    """
    counts = {"files": _delete_without_record(now, actor), "noticed": 0, "contents": 0}
    young = time.time() - GRACE.total_seconds()
    for hashes in _pieces(sha256 for sha256, stat in store.contents() if stat.st_mtime < young):
        named = set(Attachment.objects.filter(sha256__in=hashes).values_list("sha256", flat=True))
        since = dict(OrphanedContent.objects.filter(sha256__in=hashes).values_list("sha256", "since"))
        OrphanedContent.objects.filter(sha256__in=named).delete()
        fresh = [sha256 for sha256 in hashes if sha256 not in named and sha256 not in since]
        OrphanedContent.objects.bulk_create(
            [OrphanedContent(sha256=sha256, since=now) for sha256 in fresh], ignore_conflicts=True
        )
        counts["noticed"] += len(fresh)
        for sha256 in hashes:
            if sha256 not in named and sha256 in since and since[sha256] <= now - GRACE:
                counts["contents"] += store.remove(sha256, older_than=young)
                previews.forget(sha256)
                OrphanedContent.objects.filter(sha256=sha256).delete()
    counts["unfinished"] = store.remove_unfinished()
    return counts


def _pieces(hashes: Iterator[str]) -> Iterator[list[str]]:
    while piece := list(islice(hashes, AT_ONCE)):
        yield piece


def _delete_without_record(now: datetime, actor: Actor) -> int:
    """Delete files of records that are gone for good; kinds of records that no module brings are left alone."""
    count = 0
    names = Attachment.objects.order_by().values_list("resource", flat=True).distinct()
    for name in list(names):
        resource = target(name)
        if resource is None:
            continue
        records = resource.model._default_manager.filter(pk=OuterRef("record_id"))
        rows = Attachment.objects.filter(~Exists(records), resource=name, updated_at__lt=now - GRACE)
        for pk in list(rows.values_list("pk", flat=True)[:AT_ONCE]):
            try:
                delete_record(Attachment, pk, actor=actor)
            except NotFound:
                continue  # somebody else deleted it
            count += 1
    return count


@dataclass(slots=True)
class Share:
    """What a part of the files takes."""

    label: str
    files: int
    bytes: int


@dataclass(slots=True)
class Storage:
    """How much room files take, and how much there is."""

    files: int
    bytes: int  # of all files, a content counted as often as it is attached
    contents: int
    stored: int  # of the contents, each once
    groups: list[Share]
    resources: list[Share]
    orphans: int
    pictures: int
    free: int
    total: int


def storage() -> Storage:
    """What the administrators' page says."""
    rows = Attachment.objects.order_by()
    whole = rows.aggregate(files=Count("id"), bytes=Sum("size"))
    once = rows.values("sha256").annotate(bytes=Max("size"))
    stored = once.aggregate(contents=Count("sha256"), stored=Sum("bytes"))
    by_type = rows.values("content_type").annotate(files=Count("id"), bytes=Sum("size"))
    by_kind = rows.values("resource").annotate(files=Count("id"), bytes=Sum("size")).order_by("-bytes")
    disk = shutil.disk_usage(_existing(Path(settings.MEDIA_ROOT)))
    return Storage(
        whole["files"], whole["bytes"] or 0, stored["contents"], stored["stored"] or 0, _by_group(by_type),
        [Share(_label(one["resource"]), one["files"], one["bytes"]) for one in by_kind],
        OrphanedContent.objects.count(), previews.kept_bytes(), disk.free, disk.total,
    )  # fmt: skip


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _by_group(rows: Any) -> list[Share]:
    groups = {kind.content_type: kind.group for kind in KINDS.values()}
    found: dict[str, Share] = {}
    for row in rows:
        group = groups.get(row["content_type"])
        label = str(FileGroup(group).label) if group else _("Others")
        share = found.setdefault(label, Share(label, 0, 0))
        share.files += row["files"]
        share.bytes += row["bytes"]
    return sorted(found.values(), key=lambda share: -share.bytes)


def _label(name: str) -> str:
    resource = target(name)
    return str(resource.label_plural) if resource else name
