"""Field rights and region scopes hold in every outlet: pages, API, search, export, report, document, history."""

from decimal import Decimal

import pytest

from saleswright.kernel.models import Region, Role
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.sales.models import Quote

pytestmark = pytest.mark.django_db

COST = Decimal("778899.5")
WRITTEN = ("778899", "778,899")
CLERK = {
    "products.*": "all", "customers.*": "all", "quotes.*": "all", "orders.*": "all", "reports.view": "all",
    "audit.view": "all",
}  # fmt: skip


def body(response) -> str:
    content = b"".join(response) if response.streaming else response.content
    return content.decode("utf-8", "replace")


# --- a protected field -------------------------------------------------------------------------------------------


@pytest.fixture
def product(root):
    found = save_record(Product, {"name": "Robot", "code": "R1", "list_price": "1000000", "cost": "1"}, actor=root)
    return save_record(Product, {"cost": COST}, pk=found.pk, actor=root)


@pytest.fixture
def quote(root, product):
    customer = save_record(Customer, {"name": "Huawei"}, actor=root)
    lines = {"lines": [{"product": product.pk, "quantity": "1"}]}
    return save_record(Quote, {"customer": customer.pk}, lines=lines, actor=root)


@pytest.fixture
def roles(root):
    """Two roles that differ in the right over costs alone."""
    save_record(Role, {"code": "clerk", "name": "Clerk", "grants": CLERK}, actor=root)
    save_record(Role, {"code": "buyer", "name": "Buyer", "grants": {**CLERK, "fields.cost": "all"}}, actor=root)


PAGES = (
    "/products?columns=code,name,cost", "/products/{product}", "/products/{product}/edit",
    "/products/{product}/timeline", "/products/export?format=csv&columns=code,name,cost",
    "/products/{product}/related/products-successor", "/search?q=Robot", "/search?q=778899", "/pick/products?q=Robot",
    "/reports/sales?by=product", "/quotes/{quote}",
)  # fmt: skip
CALLS = (
    "products", "products?fields=id,cost", "products?q=Robot", "products/{product}", "products/{product}/history",
    "quotes/{quote}", "quotes/{quote}/history", "reports/sales?by=product",
)  # fmt: skip
TELLING = {
    "/products?columns=code,name,cost", "/products/{product}", "/products/{product}/edit",
    "/products/{product}/timeline", "/products/export?format=csv&columns=code,name,cost",
    "products", "products?fields=id,cost", "products?q=Robot", "products/{product}", "products/{product}/history",
}  # fmt: skip


@pytest.mark.parametrize("address", [*PAGES, *CALLS])
def test_a_protected_field_is_told_to_nobody_without_the_right(address, roles, product, quote, browse, api):
    def told(role: str) -> bool:
        place = address.format(product=product.pk, quote=quote.pk)
        text = body(browse(role).get(place) if address.startswith("/") else api(role).get(place))
        text = text.replace(place, "").replace('name="q" value="778899"', "")  # what was asked for is said again
        return any(words in text for words in WRITTEN)

    assert not told("clerk")
    assert told("buyer") == (address in TELLING)


def test_a_protected_field_is_not_in_documents(roles, product, quote, api):
    response = api("clerk").get(f"quotes/{quote.pk}/document.docx")
    assert response.status_code == 200
    import io
    import zipfile

    text = zipfile.ZipFile(io.BytesIO(response.content)).read("word/document.xml").decode()
    assert "Robot" in text
    assert not any(words in text for words in WRITTEN)


def test_a_protected_field_can_t_be_guessed_by_filter_order_or_write(roles, product, api):
    client = api("clerk")
    assert client.get("products?cost__gte=1").status_code == 422
    assert client.get("products?ordering=cost").status_code == 422
    assert client.patch(f"products/{product.pk}", {"cost": "5"}).status_code == 422
    assert Product.objects.get(pk=product.pk).cost == COST


# --- a region ----------------------------------------------------------------------------------------------------


@pytest.fixture
def world(root, person):
    """A regional manager, and customers with deals and quotes below their region and outside of it."""
    east = save_record(Region, {"name": "East"}, actor=root)
    shanghai = save_record(Region, {"name": "Shanghai", "parent": east.pk}, actor=root)
    west = save_record(Region, {"name": "West"}, actor=root)
    product = save_record(Product, {"name": "Robot", "list_price": "10"}, actor=root)
    found = {}
    for name, region in (("Firm Nearby", shanghai), ("Firm Faraway", west)):
        owner = person("sales_representative", region=region)
        customer = save_record(Customer, {"name": name, "owner": owner.pk}, actor=root)
        deal = {"name": f"{name} deal", "customer": customer.pk, "owner": owner.pk, "amount": "10"}
        save_record(Opportunity, deal, actor=root)
        lines = {"lines": [{"product": product.pk, "quantity": "1"}]}
        quote = save_record(Quote, {"customer": customer.pk, "owner": owner.pk}, lines=lines, actor=root)
        found[name] = {"customer": customer.pk, "quote": quote.pk}
    return person("regional_manager", region=east), found


@pytest.mark.parametrize(
    "address",
    ["/customers", "/customers/export?format=csv", "/search?q=firm", "/pick/customers?q=firm", "/quotes",
     "/opportunities/board", "/api/v1/customers", "/api/v1/customers?q=firm", "/api/v1/quotes"],
)  # fmt: skip
def test_what_lists_shows_the_region_and_below(world, browse, api, address):
    manager, _found = world
    text = body(api(manager).get(address) if address.startswith("/api") else browse(manager).get(address))
    assert "Firm Nearby" in text
    assert "Firm Faraway" not in text


@pytest.mark.parametrize(
    "address",
    ["/customers/{customer}", "/customers/{customer}/timeline", "/customers/{customer}/edit",
     "/customers/{customer}/related/contacts-customer", "/quotes/{quote}/document.docx", "/api/v1/customers/{customer}",
     "/api/v1/customers/{customer}/history", "/api/v1/quotes/{quote}/document.docx"],
)  # fmt: skip
def test_a_record_outside_of_the_region_isn_t_there(world, browse, api, address):
    manager, found = world

    def status(name: str) -> int:
        place = address.format(**found[name])
        return (api(manager).get(place) if address.startswith("/api") else browse(manager).get(place)).status_code

    assert (status("Firm Nearby"), status("Firm Faraway")) == (200, 404)


def test_a_report_counts_the_region_and_below(world, api):
    manager, _found = world

    def counted(who) -> int:
        answer = api(who).get("reports/funnel").json()
        place = [column if isinstance(column, str) else column["name"] for column in answer["columns"]].index(
            "open_count"
        )
        rows = answer["rows"]
        return sum(row["open_count"] if isinstance(row, dict) else row[place] for row in rows)

    assert (counted(manager), counted("sales_director")) == (1, 2)
