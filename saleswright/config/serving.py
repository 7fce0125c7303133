"""`saleswright serve`: the web server with its worker, one process on SQLite, several on PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

TARGET = "saleswright.config.wsgi:application"
THREADS = 8  # that answer requests, in each process
PATIENCE = 10  # seconds that a request or job may take to end after a stop
PARENT = "SALESWRIGHT_PARENT"  # environment: the process with which a worker of `serve` ends


def serve(*, host: str, port: int, workers: int, with_worker: bool, sqlite: bool, announce: Callable[[], None]) -> None:
    """Answer requests until SIGINT or SIGTERM; `announce` is called once the address is taken.

    On SQLite there is one process, whatever `workers` says, and the worker is a thread of it; on PostgreSQL the
    worker is a child process that is started again when it dies. Raises OSError when the address is taken.
    """
    _require_free(host, port)
    server = Granian(
        TARGET,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1 if sqlite else workers,
        blocking_threads=THREADS,
        backlog=1024,
        backpressure=4 * THREADS,
        loop=Loops.asyncio,
        respawn_failed_workers=True,
        workers_kill_timeout=PATIENCE,
        log_level=LogLevels.error,
    )
    server.on_startup(announce)
    if with_worker and not sqlite:
        stop = threading.Event()
        keeper = threading.Thread(target=_keep_worker, args=(stop,))
        server.on_startup(keeper.start)
        server.on_shutdown(stop.set)
    server.serve(target_loader=_load_with_worker if with_worker and sqlite else _load)


def close_connections() -> None:
    """Close the database's connections with their pool: web processes are forked off, and two that share a
    connection would read each other's answers."""
    from django.db import connections

    connections.close_all()
    for connection in connections.all(initialized_only=True):
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]


def _require_free(host: str, port: int) -> None:
    """Raise OSError when another program listens at the address already."""
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _load(target: str) -> Callable[..., Any]:
    """The application, loaded in the process that answers requests."""
    _when_orphaned(os.getppid(), lambda: os.kill(os.getpid(), signal.SIGTERM))
    from saleswright.config.wsgi import application

    return application


def _load_with_worker(target: str) -> Callable[..., Any]:
    """The application with a worker thread beside it."""
    application = _load(target)
    from saleswright.kernel.worker import start_thread

    start_thread()
    return application


def _keep_worker(stop: threading.Event) -> None:
    """Keep a worker process running until `stop`."""
    command = [sys.executable, "-m", "saleswright.cli", "worker"]
    while not stop.is_set():
        worker = subprocess.Popen(command, env={**os.environ, PARENT: str(os.getpid())})
        while worker.poll() is None and not stop.wait(0.2):
            pass
        if not stop.is_set():
            stop.wait(1.0)  # it died: start another one
            continue
        worker.terminate()
        try:
            worker.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.kill()


def follow_parent(stop: threading.Event) -> None:
    """Set `stop` when the `serve` that started this worker process has died."""
    if PARENT in os.environ:
        _when_orphaned(int(os.environ[PARENT]), stop.set)


def _when_orphaned(parent: int, act: Callable[[], None]) -> None:
    """Call `act` when this process' parent is gone, killed without a chance to stop its children."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        act()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
