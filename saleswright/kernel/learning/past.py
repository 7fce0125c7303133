"""The values that records had at an earlier moment, by undoing what the audit noted since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from saleswright.kernel.audit import REMOVED
from saleswright.kernel.models import AuditEntry

#: entries that say with what values a record began
BEGINNINGS = ("created", "imported")
AT_ONCE = 2000


def put_back(
    resource: str, rows: Mapping[int, dict[str, Any]], names: Collection[str], moments: Mapping[int, datetime]
) -> int:
    """Set the values in `rows` (by record) back to what they were at the moment of each; returns how many changed.

    `names` are columns as the audit knows them (`region_id`, `custom.size`). Values that were removed from the audit
    are left as they are. What the audit holds is JSON: amounts are text, days in ISO form. A record whose changes the
    audit doesn't know keeps its values.
    """
    wanted, ids, changed = set(names), sorted(rows), 0
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        entries = AuditEntry.objects.filter(resource=resource, record_id__in=part).exclude(action__in=BEGINNINGS)
        # the latest change is undone first
        for record_id, at, changes in entries.order_by("-id").values_list("record_id", "at", "changes"):
            if record_id is None or at <= moments[record_id] or not isinstance(changes, dict):
                continue
            for name in wanted & changes.keys():
                pair = changes[name]
                if isinstance(pair, list) and len(pair) == 2 and pair[0] != REMOVED:
                    rows[record_id][name] = pair[0]
                    changed += 1
    return changed
