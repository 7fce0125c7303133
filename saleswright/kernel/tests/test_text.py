"""Search tokens, pinyin, and the keys of companies, phones and credit codes."""

import csv
import os
import re
import sqlite3
from pathlib import Path

import pytest

from saleswright.kernel.text import (
    bigrams,
    company_key,
    credit_code_problem,
    initials,
    normalise,
    phone_key,
    pinyin_of,
    query_tokens,
    search_tokens,
)

DATA = Path(os.environ.get("SALESWRIGHT_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
CUSTOMER = ("深圳市华为技术有限公司", "SO-2026-000123", "0755-28780808", "138 0013 8000", "任正非")


def test_it_normalises_width_case_and_blanks():
    assert normalise("  ＡＢＣ　Straße \n 华为 ") == "abc strasse 华为"


def test_it_pairs_neighbours():
    assert bigrams("华为技术") == ["华为", "为技", "技术"]
    assert bigrams("华") == []


@pytest.mark.parametrize(
    ("text", "pinyin", "letters"),
    [
        ("华为", "huawei", "hw"),
        ("重庆银行", "chongqingyinhang", "cqyh"),
        ("长城汽车", "changchengqiche", "ccqc"),
        ("TCL 科技", "tclkeji", "tclkj"),
        ("绿地", "lvdi", "ld"),
    ],
)
def test_it_spells_chinese_in_pinyin(text, pinyin, letters):
    assert (pinyin_of(text), initials(text)) == (pinyin, letters)


@pytest.mark.parametrize(
    "query",
    [
        "hw",
        "huawei",
        "huaweijishu",
        "华为",
        "为",
        "华为技术有限",
        "szshw",
        "0755",
        "0755-2878",
        "075528780808",
        "+86 755 2878 0808",
        "0808",
        "13800138000",
        "+86 138-0013-8000",
        "138 0013",
        "8000",
        "SO-2026",
        "so2026",
        "000123",
        "ＳＯ－２０２６",
        "rzf",
        "renzhengfei",
        "技术 任正非",
    ],
)
def test_it_finds_the_customer(query):
    assert query_tokens(query)
    assert set(query_tokens(query)) <= search_tokens(*CUSTOMER)


@pytest.mark.parametrize("query", ["华技", "zx", "中兴", "0756", "8001", "SO-2025", "huami", "华为 中兴"])
def test_it_does_not_find_another_customer(query):
    assert not set(query_tokens(query)) <= search_tokens(*CUSTOMER)


@pytest.mark.parametrize("name", ["曾国藩", "单田芳"])
@pytest.mark.parametrize("surname", ["ceng", "zeng", "dan", "shan"])
def test_it_finds_people_by_either_reading_of_the_surname(name, surname):
    readings = {"曾国藩": ("ceng", "zeng"), "单田芳": ("dan", "shan")}[name]
    assert (surname in search_tokens(name)) == (surname in readings)


def test_it_finds_accented_letters_by_plain_ones():
    assert set(query_tokens("mexico")) <= search_tokens("México")
    assert set(query_tokens("México")) <= search_tokens("Mexico")


@pytest.mark.parametrize("query", ["", "   ", "-", "*", "\"' OR 1=1"])
def test_it_makes_only_harmless_tokens(query):
    assert all(re.fullmatch("[0-9a-z]+", token) for token in query_tokens(query))


def test_it_makes_tokens_of_letters_digits_and_chinese_only():
    tokens = search_tokens(*CUSTOMER, "a\"b' c*:^ 〇々 𠮷野家 Ünïcode №5 ½")
    assert all(re.fullmatch(r"[0-9a-z\u3007\u4e00-\u9fff\U00020000-\U0003134f]+", token) for token in tokens)


def test_it_makes_tokens_that_sqlite_keeps_whole():
    tokens = sorted(search_tokens(*CUSTOMER, "𠮷野家"))
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE entry USING fts5(tokens, tokenize='unicode61')")
    database.execute("CREATE VIRTUAL TABLE term USING fts5vocab(entry, row)")
    database.execute("INSERT INTO entry VALUES (?)", [" ".join(tokens)])
    assert sorted(row[0] for row in database.execute("SELECT term FROM term")) == tokens


def test_it_keeps_the_number_of_tokens_moderate():
    assert len(search_tokens("深圳市华为技术有限公司")) < 90
    assert len(search_tokens("华为技术有限公司", "C-000123", "13800138000", "任正非")) < 120
    assert len(search_tokens("很长的说明" * 200)) < 200


@pytest.mark.parametrize(
    "name",
    [
        "华为技术有限公司",
        "深圳市华为技术有限公司",
        "广东省深圳市华为技术有限责任公司",
        "深圳华为技术股份有限公司",
        "华为技术（深圳）有限公司",
        "华为技术(中国)有限公司",
        " 华为　技术有限公司 ",
        "华为技术集团有限公司",
        "华为技术（集团）股份有限公司",
    ],
)
def test_it_sees_one_company_in_its_names(name):
    assert company_key(name) == "华为技术"


@pytest.mark.parametrize("name", ["ACME Co., Ltd.", "Acme, Inc.", "ＡＣＭＥ GmbH", "acme", "Acme Holdings Pte Ltd"])
def test_it_sees_one_company_in_its_english_names(name):
    assert company_key(name) == "acme"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("北京银行股份有限公司", "上海银行股份有限公司"),
        ("武汉农村商业银行", "成都农村商业银行"),
        ("厦门航空", "天津航空"),
        ("深圳市政工程有限公司", "深圳政工程有限公司"),
        ("华为技术有限公司", "华为终端有限公司"),
    ],
)
def test_it_keeps_different_companies_apart(one, other):
    assert company_key(one) != company_key(other)


@pytest.mark.parametrize("name", ["有限公司", "Ltd", "集团"])
def test_it_never_makes_an_empty_company_key(name):
    assert company_key(name) != ""


def test_it_merges_few_of_many_real_short_names():
    path = DATA / "china_company_names" / "company_short_names_sample.csv"
    if not path.exists():
        pytest.skip(f"sample data not found at {path}")
    with path.open(encoding="utf-8", newline="") as file:
        names = {row[0] for row in list(csv.reader(file))[1:]}
    assert len({company_key(name) for name in names}) >= len(names) - 5


@pytest.mark.parametrize(
    ("phone", "key"),
    [
        ("+86 138-0013-8000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("１３８ 0013 8000", "13800138000"),
        ("+86 755 2878 0808", "075528780808"),
        ("+86 (0)755 28780808", "075528780808"),
        ("0755-28780808转801", "075528780808"),
        ("+86 10 6234 5678", "01062345678"),
        ("+86 400 812 3123", "4008123123"),
        ("86123456", "86123456"),
        ("+1 (212) 555-0100", "12125550100"),
        ("", ""),
    ],
)
def test_it_reduces_phones_to_their_digits(phone, key):
    assert phone_key(phone) == key


@pytest.mark.parametrize(
    "code", ["91440300708461136T", "91110000802100433B", "91350100M000100Y43", " 91440300708461136t "]
)
def test_it_takes_right_credit_codes(code):
    assert credit_code_problem(code) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("91440300708461136X", "last character"),
        ("91440300708461163T", "last character"),
        ("9144O300708461136T", "place 5"),
        ("9144030070846113", "18 characters, not 16"),
        ("91A40300708461136T", "Places 3 to 8"),
        ("", "not 0"),
    ],
)
def test_it_says_what_is_wrong_with_a_credit_code(code, reason):
    assert reason in str(credit_code_problem(code))
