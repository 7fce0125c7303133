"""Views and conditions that name custom fields or choices that are no more: said, and still of use."""

import orjson
import pytest

from saleswright.interface.conditions import editor, say, terms_of
from saleswright.interface.entity import entity_named
from saleswright.interface.models import SavedView
from saleswright.kernel.models import CustomChoice, CustomField
from saleswright.kernel.records import archive_record, delete_record, save_record
from saleswright.modules.customers.models import Contact, Customer

pytestmark = pytest.mark.django_db
CHOICES = [{"code": "a", "label_zh": "甲", "label_en": "Large"}, {"code": "b", "label_zh": "乙", "label_en": "Small"}]
RULE = {"field": "custom.size", "op": "in", "value": ["a"]}


@pytest.fixture
def size(root):
    """A choice of customers, of whom one holds it and one does not."""
    given = {"resource": "customers", "code": "size", "kind": "choice", "label_zh": "体量级别", "label_en": "Size"}
    field = save_record(CustomField, given, lines={"choices": CHOICES}, actor=root)
    save_record(Customer, {"name": "甲厂", "custom.size": "a"}, actor=root)
    save_record(Customer, {"name": "乙厂"}, actor=root)
    return field


@pytest.fixture
def retired(root, size):
    archive_record(CustomField, size.pk, actor=root)
    return size


def query(tree):
    return "where=" + orjson.dumps(tree).decode().replace('"', "%22")


def lines_of(export):
    assert export.status_code == 200
    return len(b"".join(export).decode().splitlines())


@pytest.mark.parametrize("asked", ["custom.size=a", query(RULE), query({"and": [RULE]})])
def test_a_view_by_a_retired_field_finds_as_before_and_says_that_it_is_retired(browse, api, retired, asked):
    page = browse(language="en").get(f"/customers?{asked}").content.decode()
    assert "Size (retired)" in page
    assert "甲厂" in page
    assert "乙厂" not in page
    assert [row["name"] for row in api().get(f"customers?{asked}").json()["items"]] == ["甲厂"]


def test_a_saved_view_of_it_opens_and_is_kept_anew(browse, retired):
    client = browse(language="en")
    answer = client.post("/customers/views", {"view_name": "Large ones", "custom.size": "a"})
    assert answer.status_code == 302
    assert SavedView.objects.get().parameters == {"custom.size": "a"}
    assert "Size (retired)" in client.get(answer["Location"]).content.decode()
    assert client.get("/customers/totals?custom.size=a").status_code == 200
    assert lines_of(client.get("/customers/export?custom.size=a&format=csv")) == 2


def test_a_list_sorted_by_a_retired_field_keeps_its_order(browse, root, size):
    given = {"resource": "customers", "code": "rank", "kind": "integer", "label_zh": "名次"}
    rank = save_record(CustomField, given, actor=root)
    CustomField.objects.filter(pk=rank.pk).update(indexed=True)
    for name, value in (("丙厂", 2), ("丁厂", 1)):
        save_record(Customer, {"name": name, "custom.rank": value}, actor=root)
    archive_record(CustomField, rank.pk, actor=root)
    page = browse().get("/customers?ordering=custom.rank").content.decode()
    assert page.index("丁厂") < page.index("丙厂")
    assert lines_of(browse().get("/customers/export?ordering=custom.rank&format=csv")) == 5


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("custom.old=x", ""), ("custom.old__gte=1&custom.size=a", "custom.size=a"), ("ordering=-custom.old", ""),
        (query({"field": "custom.old", "op": "exact", "value": "x"}), ""),
        (query({"or": [RULE, {"and": [{"field": "custom.old", "value": "x"}]}]}), "Size"),
        ("custom.size=c", ""), (query({"field": "custom.size", "op": "exact", "value": "c"}), ""),
    ],
)  # fmt: skip
def test_what_names_a_field_or_choice_that_is_no_more_is_left_out_and_said(browse, size, asked, left):
    answer = browse(language="en").get(f"/customers?{asked}")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "is not asked for" in page or "is no more" in page
    assert left in page
    assert "custom.old" not in page.partition('id="list"')[2].partition("alert-box")[0]
    assert ("乙厂" in page) == (not left)


@pytest.mark.parametrize("asked", ["nothing=1", "status=nowhere", "where=x", query({"field": "nothing", "value": 1})])
def test_other_mistakes_are_refused_as_before(browse, size, asked):
    assert browse().get(f"/customers?{asked}").status_code == 422


def test_programs_are_told_that_there_is_no_such_field(api, size):
    for asked in ("custom.old=x", query({"field": "custom.old", "value": "x"}), "custom.size=c"):
        assert api().get(f"customers?{asked}").status_code == 422


def test_a_protected_retired_field_is_not_asked_for_those_without_the_right(browse, api, root, size, person):
    CustomField.objects.filter(pk=size.pk).update(right="margin_secret")
    archive_record(CustomField, size.pk, actor=root)
    seller = person("sales_representative", language="en")
    assert api(seller).get("customers?custom.size=a").status_code == 422
    page = browse(seller, language="en").get("/customers?custom.size=a").content.decode()
    assert "or not for you" in page
    assert "体量级别" not in page


def test_conditions_keep_a_retired_field_but_do_not_offer_it(root, retired):
    terms = terms_of(entity_named("customers"), root)
    assert say(RULE, terms).startswith("Size (retired)")
    drawn = editor("where", "customers", terms, {"and": [RULE, {"field": "name", "value": "x"}]})
    own, other = drawn.root.parts
    assert [option.label for option in own.fields[0][1] if option.selected] == ["Size (retired)"]
    assert "Size (retired)" not in [option.label for _group, options in other.fields for option in options]
    assert "Size (retired)" not in [option.label for _group, options in drawn.blank.fields for option in options]


def test_a_retired_field_of_a_related_record_can_still_be_asked_for(api, root, retired):
    for customer in Customer.objects.all():
        save_record(Contact, {"name": f"{customer.name}人", "customer": customer.pk}, actor=root)
    rule = {"field": "customer.custom.size", "op": "exact", "value": "a"}
    assert [row["name"] for row in api().get(f"contacts?{query(rule)}").json()["items"]] == ["甲厂人"]


def test_a_deleted_choice_and_field_leave_the_view_usable(browse, root, size):
    save_record(CustomField, {}, pk=size.pk, lines={"choices": CHOICES[:1]}, actor=root)
    assert CustomChoice.objects.count() == 1
    client = browse(language="en")
    assert "not one of the choices" in client.get("/customers?custom.size=b").content.decode()
    Customer.objects.update(custom={})
    delete_record(CustomField, size.pk, actor=root)
    assert "no such field any more" in client.get("/customers?custom.size=b").content.decode()
