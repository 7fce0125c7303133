"""Past imports: what is kept of them, who sees them, and taking back what one created."""

import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from saleswright.interface.exchange.importer import run_import
from saleswright.interface.exchange.uploads import Upload
from saleswright.interface.imports.actions import take_back
from saleswright.interface.models import ImportRun
from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, NotAllowed
from saleswright.kernel.models import AuditEntry, OutboxEvent, SearchRow
from saleswright.kernel.records import save_record
from saleswright.kernel.search import search
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.pricing.models import PriceList, PriceListLine
from saleswright.modules.work.models import Comment

pytestmark = pytest.mark.django_db


@pytest.fixture
def take(root, tmp_path):
    """Takes rows of customers from a file; the past import of it."""

    def take(*rows, headers="编码,名称", actor=root, resource="customers", **options):
        path = tmp_path / "客户.csv"
        path.write_text("\n".join((headers, *rows)), encoding="utf-8")
        run_import(resource, path, actor=actor, on_error="skip", **options)
        return ImportRun.objects.order_by("id").last()

    return take


class TestImports(EntityTestCase):
    """Past imports."""

    resource = "imports"

    def values(self):
        return {}

    def create(self, client):
        run = self.make(ImportRun, resource="customers", file_name="客户.csv", taken_at="2026-11-01T00:00:00+00:00")
        return client.get(f"imports/{run.pk}").json()


def test_it_is_kept_with_its_result(api, take, person, acting):
    seller = person("sales_operations")
    save_record(Customer, {"code": "K1", "name": "旧名"}, actor=system("test"))
    take("K1,甲厂", "K2,乙厂", "K3,", actor=acting(seller))
    body = api(seller).get("imports").json()["items"][0]
    facts = {name: body[name] for name in ("file_name", "resource", "status", "rows", "created", "updated", "failed")}
    assert facts == {
        "file_name": "客户.csv", "resource": "customers", "status": "taken", "rows": 3, "created": 1, "updated": 1,
        "failed": 1,
    }  # fmt: skip
    assert body["owner"]["id"] == seller.pk
    assert "token" not in body


def test_a_file_of_which_nothing_was_taken_is_kept_too_but_not_a_check(take):
    run = take("K1,", "K2,")
    assert (run.rows, run.created, run.failed) == (2, 0, 2)
    take("K1,甲厂", dry_run=True)
    assert ImportRun.objects.count() == 1
    with pytest.raises(Conflict, match="created no records"):
        take_back(run.pk, actor=system("test"))


def test_it_is_taken_back(root, take):
    other = save_record(Customer, {"code": "K0", "name": "旧厂"}, actor=root)
    run = take("K0,新厂", "K1,甲厂", "K2,乙厂")
    assert [hit.label for hit in search(root, "甲厂")] == ["甲厂"]
    take_back(run.pk, actor=root)
    assert list(Customer.objects.values_list("name", flat=True)) == ["新厂"]
    run.refresh_from_db()
    assert (run.status, run.taken_back) == ("taken_back", 2)
    assert search(root, "甲厂") == []
    assert not SearchRow.objects.filter(resource="customers").exclude(record_id=other.pk).exists()
    ends = AuditEntry.objects.filter(resource="customers", action="deleted").order_by("record_id")
    assert [(one.label, one.changes["name"]) for one in ends] == [("甲厂", ["甲厂", None]), ("乙厂", ["乙厂", None])]
    assert OutboxEvent.objects.filter(name="customers.deleted").count() == 2
    with pytest.raises(Conflict):
        take_back(run.pk, actor=root)


def refused(run, actor, said):
    """The refusal says so, and nothing has changed."""
    count = Customer.objects.count()
    with pytest.raises(Conflict) as refusal:
        take_back(run.pk, actor=actor)
    assert said in str(refusal.value)
    assert Customer.objects.count() == count
    run.refresh_from_db()
    assert (run.status, run.taken_back) == ("taken", 0)


def test_a_record_that_was_changed_since_keeps_all(root, take):
    run = take("K1,甲厂", "K2,乙厂")
    save_record(Customer, {"level": "A"}, pk=Customer.objects.get(code="K2").pk, actor=root)
    refused(run, root, "1 of the records can't be deleted, so none is. 乙厂: Changed on")


def test_a_record_that_others_refer_to_keeps_all(root, take):
    run = take("K1,甲厂")
    save_record(Contact, {"name": "李明", "customer": Customer.objects.get().pk}, actor=root)
    refused(run, root, "甲厂: Something refers to it")


def test_a_record_with_a_comment_keeps_all(root, take):
    run = take("K1,甲厂")
    about = {"resource": "customers", "record_id": Customer.objects.get().pk}
    save_record(Comment, about | {"text": "看"}, actor=root)
    refused(run, root, "甲厂: There is something about it")


def test_those_who_may_not_delete_them_cannot_take_it_back(take, person, acting):
    clerk = person("finance")
    run = take("K1,甲厂")
    ImportRun.objects.update(owner=clerk)
    refused(run, acting(clerk), "You may not delete it")


def test_others_do_not_see_it(api, acting, take, person):
    run = take("K1,甲厂", actor=acting(person("sales_operations")))
    other = person("sales_operations")
    assert api(other).get("imports").json()["items"] == []
    assert api(other).post(f"imports/{run.pk}/actions/take-back", {}).status_code == 404
    assert api().post(f"imports/{run.pk}/actions/take-back", {}).status_code == 200
    assert Customer.objects.count() == 0


def test_records_that_are_gone_already_hold_nothing(root, api, take):
    run = take("K1,甲厂", "K2,乙厂")
    pk = Customer.objects.get(code="K1").pk
    assert api().delete(f"customers/{pk}").status_code == 204
    take_back(run.pk, actor=root)
    assert ImportRun.objects.get().taken_back == 1


def test_records_of_one_file_do_not_hold_each_other(root, take):
    run = take("K1,总厂,", "K2,分厂,总厂", headers="code,name,parent")
    assert Customer.objects.get(code="K2").parent == Customer.objects.get(code="K1")
    take_back(run.pk, actor=root)
    assert Customer.objects.count() == 0
    (end,) = AuditEntry.objects.filter(resource="customers", action="deleted", label="分厂")
    assert end.changes["parent_id"][0] is not None


def test_lines_go_with_their_documents(root, take):
    save_record(Product, {"code": "P1", "name": "电机"}, actor=root)
    save_record(Product, {"code": "P2", "name": "水泵"}, actor=root)
    headers = "name,valid_from,lines.product__code,lines.price"
    run = take("2026 价目,2026-01-01,P1,10", "2026 价目,2026-01-01,P2,5", headers=headers, resource="price-lists")
    assert run.created == 1
    pk = PriceList.objects.get().pk
    take_back(run.pk, actor=root)
    assert PriceList.objects.count() == PriceListLine.objects.count() == 0
    end = AuditEntry.objects.get(resource="price-lists", record_id=pk, action="deleted")
    assert [line["price"] for line in end.changes["lines"][0]] == ["10.000000", "5.000000"]


def test_its_page_shows_what_would_go_and_what_is_in_the_way(browse, root, take):
    run = take("K1,甲厂", "K2,乙厂")
    client = browse(language="en")
    assert "deletes 2 records" in client.get(f"/imports/{run.pk}/standing").content.decode()
    save_record(Customer, {"level": "A"}, pk=Customer.objects.get(code="K2").pk, actor=root)
    page = client.get(f"/imports/{run.pk}/standing").content.decode()
    assert "It created 2 records" in page
    assert "乙厂</a> · Changed on" in page
    assert client.post(f"/imports/{run.pk}/actions/take-back").status_code == 409
    assert f"/imports/{run.pk}" in client.get("/imports").content.decode()


def test_after_it_the_page_says_how_many_went(browse, root, take):
    run = take("K1,甲厂")
    take_back(run.pk, actor=root)
    assert "1 record was deleted again" in browse(language="en").get(f"/imports/{run.pk}/standing").content.decode()


def test_the_rows_with_errors_are_offered_while_they_are_kept(browse, api, take, person, acting, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    operations = person("sales_operations")
    token = "t" * 32
    folder = tmp_path / "uploads" / str(operations.pk) / "customers" / token
    folder.mkdir(parents=True)
    upload = Upload(token, folder)
    run = take("K1,", actor=acting(operations), errors_path=upload.errors_path, token=token)
    url = f"/imports/{run.pk}/errors"
    for who in (operations, "administrator"):
        client = browse(who)
        assert url in client.get(f"/imports/{run.pk}/standing").content.decode()
        answer = client.get(url)
        assert b"".join(answer).startswith(b"PK")
    assert browse(person("sales_operations")).get(url).status_code == 404
    upload.errors_path.unlink()
    assert browse(operations).get(url).status_code == 404


def test_administration_leads_there(browse):
    assert 'href="/imports"' in browse().get("/settings").content.decode()


def test_it_takes_as_many_queries_for_many_records_as_for_few(root, take):
    def queries(count):
        run = take(*(f"K{count}-{n},厂{count}-{n}" for n in range(count)))
        with CaptureQueriesContext(connection) as captured:
            take_back(run.pk, actor=root)
        return len(captured)

    assert queries(12) == queries(3)


def test_a_wrong_right_of_the_action_is_refused(take, person, acting):
    run = take("K1,甲厂")
    with pytest.raises(NotAllowed):
        take_back(run.pk, actor=acting(person("auditor")))
    assert Customer.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_people_take_it_back_once(root, take):
    run = take("K1,甲厂", "K2,乙厂")
    outcomes = []

    def go():
        try:
            take_back(run.pk, actor=system("test"))
            outcomes.append("done")
        except Conflict:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]
    assert Customer.objects.count() == 0
    assert AuditEntry.objects.filter(resource="customers", action="deleted").count() == 2
