"""Several people at the same moment, for tests on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection

from saleswright.kernel.transactions import run_atomic

TOGETHER, PATIENCE = 20, 30
"""Seconds that threads wait for each other, and that they may take."""


def needs_row_locks() -> None:
    """Skip the test where there are none."""
    if connection.vendor != "postgresql":
        pytest.skip("threads share SQLite's one write lock")


def at_once(actions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run the actions in a thread each at the same moment; what each returned or raised, as they came to their ends."""
    barrier, results = threading.Barrier(len(actions)), list[Any]()

    def work(action: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=TOGETHER)
            results.append(run_atomic(action))
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)
    assert len(results) == len(actions)
    return results
