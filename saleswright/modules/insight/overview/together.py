"""Reads different kinds of rows in one statement: a UNION ALL of limited queries with the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from saleswright.kernel import clock

CENTS = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """A row of any kind. `amount` is in base currency; `day` or `moment` says when."""

    kind: str
    id: int
    text: str
    state: str
    amount: Decimal | None
    day: date | None
    moment: datetime | None
    who: str

    @property
    def on(self) -> date | None:
        """The day of the company on which it is."""
        return self.day or (clock.local_date(self.moment) if self.moment else None)

    @property
    def at(self) -> datetime | None:
        """A moment to sort by: days count from their end, since what they tell came in the course of them."""
        if self.moment is not None:
            return self.moment
        return clock.day_start(self.day).replace(microsecond=1) if self.day is not None else None


@dataclass(frozen=True, slots=True)
class Arm:
    """Rows of one kind: a limited query, and which of its columns in turn is what of a piece."""

    kind: str
    rows: QuerySet[Any]
    columns: tuple[str, ...]


def arm(
    kind: str,
    rows: QuerySet[Any],
    limit: int,
    *,
    text: str,
    state: str = "",
    amount: str = "",
    day: str = "",
    moment: str = "",
    who: str = "owner__name",
) -> Arm:
    """The first rows of an ordered queryset as pieces; the arguments name the columns."""
    asked = {"id": "pk", "text": text, "state": state, "amount": amount, "day": day, "moment": moment, "who": who}
    given = {name: column for name, column in asked.items() if column}
    return Arm(kind, rows.values_list(*given.values())[:limit], tuple(given))


#: what stands for a column that an arm hasn't
NOTHING = {
    "text": "''", "state": "''", "who": "''", "amount": "CAST(NULL AS bigint)", "day": "CAST(NULL AS date)",
    "moment": "CAST(NULL AS timestamp with time zone)",
}  # fmt: skip


def read(arms: Sequence[Arm]) -> list[Piece]:
    """The pieces of all arms in one statement, arm after arm."""
    tables, parts, given = [], [], list[Any]()
    for place, one in enumerate(arms):
        try:
            sql, values = one.rows.query.sql_with_params()
        except EmptyResultSet:
            continue
        own = {name: f"arm{place}_{name}" for name in one.columns}
        tables.append(f"arm{place}({', '.join(own.values())}) AS ({sql})")
        columns = ", ".join(own.get(name, NOTHING.get(name, "")) for name in ("id", *NOTHING))
        parts.append(f"SELECT {place}, {columns} FROM arm{place}")
        given += values
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(tables)} {' UNION ALL '.join(parts)}", given)
        return [_piece(arms[place].kind, rest) for place, *rest in cursor.fetchall()]


def _piece(kind: str, row: Sequence[Any]) -> Piece:
    pk, text, state, who, amount, day, moment = row
    return Piece(
        kind, pk, str(text or ""), str(state or ""), None if amount is None else Decimal(amount) / CENTS,
        date.fromisoformat(day[:10]) if isinstance(day, str) else day, _moment(moment), str(who or ""),
    )  # fmt: skip


def _moment(value: Any) -> datetime | None:
    """SQLite keeps moments as text in UTC."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
