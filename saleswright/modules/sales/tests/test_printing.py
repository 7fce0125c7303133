"""The quotation on paper."""

import time
from decimal import Decimal
from io import BytesIO

import docx
import pytest
from django.utils import translation
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn

from saleswright.kernel.company import company
from saleswright.kernel.models import AuditEntry, Company
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
    reader = acting("purchasing")
    told = dict(data(quote, reader, "en")["customer"]).values()
    assert "13800001111" not in told
    assert "138****1111" in told


def test_it_is_noted_who_had_a_number_printed(quote, acting):
    data(quote, acting("finance"), "en")
    (entry,) = AuditEntry.objects.filter(action="unmasked")
    assert (entry.resource, entry.record_id, entry.changes) == ("contacts", quote.contact_id, {"mobile": [None, "***"]})


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


def word(content):
    return docx.Document(BytesIO(content))


def text_of(table):
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_it_is_a_word_document_with_the_same_content(api, quote):
    Company.objects.update(name="杭州销匠科技有限公司", address="杭州市西湖区文三路 1 号", phone="0571-88886666")
    company.forget()
    response = api().get(f"/api/v1/quotes/{quote.pk}/document.docx?language=zh-hans")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    document = word(response.content)
    head, parties, lines, totals, signatures = (text_of(table) for table in document.tables)
    code = quote.lines.first().product.code
    assert head == [["杭州销匠科技有限公司\n杭州市西湖区文三路 1 号\n电话: 0571-88886666", "报价单"]]
    assert [cell.split("\n") for cell in parties[0]] == [
        ["客户\t华东精密科技有限公司", "联系人\t王明 采购经理", "电话\t13800001111"],
        [f"编号\t{quote.number}", f"日期\t{quote.quoted_on}", "有效期至\t2099-12-31"],
    ]
    assert lines == [
        ["序号", "产品", "单位", "数量", "单价", "折扣", "不含税金额", "税额", "价税合计"],
        ["1", f"伺服电机\n{code}  含安装", "件", "3", "100.00", "12.5%", "262.50", "34.13 (13%)", "296.63"],
        ["2", f"伺服电机\n{code}", "件", "1.5", "0.123456", "–", "0.19", "0.02 (13%)", "0.21"],
    ]
    words = "金额大写  人民币贰佰玖拾陆元捌角肆分"
    assert totals == [
        [words, "不含税金额", "¥262.69"], [words, "税额", "¥34.15"], [words, "价税合计", "¥296.84"],
    ]  # fmt: skip
    signed = "签字盖章\t日期"
    assert signatures == [
        ["供方  杭州销匠科技有限公司", "", "客户  华东精密科技有限公司"], [""] * 3, [signed, "", signed],
    ]  # fmt: skip
    assert [paragraph.text for paragraph in document.paragraphs if paragraph.text] == [
        "感谢贵司询价，现报价如下：", "条款", "款到发货\n质保十二个月", "单价不含税。", "金额单位：CNY。",
    ]  # fmt: skip


def test_its_amounts_are_on_the_right_and_its_head_comes_again_on_each_page(quote, root):
    lines = word(printing.quote_docx(quote, root, "en")).tables[2]
    for cell in lines.rows[1].cells[3:]:
        assert cell.paragraphs[0].alignment == WD_ALIGN_PARAGRAPH.RIGHT
    assert lines.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


def test_the_word_document_is_marked_while_it_does_not_bind(sales, root):
    def mark(quote):
        return word(printing.quote_docx(quote, root, "en")).sections[0].header.paragraphs[0].text

    assert mark(sales.quote()) == "Draft"
    assert mark(sales.quote(status="approved")) == ""


def test_the_word_document_takes_hostile_text_as_it_is(sales, root):
    nasty = "{{ 7 * 7 }} {% raw %} <w:p/> & \x07\x0b]]>"
    quote = sales.quote(sales.line(description=nasty), terms=f"{nasty}\n{nasty}")
    document = word(printing.quote_docx(quote, root, "en"))
    shown = "{{ 7 * 7 }} {% raw %} <w:p/> & ]]>"
    assert document.tables[2].rows[1].cells[1].text.endswith(shown)
    assert f"{shown}\n{shown}" in [paragraph.text for paragraph in document.paragraphs]


def test_the_word_document_is_of_the_template_of_the_company(quote, root, tmp_path, monkeypatch):
    own = docx.Document()
    own.add_paragraph("Offer {{ number }} {{ number.__class__ }}")
    own.save(tmp_path / "quote.docx")
    monkeypatch.setattr(printing, "OWN", tmp_path)
    document = word(printing.quote_docx(quote, root, "en"))
    assert [paragraph.text.rstrip() for paragraph in document.paragraphs] == [f"Offer {quote.number}"]


def test_it_survives_many_lines_and_hostile_text(sales, root):
    nasty = '#panic("x") *bold* $x$ \\ " <script> @ref'
    quote = sales.quote(*[sales.line(description=nasty) for _ in range(120)], terms=nasty)
    assert printing.quote_pdf(quote, root, "en").startswith(b"%PDF")


@pytest.mark.parametrize("suffix", ["pdf", "docx"])
def test_it_is_hidden_with_its_quote(api, quote, suffix):
    assert api("sales_representative").get(f"/api/v1/quotes/{quote.pk}/document.{suffix}").status_code == 404
    assert api().get(f"/api/v1/quotes/{quote.pk}/document.{suffix}").status_code == 200


def test_it_prefers_the_template_of_the_company(quote, root, tmp_path, monkeypatch):
    (tmp_path / "quote.typ").write_text('#panic("own template")')
    monkeypatch.setattr(printing, "OWN", tmp_path)
    with pytest.raises(Exception, match="own template"):
        printing.quote_pdf(quote, root, "en")
