"""What is checked and filled in when opportunities are written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel import clock
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import ExchangeRate
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.customers.models import Contact
from saleswright.modules.pipeline.models import LossReason, Opportunity, Pipeline, Stage, StageChange
from saleswright.modules.pipeline.shipped import LOSS_REASONS, ship
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, make_product, stage

pytestmark = pytest.mark.django_db


def errors_of(response):
    assert response.status_code == 422, response.content.decode()
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


def test_it_ships_one_pipeline_with_five_stages_and_leaves_changes_alone(db):
    Stage.objects.filter(name="needs").update(probability=33)
    ship()
    rows = Stage.objects.filter(pipeline__name="default").order_by("sequence").values_list("name", "probability")
    assert list(rows) == [("new", 10), ("needs", 33), ("proposal", 50), ("negotiation", 70), ("closing", 90)]
    assert Pipeline.objects.count() == 1
    assert LossReason.objects.count() == len(LOSS_REASONS)


def test_it_starts_in_the_first_stage_of_the_first_pipeline(api):
    client = api("sales_representative")
    body = client.post("opportunities", {"name": "Pumps for Quay", "amount": "1000.00"}).json()
    assert body["number"].startswith("OP-")
    assert body["pipeline"]["id"] == Pipeline.objects.get(name="default").pk
    assert body["stage"]["id"] == stage("new").pk
    assert (body["probability"], body["status"], body["amount"], body["currency"]) == (10, "open", "1000.00", "CNY")
    assert body["opened_on"] == body["stage_since"] == clock.today().isoformat()
    assert body["owner"]["id"] == client.user.pk
    [step] = body["stage_history"]
    assert (step["from_stage"], step["to_stage"]["id"], step["days"]) == (None, stage("new").pk, None)


def test_it_starts_in_the_stage_given_and_knows_the_pipeline_from_it(api):
    body = api().post("opportunities", {"name": "Late start", "stage_id": stage("proposal").pk}).json()
    assert (body["pipeline"]["id"], body["probability"]) == (stage("proposal").pipeline_id, 50)


def test_it_refuses_a_stage_of_another_pipeline(api, root):
    other = save_record(Pipeline, {"name": "tender", "title": "Tenders", "sequence": 20}, actor=root)
    body = {"name": "Mixed up", "pipeline_id": other.pk, "stage_id": stage("new").pk}
    assert errors_of(api().post("opportunities", body)) == [("stage_id", "invalid")]
    assert errors_of(api().post("opportunities", {"name": "Empty", "pipeline_id": other.pk})) == [
        ("pipeline_id", "invalid")
    ]
    assert not Opportunity.objects.exists()


def test_it_refuses_to_change_the_stage_by_hand(api):
    deal = make_opportunity()
    response = api().patch(f"opportunities/{deal.pk}", {"stage_id": stage("needs").pk})
    assert errors_of(response) == [("stage_id", "read_only")]
    deal.refresh_from_db()
    assert deal.stage.name == "new"


def test_it_goes_to_the_first_stage_of_a_new_pipeline(api, root):
    tender = save_record(Pipeline, {"name": "tender", "title": "Tenders", "sequence": 20}, actor=root)
    values = {"pipeline": tender.pk, "name": "bid", "title": "Bid", "sequence": 10, "probability": 40}
    bid = save_record(Stage, values, actor=root)
    deal = make_opportunity()
    body = api().patch(f"opportunities/{deal.pk}", {"pipeline_id": tender.pk}).json()
    assert (body["stage"]["id"], body["probability"]) == (bid.pk, 40)
    steps = [
        (step["from_stage"] and step["from_stage"]["id"], step["to_stage"]["id"]) for step in body["stage_history"]
    ]
    assert steps == [(None, stage("new").pk), (stage("new").pk, bid.pk)]


def test_it_keeps_a_probability_set_by_hand_until_it_is_emptied(api, root):
    client, deal = api(), make_opportunity()
    path = f"opportunities/{deal.pk}"
    assert client.patch(path, {"probability": 35}).json()["probability_manual"] is True
    assert client.patch(path, {"next_step": "call"}).json()["probability"] == 35
    body = client.patch(path, {"probability": None}).json()
    assert (body["probability"], body["probability_manual"]) == (10, False)
    assert errors_of(client.patch(path, {"probability": 101})) == [("probability", "range")]


def test_it_adds_up_priced_lines_and_names_the_first_product(api):
    pump, hose = make_product(), make_product()
    lines = [
        {"product_id": pump.pk, "quantity": "3", "unit_price": "33.335"},
        {"product_id": hose.pk, "quantity": "0.5", "unit_price": "10"},
    ]
    body = api().post("opportunities", {"name": "Two lines", "amount": "7.00", "lines": lines}).json()
    assert (body["amount"], body["product"]["id"]) == ("105.01", pump.pk)  # 100.005 is 100.01, half up
    assert [line["amount"] for line in body["lines"]] == ["100.01", "5.00"]


def test_it_keeps_the_amount_while_a_line_has_no_price(api):
    lines = [{"product_id": make_product().pk, "quantity": "3"}]
    body = api().post("opportunities", {"name": "Estimate", "amount": "700.00", "lines": lines}).json()
    assert (body["amount"], body["lines"][0]["amount"]) == ("700.00", None)


def test_it_refuses_an_amount_other_than_the_sum_of_its_lines(api):
    lines = [{"product": make_product().pk, "quantity": 2, "unit_price": 50}]
    deal = make_opportunity(lines=lines)
    client = api()
    assert errors_of(client.patch(f"opportunities/{deal.pk}", {"amount": "99.00"})) == [("amount", "read_only")]
    deal.refresh_from_db()
    assert deal.amount == Decimal("100.00")
    assert client.patch(f"opportunities/{deal.pk}", {"lines": []}).json()["amount"] == "100.00"
    assert client.patch(f"opportunities/{deal.pk}", {"amount": "99.00"}).json()["amount"] == "99.00"


def test_it_refuses_a_line_beyond_all_sums(api):
    lines = [{"product_id": make_product().pk, "quantity": "99999999999", "unit_price": "999999999"}]
    response = api().post("opportunities", {"name": "Too much", "lines": lines})
    assert errors_of(response) == [("lines.0.unit_price", "range")]
    assert not Opportunity.objects.exists()


def test_it_keeps_the_amount_in_base_currency_at_the_rate_of_opening(db):
    now = clock.now()
    ExchangeRate.objects.create(
        currency="USD", valid_from=date(2026, 1, 1), rate=Decimal("7.123456"), created_at=now, updated_at=now
    )
    deal = make_opportunity(amount="1000.01", currency="usd", opened_on="2026-03-01")
    assert base_currency() == "CNY"
    assert (deal.currency, deal.base_amount) == ("USD", Decimal("7123.53"))  # 7123.5272…


def test_it_refuses_a_currency_without_a_rate(api):
    response = api().post("opportunities", {"name": "Abroad", "amount": "1.00", "currency": "XAU"})
    assert errors_of(response) == [("currency", "invalid")]
    assert not Opportunity.objects.exists()


def test_it_takes_the_customer_from_the_contact_and_refuses_anothers(api, root):
    customer = make_customer()
    contact = save_record(Contact, {"customer": customer.pk, "name": "Li Lei"}, actor=root)
    client = api()
    body = client.post("opportunities", {"name": "Pumps", "contact_id": contact.pk}).json()
    assert body["customer"]["id"] == customer.pk
    wrong = {"name": "Pumps", "contact_id": contact.pk, "customer_id": make_customer().pk}
    assert errors_of(client.post("opportunities", wrong)) == [("contact_id", "invalid")]
    assert Opportunity.objects.count() == 1


def test_it_is_called_after_customer_and_product_without_a_name(api):
    customer, product = make_customer(name="Quay"), make_product(name="Pump")
    body = api().post("opportunities", {"customer_id": customer.pk, "product_id": product.pk}).json()
    assert body["name"] == "Quay · Pump"
    assert api().post("opportunities", {"code": "X-1"}).json()["name"] == "X-1"
    assert errors_of(api().post("opportunities", {})) == [("name", "required")]


def test_it_says_which_ones_are_stuck(api):
    today = clock.today()
    old, edge, closed = make_opportunity(), make_opportunity(), make_opportunity()
    Opportunity.objects.filter(pk=old.pk).update(stage_due_on=date.fromordinal(today.toordinal() - 1))
    Opportunity.objects.filter(pk=edge.pk).update(stage_due_on=today)
    Opportunity.objects.filter(pk=closed.pk).update(
        stage_due_on=date.fromordinal(today.toordinal() - 1), status="lost", closed_on=today
    )
    items = api().get("opportunities").json()["items"]
    assert {item["id"]: item["stuck"] for item in items} == {old.pk: True, edge.pk: False, closed.pk: False}


def test_it_hides_other_peoples_opportunities(api, person):
    deal = make_opportunity(owner=person("sales_representative"))
    other = api("sales_representative")
    assert other.get(f"opportunities/{deal.pk}").status_code == 404
    assert other.act("opportunities", deal.pk, "win").status_code == 404
    assert other.get("opportunities").json()["items"] == []


def test_it_writes_twenty_with_as_many_queries_as_three(root):
    customer, product = make_customer(), make_product()

    def queries_for(count):
        drafts = [
            Draft(
                {"customer": customer.pk, "amount": "10"},
                lines={"lines": [{"product": product.pk, "quantity": 1, "unit_price": 10}]},
            )
            for _ in range(count)
        ]
        with CaptureQueriesContext(connection) as captured:
            save_records(Opportunity, drafts, actor=root)
        return len(captured)

    queries_for(1)
    assert queries_for(12) == queries_for(3)


# --- history ---------------------------------------------------------------------------------------------------


def test_it_takes_a_won_deal_of_the_past_as_it_stands(root):
    product = make_product()
    deal = make_opportunity(
        history=True, code="1C1I7A6R", status="won", customer=make_customer(), amount="1054",
        opened_on="2016-10-20", closed_on="2017-03-01", lines=[{"product": product.pk}],
    )  # fmt: skip
    assert (deal.status, deal.amount, deal.probability) == ("won", Decimal("1054.00"), 100)
    assert (deal.stage.name, deal.stage_since, deal.product_id) == ("closing", date(2017, 3, 1), product.pk)
    change = StageChange.objects.get(opportunity=deal)
    assert (change.to_stage.name, clock.local_date(change.at)) == ("closing", date(2016, 10, 20))


def test_it_leaves_the_day_of_opening_unknown_in_a_file_that_does_not_tell_it(root):
    drafts = [Draft({"code": "500", "name": "Prospect"}, row=2)]
    save_records(Opportunity, drafts, actor=root)
    assert Opportunity.objects.get(code="500").opened_on is None


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"status": "won", "closed_on": "2017-03-01"}, "customer", "required"),
        ({"status": "lost"}, "closed_on", "required"),
        ({"closed_on": "2017-03-01"}, "closed_on", "invalid"),
        ({"status": "lost", "opened_on": "2017-03-02", "closed_on": "2017-03-01"}, "closed_on", "order"),
    ],
)
def test_it_refuses_history_that_contradicts_itself(root, values, field, code):
    with pytest.raises(ValidationFailed) as refused:
        make_opportunity(history=True, **values)
    assert [(e.field, e.code) for e in refused.value.errors] == [(field, code)]
    assert not Opportunity.objects.exists()


def test_it_takes_the_same_closed_deal_again_but_no_change_of_it(api, root):
    product, customer = make_product(), make_customer()
    deal = make_opportunity(
        history=True, code="X", name="Past", status="won", customer=customer, amount="5", closed_on="2017-03-01",
        lines=[{"product": product.pk}],
    )  # fmt: skip
    again = Draft({"code": "X", "amount": "5"}, pk=deal.pk, lines={"lines": [{"product": product.pk}]})
    other = Draft({"code": "X", "amount": "6"}, pk=deal.pk)
    save_records(Opportunity, [again], actor=root)
    deal.refresh_from_db()
    assert (deal.version, deal.amount) == (1, Decimal("5.00"))
    assert api().patch(f"opportunities/{deal.pk}", {"amount": "6.00"}).status_code == 409
    saved = save_records(Opportunity, [other, Draft({"name": "New"})], actor=root, skip_bad=True)
    assert [[(e.field, e.code) for e in draft.errors] for draft in saved.bad] == [[("", "conflict")]]
    deal.refresh_from_db()
    assert (deal.version, deal.amount) == (1, Decimal("5.00"))


# --- stages ----------------------------------------------------------------------------------------------------


def test_it_refuses_exit_criteria_that_are_no_fields(api):
    response = api().patch(f"stages/{stage('new').pk}", {"exit_requires": ["customer", "nonsense"]})
    assert errors_of(response) == [("exit_requires", "choice")]
    assert stage("new").exit_requires == []


def test_it_refuses_to_take_a_stage_in_use_to_another_pipeline(api, root):
    other = save_record(Pipeline, {"name": "tender", "title": "Tenders", "sequence": 20}, actor=root)
    make_opportunity()
    response = api().patch(f"stages/{stage('new').pk}", {"pipeline_id": other.pk})
    assert errors_of(response) == [("pipeline_id", "invalid")]
    assert stage("new").pipeline.name == "default"


def test_it_hands_a_stages_new_probability_to_open_deals_not_set_by_hand(api):
    plain, manual = make_opportunity(), make_opportunity(probability=35)
    lost = make_opportunity(history=True, status="lost", closed_on="2026-01-01")
    api().patch(f"stages/{stage('new').pk}", {"probability": 20})
    probabilities = dict(Opportunity.objects.values_list("pk", "probability"))
    assert probabilities == {plain.pk: 20, manual.pk: 35, lost.pk: 0}


@pytest.mark.parametrize("name", ["stages", "pipelines", "loss-reasons"])
def test_it_lets_representatives_look_stages_up_but_not_write_them(api, name):
    client = api("sales_representative")
    [first, *_rest] = client.get(name).json()["items"]
    assert client.patch(f"{name}/{first['id']}", {"archived": True}).status_code in {403, 422}
    assert client.delete(f"{name}/{first['id']}").status_code == 403
