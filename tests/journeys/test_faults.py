"""What happens when power, space, patience or good manners run out: nothing is half there, and it goes on."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from saleswright import cli
from saleswright.interface.entity import entity_named
from saleswright.interface.listing import filter_column
from saleswright.kernel.records import save_record
from saleswright.kernel.sqlite.lock import WriteLock
from saleswright.modules.customers.models import Customer
from tests.journeys.installation import DATABASES, Caller, Installation, Server, installed, wait_for

IMPORTED = 3000  # rows; more than a page takes by itself, so that a worker takes them
CLIENTS = 3
BEFORE_THE_IMPORT = 25  # requests that were acknowledged


@pytest.fixture(scope="module", params=DATABASES)
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(request.param, tmp_path_factory.mktemp("faults") / request.param) as found:
        yield found


# --- the power goes --------------------------------------------------------------------------------------------


class Client:
    """A program that makes customers, quotes and orders, and keeps what was acknowledged by the request's key."""

    def __init__(self, name: str, url: str, token: str, product: int) -> None:
        self.name, self.product = name, product
        self.caller = Caller(url, token)
        self.begun = 0
        self.acknowledged: dict[str, Any] = {}
        self.refusals: list[str] = []

    def work_until_cut_off(self) -> None:
        with suppress(OSError, HTTPException):
            while not self.refusals:
                self.begun += 1
                self.sell(self.begun)

    def sell(self, number: int) -> None:
        """A customer, a quote with two lines, and its order: repeated, it is the same one."""
        name = f"{self.name}-{number}"
        customer = self._send(f"{name}-customer", "customers", {"name": f"Customer {name}"})["id"]
        lines = [{"product_id": self.product, "quantity": quantity} for quantity in ("1", "2.5")]
        terms = {"customer_id": customer, "valid_until": str(date.today() + timedelta(days=30)), "lines": lines}
        quote = self._send(f"{name}-quote", "quotes", terms)["id"]
        for verb in ("submit", "send", "accept", "create-order"):
            self._send(f"{name}-{verb}", f"quotes/{quote}/actions/{verb}", {})

    def _send(self, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.caller.call(path, body, key=key)
        while answer.status == 503:
            time.sleep(0.2)
            answer = self.caller.call(path, body, key=key)
        if answer.status not in {200, 201}:
            self.refusals.append(answer.text)
        self.acknowledged[key] = answer.json()
        return self.acknowledged[key]


def send_import(url: str) -> int:
    """Send a file of customers by the page, as a person does; the number of its job."""
    person = Caller(url)
    assert person.sign_in("root").status == 302
    text = "code,name\n" + "".join(f"X{number:05},Imported {number}\n" for number in range(IMPORTED))
    matched = person.upload("/customers/import", "customers.csv", text.encode()).text
    found = re.search(r'name="file_token" value="([^"]+)"', matched)
    assert found, matched
    chosen = {"file_token": found[1], "column.0": "code", "column.1": "name"}
    return int(person.form("/customers/import", chosen).headers["location"].rpartition("=")[2])


def check_nothing_is_half_there(installation: Installation) -> None:
    """Orders have all their lines and the totals of these, and everything is in the audit once."""
    broken = """
        SELECT o.id FROM sales_order o LEFT JOIN sales_orderline l ON l.order_id = o.id
        GROUP BY o.id, o.total HAVING count(l.id) <> 2 OR abs(sum(l.gross) - o.total) > 0.001
    """
    unnoted = """
        SELECT r.id FROM {table} r WHERE 1 <> (SELECT count(*) FROM kernel_auditentry a
            WHERE a.resource = '{name}' AND a.record_id = r.id AND a.action = 'created')
    """
    numbers = [number for (number,) in installation.rows("SELECT number FROM sales_order ORDER BY number")]
    assert installation.rows(broken) == []
    for table, name in (("customers_customer", "customers"), ("sales_quote", "quotes"), ("sales_order", "orders")):
        assert installation.rows(unnoted.format(table=table, name=name)) == []
    assert [int(number[-6:]) for number in numbers] == list(range(1, len(numbers) + 1))
    assert installation.value("SELECT count(*) FROM kernel_idempotencykey WHERE status = 0") == 0


def test_it_survives_a_power_cut(installation: Installation) -> None:
    """Killed during an import and orders it has all that was acknowledged, and ends what was begun."""
    token = installation.token()
    server = installation.start()
    try:
        product = Caller(server.url, token).made("products", {"name": "P", "unit": "pc", "list_price": "19.99"})["id"]
        clients = [Client(f"client{number}", server.url, token, product) for number in range(CLIENTS)]
        threads = [threading.Thread(target=client.work_until_cut_off) for client in clients]
        for thread in threads:
            thread.start()
        wait_for(lambda: sum(len(one.acknowledged) for one in clients) >= BEFORE_THE_IMPORT, "the clients' work")
        job = send_import(server.url)
        state = f"SELECT state FROM kernel_job WHERE id = {job}"
        wait_for(lambda: installation.value(state) == "running", "the import to begin")
        time.sleep(0.3)
    finally:
        server.kill()
    for thread in threads:
        thread.join()
    assert [text for client in clients for text in client.refusals] == []
    assert installation.value(state) == "running"
    assert installation.value("SELECT count(*) FROM customers_customer WHERE code LIKE 'X%'") == 0
    check_nothing_is_half_there(installation)
    lapse = f"UPDATE kernel_job SET leased_until = '2020-01-01 00:00:00' WHERE id = {job} RETURNING id"
    installation.rows(lapse)  # in place of waiting until the dead worker's lease runs out
    with installation.serving() as again:
        check_the_rest_is_done(installation, again, clients, state)


def check_the_rest_is_done(installation: Installation, server: Server, clients: list[Client], state: str) -> None:
    """The same requests with the same keys bring the same answers, and the import ends with each row once."""
    for client in clients:
        repeated = Client(client.name, server.url, client.caller.token, client.product)
        for number in range(1, client.begun + 1):
            repeated.sell(number)
        assert repeated.refusals == []
        assert client.acknowledged.items() <= repeated.acknowledged.items()
    wait_for(lambda: installation.value(state) == "done", "the import to end")
    begun = sum(client.begun for client in clients)
    for table in ("customers_customer WHERE name LIKE 'Customer client%'", "sales_quote", "sales_order"):
        assert installation.value(f"SELECT count(*) FROM {table}") == begun
    imported = (
        "SELECT count(*), count(DISTINCT code), count(DISTINCT name) FROM customers_customer WHERE code LIKE 'X%'"
    )
    assert installation.rows(imported) == [(IMPORTED, IMPORTED, IMPORTED)]
    check_nothing_is_half_there(installation)


# --- no space, no turn -----------------------------------------------------------------------------------------

SPARE_PAGES = 6  # of the database file, before it is full
LIMITED = """
from django.conf import settings
settings.DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA max_page_count={pages};"
"""
IMPATIENT = """
from django.conf import settings
options = settings.DATABASES["default"]["OPTIONS"]
options["timeout"] = 1
options["init_command"] += "PRAGMA busy_timeout=1000;"
"""
on_sqlite = pytest.mark.parametrize("installation", DATABASES[:1], indirect=True)


def refused(answer: Any, status: int, code: str) -> None:
    """It must be a problem document with this status and code."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["type"] == f"urn:saleswright:problem:{code}"


@on_sqlite
def test_it_refuses_to_write_when_the_storage_is_full(installation: Installation) -> None:
    token = installation.token()
    pages = installation.value("PRAGMA page_count") + SPARE_PAGES
    count = "SELECT count(*) FROM customers_customer"
    with installation.serving("--no-worker", before=LIMITED.format(pages=pages)) as server:
        caller, made = Caller(server.url, token), installation.value(count)
        for number in range(200):
            body = {"name": f"Full {number}"}
            answer = caller.call("customers", body, key=f"full-{number}")
            if answer.status != 201:
                break
            made += 1
        refused(answer, 503, "storage_full")
        assert answer.headers["retry-after"] == "1"
        assert installation.value(count) == made
        assert caller.get("/api/v1/customers?q=Full").status == 200
    check_nothing_is_half_there(installation)
    with installation.serving("--no-worker") as server:
        again = Caller(server.url, token).call("customers", body, key=f"full-{number}")
    assert (again.status, again.headers.get("idempotency-replayed")) == (201, None)
    assert installation.value(count) == made + 1


@contextmanager
def by_the_database(path: str) -> Iterator[None]:
    """Another program keeps SQLite's own lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def by_the_turn(path: str) -> Iterator[None]:
    """Another process of the system is writing."""
    lock = WriteLock(path, shared=True)
    assert lock.acquire(5)
    try:
        yield
    finally:
        lock.release()


@pytest.fixture(scope="module")
def impatient(installation: Installation) -> Iterator[Caller]:
    """The administrator at a server that waits for a turn to write for a second only."""
    with installation.serving("--no-worker", before=IMPATIENT) as server:
        yield Caller(server.url, installation.token())


@on_sqlite
@pytest.mark.parametrize("held", [by_the_database, by_the_turn])
def test_it_is_busy_while_another_one_writes(installation: Installation, impatient: Caller, held: Any) -> None:
    path = str(Path(installation.database.removeprefix("sqlite:///")).resolve())
    body, count = {"name": f"Busy {held.__name__}"}, "SELECT count(*) FROM customers_customer"
    before = installation.value(count)
    with held(path):
        began = time.monotonic()
        answer = impatient.call("customers", body, key=held.__name__)
        assert time.monotonic() - began < 15
        assert Caller(impatient.url).sign_in("root").status == 503
        assert impatient.get("/api/v1/customers?limit=1").status == 200
    refused(answer, 503, "busy")
    assert answer.headers["retry-after"] == "1"
    assert installation.value(count) == before
    assert impatient.call("customers", body, key=held.__name__).status == 201


# --- too much --------------------------------------------------------------------------------------------------


@on_sqlite
def test_it_refuses_a_body_of_ten_megabytes(impatient: Caller) -> None:
    refused(impatient.call("customers", {"name": "x" * 10_000_000}), 413, "too_large")


@on_sqlite
def test_it_refuses_a_file_of_sixty_megabytes(installation: Installation, impatient: Caller) -> None:
    person = Caller(impatient.url)
    assert person.sign_in("root").status == 302
    answer = person.upload("/customers/import", "big.csv", b"name\n" + b"x" * 60_000_000)
    assert answer.status == 422
    assert "50 MB" in answer.text
    assert list((installation.folder / "uploads").glob("*/*/*/file")) == []


@pytest.mark.django_db
def test_it_does_not_begin_to_read_what_is_far_too_large(client: Any, settings: Any) -> None:
    settings.UPLOAD_LIMIT = 1000
    assert client.post("/sign-in", {"username": "x" * 2100}).status_code == 413
    assert client.post("/sign-in", {"username": "x" * 1500}).status_code == 422


# --- bad files and bad parameters ------------------------------------------------------------------------------


def workbook(*rows: tuple[str, ...]) -> bytes:
    """An xlsx file."""
    file, book = io.BytesIO(), Workbook()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def bomb() -> bytes:
    """A workbook that unpacks to a thousand times its size."""
    file = io.BytesIO(workbook(("name",), ("A",)))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", bytes(50_000_000))
    return file.getvalue()


UNUSABLE = {
    "bomb.xlsx": bomb,
    "truncated.xlsx": lambda: workbook(("name",), *((f"Customer {n}",) for n in range(500)))[:-2000],
    "no-workbook.xlsx": lambda: b"name\nA\n",
    "noise.csv": lambda: bytes(range(128, 256)) * 40,
    "empty.csv": lambda: b"",
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", UNUSABLE)
def test_it_refuses_an_unusable_file_on_the_page(browse: Any, settings: Any, tmp_path: Path, name: str) -> None:
    settings.VAR_DIR = tmp_path
    answer = browse().post("/customers/import", {"file": SimpleUploadedFile(name, UNUSABLE[name]() or b" ")})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert list(tmp_path.glob("uploads/*/*/*/file")) == []
    assert not Customer.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", UNUSABLE)
def test_it_refuses_an_unusable_file_of_the_command(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(UNUSABLE[name]())
    done = CliRunner().invoke(cli.app, ["import", "customers", str(tmp_path / name)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert not Customer.objects.exists()


@pytest.mark.django_db
def test_it_leaves_out_the_lines_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    lines = ["code,name", "A1,上海精密", "A2,北京科技", "A3,Plain", "A4,广州贸易"]
    path.write_bytes(b"\n".join(line.encode("gb18030" if line.startswith("A2") else "utf-8") for line in lines))
    done = CliRunner().invoke(cli.app, ["import", "customers", str(path), "--on-error", "skip"])
    assert done.exit_code == 3
    assert json.loads(done.stdout) == {"rows": 4, "created": 3, "updated": 0, "failed": 1}
    assert " 3" in done.stderr
    assert sorted(Customer.objects.values_list("code", flat=True)) == ["A1", "A3", "A4"]


FORMULA = '=HYPERLINK("http://evil.example")'


@pytest.mark.django_db
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_it_exports_formulas_as_text(browse: Any, root: Any, file_format: str) -> None:
    save_record(Customer, {"name": FORMULA}, actor=root)
    with closing(browse().get(f"/customers/export?format={file_format}&columns=name")) as answer:
        content = b"".join(answer.streaming_content)
    if file_format == "csv":
        assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1][0] == "'" + FORMULA
    else:
        cell = load_workbook(io.BytesIO(content)).active["A2"]
        assert (cell.data_type, cell.value) == ("s", FORMULA)


def with_zero_bytes(entity: Any) -> list[str]:
    """Addresses of lists of these records with a NUL byte in each parameter that they know."""
    filters = [name for name in entity.filters if filter_column(entity, name)]
    filters += [f"{name}_id" for name in entity.filters if filter_column(entity, f"{name}_id")]
    controls = ("q", "ordering", "cursor", "where", "limit", "fields", "archived", "match", "count")
    pages = ("page", "columns", "view", "group", "month", "selected", "after")
    api = [f"/api/v1/{entity.name}?{name}=%00" for name in (*controls, *filters)]
    shown = [f"/{entity.name}{tail}?{name}=%00a" for tail in ("", "/export", "/totals") for name in (*controls, *pages)]
    shown += [f"/{entity.name}?{name}=%00" for name in filters]
    shown += [f"/{entity.name}/{tail}?{name}=%00" for tail in ("board", "calendar", "new") for name in ("q", *pages)]
    return [*api, *shown, f"/pick/{entity.name}?q=a%00", f"/search?q={entity.name}%00", f"/{entity.name}/new?name=%00"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["customers", "opportunities", "invoices", "employees"])
def test_it_takes_no_harm_from_zero_bytes(browse: Any, name: str) -> None:
    client = browse()
    seen = set()
    for address in with_zero_bytes(entity_named(name)):
        seen.add(client.get(address).status_code)
    assert seen <= {200, 302, 404, 422}
    assert {200, 422} <= seen
