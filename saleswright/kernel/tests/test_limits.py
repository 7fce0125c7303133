"""How often something may be done."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache

from saleswright.kernel.access.limits import Limit
from saleswright.kernel.errors import TooMany

LIMIT = Limit("test", 2, 60)
MINUTE = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty():
    cache.clear()


def test_it_refuses_what_is_over_the_limit_and_says_how_long_to_wait():
    with time_machine.travel(MINUTE + timedelta(seconds=20), tick=False):
        LIMIT.take("a")
        LIMIT.take("a")
        with pytest.raises(TooMany) as refused:
            LIMIT.take("a")
        assert refused.value.extra["retry_after"] == 40
        LIMIT.take("b")


def test_it_begins_anew_with_the_next_span():
    with time_machine.travel(MINUTE, tick=False) as now:
        for _ in range(2):
            LIMIT.take("a")
        now.shift(timedelta(seconds=60))
        LIMIT.take("a")


def test_it_can_ask_without_counting():
    with time_machine.travel(MINUTE, tick=False):
        for _ in range(3):
            LIMIT.require("a")
        assert [LIMIT.count("a"), LIMIT.count("a")] == [1, 2]
        with pytest.raises(TooMany):
            LIMIT.require("a")


def test_a_count_that_the_cache_dropped_begins_anew(monkeypatch):
    monkeypatch.setattr(cache, "add", lambda *_: False)
    assert LIMIT.count("a") == 1
