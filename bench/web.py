"""Asks the application as a web server would, in this process: the whole stack of middleware, no network."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import orjson
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase

from saleswright.config.wsgi import application
from saleswright.kernel.access.actors import system
from saleswright.kernel.access.tokens import create_token
from saleswright.kernel.models import User

BACKEND = "saleswright.kernel.access.backend.PersonBackend"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers by lower-case name, content as it goes over the wire."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return orjson.loads(self.content)


class Web:
    """One person at the pages (by session) and at the API (by token)."""

    def __init__(self, user: User) -> None:
        self.cookie = f"sessionid={session_of(user).session_key}"
        self.token = create_token(user, "bench", 1, system("bench"))

    def get(self, path: str) -> Answer:
        """Raises RuntimeError unless the answer is 200."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Send JSON. Raises RuntimeError unless the answer is a success."""
        return self._ask("POST", path, orjson.dumps(body or {}), headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        where, _sep, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": unquote(where), "QUERY_STRING": query, "SCRIPT_NAME": "",
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body or b""), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body or b"")), "HTTP_HOST": "localhost",
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }  # fmt: skip
        if path.startswith("/api/"):
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
        else:
            environ["HTTP_COOKIE"] = self.cookie
        began: list[Any] = []
        response = application(environ, lambda status, headers, *_: began.extend((status, headers)))
        content = b"".join(response)
        response.close()
        status = int(began[0].split()[0])
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise RuntimeError(f"{method} {path}: {began[0]} {content[:500].decode(errors='replace')}")
        return Answer(status, {name.lower(): value for name, value in began[1]}, content)


def session_of(user: User) -> SessionBase:
    """A session in which the person is signed in."""
    from importlib import import_module

    from django.conf import settings

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session
