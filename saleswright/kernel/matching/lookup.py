"""Finds in a table the names that likely mean the company being typed; the table keeps the keys of `lookup_keys`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from saleswright.kernel.matching.pairs import lookup_brands, lookup_keys, score
from saleswright.kernel.matching.scoring import Row

#: rows of one key that are compared with what is typed
MOST_CANDIDATES = 200
#: the columns of the keys, in the order of `lookup_keys`
KEYS = ("brand_key", "head_key", "tail_key")


def likely(rows: QuerySet[Any], typed: Row, *, name: str = "name", code: str = "", among: int) -> list[int]:
    """The ids of the rows that are likely meant, the likeliest first, by the judgement of the nightly search.

    `name` and `code` are the columns of the name and the credit code; there are `among` rows in all. The candidates
    have a key in common with the typed name, at most `MOST_CANDIDATES` for each key.
    """
    _brand, head, tail = lookup_keys(typed.name)
    shown = ("pk", name, code) if code else ("pk", name)
    conditions = ({"brand_key__in": lookup_brands(typed.name)}, {"head_key": head}, {"tail_key": tail})
    found: dict[int, Row] = {}
    for one in conditions:
        for pk, text, *codes in rows.filter(**one).order_by().values_list(*shown)[:MOST_CANDIDATES]:
            found[pk] = Row(pk, text, credit_code=(codes[0] or "") if codes else "")
    return [int(pair.b) for pair in score(typed, found.values(), among=among)] if found else []


def likely_ones(
    rows: QuerySet[Any], typed: Sequence[Row], *, name: str = "name", code: str = "", among: int
) -> list[tuple[int, float] | None]:
    """For each of many names the row that it most likely means, with the probability; three queries for all of them."""
    shown = ("pk", name, *((code,) if code else ()))
    found: dict[int, Row] = {}
    by_key: dict[tuple[str, str], list[int]] = {}
    asked = [_asked(one.name) for one in typed]
    for column in KEYS:
        wanted = {key for keys in asked for name_, key in keys if name_ == column}
        for key, pk, text, *codes in rows.filter(**{f"{column}__in": wanted}).order_by().values_list(column, *shown):
            held = by_key.setdefault((column, key), [])
            if len(held) < MOST_CANDIDATES:
                held.append(pk)
                found[pk] = Row(pk, text, credit_code=(codes[0] or "") if codes else "")
    answers: list[tuple[int, float] | None] = []
    for one, keys in zip(typed, asked, strict=True):
        ids = dict.fromkeys(pk for key in keys for pk in by_key.get(key, ()))
        best = score(one, [found[pk] for pk in ids], among=among)[:1] if ids else []
        answers.append((int(best[0].b), best[0].probability) if best else None)
    return answers


def _asked(name: str) -> list[tuple[str, str]]:
    """The keys of which a row must have one to be compared with the name."""
    if not name.strip():
        return []
    _brand, head, tail = lookup_keys(name)
    return [*(("brand_key", brand) for brand in lookup_brands(name)), ("head_key", head), ("tail_key", tail)]


__all__ = ["KEYS", "MOST_CANDIDATES", "likely", "likely_ones"]
