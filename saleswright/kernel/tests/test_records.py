"""The one path of plain edits: what it checks, what it writes, and that a refusal writes nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, Stale, ValidationFailed
from saleswright.kernel.models import AuditEntry, Collaborator, Counter, Department, OutboxEvent, SearchRow, User
from saleswright.kernel.records import Draft, archive_record, delete_record, save_record, save_records
from saleswright.modules.customers.public import Contact, Customer

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def written() -> tuple[int, ...]:
    """How many rows there are of everything that a write leaves behind."""
    kinds = (Customer, Contact, User, Department, AuditEntry, OutboxEvent, SearchRow, Collaborator)
    return (*(kind.objects.count() for kind in kinds), sum(Counter.objects.values_list("last", flat=True)))


def refused(function, *args, **kwargs) -> list[tuple[str, str]]:
    """The (field, code) of a refusal that left nothing behind."""
    before = written()
    with pytest.raises(ValidationFailed) as failure:
        function(*args, **kwargs)
    assert written() == before
    return [(error.field, error.code) for error in failure.value.errors]


def last_audit() -> AuditEntry:
    return AuditEntry.objects.order_by("-id").first()


# --- creating --------------------------------------------------------------------------------------------------


def test_a_new_record_is_stamped_numbered_audited_announced_and_findable(acting, person):
    department = save_record(Department, {"name": "East"}, actor=acting("administrator"))
    user = person("sales_representative", department=department)
    customer = save_record(
        Customer, {"name": "华东精密科技有限公司", "level": "A"}, actor=actor_for(user, origin="t"), at=AT
    )
    customer.refresh_from_db()
    assert (customer.created_at, customer.updated_at) == (AT, AT)
    assert (customer.created_by_id, customer.updated_by_id, customer.version) == (user.pk, user.pk, 1)
    assert (customer.owner_id, customer.department_id) == (user.pk, department.pk)
    assert customer.code == "C000001"
    entry = last_audit()
    assert (entry.at, entry.actor_id, entry.actor_kind, entry.origin) == (AT, user.pk, "person", "t")
    assert (entry.resource, entry.record_id, entry.label) == ("customers", customer.pk, "华东精密科技有限公司")
    assert entry.action == "created"
    assert entry.changes == {
        "name": [None, "华东精密科技有限公司"],
        "name_key": [None, customer.name_key],
        "level": [None, "A"],
        "owner_id": [None, user.pk],
        "department_id": [None, department.pk],
    }
    event = OutboxEvent.objects.order_by("-id").first()
    assert (event.name, event.resource, event.record_id) == ("customers.created", "customers", customer.pk)
    assert (event.payload, event.at, event.actor_id) == ({"record_id": customer.pk}, AT, user.pk)
    row = SearchRow.objects.get(resource="customers", record_id=customer.pk)
    assert (row.label, row.owner_id, row.department_id) == ("华东精密科技有限公司", user.pk, department.pk)


def test_it_needs_the_right_to_create(acting):
    before = written()
    actor = acting("warehouse")
    people = written()
    with pytest.raises(NotAllowed):
        save_record(Customer, {"name": "A"}, actor=actor)
    assert written() == people != before


def test_it_names_every_wrong_field_at_once(root):
    values = {"name": "", "level": "Z", "country": "Atlantis", "no_such": 1, "version": 7, "owner": 10**6}
    assert set(refused(save_record, Customer, values, actor=root)) == {
        ("name", "required"), ("level", "choice"), ("country", "invalid"), ("no_such", "unknown"),
        ("version", "unknown"),
    }  # fmt: skip


def test_a_missing_required_field_is_named(root):
    assert refused(save_record, Customer, {}, actor=root) == [("name", "required")]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("name", "x" * 201, "too_long"),
        ("name", "a\x00b", "invalid"),
        ("name", 5, "invalid"),
        ("name", "   ", "required"),
        ("owner", 2**70, "not_found"),
        ("owner", True, "not_found"),
        ("owner", "seven", "not_found"),
        ("parent", 10**9, "not_found"),
    ],
)
def test_a_bad_value_is_named_with_its_code(root, name, value, code):
    assert refused(save_record, Customer, {"name": "A", name: value}, actor=root) == [(name, code)]


def test_a_state_can_not_be_set_by_an_edit(root, person):
    user = person()
    found = refused(save_record, User, {"state": "left"}, pk=user.pk, actor=root)
    assert found == [("state", "read_only")]


def test_a_secret_field_is_set_only_with_its_right(acting):
    actor = acting("sales_representative")
    assert refused(save_record, Customer, {"name": "A", "bank_account": "1"}, actor=actor) == [
        ("bank_account", "not_allowed")
    ]
    customer = save_record(Customer, {"name": "A", "bank_account": "1"}, actor=acting("administrator"))
    assert customer.bank_account == "1"


# --- many at once ----------------------------------------------------------------------------------------------


def statements(count: int, actor, owner: int) -> tuple[int, int]:
    """How many statements it takes to save so many: all, and those that are no INSERT."""
    drafts = [Draft({"name": f"{count}-{n}", "owner": owner, "code": f"K{count}-{n}"}) for n in range(count)]
    with CaptureQueriesContext(connection) as captured:
        save_records(Customer, drafts, actor=actor)
    return len(captured), len([q for q in captured if not q["sql"].startswith("INSERT")])


def test_it_saves_two_hundred_rows_with_as_many_statements_as_one(root, person):
    owner = person().pk
    statements(2, root, owner)
    (one, reads), (many, reads_of_many) = statements(1, root, owner), statements(200, root, owner)
    assert reads_of_many <= reads + 5  # ids are taken first where rows are copied in
    if connection.vendor == "postgresql":
        assert many <= one + 5
    assert many <= 25  # SQLite takes some thirty rows with one INSERT


def test_it_changes_two_hundred_rows_with_few_statements(root):
    made = save_records(Customer, [Draft({"name": f"N{n}"}) for n in range(200)], actor=root).good
    with CaptureQueriesContext(connection) as captured:
        save_records(Customer, [Draft({"city": "上海"}, pk=d.record.pk) for d in made], actor=root)
    assert len(captured) <= 20
    assert Customer.objects.filter(city="上海", version=2).count() == 200


def test_one_bad_row_stops_all(root):
    drafts = [Draft({"name": "good"}), Draft({"name": ""}), Draft({"name": "also good"})]
    assert refused(save_records, Customer, drafts, actor=root) == [("name", "required")]


def test_with_skip_bad_the_good_rows_are_saved(root):
    drafts = [Draft({"name": "good"}, row=2), Draft({"name": ""}, row=3), Draft({"name": "also good"}, row=4)]
    saved = save_records(Customer, drafts, actor=root, skip_bad=True)
    assert [d.row for d in saved.good] == [2, 4]
    assert [(d.row, d.errors[0].field, d.errors[0].code) for d in saved.bad] == [(3, "name", "required")]
    assert sorted(Customer.objects.values_list("name", flat=True)) == ["also good", "good"]
    assert sorted(Customer.objects.values_list("code", flat=True)) == ["C000001", "C000002"]
    assert AuditEntry.objects.filter(resource="customers").count() == 2


def test_with_skip_bad_a_missing_record_is_only_a_bad_row(root):
    saved = save_records(Customer, [Draft({"name": "B"}, pk=10**9), Draft({"name": "A"})], actor=root, skip_bad=True)
    assert [(e.field, e.code) for e in saved.bad[0].errors] == [("id", "not_found")]
    assert [d.record.name for d in saved.good] == ["A"]


def test_what_must_be_unique_is_so_within_the_batch(root):
    drafts = [Draft({"name": "A", "code": "X1"}), Draft({"name": "B", "code": "X1"})]
    assert refused(save_records, Customer, drafts, actor=root) == [("code", "duplicate")]


def test_what_must_be_unique_is_so_in_the_database(root):
    first = save_record(Customer, {"name": "A", "code": "X1"}, actor=root)
    second = save_record(Customer, {"name": "B", "code": "X2"}, actor=root)
    assert refused(save_record, Customer, {"name": "C", "code": "X1"}, actor=root) == [("code", "duplicate")]
    assert refused(save_record, Customer, {"code": "X1"}, pk=second.pk, actor=root) == [("code", "duplicate")]
    assert save_record(Customer, {"code": "X1", "name": "A2"}, pk=first.pk, actor=root).name == "A2"


def test_empty_values_are_no_duplicates(root):
    save_records(Customer, [Draft({"name": "A"}), Draft({"name": "B", "credit_code": ""})], actor=root)
    assert set(Customer.objects.values_list("credit_code", flat=True)) == {None}


# --- references and owners -------------------------------------------------------------------------------------


def test_a_reference_out_of_sight_is_not_found(acting, root):
    hidden = save_record(Customer, {"name": "Hidden"}, actor=root)
    actor = acting("sales_representative")
    for target in (hidden.pk, 10**9):
        assert refused(save_record, Contact, {"name": "C", "customer": target}, actor=actor) == [
            ("customer", "not_found")
        ]


def test_a_reference_to_an_archived_record_is_not_found(root):
    customer = save_record(Customer, {"name": "Old"}, actor=root)
    archive_record(Customer, customer.pk, actor=root)
    assert refused(save_record, Contact, {"name": "C", "customer": customer.pk}, actor=root) == [
        ("customer", "not_found")
    ]


def test_a_reference_that_stays_is_not_asked_again(root):
    parent = save_record(Customer, {"name": "Group"}, actor=root)
    child = save_record(Customer, {"name": "Child", "parent": parent.pk}, actor=root)
    archive_record(Customer, parent.pk, actor=root)
    assert save_record(Customer, {"name": "Renamed"}, pk=child.pk, actor=root).name == "Renamed"


def test_the_department_follows_the_owner(root, person):
    east, west = (save_record(Department, {"name": n}, actor=root) for n in ("East", "West"))
    one, other = person(department=east), person(department=west)
    customer = save_record(Customer, {"name": "A", "owner": one.pk}, actor=root)
    assert customer.department_id == east.pk
    save_record(Customer, {"owner": other.pk}, pk=customer.pk, actor=root)
    customer.refresh_from_db()
    assert (customer.owner_id, customer.department_id) == (other.pk, west.pk)


def test_the_system_owns_nothing_by_itself(root):
    assert save_record(Customer, {"name": "A"}, actor=root).owner_id is None


def test_an_owner_out_of_scope_is_refused(acting, person, root):
    actor, other = acting("sales_representative"), person("sales_representative")
    assert refused(save_record, Customer, {"name": "A", "owner": other.pk}, actor=actor) == [("owner", "not_allowed")]
    assert refused(save_record, Customer, {"name": "A", "owner": None}, actor=actor) == [("owner", "not_allowed")]
    mine = save_record(Customer, {"name": "A"}, actor=actor)
    assert refused(save_record, Customer, {"owner": other.pk}, pk=mine.pk, actor=actor) == [("owner", "not_allowed")]


def test_a_manager_gives_within_the_department_tree_only(acting, person, root):
    top = save_record(Department, {"name": "Top"}, actor=root)
    below = save_record(Department, {"name": "Below", "parent": top.pk}, actor=root)
    beside = save_record(Department, {"name": "Beside"}, actor=root)
    actor, mine, foreign = acting("sales_manager", department=top), person(department=below), person(department=beside)
    assert save_record(Customer, {"name": "A", "owner": mine.pk}, actor=actor).department_id == below.pk
    assert refused(save_record, Customer, {"name": "B", "owner": foreign.pk}, actor=actor) == [("owner", "not_allowed")]


def test_collaborators_are_replaced(root, person):
    one, other = person(), person()
    customer = save_record(Customer, {"name": "A", "collaborator_ids": [one.pk]}, actor=root)
    save_record(Customer, {"collaborator_ids": [other.pk]}, pk=customer.pk, actor=root)
    rows = Collaborator.objects.filter(resource="customers", record_id=customer.pk)
    assert list(rows.values_list("user_id", flat=True)) == [other.pk]
    assert refused(save_record, Customer, {"collaborator_ids": [10**9]}, pk=customer.pk, actor=root) == [
        ("collaborator_ids", "not_found")
    ]


# --- changing --------------------------------------------------------------------------------------------------


def test_a_change_names_old_and_new_and_raises_the_version(root, acting):
    customer = save_record(Customer, {"name": "A", "city": "上海"}, actor=root, at=AT)
    actor = acting("administrator")
    later = AT + timedelta(hours=1)
    save_record(Customer, {"city": "苏州", "name": "A"}, pk=customer.pk, actor=actor, version=1, at=later)
    customer.refresh_from_db()
    assert (customer.city, customer.version) == ("苏州", 2)
    assert (customer.updated_at, customer.updated_by_id, customer.created_at) == (later, actor.user_id, AT)
    entry = last_audit()
    assert (entry.action, entry.changes) == ("changed", {"city": ["上海", "苏州"]})
    assert OutboxEvent.objects.order_by("-id").first().name == "customers.changed"


def test_the_index_follows_a_new_name(root):
    customer = save_record(Customer, {"name": "Alpha"}, actor=root)
    save_record(Customer, {"name": "Beta"}, pk=customer.pk, actor=root)
    row = SearchRow.objects.get(resource="customers", record_id=customer.pk)
    assert row.label == "Beta"
    assert "beta" in row.tokens.split()
    assert "alpha" not in row.tokens.split()


def test_an_edit_that_changes_nothing_writes_nothing(root):
    customer = save_record(Customer, {"name": "A", "tags": ["x"]}, actor=root)
    before = written()
    save_record(Customer, {"name": "A", "tags": ["x"]}, pk=customer.pk, actor=root)
    assert written() == before
    assert Customer.objects.get().version == 1


def test_an_edit_with_an_old_version_is_stale(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    save_record(Customer, {"name": "B"}, pk=customer.pk, actor=root, version=1)
    before = written()
    with pytest.raises(Stale):
        save_record(Customer, {"name": "C"}, pk=customer.pk, actor=root, version=1)
    assert written() == before
    assert Customer.objects.get().name == "B"


def test_someone_elses_record_is_not_found_and_a_seen_one_not_allowed(acting, root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    with pytest.raises(NotFound):
        save_record(Customer, {"name": "B"}, pk=customer.pk, actor=acting("sales_representative"))
    with pytest.raises(NotAllowed):
        save_record(Customer, {"name": "B"}, pk=customer.pk, actor=acting("warehouse"))
    assert Customer.objects.get().name == "A"


def test_a_password_is_named_in_the_audit_not_shown(root, person):
    user = person()
    save_record(User, {"password": "Quiet-River-9"}, pk=user.pk, actor=root)
    assert last_audit().changes == {"password": [None, "***"]}
    user.refresh_from_db()
    assert user.check_password("Quiet-River-9")


# --- numbers ---------------------------------------------------------------------------------------------------


def test_numbers_are_taken_last(root):
    with CaptureQueriesContext(connection) as captured:
        save_records(Customer, [Draft({"name": f"N{n}"}) for n in range(3)], actor=root)
    sql = [q["sql"] for q in captured]
    counter = next(n for n, text in enumerate(sql) if "kernel_counter" in text)
    for table in ("customers_customer", "kernel_auditentry", "kernel_outboxevent"):
        assert next(n for n, text in enumerate(sql) if text.startswith("INSERT") and table in text) < counter
    assert sorted(Customer.objects.values_list("code", flat=True)) == ["C000001", "C000002", "C000003"]


def test_a_refused_batch_takes_no_number(root):
    drafts = [Draft({"name": "A"}), Draft({"name": ""})]
    refused(save_records, Customer, drafts, actor=root)
    assert save_record(Customer, {"name": "B"}, actor=root).code == "C000001"


def test_a_given_number_stands(root):
    assert save_record(Customer, {"name": "A", "code": "ERP-9"}, actor=root).code == "ERP-9"
    assert not Counter.objects.exists()


def test_a_number_is_not_given_to_another_after_a_delete(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    delete_record(Customer, customer.pk, actor=root)
    assert save_record(Customer, {"name": "B"}, actor=root).code == "C000002"


def test_a_number_that_someone_typed_before_is_not_taken_twice(root):
    save_record(Customer, {"name": "A", "code": "C000001"}, actor=root)
    assert save_record(Customer, {"name": "B"}, actor=root).code == "C000002"


# --- archiving and deleting ------------------------------------------------------------------------------------


def test_an_archived_record_stands_still_until_it_is_restored(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    archive_record(Customer, customer.pk, actor=root, version=1)
    customer.refresh_from_db()
    assert customer.archived_at is not None
    assert (customer.version, last_audit().action) == (2, "archived")
    before = written()
    with pytest.raises(Conflict):
        save_record(Customer, {"name": "B"}, pk=customer.pk, actor=root)
    with pytest.raises(Conflict):
        archive_record(Customer, customer.pk, actor=root)
    assert written() == before
    archive_record(Customer, customer.pk, actor=root, restore=True)
    customer.refresh_from_db()
    assert (customer.archived_at, customer.version, last_audit().action) == (None, 3, "restored")
    with pytest.raises(Conflict):
        archive_record(Customer, customer.pk, actor=root, restore=True)


def test_numbers_that_were_imported_are_passed_over_without_leaving_gaps(root):
    save_records(Customer, [Draft({"name": f"N{n}", "code": f"C{n:06}"}) for n in (1, 2, 3, 4, 5, 9)], actor=root)
    codes = [save_record(Customer, {"name": f"M{n}"}, actor=root).code for n in range(4)]
    assert codes == ["C000006", "C000007", "C000008", "C000010"]
    more = save_records(Customer, [Draft({"name": "P"}), Draft({"name": "Q"})], actor=root).good
    assert [draft.record.code for draft in more] == ["C000011", "C000012"]


def test_archiving_needs_its_right_and_the_version(root, acting):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    with pytest.raises(NotAllowed):
        archive_record(Customer, customer.pk, actor=acting("warehouse"))
    with pytest.raises(Stale):
        archive_record(Customer, customer.pk, actor=root, version=9)
    assert Customer.objects.get().archived_at is None


def test_a_deleted_record_leaves_only_its_trace(root, person):
    customer = save_record(Customer, {"name": "A", "collaborator_ids": [person().pk]}, actor=root)
    delete_record(Customer, customer.pk, actor=root)
    assert not Customer.objects.exists()
    assert not Collaborator.objects.exists()
    assert not SearchRow.objects.filter(resource="customers").exists()
    entry = last_audit()
    assert (entry.action, entry.record_id, entry.label) == ("deleted", customer.pk, "A")
    assert entry.changes["name"] == ["A", None]
    assert entry.changes["code"] == ["C000001", None]
    assert OutboxEvent.objects.order_by("-id").first().name == "customers.deleted"


def test_what_others_refer_to_is_not_deleted(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    save_record(Contact, {"name": "C", "customer": customer.pk}, actor=root)
    before = written()
    with pytest.raises(Conflict) as failure:
        delete_record(Customer, customer.pk, actor=root)
    assert failure.value.code == "referred_to"
    assert written() == before


def test_deleting_needs_its_right_and_the_version(root, acting):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    with pytest.raises(NotAllowed):
        delete_record(Customer, customer.pk, actor=acting("warehouse"))
    with pytest.raises(NotFound):
        delete_record(Customer, customer.pk, actor=acting("sales_representative"))
    with pytest.raises(Stale):
        delete_record(Customer, customer.pk, actor=root, version=9)
    assert Customer.objects.count() == 1


# --- history ---------------------------------------------------------------------------------------------------


def test_history_brings_states_and_times_of_the_past(root):
    past = datetime(2019, 5, 1, tzinfo=UTC)
    user = save_record(
        User, {"username": "old", "name": "Old", "state": "left", "created_at": past}, actor=root, history=True
    )
    user.refresh_from_db()
    assert (user.state, user.created_at) == ("left", past)
    assert last_audit().action == "imported"
    assert user.updated_at == past


def test_history_may_refer_to_what_is_archived(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    archive_record(Customer, customer.pk, actor=root)
    contact = save_record(Contact, {"name": "C", "customer": customer.pk}, actor=root, history=True)
    assert contact.customer_id == customer.pk


def test_only_history_sets_the_time_of_creation(root):
    assert refused(save_record, Customer, {"name": "A", "created_at": clock.now()}, actor=root) == [
        ("created_at", "unknown")
    ]
