"""What every test may use: a company with shipped roles, people, and clients that act as them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from saleswright.kernel.access.actors import Actor, actor_for, system
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.models import User

_serial = itertools.count(1)


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    """No test sees what another one's process kept, and code that is called directly speaks English."""
    from saleswright.kernel.access import actors

    forget_everything()
    actors._profiles.clear()
    translation.activate("en")


@pytest.fixture(scope="session", autouse=True)
def _media(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests attach files in a folder of their own."""
    settings.MEDIA_ROOT = tmp_path_factory.mktemp("media")
    settings.PREVIEW_ROOT = tmp_path_factory.mktemp("previews")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """A fresh database holds the shipped defaults."""
    from saleswright.config.setup import ship_defaults

    with django_db_blocker.unblock():
        ship_defaults()


@pytest.fixture(autouse=True)
def _shipped(request: pytest.FixtureRequest) -> None:
    """Tests with real transactions empty every table when they end: the next one finds the defaults again."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None or not marker.kwargs.get("transaction"):
        return
    request.getfixturevalue("transactional_db")
    from saleswright.config.setup import ship_defaults
    from saleswright.kernel.models import Role

    if not Role.objects.exists():
        ship_defaults()


@pytest.fixture
def root(db: None) -> Actor:
    """The system itself: may do everything."""
    return system("test")


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Makes people: `person("sales_manager", department=..., manager=...)`."""
    from saleswright.kernel.records import save_record

    def make(*roles: str, **values: Any) -> User:
        number = next(_serial)
        given = {"username": f"user{number}", "name": f"Person {number}", "roles": list(roles), **values}
        given = {k: v.pk if hasattr(v, "pk") else v for k, v in given.items()}
        return save_record(User, given, actor=system("test"))

    return make


@pytest.fixture
def acting(person: Callable[..., User]) -> Callable[..., Actor]:
    """Makes an actor from a person, or from a role's code."""

    def act(who: User | str, **values: Any) -> Actor:
        return actor_for(person(who, **values) if isinstance(who, str) else who, origin="test")

    return act


class ApiClient:
    """Talks to the API as one person, JSON in and out."""

    def __init__(self, user: User) -> None:
        from saleswright.kernel.access.tokens import create_token

        self.user = user
        self.client = Client()
        token = create_token(user, name="test", days=1, actor=system("test"))
        self.headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        url = path if path.startswith("/") else f"/api/v1/{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(url, headers=self.headers | sent, **data)

    def get(self, path: str, **headers: str) -> Any:
        return self.request("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.request("post", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.request("patch", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.request("delete", path, **headers)

    def act(self, resource: str, pk: int, verb: str, **arguments: Any) -> Any:
        return self.post(f"{resource}/{pk}/actions/{verb}", arguments)


@pytest.fixture
def api(person: Callable[..., User]) -> Callable[..., ApiClient]:
    """Makes an API client for a person or a role's code."""

    def make(who: User | str = "administrator", **values: Any) -> ApiClient:
        return ApiClient(person(who, **values) if isinstance(who, str) else who)

    return make


@pytest.fixture
def browse(person: Callable[..., User]) -> Callable[..., Client]:
    """Makes a signed-in client for pages."""

    def make(who: User | str = "administrator", **values: Any) -> Client:
        client = Client()
        client.force_login(
            person(who, **values) if isinstance(who, str) else who,
            backend="saleswright.kernel.access.backend.PersonBackend",
        )
        return client

    return make


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it again and again takes a tenth of the time."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
