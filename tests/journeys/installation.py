"""A real installation for tests: the command, the server as processes of its own, and callers over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
POSTGRESQL = (
    os.environ.get("TEST_POSTGRESQL_URL")
    or os.environ.get("TEST_DATABASE_URL")
    or "postgresql://postgres@127.0.0.1:5432/postgres"
)
PATIENCE = 60.0  # seconds that a process may take to do what is asked of it on a busy machine
PASSWORD = "Quiet-River-9"
OF_THE_TESTS = {
    "DJANGO_ALLOW_ASYNC_UNSAFE",
    "DJANGO_SETTINGS_MODULE",
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
    "TEST_DATABASE_URL",
    "TEST_DB_NAME",
    "TEST_POSTGRESQL_URL",
}

#: packing static files takes longer than all the rest: here they are left and served as they are
INITIALISE = f"""
from saleswright.config import setup
setup.pack_static = lambda: None
setup.initialise("root", {PASSWORD!r})
"""
UNPACKED = """
from django.conf import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.WHITENOISE_USE_FINDERS = True
"""

DATABASES = [
    pytest.param("sqlite", marks=pytest.mark.installation),
    pytest.param("postgresql", marks=[pytest.mark.installation, pytest.mark.postgres]),
]


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    cookies: dict[str, Morsel[str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """Somebody at a server: a program with a token, or a person whose cookies are kept."""

    url: str
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    timeout: float = PATIENCE

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own. Raises OSError or HTTPException when the server is gone."""
        sent = {name.replace("_", "-"): value for name, value in {**self.headers, **headers}.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        address = urlsplit(self.url)
        with closing(HTTPConnection(address.hostname or "", address.port, timeout=self.timeout)) as connection:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            body = response.read()
        given = [SimpleCookie(line) for line in response.headers.get_all("Set-Cookie") or ()]
        cookies = {name: morsel for one in given for name, morsel in one.items()}
        self.cookies |= {name: morsel.value for name, morsel in cookies.items()}
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, cookies, body)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def call(self, path: str, body: Any = None, *, key: str = "", method: str = "POST") -> Answer:
        """A request to the API, with an Idempotency-Key if one is given."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self.send(method, f"/api/v1/{path}", json.dumps(body or {}).encode(), **headers)

    def act(self, resource: str, pk: int, verb: str, **arguments: Any) -> Answer:
        return self.call(f"{resource}/{pk}/actions/{verb}", arguments)

    def made(self, path: str, body: Any, status: int = 201) -> Any:
        """The JSON of a request that must succeed."""
        answer = self.call(path, body)
        assert answer.status == status, answer.text
        return answer.json()

    def form(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """Send a form as the page that shows it would."""
        body = urlencode({**fields, "csrfmiddlewaretoken": self.csrf(path)}).encode()
        return self.send("POST", path, body, Content_Type="application/x-www-form-urlencoded", **headers)

    def upload(self, path: str, name: str, content: bytes, **fields: str) -> Answer:
        """Send a file from a form, with its other fields."""
        border = uuid.uuid4().hex
        head = "".join(
            f'--{border}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        )
        head += f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        kind = f"multipart/form-data; boundary={border}"
        return self.send("POST", path, body, Content_Type=kind, X_CSRFToken=self.csrf(path))

    def csrf(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)
        return found[1] if found else self.cookies.get("csrftoken", "")

    def sign_in(self, username: str, password: str = PASSWORD, **headers: str) -> Answer:
        return self.form("/sign-in", {"username": username, "password": password}, **headers)


@dataclass
class Server:
    """A running `serve`, with all its processes in one group."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End all its processes at once, as a power cut would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """End it as an operator does."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        finally:
            self.kill()


@dataclass
class Installation:
    """A folder and a database of its own."""

    folder: Path
    database: str
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
        own = {"VAR_DIR": str(self.folder), "DATABASE_URL": self.database, "REDIS_URL": "", "LANGUAGE_CODE": "en"}
        return {**kept, **own, **self.settings}

    def run(self, *arguments: str, status: int = 0) -> str:
        """What the command says on standard output, after it ended with the status."""
        command = [sys.executable, "-m", "saleswright.cli", *arguments]
        done = subprocess.run(
            command, env=self.environment(), cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE
        )
        assert done.returncode == status, done.stderr or done.stdout
        return done.stdout.strip() + done.stderr.strip() * bool(status)

    def code(self, text: str) -> str:
        """What a piece of Python says that runs inside the installation."""
        start = "import django; django.setup()\n"
        environment = self.environment() | {"DJANGO_SETTINGS_MODULE": "saleswright.config.settings"}
        command = [sys.executable, "-c", start + text]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def token(self, username: str = "root") -> str:
        return self.run("token", "create", username)

    def start(self, *options: str, before: str = "") -> Server:
        """A server that answers; `before` is Python that is run when the settings are loaded."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        main = f"{UNPACKED}{before}\nfrom saleswright.cli import main\nmain()"
        command = [sys.executable, "-c", main, "serve", "--port", str(port), *options]
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=self.environment() | {"DJANGO_SETTINGS_MODULE": "saleswright.config.settings"},
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        server = Server(f"http://127.0.0.1:{port}", process)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            with suppress(OSError, HTTPException):
                Caller(server.url, timeout=5).get("/api/v1/customers")
                return server
            time.sleep(0.1)
        server.kill()
        pytest.fail((self.folder / "serve.log").read_text())

    @contextmanager
    def serving(self, *options: str, before: str = "") -> Iterator[Server]:
        server = self.start(*options, before=before)
        try:
            yield server
        finally:
            server.stop()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, or the rows that a change returns, by a connection of its own."""
        if self.database.startswith("sqlite"):
            with closing(sqlite3.connect(self.database.removeprefix("sqlite:///"), timeout=PATIENCE)) as connection:
                found = connection.execute(sql).fetchall()
                connection.commit()
                return found
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql).fetchall()

    def value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """Wait until it holds; fail when it takes too long."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited in vain for {what}")
        time.sleep(0.02)


@contextmanager
def new_database(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database, which is dropped afterwards; skips the test where there is no PostgreSQL."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'saleswright.sqlite3'}"
        return
    try:
        connection = psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip(f"no PostgreSQL answers at {POSTGRESQL} (TEST_POSTGRESQL_URL names another one)")
    name = f"saleswright_{uuid.uuid4().hex[:12]}"
    with connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(POSTGRESQL)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def installed(kind: str, folder: Path, **settings: str) -> Iterator[Installation]:
    """An installation with its tables, defaults and the administrator `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    with new_database(kind, folder) as database:
        installation = Installation(folder, database, settings)
        installation.code(INITIALISE)
        yield installation
