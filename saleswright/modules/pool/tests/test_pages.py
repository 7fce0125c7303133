"""The page of a pool, what a rule would take, and the stock for programs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel import clock
from saleswright.kernel.access.actors import EVERYTHING, Access, Actor
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.pool.models import ClaimLimit, Pool
from saleswright.modules.pool.shown import HIDDEN, stock_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def seller(person):
    return person("sales_representative")


@pytest.fixture
def browse(browse):
    """Pages in English."""

    def make(*who):
        client = browse(*who)
        client.cookies["language"] = "en"
        return client

    return make


def with_phone(world, customer):
    save_record(Contact, {"customer": customer.pk, "name": "Li", "mobile": "13812345678"}, actor=world.actor)
    return customer


def text(response):
    return response.content.decode()


def test_it_shows_the_stock_with_numbers_in_part(world, seller, browse):
    customer = with_phone(world, world.customer(city="Wuxi"))
    page = text(browse(seller).get(f"/public-pool?pool={world.pool.pk}"))
    assert customer.name in page
    assert "138****5678" in page
    assert "13812345678" not in page
    assert "Assign to" not in page


def test_it_shows_managers_the_whole_number_and_lets_them_assign(world, person, browse):
    boss = person("sales_manager")
    save_record(
        Pool, {}, pk=world.pool.pk, lines={"members": [{"member": boss.pk, "manages": True}]}, actor=world.actor
    )
    with_phone(world, world.customer())
    page = text(browse(boss).get(f"/public-pool?pool={world.pool.pk}"))
    assert "13812345678" in page
    assert "Assign to" in page


def test_it_is_no_page_for_strangers(world, seller, person, browse):
    save_record(Pool, {}, pk=world.pool.pk, lines={"members": [{"member": seller.pk}]}, actor=world.actor)
    other = browse(person("sales_representative"))
    assert other.get(f"/public-pool?pool={world.pool.pk}").status_code == 404
    assert browse(person()).get("/public-pool").status_code == 403
    assert other.post(f"/public-pool/{world.pool.pk}/claim", {"one": "1"}).status_code == 404


def test_it_claims_from_the_page_and_says_why_not(world, seller, browse):
    save_record(ClaimLimit, {"resource": "customers", "claims_a_day": 1}, actor=world.actor)
    first, second = world.customer(), world.customer()
    client = browse(seller)
    answer = client.post(f"/public-pool/{world.pool.pk}/claim", {"one": first.pk})
    assert answer["Location"] == f"/customers/{first.pk}"
    answer = client.post(f"/public-pool/{world.pool.pk}/claim", {"one": second.pk})
    assert "You have claimed 1 today" in text(client.get(answer["Location"]))
    assert Customer.objects.get(pk=second.pk).pool_id == world.pool.pk


def test_it_claims_what_is_ticked(world, seller, browse):
    ids = [world.customer().pk for _ in range(3)]
    browse(seller).post(f"/public-pool/{world.pool.pk}/claim", {"id": ids[:2]})
    assert list(Customer.objects.filter(owner=seller).order_by("pk").values_list("pk", flat=True)) == ids[:2]


def test_it_assigns_what_is_ticked_and_refuses_others(world, seller, person, browse):
    ids = [world.customer().pk for _ in range(2)]
    url = f"/public-pool/{world.pool.pk}/assign"
    assert browse(seller).post(url, {"id": ids, "to": seller.pk}).status_code == 403
    assert not Customer.objects.filter(owner=seller).exists()
    director = browse(person("sales_director"))
    director.post(url, {"id": ids})
    director.post(url, {"to": seller.pk})
    assert not Customer.objects.filter(owner=seller).exists()
    director.post(url, {"id": ids, "to": seller.pk})
    assert Customer.objects.filter(owner=seller).count() == 2


def test_it_takes_as_many_queries_for_many_as_for_few(world, seller, browse):
    client, url = browse(seller), f"/public-pool?pool={world.pool.pk}"

    def queries():
        client.get(url)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    world.customer()
    few = queries()
    for _ in range(20):
        with_phone(world, world.customer())
    assert queries() == few <= 20


def test_it_turns_pages(world, seller, api):
    for _ in range(51):
        world.customer()
    client = api(seller)
    first = client.get(f"pools/{world.pool.pk}/stock").json()
    assert (len(first["items"]), first["after"]) == (50, first["items"][-1]["id"])
    rest = client.get(f"pools/{world.pool.pk}/stock?after={first['after']}").json()
    assert (len(rest["items"]), rest["after"]) == (1, None)
    named = client.get(f"pools/{world.pool.pk}/stock?q={rest['items'][0]['name']}").json()
    assert rest["items"][0] in named["items"]


def test_it_hides_numbers_from_those_without_the_right(world):
    with_phone(world, world.customer())
    world.customer()
    grants = dict.fromkeys(("customers.view", "pools.view", "pools.edit"), EVERYTHING)
    blind = Actor("person", None, "x", "test", Access(grants=grants))
    assert [one.phone for one in stock_of(world.pool, blind).pieces] == ["", HIDDEN]


def test_it_foresees_by_owner_with_reasons(world, seller, browse, person):
    customer = world.customer(seller, idle=45)
    rule = world.rule(live=False)
    page = text(browse(person("sales_director")).get(f"/recycle-rules/{rule.pk}/preview/panel"))
    assert "1 record would go tonight" in page
    assert f"{seller.name} 1" in page
    assert customer.name in page
    assert "Days without follow-up ≥ 30" in page
    assert browse(seller).get(f"/recycle-rules/{rule.pk}/preview/panel").status_code == 404
    customer.refresh_from_db()
    assert customer.owner_id == seller.pk


def test_it_draws_the_conditions_in_the_editor_and_takes_them_back(world, browse):
    client = browse()
    page = text(client.get(f"/recycle-rules/new?pool_id={world.pool.pk}"))
    assert 'data-rows-url="/conditions/pool:customers/row"' in page
    tree = '{"and":[{"field":"clocks.follow_up","op":"gte","value":"x"}]}'
    given = {"name": "Idle", "pool": world.pool.pk, "position": "1", "conditions": tree}
    answer = client.post("/recycle-rules/new", given)
    assert answer.status_code == 422
    assert "Give whole days from 1 to 3650." in text(answer)
    answer = client.post("/recycle-rules/new", given | {"conditions": tree.replace('"x"', '"30"')})
    assert answer.status_code == 302
    shown = text(client.get(answer["Location"]))
    assert "Days without follow-up ≥ 30" in shown


def test_it_says_on_the_page_of_a_customer_when_it_goes(world, seller, api):
    customer = world.customer(seller, idle=28)
    rule = world.rule()
    client = api(seller)
    said = client.get(f"customers/{customer.pk}").json()["pool_standing"]
    assert said == f"Goes to the pool “{world.pool.name}” within 3 days ({rule.name})"
    Customer.objects.filter(pk=customer.pk).update(followed_up_at=clock.now() - timedelta(days=1))
    assert client.get(f"customers/{customer.pk}").json()["pool_standing"] == ""
