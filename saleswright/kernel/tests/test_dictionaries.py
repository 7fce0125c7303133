"""Dictionaries: closed ones stay closed, codes in use stay, new codes hold at once."""

import re

import pytest
from django.utils import translation

from saleswright.kernel.dictionaries import names_in, uses_of
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import Dictionary, DictionaryEntry
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.models import Quote

pytestmark = pytest.mark.django_db


@pytest.fixture
def close(root):
    """Closes a dictionary to all but what it lists."""

    def run(code: str) -> Dictionary:
        found = Dictionary.objects.get(code=code)
        return save_record(Dictionary, {"closed": True}, pk=found.pk, actor=root)

    return run


def rows(code: str) -> list[dict]:
    """The entries of a dictionary as a form sends them."""
    found = DictionaryEntry.objects.filter(dictionary__code=code).order_by("position")
    return list(found.values("id", "code", "label_zh", "label_en", "active"))


def write(code: str, lines: list[dict], root) -> None:
    save_record(Dictionary, {}, lines={"entries": lines}, pk=Dictionary.objects.get(code=code).pk, actor=root)


def test_an_open_dictionary_keeps_other_words(root):
    assert save_record(Customer, {"name": "A", "industry": "Kite making"}, actor=root).industry == "Kite making"
    assert save_record(Customer, {"name": "B", "industry": "Education"}, actor=root).industry == "Education"


def test_a_closed_dictionary_takes_codes_and_labels_and_nothing_else(root, close):
    close("industries")
    for word in ("教育", "Education", "education"):
        assert save_record(Customer, {"name": f"A {word}", "industry": word}, actor=root).industry == "教育"
    count = Customer.objects.count()
    with pytest.raises(ValidationFailed) as failure:
        save_record(Customer, {"name": "B", "industry": "Kite making"}, actor=root)
    assert [(error.field, error.code) for error in failure.value.errors] == [("industry", "choice")]
    assert Customer.objects.count() == count


def test_numbers_are_compared_as_they_are_written(root, close):
    close("tax-rates")
    assert save_record(Product, {"name": "Robot", "tax_rate": "13.00"}, actor=root).tax_rate == 13
    with pytest.raises(ValidationFailed):
        save_record(Product, {"name": "Robot", "tax_rate": "12.5"}, actor=root)


def test_history_may_hold_what_was_never_offered(root, close):
    close("industries")
    draft = Draft({"name": "Old", "industry": "Kite making"})
    save_records(Customer, [draft], actor=root, history=True)
    assert draft.record.industry == "Kite making"


def test_what_is_no_longer_offered_stays_where_it_is(root, close):
    close("industries")
    customer = save_record(Customer, {"name": "A", "industry": "教育"}, actor=root)
    write("industries", [{**row, "active": row["code"] != "教育"} for row in rows("industries")], root)
    save_record(Customer, {"industry": "教育", "city": "Wuhan"}, pk=customer.pk, actor=root)
    with pytest.raises(ValidationFailed):
        save_record(Customer, {"name": "B", "industry": "教育"}, actor=root)


def test_a_new_code_holds_at_once(root, close, api, browse):
    close("industries")
    assert "航天" not in names_in("industries")()
    fresh = {"code": "航天", "label_zh": "航天", "label_en": "Space"}
    write("industries", [*rows("industries"), fresh], root)
    assert api().post("customers", {"name": "A", "industry": "Space"}).json()["industry"] == "航天"
    client = browse()
    assert "航天" in client.get("/customers/new").content.decode()
    assert "航天" in client.get("/customers").content.decode()


def test_a_code_in_use_is_neither_deleted_nor_renamed(root):
    save_record(Customer, {"name": "A", "industry": "教育"}, actor=root)
    before = rows("industries")
    without = [row for row in before if row["code"] != "教育"]
    renamed = [{**row, "code": "培训" if row["code"] == "教育" else row["code"]} for row in before]
    for lines, field in ((without, "entries"), (renamed, "entries.5.code")):
        with pytest.raises(ValidationFailed) as failure:
            write("industries", lines, root)
        assert [(error.field, error.code) for error in failure.value.errors] == [(field, "not_allowed")]
    assert rows("industries") == before
    write("industries", [row for row in before if row["code"] != "金融"], root)  # nobody uses it
    assert len(rows("industries")) == len(before) - 1


def test_a_code_stands_once(root):
    with pytest.raises(ValidationFailed) as failure:
        write("units", [*rows("units"), {"code": "件", "label_zh": "件"}], root)
    assert failure.value.errors[0].code == "duplicate"


def test_names_follow_the_language_and_know_what_is_no_longer_offered(root):
    with translation.override("zh-hans"):
        assert names_in("currencies")()["USD"] == "美元"
    write("currencies", [{**row, "active": row["code"] != "USD"} for row in rows("currencies")], root)
    names = names_in("currencies")()
    assert names["EUR"] == "Euro"
    assert "USD" not in names
    assert names.get("USD") == "US dollar"
    assert names.get("XAU", "XAU") == "XAU"


@pytest.fixture
def quote(root):
    """Makes or changes a quote whose lines have these tax rates (None: the product's)."""
    customer = save_record(Customer, {"name": "Buyer"}, actor=root)
    product = save_record(Product, {"name": "Robot", "list_price": "100", "tax_rate": "13"}, actor=root)

    def write(*rates, of=None):
        kept = list(of.lines.order_by("position")) if of else []
        lines = []
        for place, rate in enumerate(rates):
            line = {"product": product.pk, "quantity": "1"} | ({} if rate is None else {"tax_rate": rate})
            lines.append(line | ({"id": kept[place].pk} if place < len(kept) else {}))
        values = {} if of else {"customer": customer.pk}
        return save_record(Quote, values, lines={"lines": lines}, pk=of.pk if of else None, actor=root)

    return write


def rates_of(quote):
    return [int(rate) for rate in quote.lines.order_by("position").values_list("tax_rate", flat=True)]


def test_lines_take_what_a_dictionary_offers_and_nothing_else(close, quote):
    assert rates_of(quote("12.5", "9")) == [12, 9]  # open: other rates are kept
    close("tax-rates")
    assert rates_of(quote("13.00", "9", None)) == [13, 9, 13]
    with pytest.raises(ValidationFailed) as failure:
        quote("13", "12.5", "17")
    assert [(e.field, e.code) for e in failure.value.errors] == [
        ("lines.1.tax_rate", "choice"),
        ("lines.2.tax_rate", "choice"),
    ]
    assert Quote.objects.count() == 2


def test_lines_keep_what_is_no_longer_offered_and_take_no_more_of_it(root, close, quote):
    close("tax-rates")
    old = quote("9", "13")
    write("tax-rates", [{**row, "active": row["code"] != "9"} for row in rows("tax-rates")], root)
    assert rates_of(quote("9", "6", of=old)) == [9, 6]
    for rates in (("9", "9"), ("9", "6", "9")):
        with pytest.raises(ValidationFailed):
            quote(*rates, of=old)
    assert rates_of(old) == [9, 6]


def test_a_code_that_lines_hold_is_not_deleted(root, quote):
    quote("3")
    before = rows("tax-rates")
    with pytest.raises(ValidationFailed) as failure:
        write("tax-rates", [row for row in before if row["code"] != "3"], root)
    assert [(error.field, error.code) for error in failure.value.errors] == [("entries", "not_allowed")]
    assert rows("tax-rates") == before
    write("tax-rates", [row for row in before if row["code"] != "1"], root)  # nobody uses it


def test_a_dictionary_may_hold_words_that_a_number_field_never_can(root):
    write("tax-rates", [*rows("tax-rates"), {"code": "free", "label_zh": "免税"}], root)
    write("tax-rates", [row for row in rows("tax-rates") if row["code"] != "free"], root)
    assert len(rows("tax-rates")) == 7


def test_forms_offer_the_tax_rates_and_currencies_of_documents(browse, quote):
    client = browse()
    page = client.get(f"/quotes/{quote('12.5').pk}/edit").content.decode()
    (line,) = re.findall(r'<select name="lines-0-tax_rate".*?</select>', page, re.S)
    assert re.findall(r'value="([^"]*)"', line) == ["", "13", "9", "6", "5", "3", "1", "0", "12.5"]
    assert re.search(r'<option value="12.5" selected', line)
    (currency,) = re.findall(r'<select name="currency".*?</select>', page, re.S)
    assert '<option value="USD">美元</option>' in currency


def test_it_knows_where_codes_are_used():
    assert {("quotes", "lines.tax_rate"), ("orders", "lines.tax_rate"), ("invoices", "lines.tax_rate"),
            ("products", "tax_rate")} == set(uses_of("tax-rates"))  # fmt: skip
    kinds = ("customers", "leads", "target-markets", "intelligence")
    assert set(uses_of("industries")) == {(kind, "industry") for kind in kinds}
