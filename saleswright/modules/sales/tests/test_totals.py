"""Totals, for whatever is entered."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from saleswright.kernel.money import line_amounts, round_half_up
from saleswright.modules.sales.actions import documents
from saleswright.modules.sales.models import Quote, QuoteLine

quantities = st.decimals("0.0001", "100000", places=4)
prices = st.decimals("0", "100000", places=6)
percentages = st.decimals("0", "100", places=4)
rates = st.decimals("0.000001", "1000", places=6)
lines = st.lists(st.tuples(quantities, prices, percentages, st.sampled_from([0, 3, 6, 9, 13])), min_size=1, max_size=8)


def made(rows, includes_tax):
    found = []
    for quantity, price, discount, tax_rate in rows:
        amounts = line_amounts(quantity, price, discount, Decimal(tax_rate), includes_tax)
        found.append(
            QuoteLine(
                quantity=quantity,
                unit_price=price,
                discount_percent=discount,
                tax_rate=Decimal(tax_rate),
                list_price=price,
                net=amounts.net,
                tax=amounts.tax,
                gross=amounts.gross,
            )
        )
    return found


@settings(max_examples=150, deadline=None)
@given(rows=lines, rate=rates)
def test_it_divides_the_base_amount_among_the_lines_without_loss(rows, rate):
    found = made(rows, False)
    untaxed, total = sum(line.net for line in found), sum(line.gross for line in found)
    quote = Quote(currency="USD", quoted_on=None, untaxed=untaxed, total=total)
    documents.set_base_amounts(quote, found, rate)
    assert sum(line.base_net for line in found) == quote.base_untaxed == round_half_up(quote.untaxed * rate)
    assert all(line.base_net >= 0 for line in found)


@settings(max_examples=150, deadline=None)
@given(rows=lines)
def test_it_takes_the_discount_of_the_worst_line(rows):
    found = made(rows, False)
    priced = [discount for _quantity, price, discount, _rate in rows if price]
    assert documents.effective_discount(found, False) == max(priced, default=Decimal(0))


@settings(max_examples=150, deadline=None)
@given(rows=lines)
def test_it_agrees_with_the_net_amounts_to_the_cent(rows):
    """1 - net / (quantity x list price) of each line, but for the rounding of net to cents (QUO-02)."""
    for includes_tax in (False, True):
        found = made(rows, includes_tax)
        worst = documents.effective_discount(found, includes_tax)
        for line in found:
            whole = line.quantity * line.list_price
            assert line.net + Decimal("0.02") >= whole * (100 - worst - Decimal("0.0001")) / 100
