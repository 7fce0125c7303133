"""Whose targets they are, what is refused, who sees and sets them."""

from datetime import date
from decimal import Decimal

import pytest

from saleswright.kernel.caching import forget_everything
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import Company
from saleswright.kernel.records import delete_record, save_record, snapshot
from saleswright.modules.targets.actions import division
from saleswright.modules.targets.models import Target

pytestmark = pytest.mark.django_db


def problems(call):
    with pytest.raises(ValidationFailed) as caught:
        call()
    return [(error.field, error.code) for error in caught.value.errors]


def fresh(target):
    return Target.objects.get(pk=target.pk)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("year", date(2026, 1, 1), date(2026, 12, 31)),
        ("q4", date(2026, 10, 1), date(2026, 12, 31)),
        ("m02", date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_it_knows_its_days(new_target, period, start, end):
    target = new_target(period=period)
    assert (target.starts_on, target.ends_on) == (start, end)


def test_it_follows_the_fiscal_year(new_target):
    Company.objects.update(fiscal_year_start=4)
    forget_everything()
    target = new_target(period="m10")
    assert (target.starts_on, target.ends_on) == (date(2027, 1, 1), date(2027, 1, 31))
    assert target.name == "销匠 · 2027-01"


def test_it_belongs_to_its_person(new_target, firm):
    target = new_target(scope={"kind": "person", "id": firm.anna.pk})
    assert (target.owner_id, target.department_id) == (firm.anna.pk, firm.east.pk)
    assert target.name == f"{firm.anna.name} · 2026"


def test_it_belongs_to_its_department(new_target, firm):
    target = new_target(scope={"kind": "department", "id": firm.east.pk})
    assert (target.owner_id, target.department_id) == (None, firm.east.pk)


def test_it_takes_its_scope_from_flat_fields(new_target, firm):
    target = new_target(scope_kind="person", scope_person=firm.anna, scope_department=firm.west)
    assert (target.owner_id, target.scope_department_id) == (firm.anna.pk, None)


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ("nobody", "choice"),
        ({"kind": "person"}, "required"),
        ({"kind": "person", "id": "1"}, "required"),
        ({"kind": "person", "id": True}, "required"),
        ({"kind": "person", "id": -1}, "not_found"),
        ({"id": 1}, "invalid"),
        ([], "invalid"),
    ],
)
def test_it_refuses_bad_scopes(new_target, scope, code):
    assert problems(lambda: new_target(scope=scope)) == [("scope", code)]
    assert not Target.objects.exists()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"metric": "happiness"}, ("metric", "choice")),
        ({"period": "q5"}, ("period", "choice")),
        ({"year": 26}, ("year", "range")),
        ({"value": "-0.01"}, ("value", "range")),
        ({"value": "0.001"}, ("value", "invalid")),
        ({"scope": {"kind": "person", "id": 999999}}, ("scope_person", "not_found")),
        ({"scope_kind": "department"}, ("scope_department", "required")),
        ({"metric": "contracted", "scope": {"kind": "category", "id": 1}}, ("metric", "invalid")),
    ],
)
def test_it_refuses_bad_values(new_target, values, problem):
    assert problems(lambda: new_target(**values)) == [problem]
    assert not Target.objects.exists()


def test_it_is_set_once_for_a_measure_a_period_and_a_scope(new_target, firm):
    scope = {"kind": "person", "id": firm.anna.pk}
    new_target(scope=scope)
    assert problems(lambda: new_target(scope=scope, value="7")) == [("code", "duplicate")]
    new_target(scope=scope, period="q1")
    new_target(scope=scope, metric="contracted")
    assert Target.objects.count() == 3


@pytest.mark.parametrize(
    ("role", "who", "allowed"),
    [
        ("sales_director", "company", True),
        ("sales_manager", "company", False),
        ("sales_manager", "east", True),
        ("sales_manager", "anna", True),
        ("sales_manager", "office", False),
        ("sales_manager", "clerk", False),
        ("sales_manager", "east_region", False),
        ("regional_manager", "east_region", True),
        ("regional_manager", "west_region", False),
        ("regional_manager", "anna", True),
        ("regional_manager", "carl", False),
    ],
)
def test_it_is_set_within_rights(acting, firm, role, who, allowed):
    kinds = {"anna": "person", "carl": "person", "clerk": "person", "company": "company"}
    kind = kinds.get(who, "region" if who.endswith("region") else "department")
    scope = {"kind": kind, "id": getattr(firm, who).pk if who != "company" else None}
    actor = acting(role, department=firm.sales, region=firm.east_region)
    values = {"metric": "ordered", "year": 2026, "value": "1", "scope": scope}
    if allowed:
        assert save_record(Target, values, actor=actor).scope_kind == kind
    else:
        assert problems(lambda: save_record(Target, values, actor=actor)) == [("scope", "not_allowed")]
        assert not Target.objects.exists()


def test_it_is_seen_by_its_person_and_their_managers(api, firm, new_target):
    own = new_target(scope={"kind": "person", "id": firm.anna.pk})
    department = new_target(scope={"kind": "department", "id": firm.east.pk})
    company = new_target()

    def seen(client):
        return {one["id"] for one in client.get("targets").json()["items"]}

    assert seen(api(firm.anna)) == {own.pk}
    assert seen(api(firm.bert)) == set()
    assert seen(api(firm.head)) == {own.pk, department.pk}
    assert seen(api("sales_director")) == {own.pk, department.pk, company.pk}
    assert api(firm.bert).get(f"targets/{own.pk}").status_code == 404
    assert api(firm.anna).patch(f"targets/{own.pk}", {"value": "1"}).status_code == 403
    assert api(firm.anna).act("targets", own.pk, "agree").status_code == 403
    assert fresh(own).value == Decimal("1200.00")


def test_it_shows_a_regions_targets_to_its_manager(api, firm, new_target):
    east = new_target(scope={"kind": "region", "id": firm.east_region.pk})
    west = new_target(scope={"kind": "region", "id": firm.west_region.pk})
    client = api("regional_manager", region=firm.east_region)
    assert client.get(f"targets/{east.pk}").status_code == 200
    assert client.get(f"targets/{west.pk}").status_code == 404


def test_it_is_read_and_written_by_programs(api, firm):
    client = api("sales_director")
    scope = {"kind": "person", "id": firm.anna.pk}
    values = {"metric": "ordered", "year": 2026, "period": "m11", "scope": scope, "value": "100000.00"}
    made = client.post("targets", values)
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["scope"] == {"kind": "person", "id": firm.anna.pk, "label": firm.anna.name}
    assert (body["value"], body["period"], body["parent"], body["gap"]) == ("100000.00", "m11", None, None)
    moved = client.patch(f"targets/{body['id']}", {"scope": {"kind": "department", "id": firm.west.pk}}).json()
    assert (moved["scope"]["label"], moved["owner"], moved["scope_person"]) == (firm.west.name, None, None)


def test_it_is_agreed_once(root, new_target):
    target = new_target()
    division.agree_on_target(target.pk, actor=root)
    agreed = fresh(target)
    assert agreed.status == "agreed"
    assert agreed.agreed_on is not None
    with pytest.raises(Conflict):
        division.agree_on_target(target.pk, actor=root)
    with pytest.raises(Conflict):
        save_record(Target, {"value": "1"}, pk=target.pk, actor=root)
    with pytest.raises(Conflict):
        delete_record(Target, target.pk, actor=root)
    assert snapshot(fresh(target)) == snapshot(agreed)


@pytest.mark.parametrize(
    ("status", "verb", "allowed"),
    [
        ("draft", "agree", True),
        ("agreed", "agree", False),
        ("draft", "change", False),
        ("agreed", "change", True),
        ("draft", "decompose", True),
        ("agreed", "decompose", True),
    ],
)
def test_it_changes_state_only_as_declared(root, new_target, status, verb, allowed):
    arguments = {"change": {"value": "5", "reason": "市场变化"}, "decompose": {"by": "quarters"}}.get(verb, {})
    target = new_target()
    Target.objects.filter(pk=target.pk).update(status=status)
    before = snapshot(fresh(target))
    action = {"agree": division.agree_on_target, "change": division.change_target}.get(verb, division.decompose_target)
    if allowed:
        action(target.pk, actor=root, **arguments)
        assert fresh(target).version == before["version"] + 1
    else:
        with pytest.raises(Conflict):
            action(target.pk, actor=root, **arguments)
        assert snapshot(fresh(target)) == before


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"period": "q1"}, True),
        ({"period": "m12"}, True),
        ({}, False),  # the whole itself
        ({"period": "q1", "metric": "contracted"}, False),
        ({"period": "q1", "year": 2027}, False),
        ({"scope": "east"}, True),
        ({"scope": "east", "period": "q1"}, False),  # two cuts at once
    ],
)
def test_it_is_part_of_what_it_fits_into(new_target, firm, values, fits):
    whole = new_target()
    given = {**values, "parent": whole}
    if given.get("scope") == "east":
        given["scope"] = {"kind": "department", "id": firm.east.pk}
    if fits:
        assert new_target(**given).parent_id == whole.pk
    else:
        assert ("parent", "invalid") in problems(lambda: new_target(**given)) or not values
        assert Target.objects.count() == 1


def test_it_refuses_the_department_of_another_branch(new_target, firm):
    whole = new_target(scope={"kind": "department", "id": firm.east.pk})
    for scope in ({"kind": "department", "id": firm.west.pk}, {"kind": "person", "id": firm.carl.pk}, "company"):
        assert problems(lambda: new_target(parent=whole, scope=scope)) == [("parent", "invalid")]  # noqa: B023
    new_target(parent=whole, scope={"kind": "person", "id": firm.anna.pk})
    assert Target.objects.count() == 2


def test_it_refuses_months_beside_quarters(new_target):
    whole = new_target()
    new_target(parent=whole, period="q1")
    assert problems(lambda: new_target(parent=whole, period="m04")) == [("parent", "invalid")]
    assert Target.objects.count() == 2
