"""The values that records had before, out of the audit."""

from datetime import timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.learning.past import put_back

pytestmark = pytest.mark.django_db


def test_it_undoes_what_changed_since_the_moment(root):
    begun = clock.now()
    steps = [
        (0, "created", {"source": [None, "web"]}),
        (10, "changed", {"source": ["web", "fair"], "budget": ["5.00", "9.00"]}),
        (20, "use", {"source": ["fair", "friend"], "custom.size": [3, 4]}), (30, "changed", {"need": ["***", "***"]}),
    ]  # fmt: skip
    for minutes, action, changes in steps:
        at = begun + timedelta(minutes=minutes)
        record_audit([AuditLine("past-things", 7, "", action, changes)], actor=root, at=at)
    record_audit([AuditLine("past-things", 8, "", "changed", {"source": ["x", "y"]})], actor=root, at=begun)
    names = ("source", "budget", "custom.size", "need")

    def at(minutes: int) -> dict:
        rows = {7: {"source": "friend", "budget": 9, "custom.size": 4, "need": "pumps"}}
        put_back("past-things", rows, names, {7: begun + timedelta(minutes=minutes)})
        return rows[7]

    assert at(0) == {"source": "web", "budget": "5.00", "custom.size": 3, "need": "pumps"}
    assert at(15) == {"source": "fair", "budget": 9, "custom.size": 3, "need": "pumps"}
    assert at(25) == {"source": "friend", "budget": 9, "custom.size": 4, "need": "pumps"}
