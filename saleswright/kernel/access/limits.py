"""How often something may be done: by a token, from an address, to an account."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.core.cache import cache

from saleswright.kernel.errors import TooMany


@dataclass(frozen=True, slots=True)
class Limit:
    """So many times in a span of seconds; spans follow each other and each begins at nought.

    Counted in the cache: shared by all processes with Redis, else by each process for itself.
    """

    name: str
    times: int
    seconds: int

    def take(self, key: str) -> None:
        """Count one more for the key. Raises TooMany, with the seconds to wait, when it is more than the limit."""
        if self.count(key) > self.times:
            raise self._refusal()

    def require(self, key: str) -> None:
        """Raise TooMany when the key has had all its times; counts nothing."""
        if cache.get(self._name(key), 0) >= self.times:
            raise self._refusal()

    def count(self, key: str) -> int:
        """Count one more for the key, and say how many that makes."""
        name = self._name(key)
        if cache.add(name, 1, self.seconds + 1):
            return 1
        try:
            return cache.incr(name)
        except ValueError:  # dropped from the cache between the two
            return 1

    def _name(self, key: str) -> str:
        return f"limit:{self.name}:{int(time.time()) // self.seconds}:{key}"

    def _refusal(self) -> TooMany:
        return TooMany(retry_after=self.seconds - int(time.time()) % self.seconds)
