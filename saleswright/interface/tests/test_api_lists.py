"""Lists of the API: pages by cursor, order, filters, conditions, chosen fields, counts."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saleswright.interface import listing
from saleswright.interface.entity import entity_named
from saleswright.interface.fields import spec_of
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.conditions import Column, build, comparison
from saleswright.kernel.errors import ValidationFailed
from saleswright.modules.customers.models import Contact, Customer

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ENTITY = "customers"


def made(**values):
    """A customer as an earlier program may have left it, without checks."""
    return Customer.objects.create(**{"created_at": MORNING, "updated_at": MORNING, "name": "A", **values})


@pytest.fixture
def client(api):
    return api()


def listed(client, path="", **parameters):
    """The names that a list answers."""
    answer = client.get(f"customers?{urlencode(parameters)}{path}")
    assert answer.status_code == 200, answer.content.decode()
    return [item["name"] for item in answer.json()["items"]]


def refused(client, **parameters):
    """What is wrong with which parameter."""
    answer = client.get(f"customers?{urlencode(parameters)}")
    assert answer.status_code == 422, answer.content.decode()
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


# --- pages -----------------------------------------------------------------------------------------------------

rows = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "A", "b", "中", " b"]), st.booleans(), st.sampled_from(["", "A"]), st.integers(0, 2)
    ),
    max_size=12,
)  # fmt: skip


@given(rows=rows, ordering=st.sampled_from(["name", "code", "level", "created_at", "id"]), limit=st.integers(1, 5))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_hold_every_record_once_and_in_order(sign, rows, ordering, limit):
    entity, root = entity_named(ENTITY), system("test")
    with transaction.atomic():
        for number, (name, coded, level, minutes) in enumerate(rows):
            moment = MORNING + timedelta(minutes=minutes, microseconds=minutes)
            made(name=name, code=f"C{99 - number}" if coded else None, level=level, created_at=moment)
        seen, cursor = [], ""
        for _ in range(len(rows) + 1):
            query = listing.ListQuery(ordering=sign + ordering, limit=limit, cursor=cursor)
            page = listing.fetch(entity, query, root, [entity.specs["name"]])
            seen += [row["id"] for row in page.rows]
            if page.next_cursor is None:
                break
            assert len(page.rows) == limit
            cursor = page.next_cursor
        column = [sign + ordering, f"{sign}id"]
        known = Customer.objects.exclude(**{f"{ordering}__isnull": True}).order_by(*column)
        unknown = Customer.objects.filter(**{f"{ordering}__isnull": True}).order_by(f"{sign}id")
        assert seen == [*known.values_list("id", flat=True), *unknown.values_list("id", flat=True)]
        transaction.set_rollback(True)


def test_a_record_added_before_the_cursor_moves_nothing(client):
    for name in "bdf":
        made(name=name)
    first = client.get("customers?ordering=name&limit=2").json()
    made(name="a")
    rest = client.get(f"customers?ordering=name&limit=2&cursor={first['next_cursor']}").json()
    assert [item["name"] for item in first["items"] + rest["items"]] == ["b", "d", "f"]
    assert rest["next_cursor"] is None


def encoded(*content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense", "é", "====", encoded(), encoded("name"), encoded("name", None, 1), encoded("name", "a", "1"),
        encoded("name", "a", True), encoded("name", "a", 0), encoded("name", "a", 2**63), encoded("name", "a\x00", 1),
        encoded("code", "a", 1), encoded("-name", "a", 1), encoded(["name"], "a", 1),
    ],
)  # fmt: skip
def test_it_refuses_cursors_of_other_lists(client, cursor):
    assert refused(client, ordering="name", cursor=cursor) == [("cursor", "invalid")]


@pytest.mark.parametrize("value", ["x", 1, {}, [], "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_it_refuses_cursors_with_impossible_values(client, value):
    cursor = encoded("created_at", value, 1)
    assert refused(client, ordering="created_at", cursor=cursor) == [("cursor", "invalid")]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5", "²", "9" * 5000])
def test_it_refuses_limits_outside_1_to_200(client, limit):
    assert refused(client, limit=limit) == [("limit", "range")]


def test_it_takes_limits_from_1_to_200(client):
    for name in "ab":
        made(name=name)
    assert len(client.get("customers?limit=1").json()["items"]) == 1
    assert len(client.get("customers?limit=200").json()["items"]) == 2


@pytest.mark.parametrize("ordering", ["address", "nonsense", "--name", "-", "owner__name", "bank_account", ""])
def test_it_refuses_other_orders(client, ordering):
    assert refused(client, ordering=ordering) == [("ordering", "choice")]


def test_it_does_not_order_by_a_field_that_one_may_not_see(api, monkeypatch):
    entity = entity_named(ENTITY)
    monkeypatch.setattr(type(entity), "secret", {"code": "bank"})
    monkeypatch.setitem(entity.__dict__, "own_specs", {**entity.own_specs, "code": spec_of(Customer, "code", "bank")})
    assert refused(api("sales_representative"), ordering="code") == [("ordering", "choice")]
    assert listed(api(), ordering="code") == []


def test_a_list_takes_as_many_queries_for_many_records_as_for_one(client):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get("customers?ordering=name")
        return len(captured)

    made(owner=client.user)
    queries()
    few = queries()
    for _ in range(20):
        made(owner=client.user)
    assert queries() == few
    assert few <= 4


# --- fields, count, archived -----------------------------------------------------------------------------------


def test_it_answers_only_the_chosen_fields(client):
    pk = made(name="A", tags=["x"]).pk
    assert client.get("customers?fields=name").json()["items"] == [{"id": pk, "name": "A"}]
    answer = client.get("customers?fields=id,custom,tags")
    assert answer.json()["items"] == [{"id": pk, "tags": ["x"], "custom": {}}]


def test_it_answers_what_is_attached_when_it_is_named(client):
    colleague = client.user
    pk = client.post("customers", {"name": "A", "collaborator_ids": [colleague.pk]}).json()["id"]
    assert "collaborators" not in client.get("customers").json()["items"][0]
    assert client.get("customers?fields=collaborators").json()["items"] == [
        {"id": pk, "collaborators": [{"id": colleague.pk, "label": colleague.name}]}
    ]
    assert set(client.get("employees?fields=roles").json()["items"][0]) == {"id", "roles"}


@pytest.mark.parametrize("fields", ["nonsense", "name,nonsense", "name_key", "version", "password", "owner__name"])
def test_it_refuses_unknown_fields(client, fields):
    assert refused(client, fields=fields) == [("fields", "unknown")]


def test_it_leaves_out_chosen_fields_that_one_may_not_see(api):
    client = api("sales_operations")
    client.post("products", {"name": "A", "list_price": "1"})
    assert set(client.get("products?fields=name,cost").json()["items"][0]) == {"id", "name"}


def test_it_masks_chosen_fields_of_which_one_may_see_the_mask(api):
    client = api("sales_representative")
    client.post("customers", {"name": "A"})
    Customer.objects.update(bank_account="6222020012345678")
    (row,) = client.get("customers?fields=name,bank_account").json()["items"]
    assert row == {"id": row["id"], "name": "A", "bank_account": "****5678", "masked": ["bank_account"]}


def test_it_counts_on_request(client):
    for name in "aab":
        made(name=name)
    assert "count" not in client.get("customers").json()
    assert client.get("customers?count=1&limit=1").json()["count"] == 3
    assert client.get("customers?count=true&name=a").json()["count"] == 2
    assert "count" not in client.get("customers?count=0").json()
    assert refused(client, count="maybe") == [("count", "invalid")]


def test_it_lists_what_was_put_away_on_request(client):
    made(name="here")
    made(name="away", archived_at=MORNING)
    assert listed(client) == ["here"]
    assert listed(client, archived=1) == ["away"]
    assert listed(client, archived="false") == ["here"]


# --- filters ---------------------------------------------------------------------------------------------------


@pytest.fixture
def three(client):
    """Three customers that differ in everything that can be filtered."""
    parent = made(name="Gamma", level="", industry="", country="US", created_at=MORNING + timedelta(days=30))
    made(name="Alpha", level="A", industry="Steel", owner=client.user, parent=parent)
    made(name="Beta", level="B", industry="Steel, pipes", country="DE", created_at=MORNING + timedelta(hours=23))
    return parent


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("name", "Alpha", "A"), ("name", "alpha", ""), ("name", "Alpha,Beta", ""), ("name__in", "Alpha,Beta", "AB"),
        ("name__startswith", "Al", "A"), ("name__exact", "Beta", "B"), ("industry__empty", "1", "G"),
        ("industry__empty", "false", "AB"), ("industry", "Steel, pipes", "B"), ("industry", "", "ABG"),
        ("level", "A", "A"), ("level", "a", "A"), ("level", "A,B", "AB"), ("level__in", "A,B", "AB"),
        ("level__not", "A", "BG"), ("level__empty", "yes", "G"), ("country", "US,DE", ""),
        ("country__in", "US,DE", "BG"),
        ("owner_id__empty", "0", "A"), ("owner_id__empty", "true", "BG"), ("parent_id__empty", "0", "A"),
        ("created_at", "2026-03-02", "A"), ("created_at__gte", "2026-03-03", "BG"),
        ("created_at__gt", "2026-03-02", "BG"),
        ("created_at__lte", "2026-03-02", "A"), ("created_at__lt", "2026-03-03", "A"),
        ("created_at", "2026年3月3日", "B"),
        ("created_at__lte", "2026-03-02T09:00:00+08:00", "A"), ("created_at__lt", "2026-03-02T09:00:00+08:00", ""),
        ("created_at__gte", "2026-03-02T09:00:01", "BG"), ("created_at", "2026-03-02T01:00:00Z", "A"),
        ("created_at__gte", "0001-01-01", "ABG"), ("created_at__lte", "9999-12-31", "ABG"),
        ("created_at__gt", "9999-12-31", ""), ("created_at__lt", "0001-01-01", ""), ("created_at", "0001-01-01", ""),
        ("created_at__lt", "past", ""), ("created_at__gte", "past", "ABG"), ("created_at__empty", "1", ""),
        ("id__gte", "1", "ABG"), ("id__gt", str(2**63 - 1), ""), ("id", "0", ""), ("owner_id", "999", ""),
    ],
)  # fmt: skip
def test_it_filters(client, three, name, value, found):
    assert sorted(listed(client, ordering="name", **{name: value})) == [
        one for one in ("Alpha", "Beta", "Gamma") if one[0] in found
    ]


def test_it_filters_by_references_and_ids(client, three):
    assert listed(client, owner_id=client.user.pk) == ["Alpha"]
    assert listed(client, owner_id__not=client.user.pk, ordering="name") == ["Beta", "Gamma"]
    assert listed(client, parent_id=f"{three.pk},{2**62}") == ["Alpha"]
    assert listed(client, id=f"{three.pk}") == ["Gamma"]
    assert listed(client, id__in=f"{three.pk},{three.pk + 1}", ordering="name") == ["Alpha", "Gamma"]


def test_an_offset_may_have_lost_its_plus(client, three):
    assert listed(client, "&created_at__lte=2026-03-02T09:00:00+08:00") == ["Alpha"]


def test_it_joins_filters_by_all_or_any(client, three):
    assert listed(client, level="A", industry="Steel") == ["Alpha"]
    assert listed(client, level="A", country="US") == []
    assert listed(client, level="A", country="US", match="any", ordering="name") == ["Alpha", "Gamma"]
    assert refused(client, match="some") == [("match", "invalid")]


def test_it_knows_relative_dates(client):
    today = clock.day_start(clock.today())
    made(name="today", created_at=today)
    made(name="yesterday", created_at=today - timedelta(hours=1))
    made(name="long ago", created_at=today - timedelta(days=800))
    assert listed(client, created_at="today") == ["today"]
    assert listed(client, created_at="yesterday") == ["yesterday"]
    assert listed(client, created_at="last_2_days", ordering="-created_at") == ["today", "yesterday"]
    assert (
        listed(client, created_at__lt="last_year") == ["long ago"] or listed(client, created_at__lt="last_year") == []
    )
    assert listed(client, created_at="future") == []
    assert "long ago" in listed(client, created_at="past")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("nonsense", "1", "unknown"), ("owner", "1", "unknown"), ("name_id", "A", "unknown"),
        ("name__gte", "A", "unknown"),
        ("owner__name", "A", "unknown"), ("name__", "A", "unknown"), ("address", "A", "unknown"),
        ("name_key", "a", "unknown"),
        ("level", "E", "invalid"), ("level", "A,E", "invalid"), ("level__in", "A,", "invalid"),
        ("owner_id", "x", "invalid"),
        ("owner_id", "1.5", "invalid"), ("owner_id", "-1", "invalid"), ("owner_id", "9" * 5000, "invalid"),
        ("owner_id", str(2**63), "invalid"), ("owner_id", "²", "invalid"), ("id", "1e999999999", "invalid"),
        ("id", str(2**64), "invalid"), ("id", "nan", "invalid"), ("id", "inf", "invalid"), ("name", "A\x00", "invalid"),
        ("name__startswith", "\x00", "invalid"), ("industry__empty", "maybe", "invalid"),
        ("created_at", "nonsense", "invalid"), ("created_at__gte", "2026-02-30", "invalid"),
        ("created_at", "last_99999999999_days", "invalid"), ("created_at", "next_x_days", "invalid"),
        ("created_at", "last_" + "9" * 5000 + "_days", "invalid"), ("created_at", "2026-03-02T25:00", "invalid"),
        ("created_at", "2026-03-02 nonsense", "invalid"), ("created_at", "0001-01-01T00:00:00+14:00", "invalid"),
        ("created_at", "0000-00-00", "invalid"), ("created_at", "10000-01-01", "invalid"),
    ],
)  # fmt: skip
def test_it_refuses_bad_filters(client, name, value, code):
    assert [(f, c if code else None) for f, c in refused(client, **{name: value})] == [(name, code)]


def test_it_names_every_bad_parameter(client):
    assert refused(client, limit=0, ordering="x", nonsense=1) == [
        ("limit", "range"), ("ordering", "choice"), ("nonsense", "unknown"),
    ]  # fmt: skip


def test_it_does_not_filter_by_a_field_that_one_may_not_see(api, monkeypatch):
    entity = entity_named(ENTITY)
    monkeypatch.setitem(
        entity.__dict__, "own_specs", {**entity.own_specs, "industry": spec_of(Customer, "industry", "bank")}
    )
    client = api("sales_representative")
    assert refused(client, industry="Steel") == [("industry", "unknown")]
    where = json.dumps({"field": "industry", "value": "Steel"})
    assert refused(client, where=where) == [("industry", "unknown")]


TYPED = ["", " ", "'", '"', "AND", "a OR b", "*", "a*", "(", "-", "NEAR(a b)", "\x00", "%", "中", "\\", "a" * 5000]


@pytest.mark.parametrize("q", TYPED)
def test_any_search_is_answered(client, three, q):
    assert isinstance(listed(client, q=q), list)


def test_it_searches(client):
    client.post("customers", {"name": "华东精密"})
    client.post("customers", {"name": "Northern Steel"})
    assert listed(client, q="精密") == ["华东精密"]
    assert listed(client, q="steel") == ["Northern Steel"]


# --- conditions ------------------------------------------------------------------------------------------------


def where(**condition):
    return json.dumps(condition)


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        ({"field": "level", "value": "A"}, "A"), ({"field": "level", "op": "in", "value": ["A", "B"]}, "AB"),
        ({"field": "level", "op": "in", "value": "A,B"}, "AB"), ({"field": "level", "op": "not", "value": "A"}, "BG"),
        ({"and": [{"field": "level", "value": "A"}, {"field": "country", "value": "DE"}]}, ""),
        ({"or": [{"field": "level", "value": "A"}, {"field": "country", "value": "DE"}]}, "AB"),
        ({"or": [{"field": "level", "value": "B"}, {"and": [{"field": "country", "value": "US"}]}]}, "BG"),
        ({"and": []}, ""), ({"or": []}, ""), ({"field": "owner", "op": "empty", "value": True}, "BG"),
        ({"field": "owner_id", "op": "empty", "value": False}, "A"),
        ({"field": "created_at", "op": "gte", "value": "2026-03-03"}, "BG"),
    ],
)  # fmt: skip
def test_it_takes_a_tree_of_conditions(client, three, tree, found):
    names = [one for one in ("Alpha", "Beta", "Gamma") if one[0] in found]
    assert listed(client, ordering="name", where=json.dumps(tree)) == names


@pytest.mark.parametrize(
    ("tree", "field"),
    [
        ("nonsense", "where"), ("[]", "where"), ("null", "where"), ("1", "where"), ("{}", "where"),
        ("[" * 5000, "where"),
        (where(field="level"), "where"), (where(field="level", value="A", x=1), "where"), ('{"and": {}}', "where"),
        ('{"and": [], "or": []}', "where"), ('{"and": [1]}', "where"), ('{"not": []}', "where"),
        (json.dumps({"and": [{"field": "level", "value": "A"}] * 60}), "where"), ('{"and":[' * 80 + "]}" * 80, "where"),
        (where(field="nonsense", value=1), "nonsense"), (where(field="password", value=1), "password"),
        (where(field="level", op="gte", value="A"), "level"), (where(field="level", value=["A"]), "level"),
        (where(field="level", value={"a": 1}), "level"), (where(field="name", value="\x00"), "name"),
        (where(field="name", value=["A"]), "name"), (where(field="name", value=None), "name"),
        (where(field="level", op="in", value=[["A"]]), "level"), (where(field="owner", value=1.5), "owner"),
        (where(field="owner", value=True), "owner"), (where(field="created_at", value=[]), "created_at"),
        (where(field="created_at", value=12), "created_at"), (where(field=["name"], value=1), "['name']"),
    ],
)  # fmt: skip
def test_it_refuses_bad_conditions(client, tree, field):
    assert [one for one, _code in refused(client, where=tree)] == [field]


def column(model, name):
    spec = spec_of(model, name)
    return Column(spec.attname, spec.kind, spec.parse)


@pytest.mark.parametrize(
    ("op", "value", "found"),
    [
        ("exact", "1990-02-28", True), ("exact", "1990-03-01", False), ("gte", "1990-02-28", True),
        ("gt", "1990-02-28", False),
        ("lte", "1990-02-28", True), ("lt", "1990-02-28", False), ("lt", "today", True), ("exact", "past", True),
        ("gte", "future", False), ("empty", "1", False), ("empty", "no", True), ("lte", "9999-12-31", True),
        ("gte", "0001-01-01", True), ("exact", "1990/2/28", True),
    ],
)  # fmt: skip
def test_it_compares_dates(op, value, found):
    contact = Contact(customer=made(), name="A", birthday="1990-02-28", created_at=MORNING, updated_at=MORNING)
    contact.save()
    assert Contact.objects.filter(comparison("birthday", column(Contact, "birthday"), op, value)).exists() is found


@pytest.mark.parametrize(
    ("value", "found"), [("Steel", True), ("钢铁", True), ("钢", False), ('a"\\b', True), ('"', False), ("%", False)]
)
def test_it_looks_into_lists(value, found):
    made(tags=["Steel", "钢铁", 'a"\\b'])
    condition = comparison("tags", column(Customer, "tags"), "has", value)
    assert Customer.objects.filter(condition).exists() is found


AMOUNTS = ["1e400", "9" * 5000, str(10**13), "1e-30", "nan", "inf", "-inf", "x", "", "1.234", True]


@pytest.mark.parametrize("value", AMOUNTS)
def test_it_refuses_amounts_that_no_column_holds(value):
    from django.db import models

    from saleswright.kernel.fields import MoneyField

    field = MoneyField()
    field.set_attributes_from_name("amount")
    number = Column("amount", "money", field.to_python)
    with pytest.raises(ValidationFailed) as problem:
        comparison("amount", number, "gte", value)
    assert problem.value.errors[0].field == "amount"
    assert isinstance(comparison("amount", number, "gte", "12.50"), models.Q)


def test_an_empty_group_finds_nothing():
    made()
    assert Customer.objects.filter(build({"and": []}, {})).count() == 0


def test_addresses_with_broken_encoding_are_answered(client):
    assert client.get("customers?name=%ff%fe").status_code == 200
    assert client.get("customers?" + quote("名") + "=1").status_code == 422


@pytest.mark.django_db
@pytest.mark.parametrize(("value", "count"), [("true", 0), ("false", 7)])
def test_a_choice_that_is_a_number_is_empty_or_not(api, value, count):
    assert len(api().get(f"working-hours?weekday__empty={value}").json()["items"]) == count
