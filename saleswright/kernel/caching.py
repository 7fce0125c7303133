"""Small values that are asked for on every request and change once a month."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_forget_all: list[Callable[[], None]] = []


def kept(*, seconds: float) -> Callable[[Callable[[], T]], Callable[[], T]]:
    """Keep a function's answer in this process for some seconds; `forget()` drops it at once."""

    def decorate(function: Callable[[], T]) -> Callable[[], T]:
        memory: dict[str, Any] = {}

        @functools.wraps(function)
        def wrapper() -> T:
            if memory.get("until", 0.0) < time.monotonic():
                memory["value"] = function()
                memory["until"] = time.monotonic() + seconds
            return memory["value"]

        wrapper.forget = memory.clear  # type: ignore[attr-defined]
        _forget_all.append(memory.clear)
        return wrapper

    return decorate


def when_forgotten(forget: Callable[[], None]) -> None:
    """Let `forget_everything` call this, too."""
    _forget_all.append(forget)


def forget_everything() -> None:
    """Drop every kept value of this process (after a restore, between tests)."""
    for forget in _forget_all:
        forget()
