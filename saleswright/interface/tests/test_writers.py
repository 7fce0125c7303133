"""Writing csv and xlsx: values as they are, formulas made harmless, failed rows to correct and send again."""

import csv
import datetime
import io
from decimal import Decimal

import openpyxl
import pytest

from saleswright.interface.exchange import writers
from saleswright.interface.exchange.errors import WriteError
from saleswright.interface.exchange.mapping import ImportField, Mapping, match_headers
from saleswright.interface.exchange.readers import open_table
from saleswright.interface.exchange.writers import ErrorsFile, sheet_title, write_csv, write_xlsx

HARMFUL = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", '=HYPERLINK("http://x")']


def csv_cell(value) -> str:
    stream = io.StringIO(newline="")
    write_csv(stream, ["h"], [[value, "x"]], bom=False)
    return list(csv.reader(io.StringIO(stream.getvalue(), newline="")))[1][0]


def xlsx_cell(path, value, kind=""):
    write_xlsx(path, ["h"], [[value]], title="t", kinds=[kind])
    return openpyxl.load_workbook(path).active["A2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("-1234.50"), "-1234.50"),
        (Decimal("1E+3"), "1000"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04:05"),
        (None, ""),
        (True, "true"),
        (7, "7"),
        ("华为", "华为"),
    ],
)
def test_it_writes_plain_values_to_csv(value, text):
    assert csv_cell(value) == text


@pytest.mark.parametrize("text", HARMFUL)
def test_it_makes_formulas_harmless_in_csv(text):
    assert csv_cell(text) == "'" + text


@pytest.mark.parametrize("number", ["-12.50", "+8613800138000", "-1e5"])
def test_it_leaves_genuine_numbers_alone_in_csv(number):
    assert csv_cell(number) == number


def test_it_makes_headers_harmless_in_csv():
    stream = io.StringIO(newline="")
    write_csv(stream, ["=x"], [], bom=False)
    assert stream.getvalue() == "'=x\r\n"


@pytest.mark.parametrize(("bom", "start"), [(True, "\ufeffh"), (False, "h\r")])
def test_it_marks_csv_as_utf8_by_choice(bom, start):
    stream = io.StringIO(newline="")
    assert write_csv(stream, ["h"], [["1"], ["2"]], bom=bom) == 2
    assert stream.getvalue().startswith(start)


@pytest.mark.parametrize("text", [*HARMFUL, "http://example.com", "0012"])
def test_it_writes_text_to_xlsx_as_text(tmp_path, text):
    cell = xlsx_cell(tmp_path / "a.xlsx", text)
    assert (cell.data_type, cell.hyperlink) == ("s", None)
    assert cell.value.replace("_x000D_", "\r") == text


@pytest.mark.parametrize(
    ("value", "kind", "read", "number_format"),
    [
        (Decimal("1234.50"), "", 1234.5, "#,##0.00"),
        (Decimal("1.234567"), "", 1.234567, "#,##0.######"),
        (7, "", 7, "#,##0"),
        (Decimal("13"), "percent", 13, '0.00"%"'),
        (Decimal("5"), "money", 5, "#,##0.00"),
        (datetime.date(2026, 1, 2), "", datetime.datetime(2026, 1, 2), "yyyy-mm-dd"),
        (
            datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
            "",
            datetime.datetime(2026, 1, 2, 3, 4, 5),
            "yyyy-mm-dd hh:mm:ss",
        ),
    ],
)
def test_it_writes_numbers_and_dates_to_xlsx_with_their_format(tmp_path, value, kind, read, number_format):
    cell = xlsx_cell(tmp_path / "a.xlsx", value, kind)
    assert (cell.value, cell.number_format) == (read, number_format)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234567890123456.78"), "1234567890123456.78"),
        (6222021234567890123, "6222021234567890123"),
        (datetime.date(1899, 12, 31), "1899-12-31"),
        (float("nan"), "nan"),
        ("长" * 40_000, "长" * 32_767),
    ],
)
def test_it_writes_to_xlsx_as_text_what_a_number_would_spoil(tmp_path, value, text):
    assert xlsx_cell(tmp_path / "a.xlsx", value).value == text


def test_it_refuses_more_rows_than_a_sheet_holds_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "MAX_ROWS", 3)
    assert write_xlsx(tmp_path / "full.xlsx", ["h"], [[1], [2]], title="t") == 2
    with pytest.raises(WriteError) as refusal:
        write_xlsx(tmp_path / "over.xlsx", ["h"], [[1], [2], [3]], title="t")
    assert refusal.value.code == "too_many_rows"
    assert not (tmp_path / "over.xlsx").exists()


@pytest.mark.parametrize(
    ("title", "sheet"),
    [
        ("订单", "订单"),
        ("a/b:c", "a b c"),
        ("x" * 40, "x" * 31),
        ("'", "Sheet1"),
        ("", "Sheet1"),
        ("x" * 30 + "''", "x" * 30),
    ],
)
def test_it_makes_a_sheet_title_that_excel_accepts(title, sheet):
    assert sheet_title(title) == sheet


@pytest.mark.parametrize("name", ["errors.csv", "errors.xlsx"])
def test_it_writes_failed_rows_that_can_be_sent_again(tmp_path, name):
    with ErrorsFile(tmp_path / name, ["客户名称", "金额"]) as errors:
        errors.add(3, ["=甲", "x"], "金额: 请输入数字")
        errors.add(9, ["乙", "1", "多余"], "3 fields where the header has 2")
    assert errors.count == 2
    table = open_table(tmp_path / name)
    match = match_headers(
        table.headers, [ImportField("name", ("客户名称",)), ImportField("amount", ("金额",))], Mapping()
    )
    assert (match.matched, match.unmatched) == ([(2, "name"), (3, "amount")], [])
    first, second = table.rows
    assert [str(cell) for cell in first.cells] == ["3", "金额: 请输入数字", "=甲", "x"]
    assert second.problem is not None


def test_it_replaces_the_reasons_of_an_earlier_round(tmp_path):
    path = tmp_path / "errors.csv"
    with ErrorsFile(path, ["line", "error", "客户"]) as errors:
        errors.add(2, ["3", "old", "甲"], "new")
    assert path.read_text(encoding="utf-8-sig").splitlines() == ["line,error,客户", "2,new,甲"]
