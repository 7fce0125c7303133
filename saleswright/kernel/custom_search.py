"""The words of custom fields in the search: a field is found by them from its definition on, or not any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext_lazy

from saleswright.kernel.custom_fields import look
from saleswright.kernel.jobs import JobContext, enqueue_once, job
from saleswright.kernel.resources import resource_named
from saleswright.kernel.search import index_records, settle

JOB = "kernel.custom-search"
AT_ONCE = 1000


def search_anew(resource: str, at: datetime) -> None:
    """Ask, in the transaction that changes a definition, for the words of all records of the kind."""
    enqueue_once(JOB, arguments={"resource": resource}, at=at)


@job(JOB, atomic=False, label=gettext_lazy("Words of custom fields in the search"))
def write_words(ctx: JobContext, *, resource: str) -> dict[str, Any]:
    """Write the search rows of all records of a kind anew, a thousand at a time in the order of their ids.

    Each piece holds its records, so that a change made meanwhile is not overwritten by what stood before it.
    """
    look()
    found = resource_named(resource)
    manager = found.model._default_manager
    last = manager.aggregate(last=Max("pk"))["last"] or 0
    written = 0
    while ctx.done < last:
        ids = list(manager.filter(pk__gt=ctx.done).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if not ids:
            break
        with ctx.chunk(ids[-1], last):
            records = list(manager.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
            index_records(found, records)
        written += len(records)
    settle()
    return {"records": written}
