"""The one way in which workplace programs are asked: limited in time and size, no redirects, no proxies.

Their base addresses come from the installation's environment, so they may lie within its own network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from saleswright.integrations.workplace.adapter import Temporary
from saleswright.kernel.transport import send

MOST = 8 * 1024 * 1024  # bytes of an answer: a department list with a few thousand people has about one million


def ask(
    method: str,
    url: str,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of the answer. Raises Temporary where there is none, for 5xx and for 429."""
    address = f"{url}?{urlencode(query)}" if query else url
    sent = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    given = {"User-Agent": "Saleswright", "Accept": "application/json", **(headers or {})}
    if body is not None:
        given["Content-Type"] = "application/json; charset=utf-8"
    outcome = send(method, address, sent, given, most=MOST, checked=False)
    if outcome.status is None:
        raise Temporary(outcome.problem)
    if outcome.status >= 500 or outcome.status == 429:
        raise Temporary(_("The program answered %(status)s.") % {"status": outcome.status})
    try:
        answer = json.loads(outcome.answer)
    except ValueError:
        raise Temporary(_("The program's answer can't be read.")) from None
    if not isinstance(answer, dict):
        raise Temporary(_("The program's answer can't be read."))
    return outcome.status, answer


def text_of(answer: Mapping[str, Any], name: str) -> str:
    """A text that must be in an answer. Raises Temporary."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise Temporary(_("The program's answer can't be read."))
    return value


def seconds_of(answer: Mapping[str, Any], name: str) -> int:
    """For how long a token holds; two hours where the answer does not say."""
    value = answer.get(name)
    return value if isinstance(value, int) and value > 0 else 7200


def rows_of(rows: Any) -> list[dict[str, Any]]:
    """A list of objects, empty for none. Raises Temporary for anything else."""
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Temporary(_("The program's answer can't be read."))
    return rows
