"""The editor of conditions: the whole of it for a list, and a row anew when its field or operator changes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from saleswright.interface.conditions import editor, read_tree, row, vocabulary
from saleswright.interface.pages.common import actor_of


@require_GET
def edit(request: HttpRequest, name: str) -> HttpResponse:
    """The editor over a vocabulary, filled with `where`."""
    terms, where = vocabulary(name, actor_of(request)), request.GET.get("where", "")
    content = editor("where", name, terms, read_tree(where) if where else None)
    return render(request, "interface/conditions.html", {"editor": content})


@require_GET
def one_row(request: HttpRequest, name: str) -> HttpResponse:
    """A row of the editor: `field`, `op`, `value` and `period` as far as they are chosen."""
    terms, given = vocabulary(name, actor_of(request)), request.GET
    found = row(terms, given.get("field", ""), given.get("op", ""), given.get("value", ""), given.get("period", ""))
    return render(request, "interface/condition_row.html", {"row": found})
