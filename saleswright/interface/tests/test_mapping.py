"""The mapping file and the matching of headers to fields."""

import datetime
from decimal import Decimal

import pytest

from saleswright.interface.exchange.errors import MappingError
from saleswright.interface.exchange.mapping import FileOptions, ImportField, Mapping, load_mapping, match_headers

FIELDS = (
    ImportField("name", ("Customer name", "客户名称", "客户", "公司名称")),
    ImportField("owner__username", ("Owner", "负责人")),
    ImportField("province", ("Province", "省", "省/自治区")),
    ImportField("amount", ("Amount", "金额")),
    ImportField("opened_on", ("Opened on", "订单日期")),
)


def matched(*headers: str, mapping: Mapping | None = None, fields=FIELDS):
    return match_headers(list(headers), fields, mapping or Mapping())


def test_it_loads_a_mapping():
    mapping = load_mapping(
        '[file]\nencoding = "gb18030"\nsheet = "订单"\nskip_rows = 2\ndelimiter = ";"\n'
        '[columns]\n"客户名称" = "name"\n[values.status]\n"Won" = "won"\n[values."lines.unit"]\n"个" = "piece"\n'
        '[defaults]\nsource = "import"\nrate = 0.1\non = 2026-01-02\ntags = ["a"]\n'
    )
    assert mapping == Mapping(
        file=FileOptions("gb18030", "订单", 2, ";"),
        columns={"客户名称": "name"},
        values={"status": {"Won": "won"}, "lines.unit": {"个": "piece"}},
        defaults={"source": "import", "rate": Decimal("0.1"), "on": datetime.date(2026, 1, 2), "tags": ["a"]},
    )


def test_it_loads_an_empty_mapping():
    assert load_mapping("") == Mapping()


def test_it_loads_columns_of_several_fields_and_what_is_made_missing_or_rounded():
    mapping = load_mapping(
        '[file]\nmissing = ["NULL", "-"]\nkey = "y"\n[columns]\n"a" = ["x", "y"]\n"b" = "z"\n'
        '[create]\n"y" = "name"\n[round]\n"lines.net" = 2\n'
    )
    assert list(mapping.pairs()) == [("a", "x"), ("a", "y"), ("b", "z")]
    assert (mapping.file.missing, mapping.file.key) == (("NULL", "-"), ("y",))
    assert (mapping.create, mapping.round) == ({"y": "name"}, {"lines.net": 2})


def test_it_takes_dotted_names_without_quotes():
    mapping = load_mapping('[values.lines.unit]\n"个" = "piece"\n[defaults]\nlines.unit = "piece"\n')
    assert mapping.values == {"lines.unit": {"个": "piece"}}
    assert mapping.defaults == {"lines.unit": "piece"}


def test_it_loads_a_mapping_from_a_file(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('\ufeff[columns]\n"名" = "name"\n', encoding="utf-8")
    assert load_mapping(path).columns == {"名": "name"}


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("[file]\nsheet =\n", "bad_toml", "line 2"),
        ("[colums]\n", "unknown_table", "colums"),
        ("[file]\nencodng = 'x'\n", "unknown_key", "encodng"),
        ("[file]\nskip_rows = '1'\n", "wrong_type", "file.skip_rows"),
        ("[file]\nskip_rows = -1\n", "wrong_type", "file.skip_rows"),
        ("[file]\nskip_rows = true\n", "wrong_type", "file.skip_rows"),
        ("[file]\nsheet = 1\n", "wrong_type", "file.sheet"),
        ("[file]\ndelimiter = ';;'\n", "wrong_type", "file.delimiter"),
        ("[columns]\na = 1\n", "wrong_type", "columns.a"),
        ("[columns]\na = ''\n", "wrong_type", "columns.a"),
        ("[values]\nstatus = 'won'\n", "wrong_type", "values.status"),
        ("[values.status]\nWon = 1\n", "wrong_type", "values.status.Won"),
        ("[defaults]\ntags = [[1]]\n", "wrong_type", "defaults.tags"),
        ("file = 1\n", "wrong_type", "file"),
        ("[file]\nmissing = 'NULL'\n", "wrong_type", "file.missing"),
        ("[file]\nkey = []\n", "wrong_type", "file.key"),
        ("[file]\nkey = ['code', 1]\n", "wrong_type", "file.key"),
        ("[columns]\na = []\n", "wrong_type", "columns.a"),
        ("[create]\nowner = 1\n", "wrong_type", "create.owner"),
        ("[round]\nnet = -1\n", "wrong_type", "round.net"),
    ],
)
def test_it_says_what_is_wrong_with_a_mapping(text, code, named):
    with pytest.raises(MappingError) as refusal:
        load_mapping(text)
    assert refusal.value.code == code
    assert named in str(refusal.value.message)


@pytest.mark.parametrize("source", ["absent.toml", "latin.toml"])
def test_it_refuses_a_mapping_file_that_cannot_be_read(tmp_path, source):
    (tmp_path / "latin.toml").write_bytes(b"# \xff\n")
    with pytest.raises(MappingError) as refusal:
        load_mapping(tmp_path / source)
    assert refusal.value.code == "unreadable"


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("name", "name"),
        ("客户名称", "name"),
        ("Ｃｕｓｔｏｍｅｒ　Ｎａｍｅ", "name"),
        ("customer_name", "name"),
        ("客户 名称", "name"),
        ("省/自治区", "province"),
        ("省／自治区", "province"),
        ("金额（元）", "amount"),
        ("Amount [CNY]", "amount"),
        ("OWNER__USERNAME", "owner__username"),
        ("负责人", "owner__username"),
    ],
)
def test_it_matches_headers_by_name_label_and_synonym(header, field):
    assert matched(header).matched == [(0, field)]


def test_it_says_what_matched_nothing():
    match = matched("客户名称", "备注", "金额")
    assert match.matched == [(0, "name"), (2, "amount")]
    assert match.unmatched == ["备注"]
    assert match.missing == ["owner__username", "province", "opened_on"]


def test_it_prefers_the_mapping_to_names():
    match = matched("name", "别名", mapping=Mapping(columns={"别名": "name"}))
    assert (match.matched, match.unmatched) == ([(1, "name")], ["name"])


def test_it_fills_several_fields_from_one_column():
    match = matched("客户", "金额", mapping=Mapping(columns={"客户": ["name", "province"]}))
    assert match.matched == [(0, "name"), (0, "province"), (1, "amount")]


def test_it_prefers_the_better_fit():
    match = matched("客户", "客户名称")
    assert (match.matched, match.unmatched) == ([(1, "name")], ["客户"])


def test_it_tells_headers_apart_by_what_is_in_brackets():
    fields = (ImportField("cny", ("金额(元)",)), ImportField("usd", ("金额(美元)",)))
    assert matched("金额（美元）", "金额（元）", fields=fields).matched == [(0, "usd"), (1, "cny")]


def test_it_refuses_two_columns_that_fit_a_field_alike():
    with pytest.raises(MappingError) as refusal:
        matched("金额(元)", "金额(美元)")
    assert refusal.value.code == "ambiguous_column"
    assert "金额(元), 金额(美元)" in str(refusal.value.message)


@pytest.mark.parametrize(
    ("columns", "code", "named"),
    [
        ({"客户号": "name"}, "unknown_column", ("客户号", "客户, 金额")),
        ({"客户": "nme"}, "unknown_field", ("nme", "owner__username")),
        ({"客户": "name", "金额": "name"}, "ambiguous_column", ("name",)),
    ],
)
def test_it_refuses_a_mapping_that_does_not_fit_the_file(columns, code, named):
    with pytest.raises(MappingError) as refusal:
        matched("客户", "金额", mapping=Mapping(columns=columns))
    assert refusal.value.code == code
    assert all(part in str(refusal.value.message) for part in named)


def test_it_passes_over_the_columns_of_an_errors_file():
    match = matched("line", "error", "客户名称", fields=(*FIELDS, ImportField("error", ("line",))))
    assert (match.matched, match.unmatched) == ([(2, "name")], [])


def test_it_matches_columns_of_those_names_elsewhere():
    fields = (*FIELDS, ImportField("error", ("Error",)))
    assert matched("客户名称", "error", fields=fields).matched == [(0, "name"), (1, "error")]
