"""Transactions of the actions: what the database refuses for want of a turn or of space becomes Busy."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from psycopg_pool import PoolTimeout

from saleswright.kernel.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")

# PostgreSQL's SQLSTATEs and SQLite's primary result codes
CONFLICTS = {"40001", "40P01"}  # serialization failure, deadlock
POSTGRES_WAITS = {"55P03", "53300", "57P03"}  # lock not available, too many connections, starting up
POSTGRES_FULL = {"53100", "53200"}  # disk full, out of memory
SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL = 5, 6, 13


def is_conflict(error: BaseException) -> bool:
    """Whether the database ended the transaction for the sake of another: running it again may succeed."""
    return getattr(error.__cause__, "sqlstate", None) in CONFLICTS


def as_busy(error: BaseException) -> Busy | None:
    """The Busy that a database error amounts to: a lock or connection not got in time, or a full disk."""
    if not isinstance(error, DatabaseError):
        return None
    cause = error.__cause__
    state, number = getattr(cause, "sqlstate", None), getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if state in POSTGRES_FULL or number == SQLITE_FULL:
        return Busy(_("The storage is full; nothing was saved."), code="storage_full")
    if state in POSTGRES_WAITS or number in {SQLITE_BUSY, SQLITE_LOCKED} or isinstance(cause, PoolTimeout):
        return Busy()
    return None


class Atomic(transaction.Atomic):
    """Django's atomic block, with Busy in place of the database's own errors for locks and space."""

    def __enter__(self) -> None:
        try:
            super().__enter__()
        except DatabaseError as error:
            raise (as_busy(error) or error) from error.__cause__

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        try:
            super().__exit__(exc_type, exc_value, traceback)
        except DatabaseError as error:
            raise (as_busy(error) or error) from error.__cause__
        if exc_value is not None and (busy := as_busy(exc_value)):
            raise busy from exc_value


def update_if_free(rows: QuerySet[Any], **values: Any) -> bool:
    """Update rows unless that had to wait for another writer: for what is only noted on the way of a read.

    False, with nothing written, when it would have to wait (which on SQLite is for anybody who writes).
    """
    if connection.vendor != "sqlite":
        rows.update(**values)
        return True
    connection.ensure_connection()
    database = connection.connection
    (patience,) = database.execute("PRAGMA busy_timeout").fetchone()
    database.execute("PRAGMA busy_timeout = 0")
    try:
        rows.update(**values)
    except DatabaseError as error:
        if as_busy(error) is None:
            raise
        return False
    finally:
        database.execute(f"PRAGMA busy_timeout = {patience}")
    return True


@overload
def atomic() -> Atomic: ...
@overload
def atomic(function: Callable[P, R]) -> Callable[P, R]: ...
def atomic(function: Callable[..., Any] | None = None) -> Any:
    """All or nothing, as a context (`with atomic():`) or a decorator (`@atomic`); blocks may be nested.

    Raises Busy, with nothing written, when a lock or connection is not to be had in time, and Busy with the
    code `storage_full` when the disk is full.
    """
    block = Atomic(DEFAULT_DB_ALIAS, savepoint=True, durable=False)
    return block if function is None else block(function)


def run_atomic(function: Callable[[], R], *, attempts: int = 3) -> R:
    """Run `function` in a transaction, again from the start after a deadlock or serialization failure.

    Only the outermost transaction is run again: within another one the error goes up to that one. Raises Busy
    after the last attempt.
    """
    if connection.in_atomic_block:
        with atomic():
            return function()
    for attempt in range(1, attempts + 1):
        try:
            with atomic():
                return function()
        except DatabaseError as error:
            if not is_conflict(error):
                raise
            if attempt == attempts:
                raise Busy() from error
        time.sleep(random.uniform(0.01, 0.05) * attempt)
    raise ValueError("attempts must be at least 1")
