"""Export of lists and of whole resources, and the pages of both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from saleswright.interface.entity import entity_named
from saleswright.interface.exchange.exporter import export_rows, run_export
from saleswright.interface.exchange.importer import run_import
from saleswright.interface.exchange.readers import open_table
from saleswright.interface.listing import ListQuery
from saleswright.kernel import jobs
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotAllowed
from saleswright.kernel.models import AuditEntry, Job
from saleswright.kernel.pulse import Pulse
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def customers(root: Actor) -> list[Customer]:
    rows = ({"code": "A1", "name": "=cmd()", "level": "A"}, {"code": "A2", "name": "Beta", "level": "B"})
    return [save_record(Customer, row, actor=root) for row in rows]


def exported(actor: Actor, path: Path, **query: Any) -> list[list[Any]]:
    file_format = "xlsx" if path.suffix == ".xlsx" else "csv"
    columns = ("code", "name", "level")
    given = ListQuery(**{"ordering": "name", **query})
    export_rows(entity_named("customers"), given, actor=actor, columns=columns, path=path, file_format=file_format)
    table = open_table(path)
    return [table.headers, *[row.cells for row in table.rows]]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_it_writes_what_the_list_shows(root: Actor, customers: Any, tmp_path: Path, name: str) -> None:
    found = exported(root, tmp_path / name, ordering="-code", filters={"level": "A,B"})
    assert [row[0] for row in found[1:]] == ["A2", "A1"]
    assert [row[0] for row in exported(root, tmp_path / name, filters={"level": "A"})[1:]] == ["A1"]


def test_it_makes_formulas_harmless(root: Actor, customers: Any, tmp_path: Path) -> None:
    exported(root, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    assert b"'=cmd()" in text


def test_it_writes_only_records_in_scope(customers: Any, acting: Any, tmp_path: Path) -> None:
    actor = acting("sales_representative")
    save_record(Customer, {"code": "B1", "name": "Mine"}, actor=actor)
    assert [row[0] for row in exported(actor, tmp_path / "a.csv")[1:]] == ["B1"]


def test_it_needs_the_right_to_export(customers: Any, acting: Any, tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        exported(acting("warehouse"), tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_it_is_recorded_in_the_audit(root: Actor, customers: Any, tmp_path: Path) -> None:
    exported(root, tmp_path / "a.csv")
    entry = AuditEntry.objects.get(resource="customers", action="exported")
    assert entry.changes == {"count": [None, 2], "columns": [None, ["code", "name", "level"]]}


def test_it_is_taken_back_by_an_import(root: Actor, person: Any, tmp_path: Path) -> None:
    owner = person("sales_representative", username="anna")
    parent = save_record(Customer, {"code": "A1", "name": "=Top", "country": "DE"}, actor=root)
    values = {"code": "A2", "name": "Child", "parent": parent.pk, "owner": owner.pk, "tags": ["x", "y"], "level": "A"}
    child = save_record(Customer, values, actor=root)
    assert run_export("customers", tmp_path / "all.csv", actor=root) == 2
    outcome = run_import("customers", tmp_path / "all.csv", actor=root)
    assert (outcome.rows, outcome.updated, outcome.failed) == (2, 2, 0)
    version = child.version
    child.refresh_from_db()
    assert (child.version, child.tags, child.owner_id, child.parent_id) == (version, ["x", "y"], owner.pk, parent.pk)


def test_it_exports_roles_of_employees_and_no_passwords(root: Actor, person: Any, tmp_path: Path) -> None:
    person("finance", "hr", username="anna", password="kZ8!long-enough")
    run_export("employees", tmp_path / "people.csv", actor=root)
    text = (tmp_path / "people.csv").read_text(encoding="utf-8-sig")
    assert '"finance, hr"' in text
    assert "md5" not in text
    assert "assword" not in text.splitlines()[0]


# --- pages


def upload(client: Any, text: str, path: str = "/customers/import") -> Any:
    return client.post(path, {"file": SimpleUploadedFile("mine.csv", text.encode())})


@pytest.fixture
def uploads(settings: Any, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path / "uploads"


def token_of(response: Any) -> str:
    return response.content.decode().split('name="file_token" value="')[1].split('"')[0]


def test_it_imports_by_page_step_by_step(browse: Any, uploads: Path, django_capture_on_commit_callbacks: Any) -> None:
    client = browse("administrator")
    assert client.get("/customers/import").status_code == 200
    matching = upload(client, "code,company,other\nA1,Acme,x\nA2,,y\n")
    assert matching.status_code == 200
    form = {"file_token": token_of(matching), "column.0": "code", "column.1": "name", "column.2": ""}
    checked = client.post("/customers/import", {**form, "dry_run": "1"})
    assert checked.status_code == 200
    assert not Customer.objects.exists()
    errors = client.get(f"/customers/import/errors/{form['file_token']}")
    assert b"".join(errors.streaming_content).startswith(b"PK")
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/customers/import", form).status_code == 200
    assert Customer.objects.values_list("code", "name").get() == ("A1", "Acme")
    assert not list(uploads.rglob("file"))


def test_it_remembers_which_column_was_which_field(browse: Any, uploads: Path) -> None:
    client = browse("administrator")
    form = {"file_token": token_of(upload(client, "foo,bar\nA1,Acme\n")), "column.0": "code", "column.1": "name"}
    client.post("/customers/import", {**form, "dry_run": "1"})
    again = upload(client, "foo,bar\nA9,Other\n").content.decode()
    assert '<option value="code" selected>' in again


def test_it_shows_nobody_the_upload_of_another(browse: Any, uploads: Path) -> None:
    token = token_of(upload(browse("administrator"), "code,name\nA1,\n"))
    other = browse("administrator")
    assert other.post("/customers/import", {"file_token": token, "column.0": "code"}).status_code == 404
    assert other.get(f"/customers/import/errors/{token}").status_code == 404


def test_it_says_why_a_file_cannot_be_read(browse: Any, uploads: Path) -> None:
    response = upload(browse("administrator"), "")
    assert response.status_code == 422
    assert not list(uploads.rglob("file"))


def test_it_refuses_files_that_are_too_large(browse: Any, uploads: Path, settings: Any) -> None:
    settings.UPLOAD_LIMIT = 1000
    assert upload(browse("administrator"), "code,name\n" + "A1,Acme\n" * 140).status_code == 422
    assert not list(uploads.rglob("file"))


def test_it_leaves_long_files_to_a_worker(browse: Any, uploads: Path) -> None:
    client = browse("administrator")
    text = "code,name\n" + "".join(f"A{i},Customer {i}\n" for i in range(2100))
    form = {"file_token": token_of(upload(client, text)), "column.0": "code", "column.1": "name"}
    response = client.post("/customers/import", form)
    job = Job.objects.get(kind="import")
    assert response["Location"] == f"/customers/import?job={job.pk}"
    assert client.get(response["Location"]).status_code == 200
    assert client.get(response["Location"], headers={"HX-Request": "true"}).status_code == 200
    assert browse("administrator").get(response["Location"]).status_code == 404
    found = jobs.claim("w1")
    jobs.run(found, pulse=Pulse(found, lease=jobs.LEASE))
    assert Customer.objects.count() == 2100
    done = client.get(response["Location"], headers={"HX-Request": "true"})
    assert done["HX-Redirect"] == response["Location"]
    assert "2,100" in client.get(response["Location"]).content.decode()


def test_it_gives_a_template_with_the_columns(browse: Any, tmp_path: Path) -> None:
    response = browse("administrator").get("/customers/import/template")
    path = tmp_path / "template.xlsx"
    path.write_bytes(b"".join(response.streaming_content))
    assert path.read_bytes().startswith(b"PK")


def test_it_exports_a_list_as_it_is_filtered(browse: Any, customers: Any) -> None:
    response = browse("administrator").get("/customers/export?format=csv&level=B&columns=code,name&bom=0")
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["A2"]
    assert browse("administrator").get("/customers/export?format=pdf").status_code == 422
