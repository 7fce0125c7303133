"""What approvals and files have to say when records are merged."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.kernel.errors import Text
from saleswright.kernel.merging.declared import add_check, settles
from saleswright.kernel.merging.moving import Log
from saleswright.kernel.merging.walk import Pointer, pointers_to
from saleswright.kernel.resources import has_resource, resource_named, resource_of
from saleswright.modules.work.models import Approval, Attachment
from saleswright.modules.work.states import ApprovalState

#: so many of what stands against a merge are named
NAMED = 3


def open_approvals(kind: str, ids: list[int]) -> list[Text]:
    """Open approvals stop a merge: of the records, of what would be moved, and those that name one of the records.

    What was asked is for the record as it is; a merge would change it under the eyes of who decides.
    """
    pending = Approval.objects.filter(state=ApprovalState.PENDING)
    if not pending.exists():
        return []
    about = Q(resource=kind, record_id__in=ids)
    for pointer in pointers_to(resource_named(kind)):
        if has_resource(pointer.model):
            about |= Q(resource=resource_of(pointer.model).name, record_id__in=pointer.rows(ids).values("pk"))
    found = list(pending.filter(about).order_by("id")[: NAMED + 1])
    found += [one for one in pending.exclude(pk__in=[one.pk for one in found]) if _names(one, kind, ids)]
    if not found:
        return []
    names = ", ".join(one.subject_label for one in found[:NAMED]) + ("…" if len(found) > NAMED else "")
    return [_("Open approvals have to be decided first: %(names)s.") % {"names": names}]


def _names(approval: Approval, kind: str, ids: list[int]) -> bool:
    """Whether the arguments of the waiting action name one of the records."""
    transitions = resource_named(approval.resource).transitions
    args = next((one.args for one in transitions if one.name == approval.transition), ())
    return any(arg.to == kind and approval.arguments.get(arg.name) in ids for arg in args)


def settle_files(rows: list[Any], column: str, survivor_id: int, log: Log) -> None:
    """Files follow with their revisions; of a name that is taken they get the name of the merged record behind."""
    kind = rows[0].resource
    taken = set(Attachment.objects.filter(resource=kind, record_id=survivor_id).values_list("name", flat=True))
    series: dict[tuple[int, str], list[Any]] = {}
    for row in rows:
        series.setdefault((row.record_id, row.name), []).append(row)
    for (former, name), files in series.items():
        new = _free_name(name, log.names.get(former, str(former)), taken)
        taken.add(new)
        for row in files if new != name else ():
            log.change(row, {"name": new})
    log.move(Pointer(Attachment, column, (("resource", kind),)), rows, survivor_id)


def _free_name(name: str, ending: str, taken: set[str]) -> str:
    stem, dot, suffix = name.rpartition(".")
    stem, tail = (stem, dot + suffix) if stem else (name, "")
    found, number = name, 1
    while found in taken:
        mark = f" ({ending})" if number == 1 else f" ({ending} {number})"
        found, number = f"{stem[: 200 - len(mark) - len(tail)]}{mark}{tail}", number + 1
    return found


add_check(open_approvals)
settles("work.Attachment", settle_files)
