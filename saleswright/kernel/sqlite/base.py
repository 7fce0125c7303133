"""The database backend named in the settings."""

from __future__ import annotations

import os
from typing import Any

from django.db.backends.sqlite3.base import DatabaseWrapper as SQLiteWrapper

from saleswright.kernel.errors import Busy
from saleswright.kernel.sqlite.lock import WriteLock

DEFAULT_TIMEOUT = 20.0  # seconds that a transaction waits for its turn; OPTIONS["timeout"] sets it


class DatabaseWrapper(SQLiteWrapper):
    """SQLite whose transactions wait for one write lock; past the time-out they raise Busy.

    Statements outside a transaction do without the lock and rely on SQLite's own busy time-out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: WriteLock | None = None

    def _start_transaction_under_autocommit(self) -> None:
        turn = self._turn = self._write_lock()
        if not turn.acquire(float(self.settings_dict["OPTIONS"].get("timeout", DEFAULT_TIMEOUT))):
            raise Busy()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            turn.release()
            raise

    def _commit(self) -> Any:
        result = super()._commit()  # type: ignore[misc]
        self._end_turn()  # a failed commit is rolled back, which ends the turn as well
        return result

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _write_lock(self) -> WriteLock:
        name = str(self.settings_dict["NAME"])
        if self.is_in_memory_db():
            return WriteLock(name, shared=False)
        return WriteLock(os.path.realpath(name), shared=True)

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.release()
