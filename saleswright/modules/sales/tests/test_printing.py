"""The quotation on paper."""

import time
from decimal import Decimal

import pytest
from django.utils import translation

from saleswright.kernel.models import Company
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact
from saleswright.modules.sales import printing

pytestmark = pytest.mark.django_db


@pytest.fixture
def quote(sales, root, customer):
    contact = {"name": "王明", "title": "采购经理", "mobile": "13800001111", "customer": customer.pk}
    return sales.quote(
        sales.line("3", description="含安装", discount_percent="12.5"),
        sales.line("1.5", unit_price="0.123456"),
        contact=save_record(Contact, contact, actor=root),
        valid_until="2099-12-31",
        terms="款到发货\n质保十二个月",
    )


def data(quote, actor, language):
    with translation.override(language):
        return printing.quote_data(quote, actor)


def test_it_shows_lines_and_totals(quote, root):
    shown = data(quote, root, "en")
    assert (shown["number"], shown["buyer"], shown["lang"]) == (quote.number, "华东精密科技有限公司", "en")
    assert shown["lines"][0] | {"detail": ""} == {
        "position": "1", "name": "伺服电机", "detail": "", "unit": "件", "quantity": "3", "price": "100.00",
        "discount": "12.5%", "net": "262.50", "tax": "34.13 (13%)", "gross": "296.63",
    }  # fmt: skip
    assert shown["lines"][1]["price"] == "0.123456"
    assert shown["words"] == ""
    assert "2099-12-31" in dict(shown["facts"]).values()


def test_it_writes_the_amount_in_words_in_chinese(quote, root):
    assert quote.total == Decimal("296.84")
    assert data(quote, root, "zh-hans")["words"] == "人民币贰佰玖拾陆元捌角肆分"


def test_it_marks_what_does_not_bind_yet(sales, root):
    assert data(sales.quote(), root, "en")["mark"] == "Draft"
    assert data(sales.quote(status="approved"), root, "en")["mark"] == ""


def test_it_shows_phone_numbers_to_those_who_may_see_them(quote, root, acting):
    assert "13800001111" in dict(data(quote, root, "en")["customer"]).values()
    reader = acting("partner")
    assert "13800001111" not in dict(data(quote, reader, "en")["customer"]).values()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_it_is_a_pdf_in_under_a_second(api, quote, language):
    Company.objects.update(name="杭州销匠科技有限公司", address="杭州市西湖区文三路 1 号", phone="0571-88886666")
    client = api()
    path = f"/api/v1/quotes/{quote.pk}/document.pdf?language={language}"
    client.get(path)
    began = time.perf_counter()
    response = client.get(path)
    assert time.perf_counter() - began < 1
    assert response.status_code == 200
    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF")
    assert len(response.content) > 10_000


def test_it_survives_many_lines_and_hostile_text(sales, root):
    nasty = '#panic("x") *bold* $x$ \\ " <script> @ref'
    quote = sales.quote(*[sales.line(description=nasty) for _ in range(120)], terms=nasty)
    assert printing.quote_pdf(quote, root, "en").startswith(b"%PDF")


def test_it_is_hidden_with_its_quote(api, quote):
    assert api("sales_representative").get(f"quotes/{quote.pk}/document.pdf").status_code == 404


def test_it_prefers_the_template_of_the_company(quote, root, tmp_path, monkeypatch):
    (tmp_path / "quote.typ").write_text('#panic("own template")')
    monkeypatch.setattr(printing, "OWN", tmp_path)
    with pytest.raises(Exception, match="own template"):
        printing.quote_pdf(quote, root, "en")
