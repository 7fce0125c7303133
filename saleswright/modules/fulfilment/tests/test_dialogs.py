"""Accepting deliveries in part, and deliveries made by hand: lines of the order chosen, and no others."""

import re
from decimal import Decimal

import pytest

from saleswright.interface.tests.dialogs import ask, inputs, mistakes, send, table_rows
from saleswright.kernel.models import User
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.fulfilment import actions
from saleswright.modules.fulfilment.models import Delivery
from saleswright.modules.fulfilment.tests.factories import ROOT, line_ids, make_order
from saleswright.modules.sales.models import Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(browse, person):
    user = person("warehouse")
    User.objects.filter(pk=user.pk).update(language="en")
    return browse(User.objects.get(pk=user.pk))


@pytest.fixture
def shipped():
    order = make_order("10", "4")
    first, second = line_ids(order)
    lines = [{"order_line": pk, "quantity": Decimal(n)} for pk, n in ((first, 6), (second, 4), (first, 2))]
    delivery = save_record(Delivery, {"order": order.pk}, lines={"lines": lines}, actor=ROOT)
    actions.ship_delivery(delivery.pk, actor=ROOT)
    return delivery


def products(order):
    return [line.product.name for line in order.lines.order_by("position")]


def quantities(delivery):
    rows = delivery.lines.order_by("position").values_list("accepted_quantity", "refused_quantity")
    return [(accepted, refused) for accepted, refused in rows]


class TestAccepting:
    def test_it_offers_what_was_shipped_of_each_order_line(self, client, shipped):
        text = ask(client, f"/deliveries/{shipped.pk}/actions/accept")
        one, other = products(shipped.order)
        assert table_rows(text) == [([one, "8"], "8"), ([other, "4"], "4")]

    def test_it_refuses_the_rest_of_what_was_typed(self, client, shipped):
        answer = send(client, f"/deliveries/{shipped.pk}/actions/accept", **{"lines-0-quantity": "7"})
        assert answer.status_code == 204
        assert quantities(shipped) == [(6, 0), (4, 0), (1, 1)]

    def test_it_takes_lines_left_out_as_accepted_in_full(self, client, shipped):
        given = {"lines-0-quantity": "", "lines-1-quantity": "0"}
        send(client, f"/deliveries/{shipped.pk}/actions/accept", **given)
        assert quantities(shipped) == [(6, 0), (0, 4), (2, 0)]

    def test_it_says_what_is_too_much_beside_the_row(self, client, shipped):
        given = {"lines-0-quantity": "", "lines-1-quantity": "5"}
        text = send(client, f"/deliveries/{shipped.pk}/actions/accept", **given).content.decode()
        assert mistakes(text) == {"lines-1-quantity": ["From 0 to the 4 that were shipped."]}
        assert [value for _shown, value in table_rows(text)] == ["", "5"]
        assert quantities(shipped) == [(None, 0)] * 3


class TestByHand:
    def test_it_fills_what_is_open_of_the_order(self, client):
        order = make_order("10", "4")
        first, second = line_ids(order)
        actions.create_delivery(order.pk, actor=ROOT)
        Delivery.objects.get().lines.filter(order_line=first).update(quantity=Decimal(3))
        answer = client.get(f"/deliveries/new?fill=order&order={order.pk}").json()
        product = products(order)[0]
        assert answer == {
            "fields": {},
            "lines": {
                "lines": [
                    {
                        "order_line": {
                            "value": first,
                            "label": f"{product}: 10 ordered, 10 still to be delivered",
                        },
                        "quantity": {"value": "7", "label": ""},
                    }
                ]
            },
        }
        text = client.get(f"/deliveries/new?order={order.pk}").content.decode()
        assert inputs(text)["lines-0-quantity"] == "7"
        assert re.search(rf'<option value="{first}" selected>{product}: 10 ordered', text)
        assert f'<option value="{second}"' not in text

    def test_it_offers_the_lines_of_the_order_alone(self, client):
        order = make_order("10", "4")
        make_order("5")
        one, other = products(order)
        offered = client.get(f"/deliveries/new?pick=lines.order_line&order={order.pk}").json()
        assert [(row["id"], row["label"]) for row in offered] == [
            (line_ids(order)[0], f"{one}: 10 ordered, 10 still to be delivered"),
            (line_ids(order)[1], f"{other}: 4 ordered, 4 still to be delivered"),
        ]
        found = client.get("/deliveries/new", {"pick": "lines.order_line", "order": order.pk, "q": other.upper()})
        assert [row["id"] for row in found.json()] == [line_ids(order)[1]]

    @pytest.mark.parametrize("order", ["", "0", "x", "999999", str(2**70)])
    def test_it_offers_nothing_without_an_order(self, client, order):
        make_order("5")
        assert client.get(f"/deliveries/new?pick=lines.order_line&order={order}").json() == []

    def test_it_refuses_lines_of_another_order_on_the_page_as_by_the_api(self, client, api):
        order, other = make_order("10"), make_order("5")
        sent = {"order": order.pk, "lines-0-order_line": line_ids(other)[0], "lines-0-quantity": "1"}
        text = client.post("/deliveries/new", sent).content.decode()
        assert mistakes(text) == {"lines-0-order_line": ["The order has no such line."]}
        assert products(other)[0] not in text
        lines = [{"order_line_id": line_ids(other)[0], "quantity": "1"}]
        refused = api().post("deliveries", {"order_id": order.pk, "lines": lines})
        assert [error["field"] for error in refused.json()["errors"]] == ["lines.0.order_line_id"]
        assert not Delivery.objects.exists()

    def test_it_shows_the_lines_when_it_is_edited(self, client, django_assert_max_num_queries):
        order = make_order(*["2"] * 12)
        made = actions.create_delivery(order.pk, actor=ROOT)
        with django_assert_max_num_queries(20):
            text = client.get(f"/deliveries/{made['id']}/edit").content.decode()
        shown = re.findall(r'<select name="lines-\d+-order_line".*?<option value="(\d+)" selected>', text, re.S)
        assert shown == [str(pk) for pk in line_ids(order)]

    def test_it_keeps_its_lines_when_the_order_was_put_away(self, client):
        order = make_order("10")
        made = actions.create_delivery(order.pk, actor=ROOT)
        archive_record(Order, order.pk, actor=ROOT)
        text = client.get(f"/deliveries/{made['id']}/edit").content.decode()
        assert re.search(
            rf'<select name="lines-0-order_line".*?<option value="{line_ids(order)[0]}" selected>', text, re.S
        )

    def test_it_says_nothing_of_orders_one_may_not_see(self, browse):
        order = make_order("5")
        made = actions.create_delivery(order.pk, actor=ROOT)
        at = "?pick=lines.order_line&order="
        assert browse("sales_representative").get(f"/deliveries/new{at}{order.pk}").status_code == 403
        assert browse("sales_representative").get(f"/deliveries/{made['id']}/edit{at}{order.pk}").status_code == 404
