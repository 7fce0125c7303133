"""Somebody without any role reaches no record by any generated address; nobody at all reaches none either."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import URLPattern

from saleswright.interface.api.urls import urlpatterns as api_addresses
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.urls import urlpatterns as page_addresses
from saleswright.interface.tests import samples
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record

pytestmark = pytest.mark.django_db

HIDDEN = {301, 302, 400, 401, 403, 404, 405, 409, 422}


def routes(patterns) -> list[str]:
    """The generated addresses: those that begin with the name of a resource."""
    found = [str(p.pattern) for p in patterns if isinstance(p, URLPattern)]
    return [route for route in found if route.startswith("<str:name>")]


def filled(route: str, entity, pk: int) -> list[str]:
    """The route with every value that its placeholders may take for this entity."""
    verbs = [transition.name for transition in entity.transitions] + ["archive", "restore"]
    choices = {
        "<str:name>": [entity.name],
        "<int:pk>": [str(pk)],
        "<str:verb>": verbs,
        "<str:suffix>": [made.suffix for made in entity.documents] or ["pdf"],
        "<str:tab>": [related.resource for related in entity.related] or ["none"],
        "<str:token>": ["0"],
    }
    found = [route]
    for placeholder, values in choices.items():
        found = [one.replace(placeholder, value) for one in found for value in (values if placeholder in one else [""])]
    return [one for one in found if "<" not in one]


def addresses(entity, pk: int) -> list[str]:
    """Every address of the entity under the API and among the pages."""
    api = [f"/api/v1/{path}" for route in routes(api_addresses) for path in filled(route, entity, pk)]
    return api + [f"/{path}" for route in routes(page_addresses) for path in filled(route, entity, pk)]


def state(entity) -> list:
    return list(entity.model._default_manager.order_by("pk").values_list("pk", "version", "archived_at"))


def shows(response, entity, pk: int) -> bool:
    """Whether an answer names the record: in JSON any item, on a page its address."""
    if response.get("Content-Type", "").startswith("application/json"):
        body = response.json()
        return bool(body.get("items", body)) if isinstance(body, dict) else bool(body)
    return re.search(rf"/{entity.name}/{pk}(?!\d)", response.getvalue().decode(errors="replace")) is not None


@pytest.fixture
def hidden(request, api):
    """An entity, and the id of one of its records."""
    entity = entity_named(request.param)
    record = samples.sample(entity, api())
    return entity, record["id"]


@pytest.mark.parametrize("hidden", samples.names(), indirect=True)
def test_a_person_without_roles_gets_no_data_from_the_api(hidden, api):
    entity, pk = hidden
    stranger, before = api_without_roles(api), state(entity)
    for path in addresses(entity, pk):
        if path.startswith("/api/"):
            for method in ("get", "post", "patch", "delete"):
                answer = stranger.request(method, path, {} if method in {"post", "patch"} else None)
                assert answer.status_code in HIDDEN or not shows(answer, entity, pk), (method, path)
                assert answer.status_code not in {201, 204}, (method, path)
    assert state(entity) == before


@pytest.mark.parametrize("hidden", samples.names(), indirect=True)
def test_a_person_without_roles_gets_no_data_from_the_pages(hidden, browse, person):
    entity, pk = hidden
    stranger = browse(person())
    before = state(entity)
    for path in addresses(entity, pk):
        if not path.startswith("/api/"):
            for method in (stranger.get, stranger.post):
                answer = method(path)
                assert answer.status_code in HIDDEN or not shows(answer, entity, pk), path
    assert state(entity) == before


@pytest.mark.parametrize("hidden", samples.names(), indirect=True)
def test_nobody_is_sent_to_sign_in(hidden):
    entity, pk = hidden
    before, nobody = state(entity), Client()
    for path in addresses(entity, pk):
        for method in (nobody.get, nobody.post):
            answer = method(path)
            assert answer.status_code in ({401, 405} if path.startswith("/api/") else {302, 404, 405}), path
            if answer.status_code == 302:
                assert answer["Location"].startswith("/sign-in"), path
    assert state(entity) == before


def api_without_roles(api):
    """A client of somebody without any role."""
    return api(save_record(User, {"username": "stranger", "name": "Stranger"}, actor=system("test")))


def test_it_walks_generated_addresses():
    assert len(routes(api_addresses)) >= 5
    assert len(routes(page_addresses)) >= 10
