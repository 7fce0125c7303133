"""Files of records: checked by what they are, stored once by their SHA-256, kept in revisions, deleted by right."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, TooLarge, ValidationFailed
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work.actions.targets import check_targets, target
from saleswright.modules.work.files.kinds import FileGroup, clean_name
from saleswright.modules.work.files.recognition import recognise
from saleswright.modules.work.files.store import store
from saleswright.modules.work.models import Attachment, FileRule

MEGABYTE = 1 << 20


def attach(resource: str, record_id: Any, file: UploadedFile[Any] | None, *, actor: Actor) -> Attachment:
    """Keep a file with a record the actor sees; one of the same name becomes its next revision.

    Raises ValidationFailed (no file, a kind that is not taken, content that is not what the name says, no such
    record), TooLarge above the size that the rules allow, NotAllowed.
    """
    actor.require("attachments.create")
    name = clean_name(file.name or "") if file is not None else ""
    if file is None or not name:
        raise ValidationFailed.of("file", "required", _("Choose a file."))
    size = file.size or 0
    if size > settings.UPLOAD_LIMIT:
        raise _too_large(settings.UPLOAD_LIMIT // MEGABYTE)
    kind, group = recognise(name, file.file or file)
    _check_rule(group, size)
    values = {"resource": resource, "record_id": record_id, "name": name, "content_type": kind.content_type}
    values |= {"size": size, "sha256": store(file)}
    return run_atomic(lambda: save_record(Attachment, values, actor=actor))


def _too_large(megabytes: int) -> TooLarge:
    return TooLarge(_("A file may have at most %(size)d MB.") % {"size": megabytes})


def _check_rule(group: FileGroup, size: int) -> None:
    """Refuse a group of files that the company does not take, and files above its size."""
    taken, megabytes = rule_of(group)
    if not taken:
        text = _("%(kind)s are not taken; an administrator can allow them under Settings.") % {"kind": group.label}
        raise ValidationFailed.of("file", "not_allowed", text)
    if size > megabytes * MEGABYTE:
        raise _too_large(megabytes)


def rule_of(group: FileGroup) -> tuple[bool, int]:
    """Whether files of the group are taken, and up to how many MB. Without a rule all are but macros."""
    rule = FileRule.objects.filter(group=group).values_list("taken", "megabytes").first()
    return rule or (group != FileGroup.MACRO, settings.UPLOAD_LIMIT // MEGABYTE)


def prepare_attachments(batch: Batch) -> None:
    """A file belongs to a record one sees, and follows the revision of the same name before it."""
    check_targets(batch)
    for draft in batch.good:
        if draft.fresh:
            _follow(draft.record)


def _follow(attachment: Attachment) -> None:
    """Make it the latest of its name. The record stays locked meanwhile, so that two at once get two numbers."""
    resource = target(attachment.resource)
    assert resource is not None
    rows = resource.model._default_manager.filter(pk=attachment.record_id)
    list(rows.select_for_update(no_key=True).values_list("pk"))
    before = same_name(attachment).order_by("-revision").values_list("revision", flat=True).first()
    if before is not None:
        attachment.revision = before + 1
        same_name(attachment).filter(latest=True).update(latest=False)


def same_name(attachment: Attachment) -> Any:
    """All revisions of a file."""
    return Attachment.objects.filter(resource=attachment.resource, record_id=attachment.record_id, name=attachment.name)


def may_delete(attachment: Attachment, actor: Actor) -> bool:
    """Who may delete it: whoever attached it, and those who may edit the record it belongs to."""
    if not actor.may("attachments.delete"):
        return False
    if actor.kind == "system" or attachment.created_by_id == actor.user_id is not None:
        return True
    resource = target(attachment.resource)
    if resource is None:
        return False
    rows: Any = resource.model._default_manager.filter(pk=attachment.record_id)
    return visible(rows, actor, "edit").exists()


def before_deletion(attachment: Attachment, actor: Actor) -> None:
    """Let the revision before count again. Raises NotAllowed. The content stays until nothing names it for a while."""
    if not may_delete(attachment, actor):
        raise NotAllowed(_("Only who attached a file, or may edit the record, can delete it."))
    if attachment.latest:
        before = same_name(attachment).exclude(pk=attachment.pk).filter(archived_at=None).order_by("-revision")
        newest = before.values_list("pk", flat=True).first()
        Attachment.objects.filter(pk=newest).update(latest=True)


def refuse_putting_away() -> None:
    """Rules for files are changed, never put away."""
    raise Conflict(_("This can be changed only."))


def check_rules(batch: Batch) -> None:
    """A rule can't allow more than the server takes at all."""
    most = settings.UPLOAD_LIMIT // MEGABYTE
    for draft in batch.good:
        if draft.record.megabytes > most:
            draft.error("megabytes", "range", _("The server takes at most %(size)d MB.") % {"size": most})


def require_content(attachment: Attachment, exists: bool) -> None:
    """Raise NotFound when a file's content is gone from the media folder."""
    if not exists:
        raise NotFound(_("The file is not in the store."))
