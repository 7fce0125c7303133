"""Files of records."""

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from saleswright.kernel.errors import NotAllowed, TooLarge, ValidationFailed
from saleswright.modules.work.actions.attachments import attach, path_of
from saleswright.modules.work.models import Attachment
from saleswright.modules.work.tests.conftest import acting_as

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 contract"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def send(user, customer, name="合同.pdf", content=PDF):
    return attach("customers", customer.pk, SimpleUploadedFile(name, content), actor=acting_as(user))


def test_it_stores_the_content_once_by_its_hash(team, settings):
    first, second = send(team.rep, team.customer), send(team.rep, team.customer, "again.pdf")
    digest = hashlib.sha256(PDF).hexdigest()
    assert (first.sha256, second.sha256, first.size, first.content_type) == (digest, digest, 17, "application/pdf")
    assert path_of(digest) == settings.MEDIA_ROOT / "sha" / digest[:2] / digest
    assert [p.read_bytes() for p in settings.MEDIA_ROOT.rglob("*") if p.is_file()] == [PDF]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.exe", b"MZ\x90"),
        ("page.html", b"<html>"),
        ("drawing.svg", b"<svg/>"),
        ("fake.pdf", b"MZ\x90\x00"),
        ("fake.png", b"<html>"),
        ("fake.txt", b"MZ\x90"),
        ("binary.csv", b"a\x00b"),
        ("sound.webp", b"RIFF\x00\x00\x00\x00WAVE"),
        ("none", b"text"),
        ("empty.txt", b""),
    ],
)
def test_it_refuses_what_is_not_taken(team, settings, name, content):
    with pytest.raises(ValidationFailed) as refused:
        send(team.rep, team.customer, name, content)
    assert [error.field for error in refused.value.errors] == ["file"]
    assert not Attachment.objects.exists()
    assert list(settings.MEDIA_ROOT.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.PNG", b"\x89PNG\r\n\x1a\n...", "image/png"),
        ("a.docx", b"PK\x03\x04...", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xls", b"\xd0\xcf\x11\xe0...", "application/vnd.ms-excel"),
        ("a.csv", "名称,金额".encode("gb18030"), "text/csv; charset=utf-8"),
        ("a.txt", "x".encode("utf-16"), "text/plain; charset=utf-8"),
    ],
)
def test_it_takes_the_usual_kinds(team, name, content, kind):
    assert send(team.rep, team.customer, name, content).content_type == kind


def test_it_refuses_files_that_are_too_large(team, settings):
    settings.UPLOAD_LIMIT = 16
    with pytest.raises(TooLarge):
        send(team.rep, team.customer)
    assert not Attachment.objects.exists()


def test_it_refuses_files_for_what_one_may_not_see_or_write(team, person):
    with pytest.raises(ValidationFailed):
        send(team.manager, team.customer)
    with pytest.raises(NotAllowed):
        send(person("auditor"), team.customer)
    assert not Attachment.objects.exists()


def upload(client, customer, **files):
    data = {"resource": "customers", "record_id": customer.pk, **files}
    return client.client.post("/api/v1/attachments", data, headers=client.headers)


def test_it_is_uploaded_and_downloaded_by_api(team, api):
    client = api(team.rep)
    response = upload(client, team.customer, file=SimpleUploadedFile("合同.pdf", PDF))
    assert response.status_code == 201, response.content
    made = response.json()
    assert made["subject"] == {"resource": "customers", "id": team.customer.pk, "label": "Acme"}
    listed = client.get(f"attachments?resource=customers&record_id={team.customer.pk}").json()["items"]
    assert [(one["name"], one["url"]) for one in listed] == [("合同.pdf", f"/attachments/{made['id']}")]
    file = client.get(f"attachments/{made['id']}/file")
    assert b"".join(file) == PDF
    assert file["Content-Disposition"] == "inline; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf"
    assert file["X-Content-Type-Options"] == "nosniff"
    assert api(team.manager).get(f"attachments/{made['id']}/file").status_code == 404
    assert api(team.manager).get("attachments").json()["items"] == []
    assert upload(client, team.customer).status_code == 422
    assert Client().post("/api/v1/attachments").status_code == 401


def test_it_is_downloaded_by_whoever_sees_the_record(team, browse):
    kept = send(team.rep, team.customer, "list.csv", b"a,b")
    response = browse(team.rep).get(f"/attachments/{kept.pk}")
    assert b"".join(response) == b"a,b"
    assert response["Content-Disposition"] == "attachment; filename*=UTF-8''list.csv"
    assert browse(team.manager).get(f"/attachments/{kept.pk}").status_code == 404
