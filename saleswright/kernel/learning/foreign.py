"""Learning from a foreign table, to see what can be foretold from it: nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from saleswright.kernel.learning.learn import Progress, TooFew, learn
from saleswright.kernel.learning.problem import Examples, Problem, columns_of
from saleswright.kernel.learning.values import as_moment, as_number, as_truth, is_empty
from saleswright.kernel.learning.words import doubtful, why_aside

WON = frozenset({"won", "converted", "success", "paid", "成交", "赢单", "已转化", "成功"})
LOST = frozenset({"lost", "disqualified", "not converted", "failed", "unpaid", "丢单", "输单", "未转化", "失败"})


def outcome_of(value: Any) -> bool | None:
    """The outcome that a cell names: yes or no in many words; None for a case that is still open."""
    if is_empty(value) and value not in ("无",):
        return None
    text = str(value).strip().casefold()
    if text in WON:
        return True
    if text in LOST:
        return False
    number = as_number(value)
    return as_truth(value) if number is None else {0.0: False, 1.0: True}.get(number)


def cells_of(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """A table of rows as columns; short rows are filled with nothing."""
    found: dict[str, list[Any]] = {name: [] for name in headers}
    for row in rows:
        for place, name in enumerate(headers):
            found[name].append(row[place] if place < len(row) else None)
    return found


def evaluate(
    cells: Mapping[str, Sequence[Any]],
    outcome: str,
    *,
    time: str = "",
    known_after: Iterable[str] = (),
    admitted: Iterable[str] = (),
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """What a learned model would be worth on this table, as JSON.

    `outcome` and `time` name columns; without a time the order of the rows is taken for it. Rows without an outcome
    are left out. Raises LookupError for a column that there is not, TooFew when nothing can be learned.
    """
    named = [outcome, *([time] if time else []), *known_after, *admitted]
    if missing := [name for name in named if name not in cells]:
        raise LookupError(f"there is no column {missing[0]!r}")
    outcomes = [outcome_of(value) for value in cells[outcome]]
    known = [place for place, value in enumerate(outcomes) if value is not None]
    if len(known) < len(outcomes) / 2 and outcomes:
        raise TooFew(f"only {len(known)} of {len(outcomes)} cells of {outcome!r} say yes or no")
    used = {name: list(column) for name, column in cells.items() if name != outcome}
    moments = [as_moment(value) for value in cells[time]] if time else []
    if moments and not any(moments):
        known.sort(key=lambda place: as_number(cells[time][place]) or 0.0)  # a running number does as well
        moments = []
    examples = Examples(used, outcomes, moments).of(known)
    problem = Problem(columns_of(used), known_after=frozenset(known_after), admitted=frozenset(admitted))
    learned = learn(problem, examples, progress=progress)
    found = learned.evaluation
    left = {one.column for one in learned.aside}
    return {
        "rows": len(known), "rate": learned.rate, "held_out": found.count, "held_out_rate": found.rate,
        "method": learned.model.method, "figures": found.figures, "beats_base_rate": "base" in found.beaten,
        "calibration": [{"count": b.count, "said": b.said, "happened": b.happened} for b in found.bins],
        "calibration_error_by_chance": found.chance_error,
        "columns_used": learned.importance,
        "columns_set_aside": {
            one.column: {"reason": one.reason, "text": why_aside(one.reason, one.figures), **one.figures}
            for one in learned.aside
        },
        "columns_to_ask_about": [name for name in used if name not in left and doubtful(name)],
    }  # fmt: skip
