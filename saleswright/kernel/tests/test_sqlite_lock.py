"""The write lock of the SQLite backend."""

import subprocess
import sys
import threading
import time

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from saleswright.config.env import database
from saleswright.kernel.errors import Busy


@pytest.fixture
def handler(tmp_path, django_db_blocker):
    entry = database(f"sqlite:///{tmp_path / 'lock.sqlite3'}", tmp_path)
    entry["OPTIONS"]["timeout"] = 0.2
    handler = ConnectionHandler({"default": entry})
    with django_db_blocker.unblock():
        with handler["default"].cursor() as cursor:
            cursor.execute("CREATE TABLE numbers (n integer)")
        yield handler
        handler["default"].close()


def begin(connection):
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def end(connection, how="commit"):
    getattr(connection, how)()
    connection.set_autocommit(True)


def numbers(connection):
    with connection.cursor() as cursor:
        return [row[0] for row in cursor.execute("SELECT n FROM numbers ORDER BY n").fetchall()]


def insert(connection, number):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO numbers VALUES (%s)", [number])


def test_it_refuses_a_second_writer_with_busy_after_the_time_out(handler):
    first, second = handler["default"], handler.create_connection("default")
    begin(first)
    insert(first, 1)
    began = time.monotonic()
    with pytest.raises(Busy):
        begin(second)
    assert 0.15 < time.monotonic() - began < 2
    assert second.get_autocommit() is True
    end(first)
    assert numbers(second) == [1]
    second.close()


@pytest.mark.parametrize("how", ["commit", "rollback", "close"])
def test_it_gives_the_turn_on_after(handler, how):
    first, second = handler["default"], handler.create_connection("default")
    begin(first)
    first.close() if how == "close" else end(first, how)
    begin(second)
    insert(second, 2)
    end(second)
    assert numbers(second) == [2]
    second.close()


def test_it_lets_readers_read_while_one_writes(handler):
    first, second = handler["default"], handler.create_connection("default")
    begin(first)
    insert(first, 1)
    assert numbers(second) == []
    end(first, "rollback")
    second.close()


def test_it_gives_the_turn_on_when_the_transaction_cannot_begin(handler):
    first, second = handler["default"], handler.create_connection("default")
    outside = first.cursor().connection  # SQLite's own lock, taken behind the back of the write lock
    outside.execute("BEGIN IMMEDIATE")
    with second.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=50")
    with pytest.raises(OperationalError, match="locked"):
        begin(second)
    outside.execute("ROLLBACK")
    begin(first)
    insert(first, 3)
    end(first)
    assert numbers(first) == [3]
    second.close()


def test_it_lets_every_thread_have_its_turn(handler):
    handler.settings["default"]["OPTIONS"]["timeout"] = 20
    failures = []

    def work(start):
        connection = handler.create_connection("default")
        try:
            for number in range(start, start + 10):
                begin(connection)
                insert(connection, number)
                end(connection)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert numbers(handler["default"]) == list(range(40))


def test_it_keeps_out_other_processes(handler):
    path = handler["default"].settings_dict["NAME"]
    code = (
        "import sys\nfrom saleswright.kernel.sqlite.lock import WriteLock\n"
        f"lock = WriteLock({path!r}, shared=True)\n"
        "assert lock.acquire(5)\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Busy):
            begin(handler["default"])
        process.kill()
        process.wait()
    begin(handler["default"])
    end(handler["default"])
