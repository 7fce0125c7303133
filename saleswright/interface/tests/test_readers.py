"""Reading csv and xlsx files: found or stated options, typed cells, faults of rows and of files."""

import csv
import datetime
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from saleswright.interface.exchange import csv_files, workbooks
from saleswright.interface.exchange.readers import FileOptions, ReadError, open_table

DATA = Path(os.environ.get("SALESWRIGHT_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")


def sample(*parts: str) -> Path:
    """A file of the sample data, or skip."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"sample data not found at {path}")
    return path


@pytest.fixture
def write(tmp_path):
    """Write bytes, or text in an encoding, to a file."""

    def _write(content: bytes | str, encoding: str = "utf-8", name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return _write


@pytest.fixture
def workbook(tmp_path):
    """Write sheets of rows to an xlsx file; formulas are given as (formula, value)."""

    def _workbook(sheets: dict[str, list[list]], hidden: tuple[str, ...] = ()) -> Path:
        path = tmp_path / "table.xlsx"
        with xlsxwriter.Workbook(str(path)) as book:
            formats = {datetime.date: "yyyy-mm-dd", datetime.datetime: "yyyy-mm-dd hh:mm"}
            formats = {kind: book.add_format({"num_format": code}) for kind, code in formats.items()}
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                if name in hidden:
                    sheet.hide()
                else:
                    sheet.activate()
                for i, row in enumerate(rows):
                    for j, cell in enumerate(row):
                        if isinstance(cell, tuple):
                            sheet.write_formula(i, j, cell[0], None, cell[1])
                        elif type(cell) in formats:
                            sheet.write_datetime(i, j, cell, formats[type(cell)])
                        elif cell is not None:
                            sheet.write(i, j, cell)
        return path

    return _workbook


def code_of(path: Path, **options) -> str:
    with pytest.raises(ReadError) as refusal:
        list(open_table(path, mapping=FileOptions(**options)).rows)
    assert str(refusal.value.message)
    return refusal.value.code


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_it_finds_the_encoding(write, encoding, found):
    table = open_table(write("客户,金额\n华为技术,10\n一丁,20\n", encoding))
    assert table.headers == ["客户", "金额"]
    assert [row.cells for row in table.rows] == [["华为技术", "10"], ["一丁", "20"]]
    assert table.encoding == found


def test_it_finds_the_encoding_when_chinese_comes_late(write):
    path = write(b"name,n\n" + b"abc,1\n" * 200_000 + "华为,2\n".encode("gb18030"))
    *_rows, last = open_table(path).rows
    assert last.cells == ["华为", "2"]


def test_it_finds_the_encoding_from_a_last_line_without_end(write):
    table = open_table(write("name\n客户名称".encode("gb18030")))
    assert [row.cells for row in table.rows] == [["客户名称"]]


def test_it_reads_a_stated_encoding(write):
    table = open_table(write("客戶,國家\n台積電,中華民國\n", "cp950"), mapping=FileOptions(encoding="Big5"))
    assert (table.headers, next(table.rows).cells) == (["客戶", "國家"], ["台積電", "中華民國"])


@pytest.mark.parametrize(
    "content", ["客戶名稱,國家\n台積電股份,中華民國\n".encode("cp950"), "Año,México\nñandú,à\n".encode("cp1252")]
)
def test_it_asks_for_the_encoding_rather_than_read_nonsense(write, content):
    assert code_of(write(content)) == "unknown_encoding"


def test_it_refuses_an_unknown_encoding(write):
    assert code_of(write("a,b\n1,2\n"), encoding="rot13") == "unknown_encoding"


def test_it_reports_a_line_in_another_encoding_and_reads_the_others(write):
    lines = ["客户,金额\n".encode(), "甲公司,1\n".encode(), "乙公司,2\n".encode("gb18030"), "丙公司,3\n".encode()]
    rows = list(open_table(write(b"".join(lines))).rows)
    assert [(row.line, row.problem is None) for row in rows] == [(2, True), (3, False), (4, True)]
    assert rows[2].cells == ["丙公司", "3"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_finds_the_delimiter(write, delimiter):
    content = "\n".join(
        delimiter.join(row) for row in (["名称", "说明", "价"], ["甲", '"a,b;c"', "1"], ["乙", "x", "2"])
    )
    table = open_table(write(content))
    assert table.delimiter == delimiter
    assert [row.cells for row in table.rows] == [["甲", "a,b;c", "1"], ["乙", "x", "2"]]


def test_it_takes_a_stated_delimiter(write):
    table = open_table(write("a:b\n1:2\n"), mapping=FileOptions(delimiter=":"))
    assert next(table.rows).cells == ["1", "2"]


def test_it_reads_a_single_column(write):
    table = open_table(write("公司简称\n华为\n中兴\n"))
    assert (table.headers, [row.cells for row in table.rows]) == (["公司简称"], [["华为"], ["中兴"]])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_it_gives_the_line_where_a_record_begins(write, end):
    content = end.join(["a,b", "1,x", f'2,"first{end}second"', "", ",", "3,y", ""])
    rows = list(open_table(write(content)).rows)
    assert [(row.line, row.cells) for row in rows] == [
        (2, ["1", "x"]),
        (3, ["2", f"first{end}second"]),
        (7, ["3", "y"]),
    ]


def test_it_skips_rows_before_the_header(write):
    table = open_table(write("报表,,,\n2026 年\na,b\n1,2\n"), mapping=FileOptions(skip_rows=2))
    assert table.headers == ["a", "b"]
    assert [(row.line, row.cells) for row in table.rows] == [(4, ["1", "2"])]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,2,3", "3 fields where the header has 2"),
        ("1", "1 fields where the header has 2"),
        ("1,\0", "The line holds a zero byte"),
        ('1,"x"y', "A quotation mark is out of place or isn't closed"),
    ],
)
def test_it_reports_a_faulty_row_and_reads_the_next(write, line, problem):
    faulty, good = open_table(write(f"a,b\n{line}\n5,6\n")).rows
    assert (faulty.line, faulty.problem) == (2, problem)
    assert (good.line, good.cells, good.problem) == (3, ["5", "6"], None)


def test_it_loses_one_row_only_to_a_quotation_mark_that_is_never_closed(write):
    content = 'a,b\n1,"open\n' + "".join(f"{n},x\n" for n in range(2, 20_000))
    rows = list(open_table(write(content)).rows)
    assert [row.line for row in rows if row.problem] == [2]
    assert len(rows) == 19_999
    assert (rows[-1].line, rows[-1].cells) == (20_000, ["19999", "x"])


def test_it_does_not_swallow_rows_up_to_the_next_quotation_mark(write):
    rows = list(open_table(write('a,b,c\n1,"open,3\n4,"five",6\n7,8,9\n')).rows)
    assert [(row.line, row.problem is None) for row in rows] == [(2, False), (3, True), (4, True)]


def test_it_takes_off_the_apostrophe_that_protects_from_formulas(write):
    assert next(open_table(write("a,b\n'=1+1,'quoted'\n")).rows).cells == ["=1+1", "'quoted'"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n , \n", "empty_file"),
        (b"a,b\n", "no_rows"),
        (b"a,b\n,\n\n", "no_rows"),
        (b"a,b,a\n1,2,3\n", "duplicate_header"),
        (b"a,,b\n1,2,3\n", "blank_header"),
        (b"\xd0\xcf\x11\xe0rest", "old_excel"),
        (b"PK\x03\x04rest", "corrupt_file"),
        (b'a,"b\n1,2\n', "bad_header"),
    ],
)
def test_it_refuses_files_without_a_usable_table(write, content, code):
    assert code_of(write(content)) == code


def test_it_names_both_columns_of_a_duplicate_header(write):
    with pytest.raises(ReadError, match="“a” occurs more than once, in the columns 1, 3"):
        open_table(write("a,b,a\n1,2,3\n"))


def test_it_leaves_out_blank_columns_at_the_end_but_no_values_in_them(write):
    table = open_table(write("a,b,\n1,2,\n3,4,5\n"))
    good, faulty = table.rows
    assert (table.headers, good.cells) == (["a", "b"], ["1", "2"])
    assert faulty.problem == "There is a value in a column without a header"


def test_it_estimates_the_rows(write):
    assert open_table(write("a,b\n" + "1,2\n" * 500)).estimated_rows == 500
    large = open_table(write("a,b\n" + "12345,12345\n" * 300_000))
    assert large.estimated_rows == pytest.approx(300_000, rel=0.01)


def test_it_reads_a_hundred_thousand_rows_in_bounded_memory(write):
    path = write("编号,名称,金额\n" + "".join(f"{n},深圳市某某技术有限公司,{n}.50\n" for n in range(100_000)))
    tracemalloc.start()
    count = sum(1 for _row in open_table(path).rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 12 * csv_files.SAMPLE_BYTES


def test_it_keeps_the_types_of_a_workbook(workbook):
    day, moment = datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4)
    path = workbook({"订单": [["a", "b", "c", "d", "e", "f", "g"], [1, 1.5, True, "x", day, moment, ("=1+1", 2)]]})
    table = open_table(path)
    (row,) = table.rows
    assert row.cells == [1, 1.5, True, "x", day, moment, 2]
    assert [type(cell) for cell in row.cells] == [int, float, bool, str, datetime.date, datetime.datetime, int]
    assert (table.kind, table.encoding, table.delimiter, table.estimated_rows) == ("xlsx", None, None, 1)


def test_it_gives_the_rows_of_the_sheet_as_lines(workbook):
    path = workbook({"甲": [[], ["标题"], [], ["a", "b"], [], [1, 2], [3, None]]})
    table = open_table(path, mapping=FileOptions(skip_rows=2))
    assert [(row.line, row.cells) for row in table.rows] == [(6, [1, 2]), (7, [3, ""])]


def test_it_reads_the_first_visible_sheet_or_the_stated_one(workbook):
    path = workbook({"藏": [["h"], [0]], "甲": [["a"], [1]], "乙": [["b"], [2]]}, hidden=("藏",))
    assert open_table(path).headers == ["a"]
    assert open_table(path, mapping=FileOptions(sheet="乙")).headers == ["b"]


def test_it_names_the_sheets_when_one_is_missing(workbook):
    path = workbook({"订单": [["a"], [1]], "退货": [["b"], [2]]})
    with pytest.raises(ReadError, match="订单, 退货") as refusal:
        open_table(path, mapping=FileOptions(sheet="客户"))
    assert refusal.value.code == "unknown_sheet"


def test_it_refuses_text_called_a_workbook(write):
    with pytest.raises(ReadError) as refusal:
        open_table(write("a,b\n1,2\n", name="upload"), name="订单.XLSX")
    assert refusal.value.code == "corrupt_file"


def test_it_refuses_a_truncated_workbook(workbook):
    path = workbook({"甲": [["a"], [1]]})
    path.write_bytes(path.read_bytes()[:-200])
    assert code_of(path) == "corrupt_file"


def test_it_refuses_an_archive_that_is_no_workbook(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert code_of(path) == "corrupt_file"


def test_it_refuses_an_archive_that_unpacks_to_very_much(workbook):
    path = workbook({"甲": [["a"], [1]]})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/bomb.xml", b"0" * (2 * 1024 * 1024))
    assert code_of(path) == "too_large"


@pytest.mark.parametrize("limit", ["MAX_UNPACKED_BYTES", "MAX_MEMBERS", "MAX_CELLS"])
def test_it_refuses_a_workbook_beyond_a_limit(workbook, monkeypatch, limit):
    path = workbook({"甲": [["a", "b"], [1, 2]]})
    assert len(list(open_table(path).rows)) == 1
    monkeypatch.setattr(workbooks, limit, 3)
    assert code_of(path) == "too_large"


def test_it_refuses_a_sheet_whose_last_cell_is_far_away(tmp_path):
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, 1)
    assert code_of(path) == "too_large"


def test_it_refuses_an_archive_that_lies_about_its_sizes(workbook):
    path = workbook({"甲": [["a"], [1]]})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"xl/worksheets/sheet1.xml"))
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert code_of(path) == "corrupt_file"


def test_it_reads_the_superstore_in_both_formats():
    text = open_table(sample("superstore_cn", "superstore_cn_gbk.csv"))
    assert (text.encoding, text.delimiter, len(text.headers)) == ("gb18030", ",", 20)
    rows = list(text.rows)
    assert (len(rows), [row for row in rows if row.problem]) == (9959, [])
    book = open_table(sample("superstore_cn", "superstore_cn.xlsx"), mapping=FileOptions(sheet="订单"))
    assert sum(1 for row in book.rows if not row.problem) == 10_000
    assert book.estimated_rows == 10_000
    assert "省/自治区" in book.headers


@pytest.mark.parametrize(
    ("name", "rows", "faulty"),
    [
        ("customers", 91, 24),
        ("orders", 830, 176),
        ("suppliers", 29, 9),
        ("employees", 9, 0),
    ],
)
def test_it_reports_every_row_with_unquoted_commas(name, rows, faulty):
    found = list(open_table(sample("northwind_malformed", f"{name}.csv")).rows)
    assert (len(found), sum(1 for row in found if row.problem)) == (rows, faulty)
    assert all("where the header has" in row.problem for row in found if row.problem)


def test_it_reads_the_listed_companies_when_told_big5():
    path = sample("tw_listed_companies", "listed_companies_big5.csv")
    assert code_of(path) == "unknown_encoding"
    table = open_table(path, mapping=FileOptions(encoding="big5"))
    rows = list(table.rows)
    with path.open(encoding="cp950", newline="") as file:
        assert [row.cells for row in rows] == list(csv.reader(file))[1:]
    assert (len(rows), table.headers[:2]) == (1041, ["公司代號", "公司名稱"])
