"""Quotes: amounts, prices, authority, states."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, ExchangeRate, OutboxEvent
from saleswright.kernel.ports import ports
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.pricing.models import PriceList
from saleswright.modules.sales.actions import orders, quotes
from saleswright.modules.sales.models import Contract, Order, Quote, QuoteLine
from saleswright.modules.sales.queries import margin_of
from saleswright.modules.sales.states import QuoteStatus

pytestmark = pytest.mark.django_db
S = QuoteStatus


def problems(call):
    with pytest.raises(ValidationFailed) as caught:
        call()
    return [(error.field, error.code) for error in caught.value.errors]


# --- amounts ---------------------------------------------------------------------------------------------------


def test_it_fills_price_and_tax_and_adds_up(sales):
    quote = sales.quote(sales.line("3"), sales.line("1", discount_percent="10"))
    assert (quote.untaxed, quote.tax, quote.total) == (Decimal("390.00"), Decimal("50.70"), Decimal("440.70"))
    assert (quote.base_untaxed, quote.base_total) == (Decimal("390.00"), Decimal("440.70"))
    line = quote.lines.order_by("position").last()
    assert (line.unit_price, line.tax_rate, line.list_price) == (Decimal(100), Decimal(13), Decimal(100))
    assert (line.net, line.tax, line.gross, line.base_net) == tuple(map(Decimal, ("90", "11.70", "101.70", "90")))


def test_it_rounds_tax_line_by_line_half_up(sales):
    lines = [sales.line("1", unit_price="0.50") for _ in range(3)]  # 13 % of 0.50 is 0.065
    quote = sales.quote(*lines)
    assert (quote.untaxed, quote.tax, quote.total) == (Decimal("1.50"), Decimal("0.21"), Decimal("1.71"))


def test_it_keeps_the_gross_exact_when_prices_include_tax(sales):
    quote = sales.quote(sales.line("3", unit_price="33.33"), price_includes_tax=True)
    assert (quote.total, quote.untaxed, quote.tax) == (Decimal("99.99"), Decimal("88.49"), Decimal("11.50"))


def test_it_adds_the_tax_to_a_price_that_was_left_out(sales):
    quote = sales.quote(price_includes_tax=True)
    assert quote.lines.get().unit_price == Decimal(113)
    assert (quote.total, quote.effective_discount) == (Decimal("1130.00"), Decimal(0))


def test_it_takes_the_price_of_the_price_list(sales, root):
    rows = {"lines": [{"product": sales.product.pk, "min_quantity": "10", "price": "80"}]}
    save_record(PriceList, {"name": "B", "valid_from": "2020-01-01"}, lines=rows, actor=root)
    assert sales.quote(sales.line("9")).lines.get().unit_price == Decimal(100)
    assert sales.quote(sales.line("10")).lines.get().unit_price == Decimal(80)


def test_it_works_out_amounts_in_base_currency(sales):
    at = clock.now()
    ExchangeRate.objects.create(
        currency="USD", rate=Decimal("7.1234"), valid_from=date(2020, 1, 1), created_at=at, updated_at=at
    )
    quote = sales.quote(sales.line("1", unit_price="0.05"), sales.line("1", unit_price="0.05"), currency="usd")
    assert quote.currency == "USD"
    assert (quote.base_untaxed, quote.base_total) == (Decimal("0.71"), Decimal("0.85"))
    assert sum(quote.lines.values_list("base_net", flat=True)) == Decimal("0.71")


def test_it_reworks_the_lines_when_the_document_changes(sales, root):
    quote = sales.quote(sales.line("1", unit_price="113"))
    save_record(Quote, {"price_includes_tax": True}, pk=quote.pk, actor=root)
    quote.refresh_from_db()
    assert (quote.untaxed, quote.tax, quote.total) == (Decimal("100.00"), Decimal("13.00"), Decimal("113.00"))
    assert quote.lines.get().net == Decimal("100.00")


def test_it_takes_the_exchange_rate_of_its_day(sales, root):
    at = clock.now()
    for year, rate in ((2020, "7"), (2026, "8")):
        ExchangeRate.objects.create(
            currency="USD", rate=Decimal(rate), valid_from=date(year, 1, 1), created_at=at, updated_at=at
        )
    quote = sales.quote(sales.line("1", unit_price="10"), currency="USD", quoted_on="2026-06-01")
    assert quote.base_untaxed == Decimal("80.00")
    save_record(Quote, {"quoted_on": "2025-06-01"}, pk=quote.pk, actor=root)
    quote.refresh_from_db()
    assert (quote.base_untaxed, quote.lines.get().base_net) == (Decimal("70.00"), Decimal("70.00"))


def test_it_renews_price_and_tax_when_a_line_gets_another_product(sales, root):
    quote = sales.quote()
    other = save_record(Product, {"name": "安装", "list_price": "50", "tax_rate": "6"}, actor=root)
    line = {"id": quote.lines.get().pk, "product": other.pk, "quantity": "2"}
    save_record(Quote, {}, pk=quote.pk, lines={"lines": [line]}, actor=root)
    quote.refresh_from_db()
    assert (quote.untaxed, quote.tax) == (Decimal("100.00"), Decimal("6.00"))


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ({"quantity": "0"}, "lines.0.quantity", "range"),
        ({"quantity": "-1"}, "lines.0.quantity", "range"),
        ({"unit_price": "-0.01"}, "lines.0.unit_price", "range"),
        ({"discount_percent": "100.01"}, "lines.0.discount_percent", "range"),
        ({"discount_percent": "-1"}, "lines.0.discount_percent", "range"),
        ({"tax_rate": "-1"}, "lines.0.tax_rate", "range"),
        ({"product": 999999}, "lines.0.product", "not_found"),
        ({"quantity": "99999999999", "unit_price": "999999999"}, "lines.0.quantity", "range"),
        ({"net": "1"}, "lines.0.net", "unknown"),
    ],
)
def test_it_refuses_bad_lines(sales, line, field, code):
    assert problems(lambda: sales.quote(sales.line() | line)) == [(field, code)]
    assert not Quote.objects.exists()


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"quoted_on": "2026-11-23", "valid_until": "2026-11-22"}, "valid_until", "order"),
        ({"currency": "EUR"}, "currency", "invalid"),
        ({"currency": "¥¥¥"}, "currency", "invalid"),
        ({"customer": 999999}, "customer", "not_found"),
        ({"answered_on": "2026-11-23"}, "answered_on", "read_only"),
    ],
)
def test_it_refuses_bad_quotes(sales, values, field, code):
    assert problems(lambda: sales.quote(**values)) == [(field, code)]
    assert not Quote.objects.exists()


def test_it_refuses_a_quote_without_lines(root, customer):
    call = lambda: save_record(Quote, {"customer": customer.pk}, lines={"lines": []}, actor=root)  # noqa: E731
    assert problems(call) == [("lines", "required")]


def test_it_refuses_the_contact_of_another_customer(sales, root):
    other = save_record(Customer, {"name": "别家公司"}, actor=root)
    contact = save_record(Contact, {"name": "王明", "customer": other.pk}, actor=root)
    assert problems(lambda: sales.quote(contact=contact)) == [("contact", "invalid")]


def test_it_refuses_discontinued_products_on_new_lines_only(sales, root):
    quote = sales.quote()
    save_record(Product, {"life_cycle": "discontinued"}, pk=sales.product.pk, actor=root)
    assert problems(lambda: sales.quote()) == [("lines.0.product", "not_allowed")]
    save_record(Quote, {}, pk=quote.pk, lines={"lines": [{"id": quote.lines.get().pk, "quantity": "5"}]}, actor=root)
    quote.refresh_from_db()
    assert quote.untaxed == Decimal("500.00")


# --- discount and authority ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "includes_tax", "expected"),
    [
        ({"discount_percent": "12.5"}, False, "12.5"),
        ({"unit_price": "80"}, False, "20"),
        ({"unit_price": "90", "discount_percent": "10"}, False, "19"),
        ({"unit_price": "120"}, False, "0"),
        ({"unit_price": "101.70"}, True, "10"),
        ({"unit_price": "0"}, False, "100"),
    ],
)
def test_it_knows_the_discount_however_it_was_entered(sales, line, includes_tax, expected):
    quote = sales.quote(sales.line("10", discount_percent="5"), sales.line() | line, price_includes_tax=includes_tax)
    # the first line gives 5 % (with tax included it was filled in at 113)
    assert quote.effective_discount == max(Decimal(expected), Decimal(5))


def test_it_does_not_count_the_rounding_to_cents_as_discount(sales):
    quote = sales.quote(sales.line("1", unit_price="100", discount_percent="9.996"))
    assert quote.effective_discount == Decimal("9.996")
    assert sales.quote(sales.line("0.0333")).effective_discount == 0


class Asked:
    """An approval port that notes what it is asked."""

    def __init__(self, waits=True):
        self.needs, self.waits = [], waits

    def request(self, *, need, **_):
        self.needs.append(need)
        return self.waits and bool(need.approvers)


@pytest.fixture
def asked(monkeypatch):
    port = Asked()
    monkeypatch.setattr(ports, "approval", port)
    return port


def test_it_approves_at_once_within_the_own_authority(sales, acting, customer, person, asked):
    seller = person("sales_representative")
    Customer.objects.filter(pk=customer.pk).update(owner=seller)
    quote = sales.quote(sales.line(discount_percent="10"), actor=acting(seller))
    quotes.submit_quote(quote.pk, actor=acting(seller))
    quote.refresh_from_db()
    assert (quote.status, [need.approvers for need in asked.needs]) == (S.APPROVED, [()])


def test_it_asks_the_manager_with_authority_above_the_own(sales, acting, customer, person, asked):
    manager = person("sales_manager")
    seller = person("sales_representative", manager=manager)
    Customer.objects.filter(pk=customer.pk).update(owner=seller)
    quote = sales.quote(sales.line(discount_percent="10.0001"), actor=acting(seller))
    quotes.submit_quote(quote.pk, actor=acting(seller))
    quote.refresh_from_db()
    assert quote.status == S.IN_APPROVAL
    (need,) = asked.needs
    assert need.approvers == ((manager.pk,),)
    assert need.known() == {"discount": Decimal("10.0001"), "amount": quote.base_total, "margin": Decimal("22.22")}
    quotes.submit_quote(quote.pk, actor=acting(seller), approved=True)
    quote.refresh_from_db()
    assert quote.status == S.APPROVED


def test_it_refuses_when_there_is_nobody_to_ask(sales, acting, asked):
    quote = sales.quote(sales.line(discount_percent="5"))
    with pytest.raises(Conflict):
        quotes.submit_quote(quote.pk, actor=acting("administrator"))
    quote.refresh_from_db()
    assert (quote.status, asked.needs) == (S.DRAFT, [])


# --- states ----------------------------------------------------------------------------------------------------

MATRIX = {
    "submit": (quotes.submit_quote, {}, {S.DRAFT}, S.APPROVED),
    "send": (quotes.send_quote, {}, {S.APPROVED}, S.SENT),
    "accept": (quotes.accept_quote, {}, {S.APPROVED, S.SENT}, S.ACCEPTED),
    "decline": (quotes.decline_quote, {"reason": "太贵"}, {S.APPROVED, S.SENT}, S.DECLINED),
    "cancel": (quotes.cancel_quote, {"reason": "笔误"}, {S.DRAFT, S.APPROVED, S.SENT}, S.CANCELLED),
    "revise": (quotes.revise_quote, {}, {S.APPROVED, S.SENT, S.DECLINED, S.EXPIRED}, None),
    "create-order": (quotes.create_order_from_quote, {}, {S.ACCEPTED}, None),
    "create-contract": (quotes.create_contract_from_quote, {}, {S.ACCEPTED}, None),
}


@pytest.mark.parametrize("state", S.values)
@pytest.mark.parametrize("name", MATRIX)
def test_it_moves_only_from_the_right_states(sales, root, name, state):
    run, arguments, sources, target = MATRIX[name]
    quote = sales.quote(status=state)
    if state in sources:
        run(quote.pk, actor=root, **arguments)
        quote.refresh_from_db()
        assert quote.status == (target or state)
        return
    with pytest.raises(Conflict):
        run(quote.pk, actor=root, **arguments)
    quote.refresh_from_db()
    assert (quote.status, quote.version, quote.is_current) == (state, 1, True)
    assert (Quote.objects.count(), Order.objects.count(), Contract.objects.count()) == (1, 0, 0)


@pytest.mark.parametrize("state", [s for s in S.values if s != S.DRAFT])
def test_it_is_edited_and_deleted_as_a_draft_only(sales, api, state):
    quote = sales.quote(status=state)
    client = api()
    assert client.patch(f"quotes/{quote.pk}", {"terms": "x"}).status_code == 409
    assert client.delete(f"quotes/{quote.pk}").status_code == 409
    quote.refresh_from_db()
    assert quote.terms == ""


@pytest.mark.parametrize(("name", "state"), [("submit", S.DRAFT), ("send", S.APPROVED), ("accept", S.SENT)])
def test_it_goes_no_further_after_its_last_day(sales, root, name, state):
    yesterday = clock.today() - timedelta(days=1)
    quote = sales.quote(quoted_on="2026-01-01", valid_until=yesterday, status=state)
    with pytest.raises(Conflict):
        MATRIX[name][0](quote.pk, actor=root)
    quote.refresh_from_db()
    assert quote.status == state


def test_it_is_accepted_on_its_last_day(sales, root):
    quote = sales.quote(valid_until=clock.today(), status=S.SENT)
    quotes.accept_quote(quote.pk, actor=root)
    quote.refresh_from_db()
    assert (quote.status, quote.answered_on) == (S.ACCEPTED, clock.today())
    assert OutboxEvent.objects.filter(name="quotes.QuoteAccepted", record_id=quote.pk).count() == 1


@pytest.mark.parametrize(("name", "state"), [("submit", S.DRAFT), ("create-order", S.ACCEPTED)])
def test_it_agrees_nothing_with_an_archived_customer(sales, root, customer, name, state):
    quote = sales.quote(status=state)
    Customer.objects.filter(pk=customer.pk).update(archived_at=clock.now())
    with pytest.raises(Conflict):
        MATRIX[name][0](quote.pk, actor=root)
    quote.refresh_from_db()
    assert (quote.status, Order.objects.count()) == (state, 0)


def test_it_needs_a_reason_to_be_declined(sales, root):
    quote = sales.quote(status=S.SENT)
    assert problems(lambda: quotes.decline_quote(quote.pk, actor=root)) == [("reason", "required")]
    quote.refresh_from_db()
    assert quote.status == S.SENT


def test_it_refuses_people_without_rights(sales, acting):
    quote = sales.quote()
    with pytest.raises(NotFound):
        quotes.submit_quote(quote.pk, actor=acting("sales_representative"))
    with pytest.raises(NotAllowed):
        quotes.submit_quote(quote.pk, actor=acting("auditor"))
    quote.refresh_from_db()
    assert quote.status == S.DRAFT


# --- revisions -------------------------------------------------------------------------------------------------


def test_it_revises_into_a_new_draft(sales, root):
    quote = sales.quote(sales.line("3", discount_percent="4"), terms="款到发货", status=S.SENT)
    made = quotes.revise_quote(quote.pk, actor=root)
    copy = Quote.objects.get(pk=made["id"])
    assert copy.number == made["number"] == f"{quote.number}-R2"
    assert (copy.status, copy.revision, copy.root_id, copy.previous_id) == (S.DRAFT, 2, quote.pk, quote.pk)
    assert (copy.terms, copy.total, copy.is_current) == ("款到发货", quote.total, True)
    quote.refresh_from_db()
    assert (quote.status, quote.is_current) == (S.SENT, False)


def test_it_revises_a_revision_under_the_first_number(sales, root):
    first = sales.quote(status=S.SENT)
    second = quotes.revise_quote(first.pk, actor=root)["id"]
    Quote.objects.filter(pk=second).update(status=S.SENT)
    third = Quote.objects.get(pk=quotes.revise_quote(second, actor=root)["id"])
    assert (third.number, third.root_id, third.previous_id) == (f"{first.number}-R3", first.pk, second)
    assert list(Quote.objects.filter(is_current=True)) == [third]


@pytest.mark.parametrize("name", ["accept", "decline", "revise"])
def test_it_leaves_replaced_revisions_alone(sales, root, name):
    quote = sales.quote(status=S.SENT)
    quotes.revise_quote(quote.pk, actor=root)
    with pytest.raises(Conflict):
        MATRIX[name][0](quote.pk, actor=root, **MATRIX[name][1])
    quote.refresh_from_db()
    assert (quote.status, Quote.objects.count()) == (S.SENT, 2)


@pytest.mark.parametrize("how", ["cancelled", "deleted"])
def test_it_is_current_again_when_its_revision_is_given_up(sales, root, how):
    quote = sales.quote(status=S.SENT)
    revision = quotes.revise_quote(quote.pk, actor=root)["id"]
    if how == "deleted":
        delete_record(Quote, revision, actor=root)
    else:
        quotes.cancel_quote(revision, actor=root, reason="不改了")
    assert list(Quote.objects.filter(is_current=True)) == [quote]
    quotes.accept_quote(quote.pk, actor=root)
    assert Quote.objects.get(pk=quote.pk).status == S.ACCEPTED


# --- what comes of it ------------------------------------------------------------------------------------------


def test_it_becomes_an_order_with_nothing_typed_twice(sales, root, person):
    owner = person("sales_representative")
    quote = sales.quote(sales.line("3", discount_percent="4", description="含安装"), owner=owner, status=S.ACCEPTED)
    made = quotes.create_order_from_quote(quote.pk, actor=root)
    order = Order.objects.get(pk=made["id"])
    assert order.number == made["number"]
    assert (order.customer_id, order.quote_id, order.owner_id) == (quote.customer_id, quote.pk, owner.pk)
    assert (order.untaxed, order.tax, order.total) == (quote.untaxed, quote.tax, quote.total)
    assert order.lines.get().description == "含安装"
    assert order.effective_discount == Decimal(4)


def test_it_keeps_the_settled_list_price_in_the_order(sales, root):
    quote = sales.quote(sales.line(discount_percent="4"), status=S.ACCEPTED)
    save_record(Product, {"list_price": "200"}, pk=sales.product.pk, actor=root)
    order = Order.objects.get(pk=quotes.create_order_from_quote(quote.pk, actor=root)["id"])
    assert (order.effective_discount, order.total) == (Decimal(4), quote.total)


@pytest.mark.parametrize("name", ["create-order", "create-contract"])
def test_it_becomes_one_live_order_and_contract(sales, root, name):
    run = MATRIX[name][0]
    quote = sales.quote(status=S.ACCEPTED)
    made = run(quote.pk, actor=root)["id"]
    with pytest.raises(Conflict):
        run(quote.pk, actor=root)
    model, ended = (Order, "cancelled") if name == "create-order" else (Contract, "terminated")
    assert model.objects.count() == 1
    model.objects.filter(pk=made).update(status=ended)
    assert run(quote.pk, actor=root)["id"] != made


def test_it_becomes_a_contract_over_its_total(sales, root):
    quote = sales.quote(sales.line("3", discount_percent="4"), terms="款到发货", status=S.ACCEPTED)
    contract = Contract.objects.get(pk=quotes.create_contract_from_quote(quote.pk, actor=root)["id"])
    assert (contract.amount, contract.base_amount, contract.clauses) == (quote.total, quote.base_total, "款到发货")
    assert (contract.quote_id, contract.effective_discount, contract.status) == (quote.pk, Decimal(4), "draft")


def test_it_orders_under_the_signed_contract(sales, root):
    quote = sales.quote(status=S.ACCEPTED)
    contract = quotes.create_contract_from_quote(quote.pk, actor=root)["id"]
    Contract.objects.filter(pk=contract).update(status="in_force")
    order = quotes.create_order_from_quote(quote.pk, actor=root)["id"]
    assert Order.objects.get(pk=order).contract_id == contract


# --- time and history ------------------------------------------------------------------------------------------


def test_it_expires_after_its_last_day(sales, root):
    today, before = clock.today(), clock.today() - timedelta(days=1)
    over = sales.quote(quoted_on="2026-01-01", valid_until=before, status=S.SENT)
    sales.quote(valid_until=today, status=S.SENT)
    sales.quote(quoted_on="2026-01-01", valid_until=before, status=S.DRAFT)
    assert quotes.expire_quotes(actor=root, at=clock.now()) == 1
    assert list(Quote.objects.filter(status=S.EXPIRED)) == [over]
    over.refresh_from_db()
    assert over.version == 2
    entry = AuditEntry.objects.get(resource="quotes", record_id=over.pk, action="expire")
    assert entry.changes == {"status": ["sent", "expired"]}
    assert quotes.expire_quotes(actor=root, at=clock.now()) == 0


def test_it_takes_history_as_it_stands(root, customer, product):
    save_record(Product, {"life_cycle": "discontinued"}, pk=product.pk, actor=root)
    values = {"customer": customer.pk, "number": "Q-2019-1", "status": "accepted", "quoted_on": "2019-03-01",
              "valid_until": "2019-04-01", "answered_on": "2019-03-20"}  # fmt: skip
    line = {"product": product.pk, "quantity": "2", "unit_price": "10"}
    quote = save_record(Quote, values, lines={"lines": [line]}, actor=root, history=True)
    assert (quote.number, quote.status, quote.total) == ("Q-2019-1", "accepted", Decimal("22.60"))
    assert (quote.answered_on, quote.effective_discount) == (date(2019, 3, 20), Decimal(90))


# --- cost ------------------------------------------------------------------------------------------------------


def test_it_takes_as_many_statements_for_many_lines_as_for_one(sales, root):
    def chain(count):
        with CaptureQueriesContext(connection) as captured:
            quote = sales.quote(*[sales.line() for _ in range(count)])
            quotes.submit_quote(quote.pk, actor=root)
            quotes.accept_quote(quote.pk, actor=root)
            made = quotes.create_order_from_quote(quote.pk, actor=root)
            orders.confirm_order(made["id"], actor=root)
        return len(captured)

    chain(1)  # what is kept in the process is read once
    assert chain(1) == chain(40)
    assert QuoteLine.objects.count() == 42


def test_its_margin_is_known_when_every_cost_is(sales, root, customer):
    first = save_record(Product, {"name": "Motor", "list_price": "100", "cost": "60"}, actor=root)
    second = save_record(Product, {"name": "Brake", "list_price": "50", "cost": "45"}, actor=root)
    lines = [{"product": first.pk, "quantity": "2"}, {"product": second.pk, "quantity": "1"}]
    quote = save_record(Quote, {"customer": customer.pk}, lines={"lines": lines}, actor=root)
    assert margin_of(quote) == Decimal("34.00")  # 250 sold, 165 cost
    save_record(Product, {"cost": None}, pk=second.pk, actor=root)
    assert margin_of(quote) is None
