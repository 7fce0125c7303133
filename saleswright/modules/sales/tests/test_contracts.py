"""Contracts: approval, signing, force, amendments, ends."""

from datetime import timedelta
from decimal import Decimal

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import OutboxEvent
from saleswright.kernel.ports import ports
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.actions import contracts, quotes
from saleswright.modules.sales.models import Contract, Order
from saleswright.modules.sales.states import ContractStatus

pytestmark = pytest.mark.django_db
S = ContractStatus
DAY = timedelta(days=1)


def problems(call):
    with pytest.raises(ValidationFailed) as caught:
        call()
    return [(error.field, error.code) for error in caught.value.errors]


@pytest.fixture
def quoted(sales, root):
    """A contract made from an accepted quote."""

    def make(status="", **values):
        quote = sales.quote(status="accepted")
        made = quotes.create_contract_from_quote(quote.pk, actor=root)
        if values or status:
            Contract.objects.filter(pk=made["id"]).update(**({"status": status} if status else {}), **values)
        return Contract.objects.get(pk=made["id"])

    return make


MATRIX = {
    "submit": (contracts.submit_contract, {}, {S.DRAFT}, S.APPROVED),
    "sign": (contracts.sign_contract, {}, {S.APPROVED}, S.IN_FORCE),
    "terminate": (contracts.terminate_contract, {"reason": "违约"}, {S.SIGNED, S.IN_FORCE}, S.TERMINATED),
    "complete": (contracts.complete_contract, {}, {S.IN_FORCE}, S.COMPLETED),
    "amend": (contracts.amend_contract, {}, {S.SIGNED, S.IN_FORCE}, None),
    "create-order": (contracts.create_order_from_contract, {}, {S.SIGNED, S.IN_FORCE}, None),
}


@pytest.mark.parametrize("state", S.values)
@pytest.mark.parametrize("name", MATRIX)
def test_it_moves_only_from_the_right_states(quoted, root, name, state):
    run, arguments, sources, target = MATRIX[name]
    contract = quoted(state)
    if state in sources:
        run(contract.pk, actor=root, **arguments)
        contract.refresh_from_db()
        assert contract.status == (target or state)
        return
    with pytest.raises(Conflict):
        run(contract.pk, actor=root, **arguments)
    contract.refresh_from_db()
    assert (contract.status, contract.version, contract.signed_on) == (state, 1, None)
    assert (Contract.objects.count(), Order.objects.count()) == (1, 0)


def test_it_lets_the_flows_decide_by_amount(sales, acting, monkeypatch):
    needs = []

    class Port:
        def request(self, *, need, **_):
            needs.append(need)
            return True

    monkeypatch.setattr(ports, "approval", Port())
    contract = sales.contract()
    contracts.submit_contract(contract.pk, actor=acting("administrator"))
    contract.refresh_from_db()
    assert contract.status == S.IN_APPROVAL
    assert (needs[0].facts, needs[0].approvers) == ({"amount": Decimal("1130.00"), "discount": Decimal(0)}, ())


def test_it_submits_no_contract_over_nothing(sales, root):
    contract = sales.contract(amount="0")
    with pytest.raises(Conflict):
        contracts.submit_contract(contract.pk, actor=root)
    contract.refresh_from_db()
    assert contract.status == S.DRAFT


def test_it_submits_nothing_for_an_archived_customer(sales, root, customer):
    contract = sales.contract()
    Customer.objects.filter(pk=customer.pk).update(archived_at=clock.now())
    with pytest.raises(Conflict):
        contracts.submit_contract(contract.pk, actor=root)
    contract.refresh_from_db()
    assert contract.status == S.DRAFT


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"amount": "-0.01"}, "amount", "range"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-31"}, "end_date", "order"),
        ({"title": ""}, "title", "required"),
        ({"signed_on": "2026-01-01"}, "signed_on", "read_only"),
        ({"currency": "EUR"}, "currency", "invalid"),
    ],
)
def test_it_refuses_bad_contracts(sales, values, field, code):
    assert problems(lambda: sales.contract(**values)) == [(field, code)]
    assert not Contract.objects.exists()


def test_it_refuses_a_quote_that_is_not_accepted(sales):
    assert problems(lambda: sales.contract(quote=sales.quote())) == [("quote", "invalid")]


# --- signing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "status"), [(None, S.IN_FORCE), (-1, S.IN_FORCE), (0, S.IN_FORCE), (1, S.SIGNED)])
def test_it_is_in_force_from_the_later_of_signature_and_start(sales, root, start, status):
    today = clock.today()
    contract = sales.contract(status=S.APPROVED, **({} if start is None else {"start_date": today + start * DAY}))
    contracts.sign_contract(contract.pk, actor=root, signed_on=today)
    contract.refresh_from_db()
    assert (contract.status, contract.signed_on, contract.base_added) == (status, today, Decimal("1130.00"))
    assert OutboxEvent.objects.filter(name="contracts.ContractSigned", record_id=contract.pk).count() == 1


@pytest.mark.parametrize("days", [1, -9])
def test_it_is_not_signed_in_the_future_or_after_its_end(sales, root, days):
    today = clock.today()
    contract = sales.contract(status=S.APPROVED, start_date=today - 20 * DAY, end_date=today - 10 * DAY)
    day = today + days * DAY
    assert problems(lambda: contracts.sign_contract(contract.pk, actor=root, signed_on=day)) == [("signed_on", "order")]
    contract.refresh_from_db()
    assert (contract.status, contract.signed_on) == (S.APPROVED, None)


def test_it_follows_the_calendar(sales, root):
    today = clock.today()
    begins = sales.contract(status=S.SIGNED, start_date=today)
    waits = sales.contract(status=S.SIGNED, start_date=today + DAY)
    last_day = sales.contract(status=S.IN_FORCE, end_date=today)
    over = sales.contract(status=S.IN_FORCE, end_date=today - DAY)
    assert contracts.move_with_time(actor=root, at=clock.now()) == {"in_force": 1, "expired": 1}
    states = [Contract.objects.get(pk=c.pk).status for c in (begins, waits, last_day, over)]
    assert states == [S.IN_FORCE, S.SIGNED, S.IN_FORCE, S.EXPIRED]


# --- amendments ------------------------------------------------------------------------------------------------


def test_it_is_replaced_by_its_signed_amendment(sales, root):
    contract = sales.contract(status=S.IN_FORCE)
    made = contracts.amend_contract(contract.pk, actor=root)
    amendment = Contract.objects.get(pk=made["id"])
    assert (amendment.status, amendment.amends_id, amendment.amount) == (S.DRAFT, contract.pk, contract.amount)
    Contract.objects.filter(pk=amendment.pk).update(status=S.APPROVED, amount=Decimal("1500.00"))
    contract.refresh_from_db()
    assert contract.status == S.IN_FORCE
    contracts.sign_contract(amendment.pk, actor=root)
    contract.refresh_from_db()
    amendment.refresh_from_db()
    assert (contract.status, contract.ended_on) == (S.TERMINATED, clock.today())
    assert amendment.number in contract.reason
    assert (amendment.status, amendment.base_added) == (S.IN_FORCE, Decimal("370.00"))
    (event,) = OutboxEvent.objects.filter(name="contracts.ContractReplaced")
    assert event.payload == {"record_id": contract.pk, "by_id": amendment.pk}


def test_it_has_one_open_amendment(sales, root):
    contract = sales.contract(status=S.IN_FORCE)
    contracts.amend_contract(contract.pk, actor=root)
    with pytest.raises(Conflict):
        contracts.amend_contract(contract.pk, actor=root)
    assert Contract.objects.count() == 2


def test_it_amends_nothing_that_has_ended(sales, root):
    contract = sales.contract(status=S.IN_FORCE)
    amendment = contracts.amend_contract(contract.pk, actor=root)["id"]
    contracts.terminate_contract(contract.pk, actor=root, reason="违约")
    Contract.objects.filter(pk=amendment).update(status=S.APPROVED)
    with pytest.raises(Conflict):
        contracts.sign_contract(amendment, actor=root)
    assert Contract.objects.get(pk=amendment).status == S.APPROVED


# --- orders ----------------------------------------------------------------------------------------------------


def test_it_becomes_an_order_with_the_lines_of_its_quote(quoted, root):
    contract = quoted(S.IN_FORCE)
    order = Order.objects.get(pk=contracts.create_order_from_contract(contract.pk, actor=root)["id"])
    assert (order.contract_id, order.quote_id, order.total) == (contract.pk, contract.quote_id, contract.amount)
    with pytest.raises(Conflict):
        contracts.create_order_from_contract(contract.pk, actor=root)
    with pytest.raises(Conflict):
        quotes.create_order_from_quote(contract.quote_id, actor=root)
    assert Order.objects.count() == 1


def test_it_has_no_lines_to_order_without_a_quote(sales, root):
    contract = sales.contract(status=S.IN_FORCE)
    with pytest.raises(Conflict):
        contracts.create_order_from_contract(contract.pk, actor=root)
    assert not Order.objects.exists()
