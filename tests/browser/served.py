"""The real system with the demonstration company, in a folder of its own: what browser tests and pictures look at."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent.parent
FINDER = ROOT / "tools" / "browser.sh"
PATIENCE = 60  # seconds that the server may take to answer first


@dataclass(frozen=True)
class Installation:
    """A running system with the demonstration company, and its SQLite file."""

    url: str
    database: Path


def browser_path() -> str:
    """The path of the machine's Chromium or Chrome, or an empty text."""
    return subprocess.run(["sh", FINDER], capture_output=True, text=True, check=True).stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with suppress(URLError, ConnectionError), urlopen(f"{url}/sign-in", timeout=5):
            return
        time.sleep(0.2)
    raise TimeoutError(f"the server did not answer at {url}")


@contextmanager
def served(folder: Path) -> Iterator[Installation]:
    """`init`, `demo` and `serve` in a folder, stopped at the end. Raises TimeoutError when it does not answer.

    Static files packed before are copied, since packing them takes longer than everything else; `init` packs them
    anew when any of them changed.
    """
    for name in ("assets", "static"):
        if (ROOT / "var" / name).exists():
            shutil.copytree(ROOT / "var" / name, folder / name)
    database = folder / "browser.sqlite3"
    environment = {
        **os.environ, "VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{database}", "REDIS_URL": "", "DEBUG": "0",
    }  # fmt: skip
    for name in ("DJANGO_ALLOW_ASYNC_UNSAFE", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "saleswright.cli"]
    for step in ("init", "demo"):
        subprocess.run([*command, step], env=environment, cwd=ROOT, check=True)
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "serve", "--port", str(port)], env=environment, cwd=ROOT, stdout=log, stderr=log
        )
        try:
            _wait_until_it_answers(server, url)
            yield Installation(url, database)
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
