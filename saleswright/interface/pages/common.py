"""What all pages need: addresses, the caller, what a page is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, get_language_from_request
from django.utils.translation import gettext as _

from saleswright.interface.entity import Entity
from saleswright.interface.presentation import Subject, Switch
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, FieldError, NotFound, Stale, ValidationFailed
from saleswright.kernel.transactions import run_atomic


def actor_of(request: HttpRequest) -> Actor:
    """Who looks at the page. Raises NotSignedIn."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    actor.scopes("")  # finds out who it is
    return copy(actor)  # the actor itself, where the request has a lazy one


def language() -> str:
    """The language of the page."""
    return get_language() or "zh-hans"


def parameters(request: HttpRequest) -> dict[str, str]:
    """The parameters of the address; repeated ones are joined by commas, empty ones left out."""
    return {name: ",".join(filter(None, values)) for name, values in request.GET.lists() if any(values)}


def address(path: str, given: Mapping[str, Any], **changes: Any) -> str:
    """A path with parameters, changed or (with None) left out."""
    merged = {**given, **changes}
    query = urlencode({name: value for name, value in merged.items() if value not in (None, "")})
    return f"{path}?{query}" if query else path


def subject(entity: Entity) -> Subject:
    """What a page about records of this kind says it is about."""
    return Subject(entity.name, entity.label, entity.label_plural, entity.icon, entity.url())


def switches(entity: Entity, active: str) -> list[Switch]:
    """List, board and calendar of the same records."""
    found = [Switch(_("List"), "list", entity.url(), active == "list")]
    if entity.board:
        found.append(Switch(_("Board"), "layout-kanban", entity.url() + "/board", active == "board"))
    if entity.calendar:
        found.append(Switch(_("Calendar"), "calendar", entity.url() + "/calendar", active == "calendar"))
    return found if len(found) > 1 else []


def views_of(entity: Entity, pk: int, actor: Actor, active: str = "") -> list[Switch]:
    """The pages of a record that the actor may open, the one made of its fields first; none if there is but that."""
    found = [Switch(_("Record"), "id", entity.url(pk), active == "")]
    for view in entity.views:
        if not view.permission or actor.may(view.permission):
            found.append(Switch(view.label, view.icon, entity.url(pk, view.suffix), active == view.suffix))
    return found if len(found) > 1 else []


def in_range(pk: int) -> int:
    """The id, if the database can hold it. Raises NotFound."""
    if not 0 < pk < 2**63:
        raise NotFound
    return pk


def goes_to(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser on, also out of a fragment."""
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponse(status=302, headers={"Location": url})


def visitor_language(request: HttpRequest) -> str:
    """The language of somebody who is not signed in: the one chosen on the page, else what the browser asks for."""
    known = {code for code, _name in settings.LANGUAGES}
    chosen = request.POST.get("lang") or request.GET.get("lang") or ""
    return chosen if chosen in known else get_language_from_request(request)


def version_in(text: str) -> int | None:
    """The version of the record that a form was drawn from; None for a new one."""
    return int(text) if text.isascii() and text.isdigit() else None


def attempt(save: Callable[[], Any], alerts: list[str], show: Callable[[FieldError], None]) -> Any:
    """What was saved in one transaction; None when it was refused, which `alerts` and `show` then tell the form."""
    try:
        return run_atomic(save)
    except ValidationFailed as refused:
        alerts.append(_("Some of the input is not valid. Nothing was saved yet."))
        for error in refused.errors:
            show(error)
    except Stale:
        alerts.append(_("Someone else changed this record meanwhile. Open it again in another tab and compare."))
    except Conflict as refused:
        alerts.append(str(refused))
    return None
