"""A company moves from one database to another: every row of every table, every file, every number comes along."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from saleswright.interface.entity import all_entities
from saleswright.interface.tests.samples import sample
from saleswright.kernel.audit import seal_all
from saleswright.kernel.backup import backup
from tests.journeys import installation
from tests.journeys.installation import Caller, Installation, new_database

FILES = {"合同.txt": "甲方".encode(), "list.csv": b"a,b\n" * 5000, "zeros.txt": b"0" * 70_000}
#: filled by what happens at run time only
SELDOM = {
    "auth_group", "auth_group_permissions", "axes_accessattempt", "axes_accessattemptexpiration",
    "axes_accessfailurelog", "axes_accesslog", "kernel_recoverycode", "kernel_secondfactor",
}  # fmt: skip


def manifest(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("manifest.json"))


def content(file: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Table -> columns, number and digest of its rows, last id; name -> content of each uploaded file."""
    with zipfile.ZipFile(file) as archive:
        media = {name: archive.read(name) for name in archive.namelist() if name.startswith("media/")}
    return manifest(file)["tables"], media


@pytest.fixture
def company(api: Callable[..., Any], settings: Any, tmp_path: Path) -> Path:
    """The backup of a company with some records of every kind and some files."""
    settings.MEDIA_ROOT = tmp_path / "media"
    client = api()
    for entity in sorted(
        all_entities(), key=lambda one: one.name != "webhook-deliveries"
    ):  # whose sample must be alone
        sample(entity, client)
    customer = client.post("customers", {"name": "搬迁客户"}).json()["id"]
    for name, text in FILES.items():
        data = {"resource": "customers", "record_id": customer, "file": SimpleUploadedFile(name, text)}
        assert client.client.post("/api/v1/attachments", data, headers=client.headers).status_code == 201
    gone = client.post("customers", {"name": "Gone"}).json()["id"]
    assert client.delete(f"customers/{gone}").status_code == 204
    seal_all()
    backup(tmp_path / "first.zip")
    return tmp_path / "first.zip"


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_company_moves_to_the_other_database_and_back(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "PATIENCE", 300.0)  # SQLite migrates for long on a busy machine
    first, file = content(company), company
    empty = {table for table, state in first[0].items() if not state["rows"]}
    assert len(empty - SELDOM) < 12, sorted(empty - SELDOM)
    assert set(FILES.values()) <= set(first[1].values())
    for step, kind in enumerate(("sqlite", "postgresql", "sqlite")):
        folder = tmp_path / f"{step}"
        folder.mkdir()
        with new_database(kind, folder) as database:
            there = Installation(folder, database)
            there.run("restore", str(file))
            assert re.fullmatch(r"ok .*", there.run("doctor", "--audit").splitlines()[-1])
            file = folder / "again.zip"
            there.run("backup", str(file))
            assert manifest(file)["database"] == kind
            assert content(file) == first
            assert {p.name: p.read_bytes() for p in (folder / "media").rglob("*") if p.is_file()} == {
                Path(name).name: data for name, data in first[1].items()
            }
            go_on(there, first[0])


def go_on(there: Installation, before: dict[str, Any]) -> None:
    """Work goes on as if nothing had happened: free ids, free numbers, words that are found."""
    there.code(
        "from saleswright.kernel.models import Role, RoleMembership, User\n"
        "from saleswright.kernel.records import save_record\n"
        "from saleswright.kernel.access.actors import system\n"
        "save_record(User, {'username': 'mover', 'name': 'Mover', 'roles': ['administrator']}, actor=system('t'))"
    )
    with there.serving("--no-worker") as server:
        caller = Caller(server.url, there.token("mover"))
        fresh = caller.made("customers", {"name": "新客户"})
        assert fresh["id"] == before["customers_customer"]["last_id"] + 1
        product = caller.made("products", {"name": "P", "list_price": "100"})["id"]
        lines = [{"product_id": product, "quantity": "2"}]
        numbers = {row[0] for row in there.rows("SELECT number FROM sales_order")}
        order = caller.made("orders", {"customer_id": fresh["id"], "lines": lines})
        assert order["number"] not in numbers
        found = caller.get("/api/v1/search?q=%E6%90%AC%E8%BF%81").json()
        assert "搬迁客户" in json.dumps(found, ensure_ascii=False)
