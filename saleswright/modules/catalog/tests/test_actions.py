"""Rules of the catalogue."""

import pytest

from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.modules.catalog import actions
from saleswright.modules.catalog.models import Product, ProductCategory
from saleswright.modules.catalog.states import LifeCycle

pytestmark = pytest.mark.django_db


def product(root, **values):
    return save_record(Product, {"name": "伺服电机", "list_price": "100", **values}, actor=root)


def problems(call):
    with pytest.raises(ValidationFailed) as caught:
        call()
    return [(error.field, error.code) for error in caught.value.errors]


def test_it_numbers_products_and_fills_the_defaults(api):
    body = api().post("products", {"name": "伺服电机"}).json()
    assert (body["code"], body["unit"], body["tax_rate"]) == ("PR000001", "件", "13")
    assert (body["currency"], body["life_cycle"], body["list_price"]) == ("CNY", "growth", "0.00")


def test_it_keeps_a_given_code_and_refuses_it_twice(root):
    product(root, code="M-1")
    assert problems(lambda: product(root, code="M-1")) == [("code", "duplicate")]
    assert Product.objects.filter(code="M-1").count() == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("list_price", "-0.01", "range"),
        ("list_price", "0.0000001", "invalid"),
        ("cost", "-1", "range"),
        ("tax_rate", "-1", "range"),
        ("tax_rate", "101", "range"),
        ("warranty_months", "-1", "range"),
        ("currency", "RMB!", "too_long"),
        ("currency", "¥", "invalid"),
        ("specifications", "5 kW", "invalid"),
        ("specifications", ["5 kW"], "invalid"),
        ("specifications", ["功率: 5 kW", "功率：6 kW"], "invalid"),
        ("successor", 999999, "not_found"),
    ],
)
def test_it_refuses_bad_values(root, field, value, code):
    assert problems(lambda: product(root, **{field: value})) == [(field, code)]
    assert not Product.objects.exists()


def test_it_tidies_specifications(root):
    assert product(root, specifications=["功率：5 kW ", "电压 :380 V"]).specifications == ["功率: 5 kW", "电压: 380 V"]


def test_it_hides_cost_from_people_without_the_right(api, root):
    pk = product(root, cost="60").pk
    seller = api("sales_representative")
    assert "cost" not in seller.get(f"products/{pk}").json()
    assert api("finance").get(f"products/{pk}").json()["cost"] == "60.00"


def test_it_lets_purchasing_write_costs_and_sales_not(api):
    assert api("purchasing").post("products", {"name": "A", "cost": "5"}).json()["cost"] == "5.00"
    assert api("sales_representative").post("products", {"name": "B"}).status_code == 403
    assert not Product.objects.filter(name="B").exists()


def test_it_refuses_a_category_below_itself(root):
    top = save_record(ProductCategory, {"name": "机械"}, actor=root)
    below = save_record(ProductCategory, {"name": "齿轮", "parent": top.pk}, actor=root)
    call = lambda: save_record(ProductCategory, {"parent": below.pk}, pk=top.pk, actor=root)  # noqa: E731
    assert problems(call) == [("parent", "invalid")]
    top.refresh_from_db()
    assert top.parent_id is None


def test_it_refuses_to_delete_a_category_in_use(api, root):
    category = save_record(ProductCategory, {"name": "机械"}, actor=root)
    product(root, category=category.pk)
    assert api().delete(f"product-categories/{category.pk}").status_code == 409
    assert ProductCategory.objects.filter(pk=category.pk).exists()


def test_it_discontinues_with_a_successor(root):
    old, new = product(root), product(root)
    actions.discontinue_product(old.pk, actor=root, successor_id=new.pk)
    old.refresh_from_db()
    assert (old.life_cycle, old.successor_id, old.offered) == (LifeCycle.DISCONTINUED, new.pk, False)


def test_it_refuses_itself_and_ended_products_as_successor(root):
    old, ended = product(root), product(root, life_cycle="discontinued")
    for pk in (old.pk, ended.pk):
        call = lambda pk=pk: actions.discontinue_product(old.pk, actor=root, successor_id=pk)  # noqa: E731
        assert problems(call) == [("successor_id", "invalid")]
        by_edit = lambda pk=pk: save_record(Product, {"successor": pk}, pk=old.pk, actor=root)  # noqa: E731
        assert problems(by_edit) == [("successor", "invalid")]
    old.refresh_from_db()
    assert (old.life_cycle, old.successor_id) == (LifeCycle.GROWTH, None)


@pytest.mark.parametrize("state", LifeCycle.values)
def test_it_discontinues_and_reintroduces_only_where_that_means_something(root, state):
    pk = product(root, life_cycle=state).pk
    ended = state == LifeCycle.DISCONTINUED
    refused, possible = actions.discontinue_product, actions.reintroduce_product
    if not ended:
        refused, possible = possible, refused
    with pytest.raises(Conflict):
        refused(pk, actor=root)
    assert Product.objects.get(pk=pk).life_cycle == state
    possible(pk, actor=root)
    assert Product.objects.get(pk=pk).life_cycle == (LifeCycle.MATURITY if ended else LifeCycle.DISCONTINUED)


def test_it_refuses_people_without_the_right(root, acting):
    pk = product(root).pk
    with pytest.raises(NotAllowed):
        actions.discontinue_product(pk, actor=acting("sales_representative"))
    assert Product.objects.get(pk=pk).offered
