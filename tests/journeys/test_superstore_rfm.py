"""The RFM of the Chinese superstore against one by polars, and the life cycle that follows from the same orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import transaction

from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.interface.reports import report_named
from saleswright.kernel.access.actors import system
from saleswright.modules.insight.rfm import GROUPS

pytestmark = pytest.mark.django_db
AS_OF, DAYS = date(2024, 12, 31), 730
FILE = "superstore_cn_gbk.csv"


@pytest.fixture(scope="module")
def path(data_folder: Path) -> Path:
    return data_folder / "superstore_cn" / FILE


@pytest.fixture(scope="module")
def expected(path: Path) -> dict[str, tuple[Any, ...]]:
    """Code -> days, orders, cents, scores and group, by ranks among customers: (rank - 1) x 5 div n + 1."""
    frame = pl.read_csv(path.read_text(encoding="gb18030").encode(), infer_schema=False)
    frame = frame.with_columns(
        pl.col("订单日期").str.to_date("%Y/%m/%d"),
        cents=((pl.col("销售额").cast(float) * 1000).round().cast(int) + 5) // 10,
    )
    frame = frame.filter(pl.col("订单日期").n_unique().over("订单 ID", "客户 ID") == 1)
    age = pl.lit(AS_OF) - pl.col("订单日期")
    frame = frame.filter(age.dt.total_days().is_between(0, DAYS - 1))
    found = frame.group_by("客户 ID").agg(
        days=age.dt.total_days().min(), orders=pl.col("订单 ID").n_unique(), cents=pl.col("cents").sum()
    )

    def score(column: pl.Expr) -> pl.Expr:
        return (column.rank("min").cast(int) - 1) * 5 // pl.len() + 1

    found = found.with_columns(r=score(-pl.col("days")), f=score(pl.col("orders")), m=score(pl.col("cents")))
    return {
        code: (days, orders, cents, f"{r}{f}{m}", GROUPS[r][(f + m + 1) // 2 - 1].value)
        for code, days, orders, cents, r, f, m in found.iter_rows()
    }


@pytest.fixture(scope="module")
def imported(kept: None, path: Path, take: Callable[..., ImportOutcome]) -> Iterator[None]:
    with transaction.atomic():
        for resource in ("customers", "products", "orders"):
            take(resource, path, f"superstore-{resource}", on_error="skip")
        yield
        transaction.set_rollback(True)


def test_the_scores_are_those_of_polars(imported: None, expected: dict[str, tuple[Any, ...]]) -> None:
    columns = ("recency_days", "frequency", "monetary", "rfm_score", "group")
    asked = {"by": "customer", "as_of": AS_OF.isoformat(), "days": str(DAYS)}
    rows = report_named("rfm").run(asked, system("test")).as_json()["rows"]
    found = {row["code"]: tuple(row[name] for name in columns) for row in rows}
    assert len(found) > 700
    assert {code: (d, n, int(amount * 100), text, group) for code, (d, n, amount, text, group) in found.items()} == (
        expected
    )
