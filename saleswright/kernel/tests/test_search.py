"""Search: what is found by which words, in which order, by whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel import search as searching
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.models import SearchRow
from saleswright.kernel.records import Draft, archive_record, delete_record, save_record, save_records
from saleswright.kernel.resources import resource_named
from saleswright.kernel.search import found_in, search
from saleswright.modules.customers.public import Contact, Customer

pytestmark = pytest.mark.django_db


def labels(actor, query: str, **options) -> list[str]:
    return [hit.label for hit in search(actor, query, **options)]


@pytest.fixture
def customers(root):
    names = ("华东精密科技有限公司", "华南机械有限公司", "Alpha Machines GmbH")
    return [d.record for d in save_records(Customer, [Draft({"name": n}) for n in names], actor=root).good]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("精密", ["华东精密科技有限公司"]),
        ("华", ["华南机械有限公司", "华东精密科技有限公司"]),
        ("公司 华东", ["华东精密科技有限公司"]),
        ("huanan", ["华南机械有限公司"]),
        ("hnjx", ["华南机械有限公司"]),
        ("ALPHA mach", ["Alpha Machines GmbH"]),
        ("C000003", ["Alpha Machines GmbH"]),
        ("密精", []),
        ("", []),
        ("   ", []),
        ("'\" OR 1=1 --", []),
        ("{}", []),
    ],
)
def test_it_finds_by_words_pinyin_initials_and_codes(root, customers, query, found):
    assert labels(root, query) == found


def test_a_hit_says_what_and_where(root, customers):
    hit = search(root, "Alpha")[0]
    assert (hit.resource, hit.record_id, hit.label, hit.detail) == (
        "customers", customers[2].pk, "Alpha Machines GmbH", "C000003",
    )  # fmt: skip


def test_it_finds_nothing_out_of_scope(customers, acting):
    assert labels(acting("sales_representative"), "华东") == []
    assert labels(acting("hr"), "华东") == []


def test_contacts_are_found_with_their_customer(root, customers, acting):
    user = acting("sales_representative")
    mine = save_record(Customer, {"name": "Mine"}, actor=user)
    for customer in (mine, customers[0]):
        save_record(Contact, {"name": "王伟", "customer": customer.pk}, actor=root)
    assert labels(user, "wangwei") == ["王伟"]
    assert labels(root, "ww") == ["王伟", "王伟"]


def test_archived_and_deleted_records_are_not_found(root, customers):
    archive_record(Customer, customers[0].pk, actor=root)
    delete_record(Customer, customers[1].pk, actor=root)
    assert labels(root, "华") == []
    assert not SearchRow.objects.filter(record_id=customers[1].pk, resource="customers").exists()


def test_kinds_can_be_chosen_and_each_is_limited(root, customers):
    save_record(Contact, {"name": "华华", "customer": customers[0].pk}, actor=root)
    assert labels(root, "华", resources=("contacts",)) == ["华华"]
    assert labels(root, "华", limit=1) == ["华南机械有限公司", "华华"]


@pytest.fixture
def many(monkeypatch, root, person):
    """More matches than are looked up at once."""
    monkeypatch.setattr(searching, "FEW", 3)
    owner = person("sales_representative")
    drafts = [Draft({"name": f"公司 {n}", "owner": owner.pk if n == 1 else None}) for n in range(6)]
    save_records(Customer, drafts, actor=root)
    return owner


def test_many_matches_of_one_kind_do_not_hide_the_others(many, root):
    customer = Customer.objects.first()
    save_record(Contact, {"name": "公司", "customer": customer.pk}, actor=root)
    save_records(Customer, [Draft({"name": f"公司 {n}"}) for n in range(6, 9)], actor=root)
    assert labels(root, "公司", limit=2) == ["公司 8", "公司 7", "公司"]


def test_ones_own_is_found_among_many_others(many):
    assert labels(actor_for(many, origin="test"), "公司") == ["公司 1"]


def test_few_matches_are_named_by_their_ids(root, customers):
    resource = resource_named("customers")
    with CaptureQueriesContext(connection) as captured:
        found = list(found_in(Customer.objects.all(), resource, "华", system("test")))
    assert {c.pk for c in found} == {customers[0].pk, customers[1].pk}
    assert "kernel_searchrow" not in captured[-1]["sql"]


def test_what_matches_nothing_asks_the_records_nothing(root, customers, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert list(found_in(Customer.objects.all(), resource_named("customers"), "zzz", system("test"))) == []


def test_nothing_typed_finds_nothing_in_a_kind(root, customers, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert list(found_in(Customer.objects.all(), resource_named("customers"), " ", root)) == []


def test_many_matches_stay_inside_the_query(many):
    found = found_in(Customer.objects.all(), resource_named("customers"), "公司", system("test"))
    assert found.count() == 6
    assert "kernel_searchrow" in str(found.query)


class TestWordsThatNeedARight:
    @pytest.fixture
    def contact(self, customers, root):
        values = {"customer": customers[0].pk, "name": "王伟", "mobile": "13800004321"}
        return save_record(Contact, values, actor=root)

    def test_it_finds_a_phone_number_for_those_who_may_see_it(self, contact, acting):
        assert labels(acting("finance"), "13800004321") == ["王伟"]

    def test_it_finds_no_phone_number_for_others(self, contact, acting):
        purchaser = acting("purchasing")
        assert labels(purchaser, "13800004321") == []

    def test_it_shows_no_phone_number_beside_the_name(self, contact, acting):
        assert [hit.detail for hit in search(acting("finance"), "王伟")] == [""]

    def test_it_forgets_a_number_that_was_taken_out(self, contact, acting, root):
        save_record(Contact, {"mobile": ""}, pk=contact.pk, actor=root)
        assert labels(acting("finance"), "13800004321") == []
