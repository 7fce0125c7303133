"""Values of people leave the audit, and the chain still proves all the rest."""

from __future__ import annotations

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.audit import LABEL, AuditLine, record_audit, redact, verify
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.tests.test_audit import AT, seal_everything

pytestmark = pytest.mark.django_db
NUMBER = "13812345678"
CHANGES = {"mobile": [None, NUMBER], "name": [None, "Wang"], "is_primary": [False, True]}


def write(*, sealed_values: bool = True, record_id: int = 7) -> AuditEntry:
    """An entry about a contact; without `sealed_values` as it was written before there were seals."""
    record_audit([AuditLine("contacts", record_id, "Wang", "created", CHANGES)], actor=system("test"), at=AT)
    entry = AuditEntry.objects.latest("id")
    if not sealed_values:
        AuditEntry.objects.filter(pk=entry.pk).update(seals={})
    return entry


@pytest.fixture(params=[True, False], ids=["salted", "clear"])
def entry(request):
    entry = write(sealed_values=request.param)
    record_audit([AuditLine("orders", 1, "SO-1", "created", {"total": [None, "1"]})], actor=system("t"), at=AT)
    seal_everything()
    assert verify().ok
    return entry


def forget(record_id: int = 7) -> int:
    return redact("contacts", record_id, actor=system("test"), at=AT)


def test_it_knows_what_of_an_entry_is_personal():
    entry = write()
    assert sorted(entry.seals["names"]) == [LABEL, "mobile", "name"]
    assert len(entry.seals["salt"]) == 32


def test_entries_of_other_kinds_have_no_seals():
    record_audit([AuditLine("orders", 1, "SO-1", "created", {"total": [None, "1"]})], actor=system("t"), at=AT)
    assert AuditEntry.objects.get().seals == {}


def test_it_removes_the_values_and_the_chain_holds(entry):
    head = verify().head
    assert forget() == 1
    entry.refresh_from_db()
    assert entry.changes == {"mobile": ["***", "***"], "name": ["***", "***"], "is_primary": [False, True]}
    assert entry.label == ""
    assert "salt" not in entry.seals
    assert NUMBER not in str(AuditEntry.objects.values_list("changes", "label", "seals"))
    assert (verify().ok, verify().head) == (True, head)
    seal_everything()
    assert (verify().ok, verify().entries) == (True, 3)


def test_it_is_itself_an_entry(entry):
    forget()
    told = AuditEntry.objects.latest("id")
    assert (told.resource, told.action, told.changes["of"], told.changes["entries"]) == (
        "audit", "redacted", [None, "contacts 7"], [None, 1],
    )  # fmt: skip


def test_it_removes_nothing_twice_and_nothing_of_others(entry):
    other = write(record_id=8)
    assert (forget(), forget()) == (1, 0)
    other.refresh_from_db()
    assert other.changes == CHANGES


@pytest.mark.parametrize(
    "change",
    [
        {"changes": {"mobile": ["***", "***"], "name": ["***", "***"], "is_primary": [False, False]}},
        {"changes": {"mobile": ["***", "13900000000"], "name": ["***", "***"], "is_primary": [False, True]}},
        {"changes": {"name": ["***", "***"], "is_primary": [False, True]}},
        {"label": "Li"},
        {"action": "changed"},
        {"seals": {"left": []}},
        {"seals": {}},
    ],
)
def test_what_is_left_can_t_be_altered(change):
    entry = write()
    seal_everything()
    forget()
    seal_everything()
    AuditEntry.objects.filter(pk=entry.pk).update(**change)
    assert (verify().ok, verify().first_bad) == (False, 1)


def test_what_is_left_of_an_old_entry_can_t_be_altered():
    entry = write(sealed_values=False)
    seal_everything()
    forget()
    seal_everything()
    AuditEntry.objects.filter(pk=entry.pk).update(action="changed")
    assert (verify().ok, verify().first_bad) == (False, 1)


def test_nobody_removes_values_without_the_chain_saying_so():
    entry = write(sealed_values=False)
    seal_everything()
    AuditEntry.objects.filter(pk=entry.pk).update(changes={"mobile": ["***", "***"]}, seals={"left": ["mobile"]})
    assert (verify().ok, verify().first_bad) == (False, 1)


def test_a_changed_value_shows_while_it_is_there():
    entry = write()
    seal_everything()
    AuditEntry.objects.filter(pk=entry.pk).update(changes={**CHANGES, "mobile": [None, "13900000000"]})
    assert (verify().ok, verify().first_bad) == (False, 1)


def test_it_removes_values_that_are_not_sealed_yet():
    write()
    forget()
    seal_everything()
    assert (verify().ok, verify().entries) == (True, 2)


def test_a_thousand_personal_entries_are_proven_in_a_moment():
    import time

    record_audit([AuditLine("contacts", n, "Wang", "created", CHANGES) for n in range(1000)], actor=system("t"), at=AT)
    seal_everything()
    began = time.perf_counter()
    assert verify().ok
    assert time.perf_counter() - began < 1
