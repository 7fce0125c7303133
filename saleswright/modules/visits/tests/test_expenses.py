"""Customer expenses: limits, budget, approval, the invoice that counts once, the visit as evidence, races."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, connections

from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.metrics import measure, metric_named
from saleswright.kernel.models import Department, User
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity
from saleswright.modules.visits.actions import expenses as actions
from saleswright.modules.visits.models import CountedInvoice, CustomerExpense, ExpenseBudget, ExpenseRule
from saleswright.modules.visits.tests.factories import make_visit
from saleswright.modules.work.models import Approval
from saleswright.modules.work.public import approve_request

pytestmark = pytest.mark.django_db
INVOICE = "25312000000012345678"


@pytest.fixture
def team(root):
    return save_record(Department, {"name": "East"}, actor=root)


@pytest.fixture
def seller(person, team):
    """Somebody without a manager, whose requests need nobody's consent."""
    return person("sales_representative", department=team, language="en")


@pytest.fixture
def me(acting, seller):
    return acting(seller)


def expense(actor, customer=None, kind="gift", amount="400", day="2026-11-20", **values):
    customer = customer or make_customer(owner=actor.user_id)
    given = {"kind": kind, "customer": customer.pk, "purpose": "Tea", "spent_on": day, "amount": amount, **values}
    return save_record(CustomerExpense, given, actor=actor)


def approved(actor, **values):
    one = expense(actor, **values)
    actions.submit_expense(one.pk, actor=actor)
    one.refresh_from_db()
    assert one.status == "approved"
    return one


def claim(one, actor, number=INVOICE, claimed="400", **values):
    actions.claim_expense(one.pk, actor=actor, invoice_number=number, claimed=claimed, **values)
    one.refresh_from_db()
    return one


def budget(team, amount, quarter="q4"):
    values = {"department": team.pk, "year": 2026, "quarter": quarter, "amount": amount}
    return save_record(ExpenseBudget, values, actor=system("test"))


# --- asking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "fields"), [("0", ["amount"]), ("500.01", ["amount"]), ("500", [])])
def test_one_of_a_kind_is_at_most_what_its_rule_says(me, amount, fields):
    if not fields:
        assert expense(me, amount=amount).amount == Decimal(500)
        return
    with pytest.raises(ValidationFailed) as refused:
        expense(me, amount=amount)
    assert [e.field for e in refused.value.errors] == fields
    assert not CustomerExpense.objects.exists()


def test_it_refuses_visits_and_opportunities_of_other_customers_and_calls(me, seller):
    customer = make_customer(owner=seller)
    for values, field in (
        ({"visit": make_visit(owner=seller).pk}, "visit"),
        ({"visit": make_visit(customer, owner=seller, kind="call").pk}, "visit"),
        ({"opportunity": make_opportunity(customer=make_customer(), owner=seller).pk}, "opportunity"),
    ):
        with pytest.raises(ValidationFailed) as refused:
            expense(me, customer, **values)
        assert [e.field for e in refused.value.errors] == [field]
    assert (CustomerExpense.objects.count(), Opportunity.objects.count()) == (0, 1)


def test_the_nearest_manager_agrees_and_then_it_counts(acting, person, team):
    manager = person("sales_manager", department=team)
    seller = person("sales_representative", department=team, manager=manager)
    one = expense(acting(seller))
    actions.submit_expense(one.pk, actor=acting(seller))
    one.refresh_from_db()
    assert one.status == "in_approval"
    approve_request(Approval.objects.get().pk, actor=acting(manager), comment="")
    one.refresh_from_db()
    assert one.status == "approved"


def test_what_a_customer_is_given_in_a_fiscal_year_is_limited(me, seller):
    customer = make_customer(owner=seller)
    ExpenseRule.objects.filter(kind="gift").update(most_a_year=1000)
    approved(me, customer=customer, day="2026-01-01")
    approved(me, customer=customer, day="2025-12-31")
    approved(me, customer=customer, kind="sample")
    approved(me)
    over = expense(me, customer, amount="500")
    approved(me, customer=customer, amount="200")
    with pytest.raises(Conflict, match=r"allows 400\.00 more"):
        actions.submit_expense(over.pk, actor=me)
    over.refresh_from_db()
    assert over.status == "draft"


def test_it_keeps_within_the_budget_of_department_and_quarter(me, team):
    budget(team, "1000")
    budget(team, "300", "q3")
    approved(me)
    first = approved(me)
    with pytest.raises(Conflict, match=r"has 200\.00 left"):
        actions.submit_expense(expense(me).pk, actor=me)
    with pytest.raises(Conflict, match=r"has 300\.00 left"):
        actions.submit_expense(expense(me, day="2026-09-30").pk, actor=me)
    approved(me, day="2026-06-30")  # no budget, no limit
    actions.cancel_expense(first.pk, actor=me, reason="fell through")
    approved(me, amount="500")
    assert sorted(CustomerExpense.objects.values_list("status", flat=True)) == sorted(
        ["approved"] * 3 + ["cancelled"] + ["draft"] * 2
    )


def test_what_is_claimed_counts_in_place_of_what_was_asked_for(me, team):
    one = budget(team, "1000")
    claim(approved(me), me, claimed="150")
    assert actions.remaining(one) == Decimal(850)
    assert actions.left_of([one.pk]) == {one.pk: "850.00"}


def test_what_was_agreed_to_is_not_put_away(me, root):
    one, draft = approved(me), expense(me)
    with pytest.raises(Conflict, match="cancelled, not put away"):
        archive_record(CustomerExpense, one.pk, actor=root)
    archive_record(CustomerExpense, draft.pk, actor=root)
    assert list(CustomerExpense.objects.filter(archived_at=None)) == [one]


# --- claiming --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", ["0", "400.01"])
def test_it_claims_at_most_what_was_agreed_to(me, claimed):
    one = approved(me)
    with pytest.raises(ValidationFailed) as refused:
        claim(one, me, claimed=claimed)
    assert [e.field for e in refused.value.errors] == ["claimed"]
    one.refresh_from_db()
    assert (one.status, one.claimed, CountedInvoice.objects.count()) == ("approved", None, 0)


def test_an_invoice_counts_once_in_the_company_however_it_is_written(me, acting, person):
    claim(approved(me), me, number="fp-2531 2000.0001")
    colleague = acting(person("sales_representative"))
    other = approved(colleague)
    with pytest.raises(ValidationFailed) as refused:
        claim(other, colleague, number="FP253120000001")
    assert [(e.field, e.code) for e in refused.value.errors] == [("invoice_number", "duplicate")]
    other.refresh_from_db()
    assert (other.status, other.invoice_number, other.claimed) == ("approved", "", None)
    assert list(CountedInvoice.objects.values_list("number", flat=True)) == ["FP253120000001"]


@pytest.mark.parametrize("number", ["12345", "发票一二三四五六", "1" * 40 + "2"])
def test_it_refuses_numbers_that_no_invoice_has(me, number):
    one = approved(me)
    with pytest.raises(ValidationFailed) as refused:
        claim(one, me, number=number)
    assert [e.field for e in refused.value.errors] == ["invoice_number"]
    assert not CountedInvoice.objects.exists()


def test_the_visit_is_the_evidence_where_the_rule_asks_for_it(me, seller):
    customer = make_customer(owner=seller)
    planned, done = make_visit(customer, owner=seller), make_visit(customer, owner=seller, status="done")
    elsewhere = make_visit(owner=seller, status="done")
    one = approved(me, customer=customer, kind="entertainment")
    for visit, code in ((None, "required"), (planned, "invalid"), (elsewhere, "invalid")):
        with pytest.raises(ValidationFailed) as refused:
            claim(one, me, **({"visit_id": visit.pk} if visit else {}))
        assert [(e.field, e.code) for e in refused.value.errors] == [("visit_id", code)]
    assert not CountedInvoice.objects.exists()
    assert claim(one, me, visit_id=done.pk).visit_id == done.pk


def test_below_the_amount_of_the_rule_it_needs_no_visit(me):
    below, above = approved(me, kind="other", amount="999"), approved(me, kind="other", amount="1000")
    assert claim(below, me, claimed="999").status == "claimed"
    with pytest.raises(ValidationFailed):
        claim(above, me, number=INVOICE[::-1], claimed="1000")


def test_finance_returns_a_claim_and_its_invoice_is_free_again(me, acting):
    finance, one = acting("finance"), claim(approved(me), me)
    actions.return_claim(one.pk, actor=finance, reason="Wrong title on the invoice")
    one.refresh_from_db()
    assert (one.status, one.claimed, one.invoice_number) == ("approved", None, "")
    assert claim(approved(me), me).status == "claimed"


def test_finance_pays_back_not_in_the_future_and_nobody_their_own(me, acting, root):
    one = claim(approved(me), me)
    with pytest.raises(NotAllowed):
        actions.reimburse_expense(one.pk, actor=me)
    own = actor_for(User.objects.get(pk=me.user_id), origin="test").trusted_with("customer-expenses.reimburse")
    with pytest.raises(NotAllowed, match="Somebody else"):
        actions.reimburse_expense(one.pk, actor=own)
    with pytest.raises(ValidationFailed):
        actions.reimburse_expense(one.pk, actor=acting("finance"), paid_on="2199-01-01")
    actions.reimburse_expense(one.pk, actor=acting("finance"), paid_on="2026-11-21")
    one.refresh_from_db()
    assert (one.status, one.paid_on) == ("reimbursed", date(2026, 11, 21))
    with pytest.raises(Conflict):
        actions.cancel_expense(one.pk, actor=me, reason="too late")


def test_imported_history_takes_its_invoices(me, root):
    customer = make_customer()
    values = {"kind": "gift", "customer": customer.pk, "purpose": "Tea", "spent_on": "2026-01-05", "amount": "100",
              "status": "reimbursed", "claimed": "90", "invoice_number": INVOICE, "paid_on": "2026-01-20"}  # fmt: skip
    save_record(CustomerExpense, values, actor=root, history=True)
    with pytest.raises(ValidationFailed):
        save_record(CustomerExpense, values, actor=root, history=True)
    with pytest.raises(ValidationFailed):
        claim(approved(me), me)
    assert CountedInvoice.objects.count() == 1


# --- figures ---------------------------------------------------------------------------------------------------


def test_they_are_measured_by_customer_and_stand_on_the_customer(me, seller, root, browse):
    customer = make_customer(owner=seller)
    values = {"name": "Deal", "customer": customer.pk, "amount": 5000, "status": "won", "opened_on": "2026-11-02",
              "closed_on": "2026-11-20"}  # fmt: skip
    save_record(Opportunity, values, actor=root, history=True)
    claim(approved(me, customer=customer), me, claimed="250")
    approved(me, customer=customer, amount="100")
    expense(me, customer)
    period = Period(date(2026, 11, 1), date(2026, 11, 30))
    assert measure(metric_named("customer_expenses"), me, period, customer=customer.pk) == Decimal(350)
    page = browse(seller).get(f"/customers/{customer.pk}/profit/panel").content.decode()
    assert "¥350.00" in page
    assert "rebates and freight are not in it yet" in page
    assert browse("sales_representative").get(f"/customers/{customer.pk}/profit/panel").status_code == 404


# --- two at once -----------------------------------------------------------------------------------------------


def at_once(*calls):
    """Run the calls in threads of their own, all at once; answers what they raised, or None."""
    start, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place, call):
        try:
            start.wait(10)
            call()
        except Exception as problem:
            results[place] = problem
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks")
@pytest.mark.django_db(transaction=True)
def test_two_at_once_neither_overspend_a_budget_nor_claim_an_invoice_twice(root, person):
    team = save_record(Department, {"name": "East"}, actor=root)
    seller = person("sales_representative", department=team)
    me = actor_for(seller, origin="test")
    one = budget(team, "1000")
    drafts = [expense(me) for _n in range(4)]
    calls = [lambda pk=draft.pk: actions.submit_expense(pk, actor=me) for draft in drafts]
    problems = [problem for problem in at_once(*calls) if problem]
    assert [type(problem) for problem in problems] == [Conflict, Conflict]
    assert actions.remaining(one) == Decimal(200)
    going = list(CustomerExpense.objects.filter(status="approved"))
    calls = [lambda pk=a.pk: actions.claim_expense(pk, actor=me, invoice_number=INVOICE, claimed="400") for a in going]
    problems = [problem for problem in at_once(*calls) if problem]
    assert [type(problem) for problem in problems] == [ValidationFailed]
    assert CountedInvoice.objects.count() == CustomerExpense.objects.filter(status="claimed").count() == 1
