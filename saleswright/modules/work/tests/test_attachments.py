"""Files of records: rules, revisions, rights, deletion, downloads."""

import hashlib
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from saleswright.kernel.errors import NotAllowed, NotFound, TooLarge, ValidationFailed
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.work.actions.attachments import attach
from saleswright.modules.work.files.pages import disposition, size_text
from saleswright.modules.work.files.store import path_of
from saleswright.modules.work.models import Attachment, FileRule
from saleswright.modules.work.tests import samples
from saleswright.modules.work.tests.conftest import acting_as

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 contract"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT, settings.PREVIEW_ROOT = tmp_path / "media", tmp_path / "previews"


@pytest.fixture
def browse(browse):
    """Clients whose pages speak English."""

    def make(*who):
        client = browse(*who)
        client.cookies["language"] = "en"
        return client

    return make


def send(user, customer, name="合同.pdf", content=PDF):
    return attach("customers", customer.pk, SimpleUploadedFile(name, content), actor=acting_as(user))


def kept_files(settings):
    return [p for p in settings.MEDIA_ROOT.rglob("*") if p.is_file() and not p.name.startswith(".")]


def test_it_stores_the_content_once_by_its_hash(team, settings):
    first, second = send(team.rep, team.customer), send(team.rep, team.customer, "again.pdf")
    digest = hashlib.sha256(PDF).hexdigest()
    assert (first.sha256, second.sha256, first.size, first.content_type) == (digest, digest, 17, "application/pdf")
    assert path_of(digest) == settings.MEDIA_ROOT / "sha" / digest[:2] / digest
    assert [p.read_bytes() for p in kept_files(settings)] == [PDF]


def test_it_refuses_what_is_not_taken(team, settings):
    for name, content in (("run.exe", b"MZ\x90"), ("fake.pdf", b"MZ"), ("\u200b", b"x"), ("a.txt", b"")):
        with pytest.raises(ValidationFailed) as refused:
            send(team.rep, team.customer, name, content)
        assert [error.field for error in refused.value.errors] == ["file"]
    with pytest.raises(ValidationFailed):
        attach("customers", team.customer.pk, None, actor=acting_as(team.rep))
    assert not Attachment.objects.exists()
    assert not settings.MEDIA_ROOT.exists()


def test_it_takes_macros_only_where_an_administrator_allows_them(team, root):
    macros = samples.office(samples.MACRO_SHEET, xl__vbaProject_DOT_bin=b"x")
    with pytest.raises(ValidationFailed, match="Office documents with macros are not taken"):
        send(team.rep, team.customer, "calc.xlsm", macros)
    assert not Attachment.objects.exists()
    save_record(FileRule, {"taken": True}, pk=FileRule.objects.get(group="macro").pk, actor=root)
    assert send(team.rep, team.customer, "calc.xlsm", macros).name == "calc.xlsm"


def test_it_refuses_files_that_are_too_large(team, settings, root):
    save_record(FileRule, {"megabytes": 1}, pk=FileRule.objects.get(group="pdf").pk, actor=root)
    assert send(team.rep, team.customer, content=PDF + bytes((1 << 20) - len(PDF))).size == 1 << 20
    with pytest.raises(TooLarge, match="at most 1 MB"):
        send(team.rep, team.customer, "large.pdf", PDF + bytes(1 << 20))
    settings.UPLOAD_LIMIT = 16
    with pytest.raises(TooLarge):
        send(team.rep, team.customer, "other.pdf")
    assert Attachment.objects.count() == 1


def test_a_rule_allows_no_more_than_the_server_takes(root, api):
    rule = FileRule.objects.get(group="pdf")
    with pytest.raises(ValidationFailed, match="at most 50 MB"):
        save_record(FileRule, {"megabytes": 51}, pk=rule.pk, actor=root)
    client = api()
    assert client.patch(f"file-rules/{rule.pk}", {"megabytes": 9}).json()["megabytes"] == 9
    assert client.act("file-rules", rule.pk, "archive").status_code == 409
    assert client.delete(f"file-rules/{rule.pk}").status_code in {404, 405, 409}
    assert FileRule.objects.filter(archived_at=None).count() == 8


def test_without_rules_everything_but_macros_is_taken(team):
    FileRule.objects.all().delete()
    assert send(team.rep, team.customer).revision == 1
    with pytest.raises(ValidationFailed):
        send(team.rep, team.customer, "calc.xlsm", samples.office(samples.MACRO_SHEET))


def test_it_refuses_files_for_what_one_may_not_see_or_write(team, person):
    with pytest.raises(ValidationFailed):
        send(team.manager, team.customer)
    with pytest.raises(NotAllowed):
        send(person("auditor"), team.customer)
    assert not Attachment.objects.exists()


# --- revisions -------------------------------------------------------------------------------------------------


def states(customer):
    rows = Attachment.objects.filter(record_id=customer.pk).order_by("id")
    return list(rows.values_list("name", "revision", "latest"))


def test_the_same_name_again_is_the_next_revision(team):
    first = send(team.rep, team.customer)
    send(team.rep, team.customer, "other.pdf")
    second = send(team.rep, team.customer, content=PDF + b" 2")
    assert states(team.customer) == [("合同.pdf", 1, False), ("other.pdf", 1, True), ("合同.pdf", 2, True)]
    assert path_of(first.sha256).read_bytes() == PDF
    assert path_of(second.sha256).read_bytes() == PDF + b" 2"


def test_the_revision_before_counts_again_when_the_latest_is_deleted(team):
    for number in range(3):
        send(team.rep, team.customer, content=PDF + str(number).encode())
    first, second, third = Attachment.objects.order_by("id")
    delete_record(Attachment, second.pk, actor=acting_as(team.rep))
    assert states(team.customer) == [("合同.pdf", 1, False), ("合同.pdf", 3, True)]
    delete_record(Attachment, third.pk, actor=acting_as(team.rep))
    assert states(team.customer) == [("合同.pdf", 1, True)]
    assert path_of(third.sha256).exists()  # until the clean-up
    assert send(team.rep, team.customer).revision == 2
    assert first.pk == Attachment.objects.order_by("id").first().pk


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs several connections")
def test_uploads_of_one_name_at_the_same_time_get_numbers_of_their_own(team):
    problems = []

    def upload(number):
        try:
            send(team.rep, team.customer, content=PDF + str(number).encode())
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = Attachment.objects.filter(record_id=team.customer.pk).order_by("revision")
    assert problems == []
    assert list(rows.values_list("revision", "latest")) == [(n, n == 6) for n in range(1, 7)]


# --- deletion --------------------------------------------------------------------------------------------------


def test_who_attached_it_or_may_edit_the_record_deletes_it(team, person, root):
    mine = send(team.rep, team.customer)
    for outsider in (team.manager, person("warehouse")):
        with pytest.raises((NotFound, NotAllowed)):
            delete_record(Attachment, mine.pk, actor=acting_as(outsider))
    assert Attachment.objects.filter(pk=mine.pk).exists()
    delete_record(Attachment, mine.pk, actor=acting_as(team.director))
    line = AuditEntry.objects.get(resource="attachments", action="deleted")
    assert (line.label, line.actor_id, line.changes["name"][0]) == ("合同.pdf", team.director.pk, "合同.pdf")


def test_whoever_only_sees_the_record_does_not_delete(team, person):
    kept = send(team.rep, team.customer)
    onlooker = person("warehouse")  # sees customers, edits none
    with pytest.raises(NotAllowed, match="Only who attached"):
        delete_record(Attachment, kept.pk, actor=acting_as(onlooker))
    assert Attachment.objects.get().latest


# --- by API and page -------------------------------------------------------------------------------------------


def upload(client, customer, **files):
    data = {"resource": "customers", "record_id": customer.pk, **files}
    return client.client.post("/api/v1/attachments", data, headers=client.headers)


def test_it_is_uploaded_listed_downloaded_and_deleted_by_api(team, api):
    client = api(team.rep)
    response = upload(client, team.customer, file=SimpleUploadedFile("合同.pdf", PDF))
    assert response.status_code == 201, response.content
    made = response.json()
    assert made["subject"] == {"resource": "customers", "id": team.customer.pk, "label": "Acme"}
    assert (made["revision"], made["latest"]) == (1, True)
    listed = client.get(f"attachments?resource=customers&record_id={team.customer.pk}").json()["items"]
    assert [(one["name"], one["url"]) for one in listed] == [("合同.pdf", f"/attachments/{made['id']}")]
    file = client.get(f"attachments/{made['id']}/file")
    assert b"".join(file) == PDF
    assert file["Content-Disposition"] == "inline; filename=\"file.pdf\"; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf"
    assert (file["X-Content-Type-Options"], file["Cache-Control"]) == ("nosniff", "private, no-cache")
    for path in ("file", "thumbnail"):
        assert api(team.manager).get(f"attachments/{made['id']}/{path}").status_code == 404
    assert api(team.manager).get("attachments").json()["items"] == []
    assert upload(client, team.customer).status_code == 422
    assert Client().post("/api/v1/attachments").status_code == 401
    assert client.delete(f"attachments/{made['id']}").status_code == 204
    assert not Attachment.objects.exists()


def test_the_api_answers_refusals_as_problems(team, api, settings):
    client = api(team.rep)
    bad = upload(client, team.customer, file=SimpleUploadedFile("a.pdf", b"MZ"))
    assert (bad.status_code, bad["Content-Type"]) == (422, "application/problem+json")
    assert [(e["field"], e["code"]) for e in bad.json()["errors"]] == [("file", "invalid")]
    settings.UPLOAD_LIMIT = 16
    assert upload(client, team.customer, file=SimpleUploadedFile("a.pdf", PDF)).status_code == 413
    assert not Attachment.objects.exists()


def test_it_gives_pictures_by_api(team, api):
    client = api(team.rep)
    kept = send(team.rep, team.customer, "图.png", samples.image("PNG", (900, 300)))
    small = client.get(f"attachments/{kept.pk}/thumbnail")
    assert (small.status_code, small["Content-Type"], small["X-Content-Type-Options"]) == (200, "image/webp", "nosniff")
    assert b"".join(small)[8:12] == b"WEBP"
    again = client.get(f"attachments/{kept.pk}/thumbnail", If_None_Match=small["ETag"])
    assert (again.status_code, again.content, again["Cache-Control"]) == (304, b"", "private, no-cache")
    assert client.get(f"attachments/{kept.pk}/thumbnail?size=preview").status_code == 200
    assert client.get(f"attachments/{kept.pk}/thumbnail?size=huge").status_code == 422
    assert client.get(f"attachments/{kept.pk}/thumbnail?page=0").status_code == 422
    text = send(team.rep, team.customer, "a.txt", b"words")
    assert client.get(f"attachments/{text.pk}/thumbnail").status_code == 404


def test_it_is_downloaded_by_whoever_sees_the_record(team, browse):
    kept = send(team.rep, team.customer, "list.csv", b"a,b")
    response = browse(team.rep).get(f"/attachments/{kept.pk}")
    assert b"".join(response) == b"a,b"
    assert response["Content-Disposition"] == 'attachment; filename="list.csv"'
    assert "sandbox" in response["Content-Security-Policy"]
    again = browse(team.rep).get(f"/attachments/{kept.pk}", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304
    for path in ("", "/thumbnail", "/page/1", "/view"):
        assert browse(team.manager).get(f"/attachments/{kept.pk}{path}").status_code == 404
    assert browse(team.manager).post(f"/attachments/{kept.pk}/delete").status_code == 404


def test_a_file_that_is_seen_inline_can_be_downloaded_too(team, browse):
    kept = send(team.rep, team.customer, "a.pdf")
    client = browse(team.rep)
    assert client.get(f"/attachments/{kept.pk}")["Content-Disposition"] == 'inline; filename="a.pdf"'
    assert client.get(f"/attachments/{kept.pk}?download")["Content-Disposition"] == 'attachment; filename="a.pdf"'
    path_of(kept.sha256).unlink()
    assert client.get(f"/attachments/{kept.pk}").status_code == 404


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.pdf", 'inline; filename="a b.pdf"'),
        ("合同.pdf", "inline; filename=\"file.pdf\"; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf"),
        ('a"b;c.pdf', "inline; filename=\"a_b_c.pdf\"; filename*=UTF-8''a%22b%3Bc.pdf"),
        ("Café.pdf", "inline; filename=\"Cafe.pdf\"; filename*=UTF-8''Caf%C3%A9.pdf"),
        ("合同", "inline; filename=\"file\"; filename*=UTF-8''%E5%90%88%E5%90%8C"),
    ],
)
def test_it_names_downloads_for_old_and_new_clients(name, header):
    assert disposition(name, inline=True) == header


def test_sizes_are_read_by_people():
    assert [size_text(n) for n in (17, 3_500, 1_048_576, 5 * 2**40)] == ["17 B", "3.4 KB", "1.0 MB", "5.0 TB"]


# --- the panel -------------------------------------------------------------------------------------------------


def test_the_panel_shows_what_counts(team, browse, django_assert_max_num_queries):
    for number in range(3):
        send(team.rep, team.customer, "报价.txt", str(number).encode())
    send(team.rep, team.customer, "照片.png", samples.image())
    client = browse(team.rep)
    assert (
        f'hx-get="/customers/{team.customer.pk}/files"' in client.get(f"/customers/{team.customer.pk}").content.decode()
    )
    with django_assert_max_num_queries(12):
        page = client.get(f"/customers/{team.customer.pk}/files").content.decode()
    assert page.count('class="file"') == 2
    assert "Revision 3" in page
    assert page.count("/thumbnail") == 1
    assert browse(team.manager).get(f"/customers/{team.customer.pk}/files").status_code == 404
    assert browse().get("/comments/1/files").status_code == 404


def test_the_panel_takes_several_files_and_says_what_it_refuses(team, browse):
    client = browse(team.rep)
    files = [SimpleUploadedFile("a.txt", b"1"), SimpleUploadedFile("b.exe", b"MZ"), SimpleUploadedFile("c.txt", b"3")]
    response = client.post(f"/customers/{team.customer.pk}/attachments", {"file": files})
    assert response.status_code == 302
    assert sorted(Attachment.objects.values_list("name", flat=True)) == ["a.txt", "c.txt"]
    assert "b.exe Files of this kind are not taken" in client.get(f"/customers/{team.customer.pk}").content.decode()


def test_scripts_send_one_file_and_get_the_refusal_as_a_problem(team, browse):
    client, url = browse(team.rep), f"/customers/{team.customer.pk}/attachments"
    headers = {"Accept": "application/json"}
    made = client.post(url, {"file": SimpleUploadedFile("a.txt", b"1")}, headers=headers)
    assert (made.status_code, made.json()["files"][0]["name"]) == (201, "a.txt")
    refused = client.post(url, {"file": SimpleUploadedFile("a.pdf", b"MZ")}, headers=headers)
    assert (refused.status_code, refused["Content-Type"]) == (422, "application/problem+json")
    assert client.post(url, {}, headers=headers).status_code == 422
    assert Attachment.objects.count() == 1


def test_the_large_view_leads_from_file_to_file_and_page_to_page(team, browse):
    first = send(team.rep, team.customer, "a.pdf", samples.pdf(2))
    second = send(team.rep, team.customer, "b.txt", b"words")
    old = send(team.rep, team.customer, "c.png", samples.image())
    third = send(team.rep, team.customer, "c.png", samples.image("PNG", (50, 50)))
    client = browse(team.rep)
    page = client.get(f"/attachments/{second.pk}/view").content.decode()
    assert f'hx-get="/attachments/{third.pk}/view" hx-target="#viewer-body" aria-label="Previous file"' in page
    assert f'hx-get="/attachments/{first.pk}/view" hx-target="#viewer-body" aria-label="Next file"' in page
    assert "There is no picture of this file." in page
    page = client.get(f"/attachments/{first.pk}/view?page=2").content.decode()
    assert f'src="/attachments/{first.pk}/page/2"' in page
    assert "2 / 2" in page
    assert client.get(f"/attachments/{first.pk}/view?page=x").status_code == 200
    page = client.get(f"/attachments/{old.pk}/view").content.decode()
    assert f'hx-get="/attachments/{third.pk}/view"' in page  # its later revision
    assert "1 of 3" in page


def test_a_file_is_deleted_from_the_large_view(team, browse):
    kept = send(team.rep, team.customer, "a.txt", b"1")
    client = browse(team.rep)
    assert "data-deletes" in client.get(f"/attachments/{kept.pk}/view").content.decode()
    answer = client.post(f"/attachments/{kept.pk}/delete", headers={"HX-Request": "true"})
    assert (answer.status_code, 'class="file"' in answer.content.decode()) == (200, False)
    other = send(team.rep, team.customer, "b.txt", b"1")
    assert client.post(f"/attachments/{other.pk}/delete")["Location"] == f"/customers/{team.customer.pk}"
    assert not Attachment.objects.exists()


def test_administrators_see_how_much_room_files_take(team, browse):
    for name in ("a.pdf", "b.pdf"):
        send(team.rep, team.customer, name, PDF + bytes(2000))
    page = browse().get("/settings/storage").content.decode()
    assert "3.9 KB" in page  # both files
    assert "2.0 KB" in page  # their content, once
    assert "PDF and OFD" in page
    assert browse(team.rep).get("/settings/storage").status_code == 403
