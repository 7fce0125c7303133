"""An installation as it is run in earnest: behind a proxy with https, guarded, backed up and looked after."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.installation import DATABASES, PASSWORD, ROOT, Caller, Installation, installed, new_database

pytestmark = pytest.mark.installation

HOST = "sales.example.com"
PROXY = {"Host": HOST, "X-Forwarded-Proto": "https", "Origin": f"https://{HOST}"}
EARNEST = {
    "HTTPS": "true",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST",
    "ALLOWED_HOSTS": HOST,
}
NEW_PASSWORD = "Louder-River-10"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed("sqlite", tmp_path_factory.mktemp("production"), **EARNEST) as found:
        yield found


@pytest.fixture(scope="module")
def url(production: Installation) -> Iterator[str]:
    with production.serving("--no-worker") as server:
        yield server.url


@pytest.fixture(scope="module")
def root(production: Installation, url: str) -> Caller:
    return Caller(url, production.token(), dict(PROXY))


@pytest.fixture
def someone(root: Caller, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A sales representative of the test's own."""
    name = re.sub(r"\W", ".", request.node.name.removeprefix("test_"))[:60]
    values = {"username": name, "name": name, "roles": ["sales_representative"], "password": PASSWORD}
    return root.made("employees", values)


@pytest.fixture
def visitor(url: str) -> Caller:
    """Somebody who has not signed in."""
    return Caller(url, headers=dict(PROXY))


def is_signed_in(visitor: Caller) -> bool:
    answer = visitor.get("/customers")
    assert answer.status in {200, 302}
    return answer.status == 200


# --- settings, headers, cookies --------------------------------------------------------------------------------


def test_the_check_for_deployment_finds_nothing(production: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "INFO"],
        env=production.environment() | {"DJANGO_SETTINGS_MODULE": "saleswright.config.settings"},
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_pages_forbid_foreign_scripts_frames_and_guessing(visitor: Caller) -> None:
    answer = visitor.get("/sign-in")
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    sources = policy["script-src"].split()
    nonces = set(re.findall(r'<script[^>]*nonce="([^"]+)"', answer.text))
    assert answer.status == 200
    assert nonces
    assert sorted(sources) == sorted(["'self'", *(f"'nonce-{nonce}'" for nonce in nonces)])
    assert (policy["default-src"], policy["object-src"], policy["frame-ancestors"]) == ("'self'", "'none'", "'none'")
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"


def test_cookies_are_for_https_and_this_site_only(visitor: Caller, someone: dict[str, Any]) -> None:
    answer = visitor.sign_in(someone["username"])
    session, csrf = answer.cookies["sessionid"], answer.cookies["csrftoken"]
    assert answer.status == 302
    assert (session["secure"], session["httponly"], session["samesite"]) == (True, True, "Lax")
    assert (csrf["secure"], csrf["samesite"]) == (True, "Lax")


def test_it_sends_from_http_to_https(url: str) -> None:
    answer = Caller(url, headers={"Host": HOST}).get("/sign-in")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{HOST}/sign-in")


@pytest.mark.parametrize("host", ["evil.example", f"{HOST}.evil.example", "127.0.0.1", f"{HOST}@evil.example", ""])
@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/customers"])
def test_it_refuses_other_names_of_the_host(url: str, host: str, path: str) -> None:
    answer = Caller(url, headers={**PROXY, "Host": host}).get(path)
    assert answer.status == 400
    assert "evil.example" not in answer.text


def test_it_believes_no_forwarded_name_of_the_host(visitor: Caller) -> None:
    answer = visitor.get("/customers", X_Forwarded_Host="evil.example")
    assert (answer.status, answer.headers["location"]) == (302, "/sign-in?next=/customers")


def test_it_refuses_a_form_of_another_site(visitor: Caller, someone: dict[str, Any]) -> None:
    answer = visitor.sign_in(someone["username"], Origin="https://evil.example")
    assert answer.status == 403
    assert not is_signed_in(visitor)


# --- sessions --------------------------------------------------------------------------------------------------


def test_five_wrong_passwords_lock_the_person_out(visitor: Caller, url: str, someone: dict[str, Any]) -> None:
    tries = [visitor.sign_in(someone["username"], "wrong").status for _ in range(5)]
    other = Caller(url, headers=dict(PROXY))
    assert tries == [422, 422, 422, 422, 429]
    assert other.sign_in(someone["username"]).status == 429
    assert not is_signed_in(other)


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(
    visitor: Caller, url: str, someone: dict[str, Any]
) -> None:
    visitor.sign_in(someone["username"])
    thief = Caller(url, headers=dict(PROXY), cookies=dict(visitor.cookies))
    assert is_signed_in(thief)
    assert visitor.send("POST", "/sign-out", b"", X_CSRFToken=visitor.csrf("/customers")).status == 302
    assert not is_signed_in(thief)
    assert not is_signed_in(visitor)


def change_password(root: Caller, person: dict[str, Any]) -> Any:
    return root.call(f"employees/{person['id']}", {"password": NEW_PASSWORD}, method="PATCH")


def leave(root: Caller, person: dict[str, Any]) -> Any:
    return root.act("employees", person["id"], "leave")


@pytest.mark.parametrize("change", [change_password, leave])
def test_it_ends_the_sessions_of_a_person(
    visitor: Caller, root: Caller, someone: dict[str, Any], change: Callable[..., Any]
) -> None:
    visitor.sign_in(someone["username"])
    assert is_signed_in(visitor)
    assert change(root, someone).status == 200
    assert not is_signed_in(visitor)
    assert visitor.sign_in(someone["username"]).status == 422


# --- backup, restore, doctor -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=DATABASES)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """An installation with an issued and paid invoice, and the backup made of it while it was in use."""
    folder = tmp_path_factory.mktemp("backup")
    with installed(request.param, folder / "live") as live:
        with live.serving() as server:
            caller, stop = Caller(server.url, live.token()), threading.Event()
            make_paid_invoice(caller)
            writer = threading.Thread(target=write_until, args=(caller, stop))
            writer.start()
            try:
                live.run("backup", str(folder / "backup.zip"))
            finally:
                stop.set()
                writer.join()
        yield live, folder / "backup.zip"


LICENCE = b"%PDF-1.7 licence of the buyer"


def make_paid_invoice(caller: Caller) -> None:
    product = caller.made("products", {"name": "P", "unit": "pc", "list_price": "100", "tax_rate": "13"})["id"]
    customer = caller.made("customers", {"name": "买方"})["id"]
    about = {"resource": "customers", "record_id": str(customer)}
    assert caller.upload("/api/v1/attachments", "licence.pdf", LICENCE, **about).status == 201
    order = caller.made("orders", {"customer_id": customer, "lines": [{"product_id": product, "quantity": "2"}]})["id"]
    (line,) = caller.act("orders", order, "confirm").json()["lines"]
    lines = [{"order_line_id": line["id"], "quantity": "2"}]
    invoice = caller.made("invoices", {"customer_id": customer, "order_id": order, "lines": lines})["id"]
    assert caller.act("invoices", invoice, "issue").status == 200
    money = {"customer_id": customer, "received_on": day_of(caller, invoice), "amount": "226.00", "method": "bank"}
    receipt = caller.made("receipts", money)["id"]
    assert caller.act("receipts", receipt, "allocate").status == 200


def day_of(caller: Caller, invoice: int) -> str:
    """The day on which the invoice was issued."""
    return str(caller.get(f"/api/v1/invoices/{invoice}").json()["issued_on"])


def write_until(caller: Caller, stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        caller.call("customers", {"name": f"Meanwhile {number}"})


def content(file: Path) -> dict[str, Any]:
    """Table -> columns, number and digest of its rows."""
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("manifest.json"))["tables"]


@pytest.mark.parametrize("kind", DATABASES)
def test_a_backup_of_the_running_system_comes_back_whole(
    kept: tuple[Installation, Path], kind: str, tmp_path: Path
) -> None:
    _live, file = kept
    with new_database(kind, tmp_path) as database:
        other = Installation(tmp_path, database)
        other.run("restore", str(file))
        other.run("backup", str(tmp_path / "again.zip"))
        other.run("doctor", "--audit")
        assert other.value("SELECT count(*) FROM receivables_ledgerentry") > 1
        assert other.value("SELECT count(*) FROM customers_customer WHERE name = '买方'") == 1
        assert content(tmp_path / "again.zip") == content(file)
        go_on(other, content(file))
    assert files_of(tmp_path / "again.zip") == files_of(file) == [LICENCE]


def go_on(there: Installation, before: dict[str, Any]) -> None:
    """Work goes on as if nothing had happened: free ids, free numbers, words that are found."""
    with there.serving("--no-worker") as server:
        caller = Caller(server.url, there.token())
        fresh = caller.made("customers", {"name": "新客户"})
        assert fresh["id"] == before["customers_customer"]["last_id"] + 1
        product = caller.made("products", {"name": "P", "list_price": "100"})["id"]
        lines = [{"product_id": product, "quantity": "2"}]
        numbers = {row[0] for row in there.rows("SELECT number FROM sales_order")}
        order = caller.made("orders", {"customer_id": fresh["id"], "lines": lines})
        assert order["number"] not in numbers
        found = caller.get("/api/v1/customers?q=%E4%B9%B0%E6%96%B9").json()["items"]
        assert [one["name"] for one in found] == ["买方"]


def files_of(file: Path) -> list[bytes]:
    """The attachments in a backup."""
    with zipfile.ZipFile(file) as archive:
        return [archive.read(name) for name in archive.namelist() if name.startswith("media/sha/")]


def test_a_restore_replaces_entries_of_the_ledger_when_forced(kept: tuple[Installation, Path], tmp_path: Path) -> None:
    live, file = kept
    before = live.value("SELECT count(*) FROM customers_customer")
    live.run("restore", str(file), status=1)
    assert live.value("SELECT count(*) FROM customers_customer") == before
    live.run("restore", str(file), "--force")
    live.run("backup", str(tmp_path / "again.zip"))
    assert content(tmp_path / "again.zip") == content(file)


def test_the_doctor_fails_without_tables(tmp_path: Path) -> None:
    said = Installation(tmp_path, f"sqlite:///{tmp_path / 'empty.sqlite3'}").run("doctor", status=1)
    assert "BAD" in said


def test_the_doctor_fails_when_the_audit_was_changed(production: Installation) -> None:
    production.run("doctor", "--audit")
    first = "(SELECT min(id) FROM kernel_auditentry)"
    (label,) = production.rows(f"SELECT label FROM kernel_auditentry WHERE id = {first}")[0]
    production.rows(f"UPDATE kernel_auditentry SET label = 'forged' WHERE id = {first} RETURNING id")
    try:
        assert "BAD" in production.run("doctor", "--audit", status=1)
        production.run("doctor")
    finally:
        production.rows(f"UPDATE kernel_auditentry SET label = '{label}' WHERE id = {first} RETURNING id")
