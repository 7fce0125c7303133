"""Figures of the past stay where they were made, whoever gets the records and wherever people move."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.clock import Period
from saleswright.kernel.metrics import all_metrics, measure_by, metric_named
from saleswright.kernel.models import Department, PastHolding, Region, User
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.kernel.resources import resource_of
from saleswright.kernel.search import search
from saleswright.kernel.transitions import ASSIGN_ARGS, Transition
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.actions import assign_customer, give_to
from saleswright.modules.customers.models import Customer
from saleswright.modules.leads.models import Lead
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity
from saleswright.modules.sales.models import Order
from saleswright.modules.service.models import Ticket
from saleswright.modules.work.actions.hand_over import hand_over

ROOT = system("test")
pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
SPAN = Period(date(2000, 1, 1), date(2026, 12, 31))
DIMENSIONS = ("owner", "department", "region")


@pytest.fixture
def place(person):
    """Two departments below one, two regions, three people."""
    top = save_record(Department, {"name": "Sales"}, actor=ROOT)
    departments = [save_record(Department, {"name": n, "parent": top.pk}, actor=ROOT) for n in ("East", "West")]
    regions = [save_record(Region, {"name": name}, actor=ROOT) for name in ("North", "South")]
    people = [
        person("sales_representative", name=name, department=departments[n % 2], region=regions[n // 2])
        for n, name in enumerate(("Anna", "Bert", "Carl"))
    ]
    return SimpleNamespace(top=top, departments=departments, regions=regions, people=people)


def figures():
    """What every measure says of each owner, department and region up to today; nothing being left out."""
    forget_everything()
    return {
        (metric.name, dimension, member): value
        for metric in all_metrics()
        if not metric.present
        for dimension in DIMENSIONS
        if dimension in metric.dimensions
        for member, value in measure_by(metric, dimension, ROOT, Period(SPAN.start, clock.today())).items()
        if value
    }


def won(owner, day=None, amount="100.00"):
    return make_opportunity(
        customer=make_customer(owner=owner), owner=owner, history=True, status="won", amount=amount,
        closed_on=(day or clock.today()).isoformat(),
    )  # fmt: skip


def sold(owner, day=None):
    product = save_record(Product, {"name": "Pump", "list_price": "10", "tax_rate": "0"}, actor=ROOT)
    values = {"customer": make_customer(owner=owner).pk, "owner": owner.pk}
    order = save_record(Order, values, lines={"lines": [{"product": product.pk, "quantity": "1"}]}, actor=ROOT)
    Order.objects.filter(pk=order.pk).update(status="confirmed", confirmed_on=day or clock.today())
    return Order.objects.get(pk=order.pk)


def answered(owner):
    values = {"customer": make_customer(owner=owner).pk, "subject": "Noise", "owner": owner.pk}
    ticket = save_record(Ticket, values, actor=ROOT)
    at = clock.now() - timedelta(minutes=1)
    Ticket.objects.filter(pk=ticket.pk).update(responded_at=at, resolved_at=at, status="resolved")
    return Ticket.objects.get(pk=ticket.pk)


def _give(record, *, actor, at, owner_id):
    give_to(record, actor, owner_id, "")


def give(record, owner):
    """Give any record away in whatever state, as the assign actions of its kind do."""
    assign = Transition(resource_of(type(record)).name, "give", "Give", _give, args=ASSIGN_ARGS)
    assign(record.pk, actor=ROOT, owner_id=owner.pk)


def move(user, **values):
    save_record(User, {name: one and one.pk for name, one in values.items()}, pk=user.pk, actor=ROOT)
    user.refresh_from_db()


# --- one change ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [won, sold])
def test_it_keeps_figures_when_a_record_is_given_to_another(place, make):
    anna, bert, _carl = place.people
    record = make(anna, date(2025, 6, 15))
    before = figures()
    give(record, bert)
    assert type(record).objects.get(pk=record.pk).department == bert.department
    assert figures() == before
    assert {key[2] for key in before if key[1] == "owner"} == {anna.pk}


def test_it_keeps_figures_when_an_action_gives_the_record(place):
    anna, bert, _carl = place.people
    customer = make_customer(owner=anna)
    assign_customer(customer.pk, actor=ROOT, owner_id=bert.pk)
    held = PastHolding.objects.get(resource="customers", record_id=customer.pk)
    assert (held.owner, held.department, held.region) == (anna, anna.department, anna.region)


def test_it_counts_what_comes_later_for_the_next_owner(place):
    anna, bert, _carl = place.people
    deal = make_opportunity(customer=make_customer(owner=anna), owner=anna, amount="50.00")
    give(deal, bert)
    Opportunity.objects.filter(pk=deal.pk).update(status="won", closed_on=clock.today())
    assert measure_by(metric_named("won_count"), "owner", ROOT) == {bert.pk: 1}


def test_it_counts_what_nobody_owned_for_its_first_owner(place):
    anna = place.people[0]
    lead = save_record(Lead, {"company": "Delta", "phone": "13800138000", "owner": None}, actor=ROOT)
    give(lead, anna)
    assert not PastHolding.objects.exists()


def test_it_notes_nothing_when_the_owner_stays(place):
    customer = make_customer(owner=place.people[0])
    save_record(Customer, {"name": "Other", "owner": place.people[0].pk}, pk=customer.pk, actor=ROOT)
    assert not PastHolding.objects.exists()


def test_it_notes_an_edit_that_gives_the_record_away(place):
    anna, bert, carl = place.people
    customers = [make_customer(owner=one) for one in (anna, anna, bert)]
    save_records(Customer, [Draft({"owner": carl.pk}, pk=one.pk) for one in customers], actor=ROOT)
    held = PastHolding.objects.filter(resource="customers").order_by("record_id")
    assert list(held.values_list("owner", "department", "region")) == [
        (one.pk, one.department_id, one.region_id) for one in (anna, anna, bert)
    ]


def test_it_corrects_the_past_by_an_import_of_history(place):
    anna, bert, _carl = place.people
    customer = make_customer(owner=anna)
    save_record(Customer, {"owner": bert.pk}, pk=customer.pk, actor=ROOT, history=True)
    assert not PastHolding.objects.exists()


def test_it_keeps_figures_when_a_person_moves(place):
    anna = place.people[0]
    deal, _order = won(anna, date(2025, 6, 15)), sold(anna, date(2025, 6, 16))
    before = figures()
    move(anna, department=place.departments[1], region=place.regions[1])
    assert Opportunity.objects.get(pk=deal.pk).department == place.departments[1]
    assert figures() == before
    assert {key[2] for key in before if key[1] == "department"} == {place.departments[0].pk}
    after = won(anna, clock.today(), "7.00")
    found = measure_by(metric_named("won_amount"), "department", ROOT)
    assert found == {place.departments[0].pk: Decimal("100.00"), place.departments[1].pk: Decimal("7.00")}
    assert after.department == place.departments[1]


def test_it_keeps_figures_of_a_region_when_a_person_moves_there_alone(place):
    anna = place.people[0]
    won(anna, date(2025, 6, 15))
    before = figures()
    move(anna, region=place.regions[1])
    assert figures() == before
    assert {key[2] for key in before if key[1] == "region"} == {place.regions[0].pk}


def test_it_lets_access_and_search_follow_who_moves_at_once(place, person):
    anna = place.people[0]
    east, west = (person("sales_manager", name="M", department=one) for one in place.departments)
    customer = save_record(Customer, {"name": "Delta", "owner": anna.pk}, actor=ROOT)
    move(anna, department=place.departments[1])
    for manager, sees in ((east, False), (west, True)):
        actor = actor_for(manager, origin="test")
        assert visible(Customer.objects.all(), actor).filter(pk=customer.pk).exists() is sees
        assert bool(search(actor, "Delta")) is sees


def test_it_keeps_figures_when_a_department_moves_in_the_tree(place, person):
    anna = place.people[0]
    deal = won(anna, date(2025, 6, 15))
    other = save_record(Department, {"name": "Partners"}, actor=ROOT)
    old, new = (person("sales_manager", name="M", department=one) for one in (place.top, other))
    before = figures()
    save_record(Department, {"parent": other.pk}, pk=place.departments[0].pk, actor=ROOT)
    assert figures() == before
    for manager, sees in ((old, False), (new, True)):
        actor = actor_for(manager, origin="test")
        assert visible(Opportunity.objects.all(), actor).filter(pk=deal.pk).exists() is sees


def test_it_keeps_the_report_of_sales_when_an_order_is_given_away(place):
    anna, bert, _carl = place.people
    order = sold(anna, date(2025, 6, 15))

    def reported(by):
        forget_everything()
        return {row[0]: row[-1] for row in report_named("sales").run({"by": by}, ROOT).rows}

    before = [reported(by) for by in ("owner", "region")]
    give(order, bert)
    move(anna, department=place.departments[1], region=place.regions[1])
    assert [reported(by) for by in ("owner", "region")] == before
    assert before[0] == {"Anna": Decimal("10.00")}


# --- many changes ----------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["fact", "give", "department", "region", "tree", "all"]), st.integers(0, 11)),
    min_size=3,
    max_size=9,
)


@settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, data=st.data())
def test_it_keeps_all_figures_through_any_changes(place, steps, data):
    from django.db import transaction

    with transaction.atomic(), time_machine.travel(START, tick=False) as watch:
        point = transaction.savepoint()
        records = [make(place.people[n % 3]) for n, make in enumerate((won, sold, answered))]
        for kind, number in steps:
            watch.shift(timedelta(hours=data.draw(st.integers(1, 30))))
            person = User.objects.get(pk=place.people[number % 3].pk)
            if kind == "fact":
                records.append((won, sold, answered)[number // 4](person))
                continue
            before = figures()
            match kind:
                case "give":
                    give(records[number % len(records)], person)
                case "department":
                    move(person, department=place.departments[number % 2])
                case "region":
                    move(person, region=place.regions[number % 2])
                case "tree":
                    parent = place.top.pk if number % 2 else None
                    save_record(Department, {"parent": parent}, pk=place.departments[0].pk, actor=ROOT)
                case "all":
                    heir = place.people[(number + 1) % 3]
                    hand_over(person.pk, actor=ROOT, to_id=heir.pk)
            assert figures() == before, (kind, number)
        transaction.savepoint_rollback(point)
    forget_everything()
