"""Quotes below the floor or below cost."""

import pytest
from django.utils import translation

from saleswright.kernel.records import save_record
from saleswright.modules.pricing.models import PriceList
from saleswright.modules.sales.queries import price_flags

pytestmark = pytest.mark.django_db


def codes(quote, actor):
    with translation.override("en"):
        return [(flag["line_id"], flag["code"]) for flag in price_flags([quote.pk], actor).get(quote.pk, [])]


def test_it_flags_lines_below_cost(sales, root):
    quote = sales.quote(sales.line(unit_price="69.99"), sales.line(unit_price="70"))
    assert codes(quote, root) == [(quote.lines.order_by("position").first().pk, "below_cost")]


def test_it_flags_lines_below_the_floor_of_the_price_list(sales, root):
    rows = {"lines": [{"product": sales.product.pk, "price": "90"}]}
    values = {"name": "B", "valid_from": "2020-01-01", "floor_percent": "90"}
    save_record(PriceList, values, lines=rows, actor=root)
    quote = sales.quote(sales.line(unit_price="81"), sales.line(unit_price="80.99"))
    assert codes(quote, root) == [(quote.lines.order_by("position").last().pk, "below_floor")]


def test_it_tells_only_those_who_may_see_cost(sales, api, person):
    seller = person("sales_representative")
    quote = sales.quote(sales.line(unit_price="1"), owner=seller)
    assert api(seller).get(f"quotes/{quote.pk}").json()["price_flags"] == []
    (flag,) = api("sales_director").get(f"quotes/{quote.pk}").json()["price_flags"]
    assert flag["code"] == "below_cost"
