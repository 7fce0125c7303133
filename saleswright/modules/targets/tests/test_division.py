"""Dividing targets: sums to the cent, shares of last year, gaps."""

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record, snapshot
from saleswright.modules.targets.actions.division import agree_on_target, change_target, decompose_target
from saleswright.modules.targets.models import Target
from saleswright.modules.targets.queries import gaps_of
from saleswright.modules.targets.states import DivideBy, Method
from saleswright.modules.targets.tests.conftest import children

pytestmark = pytest.mark.django_db
D = Decimal
ROOT = system("test")


def values_of(target):
    return [str(value) for *_part, value in children(target)]


def test_it_divides_a_year_into_quarters_to_the_cent(new_target):
    target = new_target("1000.01")
    decompose_target(target.pk, actor=ROOT, by="periods", method="even")
    assert values_of(target) == ["250.01", "250.00", "250.00", "250.00"]
    assert [part[0] for part in children(target)] == ["q1", "q2", "q3", "q4"]


@pytest.mark.parametrize(("by", "period", "count"), [("months", "year", 12), ("months", "q2", 3), ("periods", "q2", 3)])
def test_it_divides_into_months(new_target, by, period, count):
    target = new_target("100", period=period)
    decompose_target(target.pk, actor=ROOT, by=by)
    assert len(children(target)) == count
    assert sum(part[3] for part in children(target)) == D(100)


@pytest.mark.parametrize("by", ["quarter", "quarters"])
def test_it_takes_other_words(new_target, by):
    target = new_target()
    decompose_target(target.pk, actor=ROOT, by=by, method="evenly")
    assert values_of(target) == ["300.00"] * 4


def test_it_divides_counts_into_whole_ones(new_target):
    target = new_target("10", metric="contracts_signed")
    decompose_target(target.pk, actor=ROOT, by="quarters")
    assert values_of(target) == ["3.00", "3.00", "2.00", "2.00"]


def test_it_divides_among_the_departments_below(new_target, firm):
    target = new_target("100", scope={"kind": "department", "id": firm.sales.pk})
    decompose_target(target.pk, actor=ROOT, by="children")
    assert children(target) == [
        ("year", "department", firm.east.pk, D("50.00")),
        ("year", "department", firm.west.pk, D("50.00")),
    ]


def test_it_divides_among_people_where_no_department_is_below(new_target, firm):
    target = new_target("100", scope={"kind": "department", "id": firm.east.pk})
    decompose_target(target.pk, actor=ROOT, by="children")
    people = [firm.anna.pk, firm.bert.pk]
    assert children(target) == [("year", "person", pk, D("50.00")) for pk in people]
    assert [t.owner_id for t in Target.objects.filter(parent=target).order_by("id")] == people


def test_it_divides_among_those_who_sell(new_target, firm):
    target = new_target("90")
    decompose_target(target.pk, actor=ROOT, by="people")
    sellers = [firm.head.pk, firm.anna.pk, firm.bert.pk, firm.carl.pk]
    assert [part[2] for part in children(target)] == sellers


def test_it_divides_among_everyone_where_nobody_sells(new_target, firm):
    target = new_target(scope={"kind": "department", "id": firm.office.pk})
    decompose_target(target.pk, actor=ROOT, by="people")
    assert [part[2] for part in children(target)] == [firm.clerk.pk]


def test_it_divides_among_regions_and_their_people(new_target, firm):
    target = new_target("100")
    decompose_target(target.pk, actor=ROOT, by="regions")
    east = Target.objects.get(parent=target, scope_region=firm.east_region)
    assert east.value == D(50)
    decompose_target(east.pk, actor=ROOT, by="children")
    assert [part[2] for part in children(east)] == [firm.anna.pk, firm.bert.pk]


def test_it_divides_among_categories(new_target, category):
    target = new_target("100")
    decompose_target(target.pk, actor=ROOT, by="categories")
    assert children(target) == [("year", "category", category.pk, D("100.00"))]


def test_it_divides_by_last_years_season(new_target, firm, sell):
    sell(firm.anna, "300", "2025-02-01")
    sell(firm.carl, "100", "2025-12-31")
    sell(firm.carl, "999", "2026-01-01")  # not last year
    target = new_target("1000")
    decompose_target(target.pk, actor=ROOT, by="quarters", method="history")
    assert values_of(target) == ["750.00", "0.00", "0.00", "250.00"]


def test_it_divides_by_last_years_shares(new_target, firm, sell):
    sell(firm.anna, "100", "2025-02-01")
    sell(firm.bert, "200", "2025-05-01")
    sell(firm.carl, "300", "2025-12-31")
    target = new_target("1000", scope={"kind": "department", "id": firm.sales.pk})
    decompose_target(target.pk, actor=ROOT, by="departments", method="history")
    assert values_of(target) == ["500.00", "500.00"]
    east = Target.objects.get(parent=target, scope_department=firm.east)
    decompose_target(east.pk, actor=ROOT, by="people", method="history")
    assert values_of(east) == ["166.67", "333.33"]


def test_it_divides_evenly_without_history(new_target):
    target = new_target("100")
    decompose_target(target.pk, actor=ROOT, by="quarters", method="history")
    assert values_of(target) == ["25.00"] * 4


def test_it_divides_by_given_weights(new_target, firm):
    target = new_target("100", scope={"kind": "department", "id": firm.east.pk})
    weights = [{"id": firm.bert.pk, "weight": "2"}, {"id": firm.anna.pk, "weight": "1"}]
    decompose_target(target.pk, actor=ROOT, by="people", method="weights", weights=weights)
    assert values_of(target) == ["33.33", "66.67"]


@pytest.mark.parametrize(
    ("weights", "field"),
    [
        (None, "weights"),
        ([], "weights"),
        ([{"period": "q1", "weight": "0"}], "weights"),
        ([{"period": "m01", "weight": "1"}], "weights.0.period"),
        ([{"period": "q1", "weight": "-1"}], "weights.0.weight"),
        ([{"period": "q1", "weight": "1"}, {"id": 1, "weight": "1"}], "weights.1.period"),
    ],
)
def test_it_refuses_weights_of_nothing(new_target, weights, field):
    target = new_target()
    with pytest.raises(ValidationFailed) as caught:
        decompose_target(target.pk, actor=ROOT, by="quarters", method="weights", weights=weights)
    assert [error.field for error in caught.value.errors] == [field]
    assert (children(target), Target.objects.get().version) == ([], 1)


@pytest.mark.parametrize(
    ("values", "by"),
    [
        ({"period": "m01"}, "periods"),
        ({"period": "q1"}, "quarters"),
        ({"scope": "anna"}, "children"),
        ({"scope": "anna"}, "departments"),
        ({"metric": "contracted"}, "categories"),
    ],
)
def test_it_refuses_to_divide_what_has_no_parts(new_target, firm, category, values, by):
    if values.get("scope") == "anna":
        values = {"scope": {"kind": "person", "id": firm.anna.pk}}
    target = new_target(**values)
    with pytest.raises(Conflict):
        decompose_target(target.pk, actor=ROOT, by=by)
    assert children(target) == []


def test_it_is_divided_once(new_target, firm):
    target = new_target()
    decompose_target(target.pk, actor=ROOT, by="quarters")
    with pytest.raises(Conflict):
        decompose_target(target.pk, actor=ROOT, by="people")
    assert len(children(target)) == 4


def test_it_makes_no_second_target_for_the_same_thing(new_target, firm):
    new_target("7", scope={"kind": "department", "id": firm.west.pk})
    target = new_target("100", scope={"kind": "department", "id": firm.sales.pk})
    with pytest.raises(ValidationFailed):
        decompose_target(target.pk, actor=ROOT, by="departments")
    assert children(target) == []


def test_it_is_divided_within_rights(api, firm, new_target):
    client = api(firm.head)
    team = new_target("100", scope={"kind": "department", "id": firm.sales.pk})
    assert client.act("targets", team.pk, "decompose", by="people", method="even").status_code == 200
    company = new_target()
    assert client.act("targets", company.pk, "decompose", by="people").status_code == 404
    assert children(company) == []


def test_it_shows_the_gap_of_hand_made_changes(root, api, new_target):
    target = new_target("100")
    decompose_target(target.pk, actor=ROOT, by="quarters")
    client = api("sales_director")
    assert client.get(f"targets/{target.pk}").json()["gap"] == "0.00"
    first = Target.objects.get(parent=target, period="q1")
    save_record(Target, {"value": "20"}, pk=first.pk, actor=root)
    assert client.get(f"targets/{target.pk}").json()["gap"] == "5.00"


def test_it_shows_the_gap_of_a_change(new_target):
    target = new_target("100")
    decompose_target(target.pk, actor=ROOT, by="quarters")
    agree_on_target(target.pk, actor=ROOT)
    change_target(target.pk, actor=ROOT, value="110", reason="新产品上市")
    changed = Target.objects.get(pk=target.pk)
    assert (changed.value, changed.revision, changed.reason) == (D(110), 2, "新产品上市")
    assert (values_of(target), gaps_of([target.pk], ROOT)) == (["25.00"] * 4, {target.pk: "10.00"})


def test_it_divides_a_change_anew_in_the_present_shares(new_target):
    target = new_target("100")
    weights = [{"period": f"q{n}", "weight": str(n)} for n in (1, 2, 3, 4)]
    decompose_target(target.pk, actor=ROOT, by="quarters", method="weights", weights=weights)
    last = Target.objects.get(parent=target, period="q4")
    decompose_target(last.pk, actor=ROOT, by="months")
    agree_on_target(target.pk, actor=ROOT)
    change_target(target.pk, actor=ROOT, value="50.01", reason="市场下滑", resplit=True)
    assert values_of(target) == ["5.00", "10.00", "15.00", "20.01"]  # 20.004 has the largest remainder
    assert values_of(last) == ["6.67", "6.67", "6.67"]
    entry = AuditEntry.objects.filter(resource="targets", record_id=last.pk).latest("id")
    assert (entry.action, entry.changes["value"]) == ("change", ["40.00", "20.01"])


@pytest.mark.parametrize("arguments", [{"value": "-1", "reason": "x"}, {"value": "1"}, {"reason": "x"}])
def test_it_is_changed_with_a_value_and_a_reason(new_target, arguments):
    target = new_target()
    agree_on_target(target.pk, actor=ROOT)
    before = snapshot(Target.objects.get())
    with pytest.raises(ValidationFailed):
        change_target(target.pk, actor=ROOT, **arguments)
    assert snapshot(Target.objects.get()) == before


WAYS = st.lists(st.sampled_from(["quarters", "months", "departments", "people", "regions"]), min_size=1, max_size=4)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=20, max_size=20)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=st.decimals(0, 10**10, places=2), ways=WAYS, weights=WEIGHTS)
def test_it_reconciles_whatever_is_divided_how_deep(new_target, firm, value, ways, weights):
    with transaction.atomic():
        target = whole = new_target(str(value))
        for way in ways:
            try:
                decompose_target(target.pk, actor=ROOT, by=way)
            except Conflict:
                continue
            parts = list(Target.objects.filter(parent=target).order_by("id"))
            shares = [
                {"id": part.scope_id, "period": part.period, "weight": str(w)}
                for part, w in zip(parts, weights, strict=False)
            ]
            Target.objects.filter(parent=target).delete()
            if any(weights[: len(parts)]):
                decompose_target(target.pk, actor=ROOT, by=way, method="weights", weights=shares)
            else:
                decompose_target(target.pk, actor=ROOT, by=way, method="history")
            assert sum(part[3] for part in children(target)) == target.value
            target = Target.objects.filter(parent=target).order_by("-value", "id").first()
        agree_on_target(whole.pk, actor=ROOT)
        change_target(whole.pk, actor=ROOT, value=str(value / 3).split(".")[0], reason="x", resplit=True)
        assert set(gaps_of(list(Target.objects.values_list("pk", flat=True)), ROOT).values()) <= {"0.00"}
        transaction.set_rollback(True)


def test_its_dialog_offers_the_ways_of_dividing(browse, new_target):
    target = new_target("100")
    page = browse("sales_director").get(f"/targets/{target.pk}/actions/decompose")
    assert page.status_code == 200
    assert all(f'value="{way}"' in page.content.decode() for way in (*DivideBy.values, *Method.values))


def test_it_is_divided_from_the_dialog(browse, new_target):
    target = new_target("100")
    sent = {"by": "quarters", "method": "even"}
    page = browse("sales_director").post(f"/targets/{target.pk}/actions/decompose", sent)
    assert page.status_code in {200, 204, 302}
    assert values_of(target) == ["25.00"] * 4
