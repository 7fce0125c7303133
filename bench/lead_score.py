"""`python -m bench.lead_score`: the learned lead score beside Odoo's frequencies and a base-rate guess, and its speed.

Without an argument over the invented table of `bench.lead_table`; with `FILE --outcome COLUMN` over a table of yours.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any


def odoo_chances(
    cells: Mapping[str, Sequence[Any]], outcomes: Sequence[bool], split: int, names: Sequence[str]
) -> list[float]:
    """Odoo's predictive lead scoring over the cases from `split` on, counted from those before.

    Each value of each field has a count of won and of lost leads (0.1 more, so that none is zero). A lead's chance is
    P(won) times the product of count(value, won) / count(field, won), beside the same for lost; empty fields are left
    out; bounded by 0.01 and 99.99 per cent. Source: odoo/odoo, addons/crm/models/crm_lead.py,
    `_pls_get_naive_bayes_probabilities`.
    """
    from saleswright.kernel.learning.values import as_text

    counts: dict[str, dict[str, list[float]]] = {name: defaultdict(lambda: [0.1, 0.1]) for name in names}
    totals: dict[str, list[float]] = {name: [0.0, 0.0] for name in names}
    for name in names:
        for value, won in zip(cells[name][:split], outcomes[:split], strict=True):
            if (text := as_text(value)) is not None:
                counts[name][text][not won] += 1
        for pair in counts[name].values():
            totals[name][0] += pair[0]
            totals[name][1] += pair[1]
    split_counts = Counter(bool(one) for one in outcomes[:split])
    found = []
    for place in range(split, len(outcomes)):
        won, lost = split_counts[True] / split, split_counts[False] / split
        for name in names:
            text = as_text(cells[name][place])
            if text is None or text not in counts[name] or not all(totals[name]):
                continue
            won *= counts[name][text][0] / totals[name][0]
            lost *= counts[name][text][1] / totals[name][1]
        found.append(min(0.9999, max(0.0001, won / (won + lost) if won + lost else 0.5)))
    return found


def measure(
    cells: dict[str, list[Any]], outcomes: list[bool], known_after: Sequence[str] = (), chances: Any = None
) -> dict[str, Any]:
    """Figures of the learned score, Odoo's method on the same columns, the base rate, and (if known) the truth."""
    from saleswright.kernel.learning import measures
    from saleswright.kernel.learning.learn import learn
    from saleswright.kernel.learning.problem import Examples, Problem, columns_of

    began = time.perf_counter()
    problem = Problem(columns_of(cells), known_after=frozenset(known_after))
    learned = learn(problem, Examples(cells, outcomes))
    seconds = time.perf_counter() - began
    split = len(outcomes) - round(0.2 * len(outcomes))
    held = outcomes[split:]
    left = {one.column for one in learned.aside}
    every = [name for name in cells if name not in set(known_after)]
    figures = dict(learned.evaluation.figures)
    figures["odoo"] = measures.figures(held, odoo_chances(cells, outcomes, split, [n for n in every if n not in left]))
    if chances is not None:
        figures["truth"] = measures.figures(held, chances[split:])
    return {
        "cases": len(outcomes), "held_out": len(held), "rate": learned.rate, "method": learned.model.method,
        "figures": figures, "chance_error": learned.evaluation.chance_error, "beaten": learned.evaluation.beaten,
        "set_aside": {one.column: one.reason for one in learned.aside},
        "used": list(learned.importance)[:12], "training_seconds": round(seconds, 1), "model": learned.model,
    }  # fmt: skip


def main() -> None:
    """Measure and print JSON."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    django.setup()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=9000)
    parser.add_argument("--scored", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    import sklearn.ensemble  # noqa: F401  (its import is not what is measured)

    from bench.lead_table import lead_table

    cells, outcomes, chances = lead_table(given.count, given.seed)
    found = measure(cells, outcomes, chances=chances)
    model = found.pop("model")
    many, _outcomes, _chances = lead_table(given.scored, given.seed + 1)
    began = time.perf_counter()
    model.explain(many, [None] * given.scored, given.scored)
    found["scoring_seconds"] = round(time.perf_counter() - began, 1)
    found["scored"] = given.scored
    print(json.dumps(found, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
