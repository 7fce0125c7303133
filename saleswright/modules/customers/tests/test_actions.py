"""What is checked and filled in when customers and contacts are written."""

import pytest

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.errors import NotAllowed, ValidationFailed
from saleswright.kernel.models import AuditEntry, Department
from saleswright.kernel.records import Draft, archive_record, save_record, save_records
from saleswright.modules.customers.actions import assign_customer, country_code, similar_customers
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.org.actions import leave_company
from saleswright.modules.work.models import Notification

pytestmark = pytest.mark.django_db


def refused(values: dict, root, pk: int | None = None) -> list[tuple[str, str]]:
    before = list(Customer.objects.order_by("pk").values())
    with pytest.raises(ValidationFailed) as failure:
        save_record(Customer, values, pk=pk, actor=root)
    assert list(Customer.objects.order_by("pk").values()) == before
    return [(error.field, error.code) for error in failure.value.errors]


@pytest.mark.parametrize(
    ("text", "code"),
    [("CN", "CN"), ("cn", "CN"), ("China", "CN"), ("中国", "CN"), ("中华人民共和国", "CN"), (" germany ", "DE"),
     ("德国", "DE"), ("USA", "US"), ("Atlantis", None), ("", None)],
)  # fmt: skip
def test_a_country_is_a_code_or_a_name(text, code):
    assert country_code(text) == code


def test_a_credit_code_is_checked_in_china_only(root):
    assert refused({"name": "A", "credit_code": "123"}, root) == [("credit_code", "invalid")]
    assert (
        save_record(Customer, {"name": "A", "credit_code": "de-123", "country": "DE"}, actor=root).credit_code
        == "DE-123"
    )


def test_moving_to_china_checks_the_code_again(root):
    customer = save_record(Customer, {"name": "A", "credit_code": "DE123", "country": "DE"}, actor=root)
    assert refused({"country": "CN"}, root, customer.pk) == [("credit_code", "invalid")]


def test_a_group_has_no_rings(root):
    top = save_record(Customer, {"name": "Top"}, actor=root)
    middle = save_record(Customer, {"name": "Middle", "parent": top.pk}, actor=root)
    low = save_record(Customer, {"name": "Low", "parent": middle.pk}, actor=root)
    for parent in (top, middle, low):
        assert refused({"parent": parent.pk}, root, top.pk) == [("parent", "invalid")]


def test_a_customer_has_one_main_contact_the_last_named(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    drafts = [Draft({"customer": customer.pk, "name": n, "is_primary": True}) for n in ("First", "Second")]
    save_records(Contact, drafts, actor=root)
    assert list(Contact.objects.filter(is_primary=True).values_list("name", flat=True)) == ["Second"]
    first = Contact.objects.get(name="First")
    save_record(Contact, {"is_primary": True}, pk=first.pk, actor=root)
    assert list(Contact.objects.filter(is_primary=True).values_list("name", flat=True)) == ["First"]


def test_similar_names_numbers_and_phones_are_found(root, person):
    user = person("sales_representative")
    mine = save_record(Customer, {"name": "上海华东精密科技有限公司"}, actor=actor_for(user, origin="test"))
    save_record(Contact, {"customer": mine.pk, "name": "W", "mobile": "13800000000"}, actor=root)
    actor = actor_for(user, origin="test")
    for typed in ({"name": "华东精密科技"}, {"phone": "+86 138 0000 0000"}):
        assert similar_customers(typed, actor) == [
            (f"上海华东精密科技有限公司 · {user.name}", f"/customers/{mine.pk}", "")
        ]
    assert similar_customers({"name": "华东精密科技", "id": str(mine.pk)}, actor) == []
    assert similar_customers({}, actor) == []


def test_a_similar_customer_of_someone_else_is_named_without_its_address(root, acting):
    save_record(Customer, {"name": "Alpha Ltd."}, actor=root)
    found = similar_customers({"name": "ALPHA"}, acting("sales_representative"))
    assert [(label.split(" · ")[0], url) for label, url, _ask in found] == [("Alpha Ltd.", "")]


def test_assigning_moves_the_department_too(root, person):
    east = save_record(Department, {"name": "East"}, actor=root)
    one, other = person("sales_representative"), person("sales_representative", department=east)
    customer = save_record(Customer, {"name": "A", "owner": one.pk}, actor=root)
    assign_customer(customer.pk, actor=root, owner_id=other.pk)
    customer.refresh_from_db()
    assert (customer.owner_id, customer.department_id, customer.version) == (other.pk, east.pk, 2)
    entry = AuditEntry.objects.order_by("-id").first()
    assert entry.action == "assign"
    assert entry.changes == {"owner_id": [one.pk, other.pk], "department_id": [None, east.pk]}


def test_the_new_owner_is_told_unless_they_took_it_themselves(root, person, acting):
    one, boss = person("sales_representative", name="Li"), acting("administrator")
    customer = save_record(Customer, {"name": "Alpha", "owner": one.pk}, actor=root)
    other = person("sales_representative", language="en")
    assign_customer(customer.pk, actor=boss, owner_id=other.pk)
    assign_customer(customer.pk, actor=root, owner_id=other.pk)
    assign_customer(customer.pk, actor=boss, owner_id=boss.user_id)
    told = Notification.objects.filter(resource="customers", record_id=customer.pk).order_by("id")
    assert list(told.values_list("user_id", "kind", "text")) == [
        (other.pk, "assignment", f"{boss.name} assigned to you: Customer Alpha"),
        (other.pk, "assignment", "System assigned to you: Customer Alpha"),
    ]


def test_it_is_not_assigned_out_of_scope_or_to_who_has_left(root, person, acting):
    one, other, gone = (person("sales_representative") for _ in range(3))
    leave_company(gone.pk, actor=root)
    customer = save_record(Customer, {"name": "A", "owner": one.pk}, actor=root)
    for actor, owner in ((actor_for(one, origin="test"), other), (root, gone)):
        with pytest.raises(ValidationFailed) as failure:
            assign_customer(customer.pk, actor=actor, owner_id=owner.pk)
        assert [(e.field, e.code) for e in failure.value.errors] == [("owner_id", "not_allowed")]
    with pytest.raises(NotAllowed):
        assign_customer(customer.pk, actor=acting("warehouse"), owner_id=other.pk)
    assert Customer.objects.get().owner_id == one.pk


def test_an_archived_customer_is_no_duplicate_by_name(root):
    customer = save_record(Customer, {"name": "Alpha"}, actor=root)
    archive_record(Customer, customer.pk, actor=root)
    assert similar_customers({"name": "Alpha"}, root) == []


@pytest.mark.parametrize(
    "typed", ["华沛乐精密科技", "上海华佩乐精密科技", "上海华沛精密科技", "上诲华沛乐精密科技", "上海华沛乐精密科支"]
)
def test_a_slip_is_seen_while_typing(root, typed):
    made = save_record(Customer, {"name": "上海华沛乐精密科技有限公司"}, actor=root)
    save_record(Customer, {"name": "北京华沛乐精密科技有限公司"}, actor=root)
    save_record(Customer, {"name": "上海玖隆物流有限公司"}, actor=root)
    found = [one.url for one in similar_customers({"name": typed}, root)]
    assert f"/customers/{made.pk}" in found
    assert len(found) < 3
    archive_record(Customer, made.pk, actor=root)
    assert f"/customers/{made.pk}" not in [one.url for one in similar_customers({"name": typed}, root)]
