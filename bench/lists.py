"""Lists, boards and deep pages of a manager with a department scope, beside hand-written SQL with the same indexes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson

from bench.data import People
from bench.measure import Row, alternately, compare, raw
from bench.serving import ROOT
from bench.web import Web
from saleswright.kernel.models import Department

FILTER = "status=open&amount__gte=200000&ordering=-amount&limit=50"
JSON, PAGE = f"/api/v1/opportunities?{FILTER}", f"/opportunities?{FILTER}"
BOARD = "/opportunities/board"
SQLITE = ROOT / "var" / "bench.sqlite3"

REFERENCES = {
    "created_by": ("kernel_user", "name"),
    "updated_by": ("kernel_user", "name"),
    "owner": ("kernel_user", "name"),
    "department": ("kernel_department", "name"),
    "customer": ("customers_customer", "name"),
    "contact": ("customers_contact", "name"),
    "lead": ("leads_lead", "number"),
    "pipeline": ("pipeline_pipeline", "title"),
    "stage": ("pipeline_stage", "title"),
    "product": ("catalog_product", "name"),
    "campaign": ("market_campaign", "name"),
    "competitor": ("market_competitor", "name"),
    "loss_reason": ("pipeline_lossreason", "name"),
}
PLAIN = (
    "id", "created_at", "updated_at", "archived_at", "number", "code", "name", "stage_since", "stage_due_on", "status",
    "currency", "probability", "probability_mode", "probability_manual", "opened_on", "closed_on", "expected_close",
    "source", "needs", "next_step", "next_step_at", "loss_note", "lesson", "custom",
)  # fmt: skip
AMOUNTS = ("amount", "base_amount")
SCOPE = """(o.owner_id = %(me)s OR o.department_id = ANY(%(departments)s) OR o.id IN
    (SELECT record_id FROM kernel_collaborator WHERE user_id = %(me)s AND resource = 'opportunities'))"""


class Floor:
    """The same list by plain SQL through psycopg and orjson: one statement, no request, no rights to resolve."""

    def __init__(self, people: People) -> None:
        self.query = raw()
        below = Department.objects.filter(parent_id=people.manager.department_id).values_list("pk", flat=True)
        self.parameters = {"me": people.manager.pk, "departments": [people.manager.department_id, *below]}
        columns = [f"o.{name}" for name in (*PLAIN, *AMOUNTS)]
        columns += [f"o.{name}_id, {name}.{title}" for name, (_table, title) in REFERENCES.items()]
        columns.append("o.status = 'open' AND o.stage_due_on < CURRENT_DATE")
        columns.append("o.status = 'open' AND o.next_step_at < now()")
        joins = " ".join(
            f"LEFT JOIN {table} {name} ON {name}.id = o.{name}_id" for name, (table, _) in REFERENCES.items()
        )
        self.sql = f"""SELECT {", ".join(columns)} FROM pipeline_opportunity o {joins}
            WHERE o.archived_at IS NULL AND o.status = 'open' AND o.amount >= 20000000 AND {SCOPE}
            ORDER BY o.amount DESC, o.id DESC LIMIT 51"""

    def __call__(self) -> bytes:
        """The body of the answer."""
        items = []
        for row in self.query(self.sql, self.parameters)[:50]:
            item = dict(zip(PLAIN, row, strict=False))
            place = len(PLAIN)
            for name in AMOUNTS:
                cents = row[place]
                item[name] = f"{cents // 100}.{cents % 100:02d}"
                place += 1
            for name in REFERENCES:
                item[name] = {"id": row[place], "label": row[place + 1]} if row[place] is not None else None
                place += 2
            item["stuck"], item["step_late"] = bool(row[place]), bool(row[place + 1])
            items.append(item)
        return orjson.dumps({"items": items, "next_cursor": "."})


def run(people: People) -> Iterator[Row]:
    """Ratios of the JSON list, the page, the board, deep pages and SQLite."""
    web, floor = Web(people.manager), Floor(people)
    check_same(web, floor)
    yield compare("JSON list of 50: plain SQL", lambda: web.get(JSON), floor, 8)
    yield compare("list page: JSON list", lambda: web.get(PAGE), lambda: web.get(JSON), 3)
    yield compare("board 5 x 80: list page", lambda: web.get(BOARD), lambda: web.get(PAGE), 2, repeat=20)
    deep = f"{JSON}&cursor={deep_cursor(web)}"
    yield compare("page 100: page 1", lambda: web.get(deep), lambda: web.get(JSON), 1.2)
    for what, path in (("JSON list", JSON), ("list page", PAGE)):
        with sqlite() as other:
            here, there = map(statistics.median, alternately(lambda p=path: web.get(p), lambda p=path: other(p)))
            yield Row(f"{what} on SQLite: PostgreSQL", there / here, 2, "x", there, here)


def check_same(web: Web, floor: Floor) -> None:
    """Raise AssertionError unless both give the same 50 records, field for field."""
    ours, least = web.get(JSON).json()["items"], orjson.loads(floor())["items"]
    assert len(ours) == 50
    for mine, other in zip(ours, least, strict=True):
        assert mine == other, {name: (mine[name], other.get(name)) for name in mine if mine[name] != other.get(name)}


def deep_cursor(web: Web, pages: int = 99) -> str:
    """The cursor after that many pages."""
    cursor = ""
    for _page in range(pages):
        cursor = web.get(f"{JSON}&fields=id&cursor={cursor}").json()["next_cursor"]
    return cursor


@contextmanager
def sqlite() -> Iterator[Callable[[str], None]]:
    """A second process with the same records on SQLite, which fetches a path at a time for us."""
    SQLITE.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{SQLITE}", "BENCH_DATABASE_URL": ""}
    command = [sys.executable, "-m", "bench.answering"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=env, cwd=ROOT, **pipes) as child:
        assert child.stdin is not None
        questions, answers = child.stdin, child.stdout
        assert answers is not None

        def ask(path: str) -> None:
            questions.write(f"{path}\n".encode())
            questions.flush()
            if answers.readline().strip() != b"200":
                raise RuntimeError(f"SQLite: {path}")

        yield ask
        questions.close()
