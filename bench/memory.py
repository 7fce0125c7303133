"""What a web process holds after 10,000 mixed requests, measured at the real server over the loopback."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import local
from urllib.parse import quote

from bench.data import People
from bench.lists import BOARD, JSON, PAGE
from bench.measure import Row
from bench.serving import serving
from bench.web import Web
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Opportunity

REQUESTS, AT_ONCE = 10_000, 4


def run(people: People) -> Iterator[Row]:
    """Resident memory of the process, before and after."""
    web, here = Web(people.manager), local()
    headers = {"Cookie": web.cookie, "Authorization": f"Bearer {web.token}", "Accept-Encoding": "gzip"}
    paths = list(itertools.islice(itertools.cycle(mixture(people)), REQUESTS))
    with serving() as server, ThreadPoolExecutor(AT_ONCE) as pool:

        def ask(path: str) -> int:
            if not hasattr(here, "link"):
                here.link = HTTPConnection("127.0.0.1", server.port, timeout=60)
            here.link.request("GET", path, headers=headers)
            answer = here.link.getresponse()
            answer.read()
            return answer.status

        before = server.resident()
        refused = [status for status in pool.map(ask, paths) if status != 200]
        assert not refused, refused[:5]
        yield Row("web process at its start", before, None, "MB")
        yield Row(f"web process after {REQUESTS:,} requests", server.resident(), 250, "MB")


def mixture(people: People) -> list[str]:
    """Lists, boards, records, searches and JSON of different records."""
    departments = people.manager.department_id
    seen = {"department__parent_id": departments}
    customers = Customer.objects.filter(**seen).values_list("pk", flat=True)[:200]
    deals = Opportunity.objects.filter(**seen).values_list("pk", flat=True)[:200]
    found: list[str] = []
    for customer, deal in zip(customers, deals, strict=True):
        found += [JSON, PAGE, f"/customers/{customer}", f"/api/v1/opportunities/{deal}", f"/opportunities/{deal}"]
        found += ["/", "/customers?q=" + quote("华东"), f"/search?q=C-{customer:06d}", f"/customers/{customer}/edit"]
        found += [BOARD] if deal % 4 == 0 else ["/activities"]
    return found
