"""Company names taken apart, and which rows are taken for one company."""

import csv
import random
import subprocess
import sys
from pathlib import Path

import pytest

from saleswright.config.demo import words
from saleswright.kernel.matching import Row, likely_pairs, lookup_brands, lookup_keys, parse, score
from saleswright.kernel.matching.names import shortened, slip
from saleswright.kernel.matching.pairs import block_keys, candidate_pairs
from saleswright.kernel.matching.scoring import entry_of

PLANTER = Path(__file__).parents[4] / "shared" / "tools" / "plant_duplicates.py"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("深圳市华强电子有限公司", ("深圳", "华强", "电子")),
        ("华强（深圳）电子股份有限公司", ("深圳", "华强", "电子")),
        ("华强电子（深圳）有限公司", ("深圳", "华强", "电子")),
        ("华强(深圳市)电子", ("深圳", "华强", "电子")),
        ("华强 深圳)电子有限公司", ("深圳", "华强", "电子")),
        ("江苏省苏州市恒信精密机械集团有限公司", ("苏州", "恒信", "精密机械")),
        ("廣西壯族自治區恒信貿易公司", ("广西", "恒信", "贸易")),
        ("北京市场营销有限公司", ("北京", "市场营销", "")),
        ("北京银行", ("北京", "银行", "")),
        ("科技贸易有限公司", ("", "科技", "贸易")),
        ("中山大同电子有限公司", ("中山", "大同", "电子")),
        ("　ＡＣＭＥ  Trading Co., Ltd.", ("", "acmetrading", "")),
        ("(上海)", ("", "上海", "")),
        ("", ("", "", "")),
    ],
)
def test_a_name_has_place_brand_and_trade(name, parts):
    found = parse(name)
    assert (found.place, found.brand, found.trade) == parts


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ("abcd", "abxd", (2, 3, 3)),
        ("abcd", "abd", (2, 3, 2)),
        ("abcd", "abbcd", (2, 2, 3)),
        ("abcd", "acbd", (1, 3, 3)),
        ("abcd", "abcd", None),
        ("abcd", "axyd", None),
        ("abcd", "abcdef", None),
        ("abcd", "badc", None),
    ],
)
def test_one_slip_is_seen(a, b, found):
    assert slip(a, b) == found


def test_texts_one_slip_apart_share_a_shortened_form():
    for other in ("abxd", "acbd"):
        assert set(shortened("abcd")) & set(shortened(other))
    assert "abd" in set(shortened("abcd"))


def verdict(a: str | Row, b: str | Row, least: float = 0.35) -> tuple[str, ...] | None:
    """The reasons for which the two, among many others, are taken for one; None when they are not."""
    rows = [Row(1, a) if isinstance(a, str) else a, Row(2, b) if isinstance(b, str) else b]
    found = [p for p in likely_pairs([*rows, *crowd(3000, seed=5)], least=least) if {p.a, p.b} == {1, 2}]
    return found[0].reasons if found else None


@pytest.mark.parametrize(
    ("a", "b", "reasons"),
    [
        ("上海华沛科技有限公司", "上海市华沛科技股份有限公司", ("same_name",)),
        ("上海华沛科技有限公司", "上海 華沛科技", ("same_name",)),
        ("上海华沛科技有限公司", "华沛科技有限公司", ("same_brand", "place_missing")),
        ("苏州华沛科技有限公司", "江苏华沛科技有限公司", ("same_brand", "place_within")),
        ("上海华沛科技有限公司", "上海华沛有限公司", ("same_brand", "trade_missing")),
        ("上海华沛乐科技有限公司", "上海华沛尔科技有限公司", ("slip_in_brand",)),
        ("上海华沛乐科技有限公司", "上海华沛科技有限公司", ("slip_in_brand",)),
        ("上海华沛科技有限公司", "上海华沛沛科技有限公司", ("slip_in_brand",)),
        ("上海沛华科技有限公司", "上海华沛科技有限公司", ("slip_in_brand",)),
        ("上海华沛科技有限公司", "上诲华沛科技有限公司", ("slip_in_place",)),
        ("上海华沛科技有限公司", "上海华沛科支有限公司", ("slip_in_trade",)),
        ("上海华沛科技有限公司", "北京华沛科技有限公司", None),
        ("上海华沛科技有限公司", "上海华沛贸易有限公司", None),
        ("江西华沛科技有限公司", "江苏华沛科技有限公司", None),
        ("上海华沛一厂有限公司", "上海华沛二厂有限公司", None),
        ("上海宏沛科技有限公司", "上海宏瑞科技有限公司", None),
    ],
)
def test_it_decides_by_name(a, b, reasons):
    assert verdict(a, b) == reasons


def test_a_short_brand_with_one_character_replaced_needs_more_than_the_name():
    a = Row(1, "上海宏达电子有限公司", ("13800001234",))
    assert verdict(a, Row(2, "上海宏沛电子有限公司")) is None
    assert verdict(a, Row(2, "上海宏沛电子有限公司", ("+86 138-0000-1234",))) == ("same_phone", "slip_in_brand")


def test_a_shared_phone_alone_is_not_enough():
    assert verdict(Row(1, "上海华沛科技有限公司", ("13800001234",)), Row(2, "大连玖隆物流", ("13800001234",))) is None


def test_a_similar_name_with_the_same_phone_and_mail_is_likely():
    a = Row(1, "上海华沛科技有限公司", ("13800001234",), ("a@example.com",), "人民路1号")
    b = Row(2, "华沛", ("13800001234",), ("A@example.com",), "人民路 1 号")
    assert verdict(a, b) == ("same_phone", "same_email", "same_address", "same_brand", "place_missing", "trade_missing")
    c = Row(2, "上海华沛中科技术有限公司", ("13800001234",), ("A@example.com",), "人民路 1 号")
    assert verdict(a, c) == ("same_phone", "same_email", "same_address", "similar_name")


def test_credit_codes_decide():
    a = Row(1, "上海华沛科技有限公司", credit_code="91310000MA1FL0000X")
    assert verdict(a, Row(2, "玖隆物流", credit_code="91310000ma1fl0000x")) == ("same_code",)
    assert verdict(a, Row(2, "上海华沛科技有限公司", credit_code="91310000MA1FL1111X")) is None


def test_what_differs_besides_the_name_lowers_the_probability():
    rows = [Row(1, "华沛科技"), Row(2, "上海华沛科技")]
    (named,) = likely_pairs(rows)
    rows = [Row(1, "华沛科技", ("13800001234",), ("a@example.com",), "人民路1号"),
            Row(2, "上海华沛科技", ("13900001234",), ("b@example.com",), "解放路1号")]  # fmt: skip
    (known,) = likely_pairs(rows, least=0)
    assert known.probability < named.probability


def test_a_row_is_scored_against_candidates_alone():
    found = score(Row(0, "上海华沛科技"), [Row(1, "上海华沛科技有限公司"), Row(2, "北京华沛科技有限公司")])
    assert [(pair.a, pair.b, pair.reasons) for pair in found] == [(0, 1, ("same_name",))]
    assert found[0].probability > 0.95
    assert score(Row(0, "上海华沛科技"), [], among=100_000) == []


def test_what_a_database_keeps_finds_slips_and_missing_places():
    brand, head, tail = lookup_keys("上海华沛乐科技有限公司")
    assert (brand, head, tail) == ("华沛乐", "华|科技", "乐|科技")
    assert lookup_keys("华沛乐科技") == (brand, head, tail)
    assert lookup_keys("上海华沛科技")[1] == lookup_keys("上海华佩乐科技")[1] == head
    assert lookup_keys("上诲华沛乐科技")[2] == lookup_keys("上海沛乐科技")[2] == tail
    assert brand in lookup_brands("上海华沛乐科支")
    assert lookup_brands("上海华沛乐科技") == [brand]
    assert lookup_keys("Acme Trading Ltd") == ("acmetrading", "acm|", "ing|")


def test_each_pair_is_compared_once_however_many_passes(monkeypatch):
    similar = [Row(f"s{at}", f"{city}华沛电子有限公司") for at, (_, city) in enumerate(words.PLACES * 2)]
    entries = [entry_of(row) for row in [*crowd(400, seed=2), *similar]]
    expected = sorted(candidate_pairs(entries))
    assert len(expected) == len(set(expected)) > 1000
    monkeypatch.setattr("saleswright.kernel.matching.pairs.KEYS_AT_ONCE", 1000)
    assert sorted(candidate_pairs(entries)) == expected
    for one, other in expected[:50]:
        assert set(block_keys(entries[one])) & set(block_keys(entries[other]))


def test_progress_is_told_and_may_stop_it():
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        raise TimeoutError

    with pytest.raises(TimeoutError):
        likely_pairs(crowd(10, seed=1), progress=stop)
    assert told == [(0, 10)]


# --- how well it does on many ----------------------------------------------------------------------------------


def crowd(count: int, seed: int) -> list[Row]:
    """Different companies with names as the demonstration company's customers have, two more characters long."""
    rnd, names = random.Random(seed), set[str]()
    trades, places = [trade for trade, _ in words.TRADES], [city for _, city in words.PLACES]
    letters = words.FIRST + words.SECOND
    while len(names) < count:
        brand = rnd.choice(words.FIRST) + rnd.choice(words.SECOND) + "".join(rnd.choices(letters, k=rnd.randrange(3)))
        names.add(rnd.choice(places) + brand + rnd.choice(trades) + rnd.choice(words.FORMS))
    return [Row(f"n{at}", name) for at, name in enumerate(sorted(names))]


def measured(rows: list[Row], truth: set[tuple[str, str]]) -> tuple[float, float]:
    """Precision and recall of the likely pairs."""
    found = {tuple(sorted((str(pair.a), str(pair.b)))) for pair in likely_pairs(rows)}
    return len(found & truth) / len(found), len(found & truth) / len(truth)


def test_it_finds_planted_duplicates_among_our_own_names():
    rows, rnd, truth = crowd(6000, seed=3), random.Random(4), set()
    for at, row in enumerate(rnd.sample(rows, 300)):
        stem = row.name.removesuffix("有限公司")
        cut = rnd.randrange(1, len(stem))
        name = (stem, "　" + row.name, stem[:cut] + " " + stem[cut:] + "有限责任公司", stem[:2] + "市" + stem[2:])[
            at % 4
        ]
        rows.append(Row(f"d{at}", name))
        truth.add((f"d{at}", str(row.id)))
    precision, recall = measured(rows, truth)
    assert recall == 1
    assert precision >= 0.9


@pytest.mark.skipif(not PLANTER.exists(), reason="the list of real company names is not here")
@pytest.mark.parametrize(("everything", "least_precision", "least_recall"), [(False, 0.92, 0.93), (True, 0.97, 0.97)])
def test_it_finds_planted_duplicates_among_real_names(tmp_path, everything, least_precision, least_recall):
    subprocess.run([sys.executable, PLANTER, tmp_path, "--rows", "20000", "--seed", "7"], check=True)
    with (tmp_path / "customers.csv").open(encoding="utf-8") as file:
        given = list(csv.DictReader(file))
    with (tmp_path / "truth.csv").open(encoding="utf-8") as file:
        kinds = {tuple(sorted((one["code_a"], one["code_b"]))): one["kind"] for one in csv.DictReader(file)}
    rows = [
        Row(one["code"], one["name"], (one["phone"],) if everything else (), (), one["address"] if everything else "")
        for one in given
    ]
    found = {tuple(sorted((str(pair.a), str(pair.b)))) for pair in likely_pairs(rows)}
    slips = {pair for pair, kind in kinds.items() if kind == "typo"}
    assert len(found & kinds.keys()) / len(found) >= least_precision
    assert len(found & kinds.keys()) / len(kinds) >= least_recall
    assert len(found & slips) / len(slips) >= 0.7
