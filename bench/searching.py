"""Search as one types over everything, beside one scoped look-up of the token index."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from bench.data import People
from bench.measure import Row, alternately, percentile, raw
from bench.web import Web
from saleswright.kernel.models import Department
from saleswright.kernel.search import WORDS
from saleswright.kernel.text import query_tokens

TYPED = (
    "上海华东", "瑞丰精密机械", "华东恒远智能", "hengyuan", "shruifeng", "C-012345", "OPP-054321", "产线改造8812",
    "报价沟通2077", "包装印刷", "有限公司", "技术交流1",
)  # fmt: skip
LOOK_UP = f"""SELECT resource, record_id, label, detail FROM kernel_searchrow
    WHERE {WORDS} @> %(tokens)s::text[] AND {WORDS} && %(scope)s::text[] LIMIT 20"""


def prefixes() -> list[str]:
    """What is in the box after each key that asks: from two signs on, one for Chinese."""
    found = []
    for word in TYPED:
        least = 1 if not word.isascii() else 2
        found += [word[:length] for length in range(least, len(word) + 1)]
    return found


def run(people: People) -> Iterator[Row]:
    """The 95th percentile above the look-up's, and the slowest answer."""
    web, query = Web(people.manager), raw()
    below = Department.objects.filter(parent_id=people.manager.department_id).values_list("pk", flat=True)
    scope = [f"@u{people.manager.pk}", *(f"@d{pk}" for pk in (people.manager.department_id, *below))]
    ours, floor, slowest = list[float](), list[float](), ("", 0.0)
    for typed in prefixes():
        path, given = f"/search?q={quote(typed)}", {"scope": scope, "tokens": query_tokens(typed)}
        mine, least = alternately(lambda p=path: web.get(p), lambda g=given: query(LOOK_UP, g), repeat=3)
        middle, lowest = sorted(mine)[1], sorted(least)[1]
        ours.append(middle)
        floor.append(lowest)
        slowest = max(slowest, (typed, middle), key=lambda one: one[1])
    high, least_high = percentile(ours, 0.95), percentile(floor, 0.95)
    yield Row("search as one types, p95: look-up +", high - least_high, 10, "ms", high, least_high)
    yield Row(f"search, slowest (“{slowest[0]}”)", slowest[1], 100, "ms", slowest[1], max(floor))
