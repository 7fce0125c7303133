"""Finding the words that name a person in texts and JSON, and blacking them out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Cast

SHORTEST = 2
"""Shorter words stand in too many texts to be looked for."""
DIGITS_OF_A_MOBILE = 11
_MARKS = re.compile(r"[\s()+-]+")


def words_of(*values: str) -> list[str]:
    """The words to look for, the longest first: each value, and phone numbers also as they are commonly written."""
    found: set[str] = set()
    for value in (value.strip() for value in values):
        digits = _MARKS.sub("", value)
        if digits.isascii() and digits.isdigit() and len(digits) >= 7:
            found |= {value, digits}
            if len(digits) == DIGITS_OF_A_MOBILE and digits[0] == "1":
                parts = digits[:3], digits[3:7], digits[7:]
                found |= {" ".join(parts), "-".join(parts)}
        else:
            found.add(value)
    return sorted((word for word in found if len(word) >= SHORTEST), key=lambda word: (-len(word), word))


def holding(rows: QuerySet[Any], names: Iterable[str], words: Iterable[str]) -> QuerySet[Any]:
    """The rows of which one of these text or JSON columns holds one of the words; none without words."""
    condition, columns = Q(), {}
    words = list(words)
    for name in names:
        is_json = isinstance(rows.model._meta.get_field(name), models.JSONField)
        if is_json:
            columns[f"said_{name}"] = Cast(name, models.TextField())
        looked_in = f"said_{name}" if is_json else name
        for word in words:
            # SQLite keeps JSON with other than ASCII characters escaped
            for form in {word, json.dumps(word)[1:-1]} if is_json else {word}:
                condition |= Q(**{f"{looked_in}__icontains": form})
    return rows.alias(**columns).filter(condition) if condition else rows.none()


def says(value: Any, words: Iterable[str]) -> bool:
    """Whether a text, or a text or number anywhere in a JSON value, holds one of the words."""
    return blacked(value, words, "") != value


def blacked(value: Any, words: Iterable[str], by: str) -> Any:
    """The text or JSON value with `by` in place of each of the words, whatever their case."""
    pattern = re.compile("|".join(map(re.escape, words)) or r"(?!)", re.IGNORECASE)
    return _blacked(value, pattern, by)


def _blacked(value: Any, pattern: re.Pattern[str], by: str) -> Any:
    if isinstance(value, str):
        return pattern.sub(lambda _match: by, value)
    if isinstance(value, dict):
        return {_blacked(key, pattern, by): _blacked(one, pattern, by) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_blacked(one, pattern, by) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and pattern.search(str(value)):
        return by
    return value
