"""The board of 1,000 open opportunities and a drop on it, beside the same rows read and written by plain SQL."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import connection

from bench.data import People
from bench.measure import Row, alternately, compare
from bench.web import Web
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.pipeline.models import Opportunity, Pipeline, Stage

DEALS, STAGES, DROP_MS = 1000, 5, 100
BOARD = """
SELECT * FROM (
    SELECT id, name, stage_id, amount, currency, expected_close, owner_id, customer_id,
        row_number() OVER (PARTITION BY stage_id ORDER BY id DESC) AS place
    FROM pipeline_opportunity WHERE pipeline_id = %s AND status = 'open' AND archived_at IS NULL
) cards WHERE place <= 80
"""
TOTALS = """
SELECT stage_id, count(*), sum(base_amount), sum(base_amount * probability) FROM pipeline_opportunity
WHERE pipeline_id = %s AND status = 'open' AND archived_at IS NULL GROUP BY stage_id
"""


def run(people: People) -> Iterator[Row]:
    """The page and the totals as multiples of their SQL; the milliseconds of a drop until it is answered."""
    pipeline, stages = _ready(people)
    web, floor = Web(people.manager), f"?pipeline_id={pipeline}"
    board, totals = f"/opportunities/board{floor}", f"/opportunities/board/totals{floor}&fresh=1"
    yield compare("board of 1,000 deals", lambda: web.get(board), lambda: _read(BOARD, pipeline), 25)
    yield compare("totals of the board", lambda: web.get(totals), lambda: _read(TOTALS, pipeline), 12)
    deals = itertools.cycle(Opportunity.objects.filter(pipeline=pipeline).order_by("pk").values_list("pk", "stage_id"))
    following = dict(itertools.pairwise([*stages, stages[0]]))

    def drop() -> None:
        pk, _stage = next(deals)
        here = Opportunity.objects.values_list("stage_id", flat=True).get(pk=pk)
        there = following[here]
        reason = {} if there != stages[0] else {"reason": "bench"}
        web.post(f"/api/v1/opportunities/{pk}/actions/move", {"stage_id": there, **reason})

    (times,) = alternately(drop, repeat=60)
    yield Row("drop until it is answered", statistics.median(times), DROP_MS, "ms", statistics.median(times))
    before = _counts(pipeline)
    drop()
    told = {int(key): int(one["count"]) for key, one in web.get(totals).json().items()}
    assert told == _counts(pipeline) != before, "the totals are those after the drop"


def _ready(people: People) -> tuple[int, list[int]]:
    """A pipeline with so many open deals of the manager's own, made once."""
    actor = system("bench")
    found = Pipeline.objects.filter(name="bench-board").first()
    if found is None:
        found = save_record(Pipeline, {"name": "bench-board", "title": "Bench", "sequence": 900}, actor=actor)
        for place in range(STAGES):
            values = {"pipeline": found.pk, "name": f"s{place}", "title": f"Stage {place}", "sequence": place}
            save_record(Stage, {**values, "probability": 20 * place, "time_limit_days": 20}, actor=actor)
    stages = list(Stage.objects.filter(pipeline=found).order_by("sequence").values_list("pk", flat=True))
    missing = DEALS - Opportunity.objects.filter(pipeline=found).count()
    today = clock.today()
    drafts = [
        Draft({
            "name": f"Deal {n}", "amount": str(1000 + n), "stage": stages[n % STAGES], "owner": people.manager.pk,
            "opened_on": today - timedelta(days=n % 60), "expected_close": today + timedelta(days=n % 90),
        })
        for n in range(max(missing, 0))
    ]  # fmt: skip
    if drafts:
        save_records(Opportunity, drafts, actor=actor, history=True)
    return found.pk, stages


def _read(sql: str, pipeline: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [pipeline])
        return cursor.fetchall()


def _counts(pipeline: int) -> dict[int, int]:
    return {row[0]: row[1] for row in _read(TOTALS, pipeline)}
