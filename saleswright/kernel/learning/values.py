"""What stands in the cells of a table: empty or not, and of what kind a column is."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

#: texts that mean "nothing was chosen or is known", in small letters
PLACEHOLDERS = frozenset({
    "", "-", "--", "---", "—", "——", "–", "/", "\\", ".", "?", "？", "n/a", "na", "n.a.", "#n/a", "nan", "nil", "null",
    "none", "select", "please select", "not specified", "not provided", "unspecified", "unknown", "未知", "无", "暂无",
    "不详", "未填", "未填写", "未选择", "请选择", "空",
})  # fmt: skip
YES = frozenset({"yes", "y", "true", "t", "1", "是", "有", "对"})
NO = frozenset({"no", "n", "false", "f", "0", "否", "没有", "不"})
NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][-+]?\d+)?")
DATE = re.compile(r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}")
SEPARATORS = re.compile(r"\s*[;；|、]\s*")


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing: None, not-a-number, an empty list, or a placeholder such as `Select` or 未知."""
    if value is None:
        return True
    if isinstance(value, str):
        return value.strip().casefold() in PLACEHOLDERS
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, list | tuple | dict | set | frozenset) and not value


def as_number(value: Any) -> float | None:
    """The number that a cell holds (`1,234.5`, `¥80`, `12%` as 12), or None."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float | Decimal):
        found = float(value)
        return found if math.isfinite(found) else None
    if is_empty(value):
        return None
    text = str(value).strip().lstrip("¥$€£￥").rstrip("%").replace("\u00a0", "").strip()
    if not text or NUMBER.fullmatch(text) is None:
        return None
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def as_truth(value: Any) -> bool | None:
    """Whether a cell says yes or no; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    text = str(value).strip().casefold()
    return True if text in YES else False if text in NO else None


def as_moment(value: Any) -> datetime | None:
    """The day or moment that a cell names, without a time zone; None when it names none."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if not isinstance(value, str) or DATE.match(value.strip()) is None:
        return None
    text = value.strip()
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        pass
    year, month, day = (int(part) for part in re.findall(r"\d+", text)[:3])
    try:
        return datetime(year, month, day)
    except ValueError:
        return None


def as_many(value: Any) -> list[str]:
    """The choices that a cell names: the members of a list, or the parts of a text between semicolons."""
    if is_empty(value):
        return []
    parts = value if isinstance(value, list | tuple | set | frozenset) else SEPARATORS.split(str(value))
    return [text for one in parts if not is_empty(text := str(one).strip())]


def as_text(value: Any) -> str | None:
    """A cell as the name of a category; None when it is empty."""
    if is_empty(value):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).strip()[:200]


def kind_of(values: Sequence[Any]) -> str:
    """Of what kind a column of a foreign table is: number, truth, date, many, category or text.

    What at least 98 of a hundred filled cells are decides. Texts of which more than half differ are free text.
    """
    filled = [value for value in values if not is_empty(value)]
    if not filled:
        return "category"
    need = 0.98 * len(filled)
    # numbers 0 and 1 are as good as no and yes
    if sum(as_number(value) is not None for value in filled) >= need:
        return "number"
    if sum(as_truth(value) is not None for value in filled) >= need:
        return "truth"
    if sum(as_moment(value) is not None for value in filled) >= need:
        return "date"
    if any(isinstance(value, list | tuple) for value in filled) or _is_many(filled):
        return "many"
    different = len({str(value).strip() for value in filled})
    return "text" if different > max(20, 0.5 * len(filled)) else "category"


def _is_many(filled: Sequence[Any]) -> bool:
    """Cells of several choices: a fifth has more than one, and the parts come again and again."""
    parts = [as_many(value) for value in filled]
    if sum(len(one) > 1 for one in parts) < 0.2 * len(parts):
        return False
    counts = Counter(part for one in parts for part in one)
    return len(counts) <= 200 and sum(counts.values()) >= 5 * len(counts)
