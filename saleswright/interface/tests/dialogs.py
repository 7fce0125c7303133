"""Reads the tables of dialogs as people see them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

HTMX = {"HX-Request": "true"}


def table_rows(text: str) -> list[tuple[list[str], str]]:
    """The rows to fill in: what is read in each, and what stands in its input."""
    found = []
    for row in re.findall(r"<tr>(.*?)</tr>", text.partition("<tbody>")[2], re.S):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)
        value = re.search(r'<input type="text"[^>]*?value="([^"]*)"', cells[-1])
        shown = [unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in cells[:-1]]
        found.append((shown, value[1] if value else ""))
    return found


def inputs(text: str) -> dict[str, str]:
    """The names and values of a form's inputs, as a browser would send them."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", text):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrfmiddlewaretoken":
            found[name[1]] = value[1] if value else ""
    return found


def mistakes(text: str) -> dict[str, list[str]]:
    """What is said beside the inputs, by name."""
    blocks = re.findall(r'id="id_([^"]*)_error">(.*?)</div>', text, re.S)
    return {name: [unescape(said) for said in re.findall(r"<p>(.*?)</p>", content)] for name, content in blocks}


def ask(client: Any, path: str, **given: str) -> str:
    """The dialog of an action."""
    answer = client.get(path, given, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def send(client: Any, path: str, **given: str) -> Any:
    """Answer the dialog of an action as it stands, but for what is given."""
    return client.post(path, {**inputs(ask(client, path)), **given}, headers=HTMX)
