"""Lists as people meet them: columns, order, filters, search, saved views, totals, bulk actions."""

import re

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.models import SavedView
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.models import Department, User
from saleswright.kernel.records import Draft, archive_record, save_record, save_records
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.public import Contact, Customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(person):
    user = person("sales_representative")
    User.objects.filter(pk=user.pk).update(language="en")
    user.refresh_from_db()
    return user


@pytest.fixture
def client(user, browse):
    return browse(user)


@pytest.fixture
def customers(user):
    values = [
        {"name": "Alpha", "level": "A", "city": "上海"},
        {"name": "Beta", "level": "B", "city": "苏州"},
        {"name": "华东精密科技有限公司", "level": "B", "city": "上海"},
    ]
    saved = save_records(Customer, [Draft(v) for v in values], actor=actor_for(user, origin="test"))
    return [draft.record for draft in saved.good]


def shown(answer) -> list[str]:
    """What the first column says, row by row."""
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return re.findall(r'class="k-first"><a href="[^"]*">([^<]*)</a>', answer.content.decode())


def heads(answer) -> list[str]:
    head = answer.content.decode().split("<thead>")[1].split("</thead>")[0]
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<th[^>]*>(.*?)</th>", head, re.S)][1:]


def test_it_shows_the_newest_first(client, customers):
    assert shown(client.get("/customers")) == ["华东精密科技有限公司", "Beta", "Alpha"]


def test_it_shows_the_chosen_columns_in_their_order(client, customers):
    assert heads(client.get("/customers?columns=name&columns=city")) == ["Name", "City"]
    assert heads(client.get("/customers?columns=city,name,no_such"))[:2] == ["City", "Name"]


def test_a_secret_column_can_not_be_chosen(browse):
    save_record(Product, {"name": "Robot", "list_price": "1"}, actor=system("test"))
    assert heads(browse("sales_operations", language="en").get("/products?columns=name,cost")) == ["Name"]


def test_a_masked_column_shows_the_mask(client, customers):
    Customer.objects.update(bank_account="6222020012345678")
    page = client.get("/customers?columns=name,bank_account").content.decode()
    assert page.count("****5678") == 3
    assert "6222020012345678" not in page


@pytest.mark.parametrize(
    ("ordering", "names"),
    [
        ("name", ["Alpha", "Beta", "华东精密科技有限公司"]),
        ("-name", ["华东精密科技有限公司", "Beta", "Alpha"]),
        ("id", ["Alpha", "Beta", "华东精密科技有限公司"]),
    ],
)
def test_it_sorts(client, customers, ordering, names):
    assert shown(client.get(f"/customers?ordering={ordering}")) == names


def test_the_head_of_a_sorted_column_turns_the_order_round(client, customers):
    assert "ordering=name" in client.get("/customers").content.decode()
    assert "ordering=-name" in client.get("/customers?ordering=name").content.decode()
    assert client.get("/customers?ordering=address").status_code == 422


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("level=A", ["Alpha"]),
        ("level=A,B&city=上海", ["华东精密科技有限公司", "Alpha"]),
        ("level=A&city=苏州&match=any", ["Beta", "Alpha"]),
        ("created_at=today", ["华东精密科技有限公司", "Beta", "Alpha"]),
        ("created_at=past", []),
        ("q=hdjm", ["华东精密科技有限公司"]),
        ("q=huadong", ["华东精密科技有限公司"]),
        ("q=精密", ["华东精密科技有限公司"]),
        ("q=alp", ["Alpha"]),
        ("q=nothing+there", []),
    ],
)
def test_it_filters_and_searches(client, customers, query, names):
    assert shown(client.get(f"/customers?{query}")) == names


def test_it_combines_conditions(client, customers):
    where = {
        "or": [
            {"field": "level", "value": "A"},
            {"and": [{"field": "level", "value": "B"}, {"field": "city", "value": "上海"}]},
        ]
    }
    answer = client.get("/customers", {"where": orjson.dumps(where).decode()})
    assert shown(answer) == ["华东精密科技有限公司", "Alpha"]
    assert "Level is A key or (Level is B important and City is “上海”)" in answer.content.decode()
    assert client.get("/customers", {"where": "{"}).status_code == 422


def test_each_filter_is_a_chip_that_takes_it_away(client, customers):
    text = client.get("/customers?level=A,B&city=上海&q=精密").content.decode()
    for chip in ("Level: A key, B important", "City: 上海", "“精密”"):
        assert chip in text
    assert re.search(r'href="/customers\?city=[^"]*&amp;q=[^"]*"', text)


@pytest.mark.parametrize(
    "query", ["level=Z", "no_such=1", "limit=201", "limit=0", "created_at=someday", "owner_id=x", "cursor=x"]
)
def test_a_bad_parameter_is_refused_with_its_name(client, query):
    answer = client.get(f"/customers?{query}")
    assert answer.status_code == 422


def test_it_pages_by_key(client, customers):
    first = client.get("/customers?limit=2&ordering=name")
    assert shown(first) == ["Alpha", "Beta"]
    following = (
        re.search(r'href="(/customers\?[^"]*cursor=[^"]*)"', first.content.decode()).group(1).replace("&amp;", "&")
    )
    assert shown(client.get(following)) == ["华东精密科技有限公司"]


def test_archived_records_are_shown_only_when_asked(client, customers, user):
    archive_record(Customer, customers[0].pk, actor=actor_for(user, origin="test"))
    assert shown(client.get("/customers")) == ["华东精密科技有限公司", "Beta"]
    assert shown(client.get("/customers?archived=1")) == ["Alpha"]


def test_an_empty_list_says_what_to_do(client):
    assert "Create the first one" in client.get("/customers").content.decode()
    assert "Nothing matches these filters" in client.get("/customers?level=A").content.decode()


def test_htmx_gets_the_table_alone(client, customers):
    answer = client.get("/customers?level=A", headers={"HX-Request": "true", "HX-Target": "list"})
    assert "<html" not in answer.content.decode()
    assert shown(answer) == ["Alpha"]


def test_someone_elses_records_are_not_listed(browse, customers):
    assert shown(browse("sales_representative").get("/customers")) == []


# --- saved views -----------------------------------------------------------------------------------------------


def save_view(client, **more: str):
    return client.post("/customers/views", {"view_name": "Key ones", "level": "A", "ordering": "name", **more})


def test_a_view_keeps_filters_order_and_columns(client, customers, user):
    answer = save_view(client, columns="name,city")
    view = SavedView.objects.get()
    assert (view.name, view.owner_id, view.shared) == ("Key ones", user.pk, False)
    assert view.parameters == {"level": "A", "ordering": "name", "columns": "name,city"}
    page = client.get(answer["Location"])
    assert shown(page) == ["Alpha"]
    assert re.search(r'aria-current="page">Key ones', page.content.decode())


def test_a_view_is_seen_by_others_only_when_shared_in_the_department(browse, person, root):
    east, west = (save_record(Department, {"name": n}, actor=root) for n in ("East", "West"))
    save_view(browse(person("sales_representative", department=east)), view_name="Mine")
    save_view(browse(person("sales_representative", department=east)), view_name="Ours", view_shared="1")
    near = browse("sales_representative", department=east).get("/customers").content.decode()
    far = browse("sales_representative", department=west).get("/customers").content.decode()
    assert ("Ours" in near, "Mine" in near, "Ours" in far) == (True, False, False)


def test_a_view_with_a_bad_filter_is_not_kept(client):
    assert save_view(client, level="Z").status_code == 422
    assert save_view(client, no_such="1").status_code == 422
    assert save_view(client, view_name="").status_code == 422


def test_one_forgets_ones_own_views_only(client, browse):
    save_view(client)
    view = SavedView.objects.get()
    assert browse("administrator").post(f"/customers/views/{view.pk}/delete").status_code == 404
    assert client.post(f"/customers/views/{view.pk}/delete").status_code == 302
    assert not SavedView.objects.exists()


# --- totals and bulk -------------------------------------------------------------------------------------------


def test_totals_count_what_the_filters_leave(client, customers):
    assert "2" in client.get("/customers/totals?level=B").content.decode()
    assert "2" not in re.sub(r"<[^>]*>", "", client.get("/customers/totals?level=A").content.decode())


def test_a_bulk_action_says_first_what_it_will_do(browse, person, root):
    admin = browse("administrator")
    kept, gone = (save_record(Customer, {"name": n}, actor=root) for n in ("Kept", "Gone"))
    answer = admin.post("/customers/bulk/archive", {"id": [kept.pk, gone.pk]})
    assert answer.status_code == 200
    assert not Customer.objects.exclude(archived_at=None).exists()
    admin.post("/customers/bulk/archive", {"id": [gone.pk], "confirm": "1"})
    assert list(Customer.objects.exclude(archived_at=None)) == [gone]


def test_a_bulk_action_does_each_row_or_says_why_not(browse, person, root):
    admin = person("administrator")
    User.objects.filter(pk=admin.pk).update(language="en")
    ready, waiting = (
        person(),
        save_record(User, {"username": "t", "name": "T", "state": "on_trial"}, actor=root, history=True),
    )
    body = {"id": [ready.pk, waiting.pk]}
    client = browse(User.objects.get(pk=admin.pk))
    preview = client.post("/employees/bulk/confirm", body).content.decode()
    assert "This will be done for 1 of 2 records" in preview
    assert "Not possible in the state “Employed”." in preview
    done = client.post("/employees/bulk/confirm", {**body, "confirm": "1"}).content.decode()
    assert "Done for 1 of 2 records" in done
    assert User.objects.get(pk=waiting.pk).state == "active"
    assert User.objects.get(pk=ready.pk).version == 1


def test_a_bulk_action_passes_over_what_one_may_not_see(client, root):
    hidden = save_record(Customer, {"name": "Hidden"}, actor=root)
    client.post("/customers/bulk/archive", {"id": [hidden.pk], "confirm": "1"})
    assert Customer.objects.get(pk=hidden.pk).archived_at is None


def test_an_unknown_bulk_action_is_not_found(client):
    assert client.post("/customers/bulk/explode", {"id": ["1"]}).status_code == 404


# --- pickers and search over everything ------------------------------------------------------------------------


def test_a_picker_finds_by_name_code_and_pinyin(client, customers, root):
    save_record(Customer, {"name": "Alpha hidden"}, actor=root)
    assert [one["label"] for one in client.get("/pick/customers?q=alpha").json()] == ["Alpha"]
    assert [one["label"] for one in client.get("/pick/customers?q=hdjm").json()] == ["华东精密科技有限公司"]
    assert [one["label"] for one in client.get("/pick/customers?q=C000002").json()] == ["Beta"]
    assert len(client.get("/pick/customers").json()) == 3


def test_search_finds_every_kind_within_the_rights(client, customers, user, root):
    save_record(Contact, {"name": "Alpha Wang", "customer": customers[0].pk}, actor=root)
    save_record(Customer, {"name": "Alpha Secret"}, actor=root)
    text = client.get("/search?q=alpha").content.decode()
    assert "Alpha Wang" in text
    assert f'href="/customers/{customers[0].pk}"' in text
    assert "Secret" not in text


# --- the budget ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/customers", "/contacts", "/employees", "/departments", "/posts", "/customers/board"]
)
def test_a_long_page_takes_as_many_queries_as_a_short_one(browse, person, root, path):
    owners = [person("sales_representative") for _ in range(3)]

    def fill(count: int) -> None:
        made = save_records(
            Customer, [Draft({"name": "N", "owner": owners[n % 3].pk}) for n in range(count)], actor=root
        )
        save_records(Contact, [Draft({"name": "C", "customer": d.record.pk}) for d in made.good], actor=root)

    client = browse("administrator")

    def queries() -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    fill(3)
    few = queries()
    fill(57)
    assert queries() == few
    assert few <= 20
