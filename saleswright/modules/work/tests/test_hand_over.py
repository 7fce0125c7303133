"""Hand-over: everything goes to successors at once, rights and search follow, figures stay where they were made."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.clock import Period
from saleswright.kernel.drafts import Draft
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.metrics import measure, measure_by, metric_named
from saleswright.kernel.models import (
    AuditEntry,
    Collaborator,
    Department,
    OutboxEvent,
    OwnedRecord,
    PastHolding,
    Region,
    User,
)
from saleswright.kernel.records import save_record, save_records
from saleswright.kernel.resources import all_resources
from saleswright.kernel.search import search
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.leads.models import Lead
from saleswright.modules.org.actions import leave_company
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity
from saleswright.modules.receivables.models import CollectionPlan
from saleswright.modules.sales.models import Order
from saleswright.modules.work.actions.hand_over import Rule, hand_over, holdings_of, owned_kinds, plan
from saleswright.modules.work.models import Delegation, Notification, Task

ROOT = system("test")
pytestmark = pytest.mark.django_db
LONG_AGO = date(2025, 6, 15)


@pytest.fixture
def anna(person):
    """She leaves."""
    return person("sales_representative", name="Anna", department=department("East"))


@pytest.fixture
def bert(person):
    """He takes over."""
    return person("sales_representative", name="Bert", department=department("West"))


@pytest.fixture
def carl(person):
    """He takes over a part."""
    return person("sales_representative", name="Carl")


def department(name):
    return save_record(Department, {"name": name}, actor=ROOT)


def task(owner, **values):
    return save_record(Task, {"title": "Call", "owner": owner.pk, **values}, actor=ROOT)


def lead(owner, **values):
    return save_record(Lead, {"company": "Delta", "phone": "13800138000", "owner": owner.pk, **values}, actor=ROOT)


def owner_of(record):
    return type(record).objects.get(pk=record.pk).owner


def give(giver, heir=None, *parts, actor=ROOT):
    given = [{"to_id": part.pop("to").pk, **part} for part in map(dict, parts)]
    return hand_over(giver.pk, actor=actor, to_id=heir.pk if heir else None, parts=given or None)


# --- everything ------------------------------------------------------------------------------------------------


def test_it_gives_everything_to_one_person(anna, bert):
    records = [
        make_customer(owner=anna),
        make_opportunity(customer=make_customer(), owner=anna),
        lead(anna),
        task(anna),
    ]
    assert give(anna, bert) == {"records": 4, "duties": 0, "kept": 0}
    for record in records:
        record.refresh_from_db()
        assert (record.owner, record.department) == (bert, bert.department)
        assert (record.version, record.updated_by) == (2, None)
    assert holdings_of(anna) == {}


def test_it_leaves_alone_what_others_own(anna, bert, carl):
    other, mine = make_customer(owner=carl), make_customer(owner=anna)
    give(anna, bert)
    other.refresh_from_db()
    assert (other.owner, other.version, owner_of(mine)) == (carl, 1, bert)


def test_it_knows_every_kind_that_has_an_owner():
    kinds = {one.name for one in owned_kinds()}
    assert kinds == {one.name for one in all_resources() if issubclass(one.model, OwnedRecord)} - {
        "delegations",
        "saved-views",
        "visit-plans",
        "work-reports",
    }
    assert {"customers", "leads", "opportunities", "contracts", "orders", "collection-plans", "tasks"} <= kinds


def test_it_leaves_personal_records_with_the_person(anna, bert):
    away = save_record(
        Delegation,
        {"owner": anna.pk, "delegate": bert.pk, "start_on": "2026-11-01", "end_on": "2026-11-02"},
        actor=ROOT,
    )
    assert give(anna, bert) == {"records": 0, "duties": 0, "kept": 0}
    assert owner_of(away) == anna


def test_it_gives_archived_records_too(anna, bert):
    customer = make_customer(owner=anna)
    Customer.objects.filter(pk=customer.pk).update(archived_at=clock.now())
    give(anna, bert)
    assert owner_of(customer) == bert


def test_it_lets_access_follow(anna, bert):
    customer = make_customer(owner=anna)
    give(anna, bert)
    assert [one.pk for one in visible(Customer.objects.all(), actor_for(bert, origin="test"))] == [customer.pk]
    assert not visible(Customer.objects.all(), actor_for(anna, origin="test")).exists()


def test_it_lets_search_follow_also_for_what_is_seen_with_a_record(anna, bert):
    customer = make_customer(owner=anna, name="Zephyr Works")
    save_record(Contact, {"customer": customer.pk, "name": "Zephyr Smith"}, actor=ROOT)
    give(anna, bert)
    found = {(hit.resource, hit.label) for hit in search(actor_for(bert, origin="test"), "zephyr")}
    assert found == {("customers", "Zephyr Works"), ("contacts", "Zephyr Smith")}
    assert search(actor_for(anna, origin="test"), "zephyr") == []


def test_it_passes_on_what_somebody_collaborates_on(anna, bert, carl):
    shared, both, his = (make_customer(owner=carl), make_customer(owner=carl), make_customer(owner=bert))
    rows = [(shared, anna), (both, anna), (both, bert), (his, anna)]
    Collaborator.objects.bulk_create(
        Collaborator(resource="customers", record_id=record.pk, user=user) for record, user in rows
    )
    give(anna, bert)
    present = set(Collaborator.objects.values_list("record_id", "user_id"))
    assert present == {(shared.pk, bert.pk), (both.pk, bert.pk)}


def test_it_makes_a_collaborator_who_takes_over_the_owner_alone(anna, bert):
    customer = make_customer(owner=anna)
    Collaborator.objects.create(resource="customers", record_id=customer.pk, user=bert)
    give(anna, bert)
    assert owner_of(customer) == bert
    assert not Collaborator.objects.exists()


def test_it_shows_in_the_history_of_each_record_and_of_the_successor(anna, bert):
    customer = make_customer(owner=anna)
    give(anna, bert)
    entry = AuditEntry.objects.get(resource="customers", record_id=customer.pk, action="hand-over")
    assert entry.changes == {
        "owner_id": [anna.pk, bert.pk],
        "department_id": [anna.department_id, bert.department_id],
    }
    assert (entry.label, entry.actor_kind) == (customer.name, "system")
    received = AuditEntry.objects.get(resource="employees", record_id=bert.pk, action="take-over")
    assert received.changes == {"from_id": [None, anna.pk], "customers": [None, 1]}
    assert AuditEntry.objects.filter(resource="employees", record_id=anna.pk, action="hand-over").count() == 1
    assert OutboxEvent.objects.filter(name="customers.hand-over", record_id=customer.pk).count() == 1


def test_it_tells_the_successor(anna, bert):
    make_customer(owner=anna)
    give(anna, bert)
    notice = Notification.objects.get(user=bert)
    assert (notice.text, notice.resource, notice.record_id) == (
        "Anna向您移交了 1 条记录", "employees", anna.pk,
    )  # fmt: skip


def test_it_lets_the_person_leave_afterwards(anna, bert):
    make_customer(owner=anna)
    with pytest.raises(Conflict, match=r"1 records .Customers. must be handed over first"):
        leave_company(anna.pk, actor=ROOT)
    assert User.objects.get(pk=anna.pk).state == "active"
    give(anna, bert)
    leave_company(anna.pk, actor=ROOT)
    assert User.objects.get(pk=anna.pk).state == "left"


def test_it_makes_the_successor_responsible_for_instalments(anna, bert, carl):
    plan = save_record(
        CollectionPlan,
        {"order": sold(anna, LONG_AGO, "100").pk},
        lines={
            "instalments": [
                {"trigger": "date", "days": 0, "amount": "50", "due_on": "2027-01-01", "responsible": who.pk}
                for who in (anna, carl)
            ]
        },
        actor=ROOT,
    )
    give(anna, bert)
    assert owner_of(plan) == bert
    assert [one.responsible for one in plan.instalments.order_by("position")] == [bert, carl]


# --- rules -----------------------------------------------------------------------------------------------------


def test_it_splits_by_kind(anna, bert, carl):
    customer, mine, job = make_customer(owner=anna), lead(anna), task(anna)
    give(anna, bert, {"to": carl, "resource": "leads"})
    assert (owner_of(customer), owner_of(mine), owner_of(job)) == (bert, carl, bert)


def test_it_splits_by_the_level_of_the_customer(anna, bert, carl):
    key, small = make_customer(owner=anna, level="A"), make_customer(owner=anna, level="D")
    deal = make_opportunity(customer=key, owner=anna)
    give(anna, bert, {"to": carl, "level": "A"})
    assert (owner_of(key), owner_of(deal), owner_of(small)) == (carl, carl, bert)


def test_it_splits_by_region(anna, bert, carl):
    south = save_record(Region, {"name": "South"}, actor=ROOT)
    far, near = make_customer(owner=anna, province="广东"), make_customer(owner=anna, province="江苏", city="苏州")
    mine = lead(anna, region=south.pk)
    give(anna, bert, {"to": carl, "region": "广东"}, {"to": carl, "region": "south"})
    assert (owner_of(far), owner_of(mine), owner_of(near)) == (carl, carl, bert)


def test_it_takes_the_first_rule_that_fits(anna, bert, carl):
    customer = make_customer(owner=anna, level="A", province="广东")
    give(anna, None, {"to": carl, "region": "广东"}, {"to": bert, "level": "A"})
    assert owner_of(customer) == carl


def test_it_splits_evenly_and_keeps_a_customer_together(anna, bert, carl):
    customers = [make_customer(owner=anna) for _n in range(4)]
    deals = [make_opportunity(customer=customers[0], owner=anna) for _n in range(3)]
    call = task(anna, resource="opportunities", record_id=deals[0].pk)
    give(anna, None, {"to": bert}, {"to": carl})
    # the first customer with all that belongs to it is five records, the other three are dealt to the other
    assert [owner_of(one) for one in (customers[0], *deals, call)] == [bert] * 5
    assert [owner_of(one) for one in customers[1:]] == [carl] * 3


def test_it_says_beforehand_who_gets_what(anna, bert, carl):
    customer, mine = make_customer(owner=anna), lead(anna)
    made = plan(anna, [Rule((carl,), "leads"), Rule((bert,))])
    counts = {(who.name, kind.name): n for who, kinds in made.counts().items() for kind, n in kinds.items()}
    assert counts == {("Bert", "customers"): 1, ("Carl", "leads"): 1}
    assert (owner_of(customer), owner_of(mine)) == (anna, anna)


def test_it_refuses_to_leave_records_to_nobody(anna, carl):
    customer, mine = make_customer(owner=anna), lead(anna)
    with pytest.raises(Conflict, match=r"No rule says who gets 1 records .Customers."):
        give(anna, None, {"to": carl, "resource": "leads"})
    assert (owner_of(customer), owner_of(mine)) == (anna, anna)
    assert not PastHolding.objects.exists()


@pytest.mark.parametrize(
    ("to", "resource", "wrong"),
    [
        ("anna", "", ("to_id", "invalid")),
        ("gone", "", ("to_id", "not_allowed")),
        (None, "", ("to_id", "required")),
        ("carl", "saved-views", ("parts.0.resource", "choice")),
    ],
)
def test_it_refuses_who_cannot_take_over(anna, carl, person, to, resource, wrong):
    people = {"anna": anna, "carl": carl, "gone": person()}
    User.objects.filter(pk=people["gone"].pk).update(state="left")
    customer = make_customer(owner=anna)
    with pytest.raises(ValidationFailed) as refused:
        give(anna, people.get(to), *([{"to": carl, "resource": resource}] if resource else []))
    assert [(error.field, error.code) for error in refused.value.errors] == [wrong]
    assert owner_of(customer) == anna


def test_it_is_not_for_everybody(anna, bert, acting):
    customer = make_customer(owner=anna)
    with pytest.raises(NotAllowed):
        give(anna, bert, actor=acting("sales_manager"))
    assert owner_of(customer) == anna


def test_it_is_done_by_hr_who_see_no_customers(anna, bert, acting):
    customer = make_customer(owner=anna)
    give(anna, bert, actor=acting("hr"))
    assert owner_of(customer) == bert


def test_it_is_an_action_of_the_api(anna, bert, api):
    customer = make_customer(owner=anna)
    answer = api("administrator").act("employees", anna.pk, "hand-over", to_id=bert.pk)
    assert (answer.status_code, answer.json()) == (200, {"records": 1, "duties": 0, "kept": 0})
    assert owner_of(customer) == bert


def test_it_answers_the_api_what_is_wrong_where(anna, api):
    customer = make_customer(owner=anna)
    answer = api("administrator").act("employees", anna.pk, "hand-over", to_id=anna.pk)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["to_id"]
    assert owner_of(customer) == anna


# --- figures ---------------------------------------------------------------------------------------------------


def won(owner, day, amount):
    return make_opportunity(
        customer=make_customer(owner=owner), owner=owner, history=True, status="won", closed_on=day.isoformat(),
        amount=amount,
    )  # fmt: skip


def test_it_keeps_figures_with_who_made_them(anna, bert):
    today, metric = clock.today(), metric_named("won_amount")
    won(anna, LONG_AGO, "100.00")
    won(anna, today, "20.00")
    won(bert, today, "3.00")
    give(anna, bert)
    assert measure_by(metric, "owner", ROOT) == {anna.pk: Decimal("120.00"), bert.pk: Decimal("3.00")}
    assert measure_by(metric, "department", ROOT) == {
        anna.department_id: Decimal("120.00"),
        bert.department_id: Decimal("3.00"),
    }
    assert measure(metric, ROOT, owner=anna.pk) == Decimal("120.00")
    assert measure(metric, ROOT, owner=[bert.pk]) == Decimal("3.00")
    assert measure(metric, ROOT) == Decimal("123.00")


def test_it_counts_what_is_won_afterwards_for_the_successor(anna, bert):
    deal = make_opportunity(customer=make_customer(owner=anna), owner=anna, amount="50.00")
    give(anna, bert)
    Opportunity.objects.filter(pk=deal.pk).update(status="won", closed_on=clock.today())
    assert measure_by(metric_named("won_count"), "owner", ROOT) == {bert.pk: 1}


def test_it_counts_what_is_open_for_the_successor_even_when_overdue(anna, bert):
    make_opportunity(
        customer=make_customer(owner=anna), owner=anna, amount="50.00", expected_close=LONG_AGO.isoformat()
    )
    give(anna, bert)
    assert measure_by(metric_named("open_amount"), "owner", ROOT) == {bert.pk: Decimal("50.00")}


def test_it_lets_the_giver_still_count_their_own_figures(anna, bert):
    won(anna, LONG_AGO, "100.00")
    give(anna, bert)
    metric, span = metric_named("won_amount"), Period(date(2000, 1, 1), clock.today())
    assert measure(metric, actor_for(anna, origin="test"), span, owner=anna.pk) == Decimal("100.00")
    assert measure(metric, actor_for(bert, origin="test"), span, owner=bert.pk) == Decimal(0)


def test_it_follows_a_record_through_several_hands(anna, bert, carl):
    deal = won(anna, LONG_AGO, "100.00")
    give(anna, bert)
    give(bert, carl)
    assert measure_by(metric_named("won_amount"), "owner", ROOT) == {anna.pk: Decimal("100.00")}
    assert [one.owner_id for one in PastHolding.objects.filter(resource="opportunities").order_by("id")] == [
        anna.pk,
        bert.pk,
    ]
    assert owner_of(deal) == carl


def sold(owner, day, price):
    """A confirmed order of one piece at that price."""
    product = save_record(Product, {"name": "Pump", "list_price": price, "tax_rate": "0"}, actor=ROOT)
    values = {"customer": make_customer(owner=owner).pk, "owner": owner.pk}
    order = save_record(Order, values, lines={"lines": [{"product": product.pk, "quantity": "1"}]}, actor=ROOT)
    Order.objects.filter(pk=order.pk).update(status="confirmed", confirmed_on=day)
    return order


def reported(name, **asked):
    result = report_named(name).run({"by": "owner", **asked}, ROOT)
    return {row[0]: row[-1] for row in result.rows}


def test_it_keeps_the_report_of_sales_as_it_was(anna, bert):
    order = sold(anna, LONG_AGO, "100")
    sold(bert, LONG_AGO, "7")
    before = reported("sales")
    give(anna, bert)
    assert owner_of(order) == bert
    assert reported("sales") == before == {"Anna": Decimal("100.00"), "Bert": Decimal("7.00")}
    assert reported("sales", owner_id=str(bert.pk)) == {"Bert": Decimal("7.00")}
    assert reported("sales", owner_id=str(anna.pk)) == {"Anna": Decimal("100.00")}
    assert reported("sales", department_id=str(bert.department_id)) == {"Bert": Decimal("7.00")}


def test_it_keeps_the_report_of_deals_as_it_was(anna, bert):
    won(anna, LONG_AGO, "100.00")
    won(bert, LONG_AGO, "7.00")
    before = reported("win-rate")
    give(anna, bert)
    assert reported("win-rate") == before == {"Anna": Decimal("100.00"), "Bert": Decimal("7.00")}
    assert reported("win-rate", owner_id=str(anna.pk)) == {"Anna": Decimal("100.00")}
    assert reported("win-rate", by="manager") == {"(none)": Decimal("107.00")}


# --- many ------------------------------------------------------------------------------------------------------


def own_many(owner, count):
    save_records(
        Customer, [Draft({"name": f"Firm {owner.pk} {n}", "owner": owner.pk}) for n in range(count)], actor=ROOT
    )


def statements(giver, heir):
    with CaptureQueriesContext(
        connection,
    ) as found:
        give(giver, heir)
    return len(found)


def test_it_takes_as_many_statements_for_many_records_as_for_few(anna, bert, carl):
    own_many(anna, 3)
    own_many(carl, 300)
    few = statements(anna, bert)
    assert statements(carl, bert) <= few + 2  # an insert for every few thousand rows


@pytest.mark.slow
def test_it_hands_five_thousand_records_over(anna, bert):
    own_many(anna, 5000)
    assert give(anna, bert) == {"records": 5000, "duties": 0, "kept": 0}
    assert Customer.objects.filter(owner=bert).count() == 5000


# --- the page --------------------------------------------------------------------------------------------------


def address(giver):
    return f"/employees/{giver.pk}/actions/hand-over"


def test_it_shows_what_there_is_to_hand_over(anna, browse):
    make_customer(owner=anna, level="A", province="广东")
    html = browse("hr", language="en").get(address(anna)).content.decode()
    assert '<th scope="row">Customers</th><td class="num">1</td>' in html
    assert '<option value="广东" >广东</option>' in html


def test_it_previews_who_gets_what_and_changes_nothing(anna, bert, carl, browse):
    customer, mine = make_customer(owner=anna), lead(anna)
    chosen = {"to_id": bert.pk, "parts-0-to_id": carl.pk, "parts-0-resource": "leads"}
    html = browse("hr", language="en").get(address(anna), chosen).content.decode()
    assert '<th scope="row">Leads</th><td class="num">0</td><td class="num">1</td>' in html
    assert f'<input type="hidden" name="parts-0-to_id" value="{carl.pk}">' in html
    assert (owner_of(customer), owner_of(mine)) == (anna, anna)


def test_it_hands_over_from_the_page(anna, bert, browse):
    customer = make_customer(owner=anna)
    answer = browse("hr").post(address(anna), {"to_id": bert.pk})
    assert (answer.status_code, answer["Location"]) == (302, f"/employees/{anna.pk}")
    assert owner_of(customer) == bert


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"to_id": "anna"}, "Choose somebody else."),
        ({"to_id": "x"}, "value must be an integer"),
        ({"parts-0-level": "A"}, "This field is required."),
        ({"parts-0-to_id": "carl", "parts-0-level": "A"}, "No rule says who gets 1 records"),
    ],
)
def test_it_says_on_the_page_what_is_wrong(anna, carl, browse, chosen, text):
    customer = make_customer(owner=anna)
    ids = {"anna": anna.pk, "carl": carl.pk}
    sent = {name: ids.get(value, value) for name, value in chosen.items()}
    answer = browse("hr", language="en").post(address(anna), sent)
    assert answer.status_code == 422
    assert text in answer.content.decode()
    assert owner_of(customer) == anna


def test_it_opens_from_the_button_as_a_page_of_its_own(anna, browse):
    answer = browse("hr").get(address(anna), headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, address(anna))


def test_it_has_no_page_for_others(anna, browse):
    assert browse("sales_representative").get(address(anna)).status_code == 403
