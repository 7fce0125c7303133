"""The Chinese superstore, as a GBK csv file and as a workbook: customers, products, and orders as history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import transaction
from django.db.models import Count
from python_calamine import CalamineWorkbook

from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.kernel.models import AuditEntry
from saleswright.modules.catalog.models import Product, ProductCategory
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.models import Order, OrderLine

pytestmark = pytest.mark.django_db
FILES = {"csv": "superstore_cn_gbk.csv", "xlsx": "superstore_cn.xlsx"}


@pytest.fixture(scope="module", params=FILES)
def path(request: pytest.FixtureRequest, data_folder: Path) -> Path:
    return data_folder / "superstore_cn" / FILES[request.param]


@pytest.fixture(scope="module")
def rows(path: Path) -> pl.DataFrame:
    """The file with dates as dates, the amount in cents (halves up) and the discount in percent."""
    if path.suffix == ".csv":
        frame = pl.read_csv(path.read_text(encoding="gb18030").encode(), infer_schema=False)
        frame = frame.with_columns(pl.col("订单日期").str.to_date("%Y/%m/%d"))
    else:
        header, *cells = CalamineWorkbook.from_path(path).get_sheet_by_name("订单").to_python()
        frame = pl.DataFrame(cells, schema=header, orient="row")
    thousandths = (pl.col("销售额").cast(float) * 1000).round().cast(int)
    return frame.with_row_index("line", offset=2).with_columns(
        pl.col("数量").cast(float).cast(int),
        discount=(pl.col("折扣").cast(float) * 100).round().cast(int),
        cents=(thousandths + 5) // 10,
    )


@pytest.fixture(scope="module")
def sound(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of orders that have one day; rows of one number and customer are one order."""
    return rows.filter(pl.col("订单日期").n_unique().over("订单 ID", "客户 ID") == 1)


@pytest.fixture(scope="module")
def imported(
    kept: None, path: Path, rows: pl.DataFrame, take: Callable[..., ImportOutcome], tmp_path_factory: Any
) -> Iterator[dict[str, Any]]:
    errors = tmp_path_factory.mktemp("superstore") / "errors.csv"
    with transaction.atomic():  # the two files are the same orders, seven years apart: one after the other
        yield {
            "customers": take("customers", path, "superstore-customers"),
            "products": take("products", path, "superstore-products"),
            "orders": take("orders", path, "superstore-orders", on_error="skip", errors_path=errors),
            "errors": pl.read_csv(errors, infer_schema=False),
        }
        transaction.set_rollback(True)


def counts(outcome: ImportOutcome) -> tuple[int, int, int, int]:
    return outcome.rows, outcome.created, outcome.updated, outcome.failed


def cents(amount: Decimal) -> int:
    return int(amount * 100)


def test_it_takes_each_customer_once(imported: dict[str, Any], rows: pl.DataFrame) -> None:
    customers = rows.select("客户 ID", "客户名称", "细分").unique()
    assert counts(imported["customers"]) == (rows.height, customers.height, rows.height - customers.height, 0)
    found = Customer.objects.values_list("code", "name", "tags", "country")
    expected = [(code, name, [segment], "CN") for code, name, segment in customers.iter_rows()]
    assert sorted(found) == sorted(expected)


def test_it_takes_each_product_once_under_its_last_name(imported: dict[str, Any], rows: pl.DataFrame) -> None:
    products = rows.group_by("产品 ID").agg(pl.col("产品名称").last().str.strip_chars(), pl.col("子类别").last())
    assert counts(imported["products"]) == (rows.height, products.height, rows.height - products.height, 0)
    assert sorted(Product.objects.values_list("code", "name", "category__name")) == sorted(products.iter_rows())
    assert set(ProductCategory.objects.values_list("name", flat=True)) == set(rows["子类别"])


def test_it_takes_an_order_for_each_number_of_a_customer(imported: dict[str, Any], sound: pl.DataFrame) -> None:
    orders = sound.group_by("订单 ID", "客户 ID").agg(pl.col("订单日期").first(), pl.len(), pl.col("cents").sum())
    assert imported["orders"].created == orders.height
    found = Order.objects.annotate(n=Count("lines")).values_list(
        "customer_order_number", "customer__code", "confirmed_on", "n", "total"
    )
    assert sorted((*head, cents(total)) for *head, total in found) == sorted(orders.iter_rows())
    assert set(Order.objects.values_list("status", flat=True)) == {"completed"}


def test_it_keeps_quantity_discount_and_amount_of_each_line(imported: dict[str, Any], sound: pl.DataFrame) -> None:
    expected = sound.select("订单 ID", "客户 ID", "产品 ID", "数量", "discount", "cents")
    lines = OrderLine.objects.values_list(
        "order__customer_order_number", "order__customer__code", "product__code", "quantity", "discount_percent", "net"
    )
    found = [(*head, int(quantity), int(discount), cents(net)) for *head, quantity, discount, net in lines]
    assert sorted(found) == sorted(expected.iter_rows())


def test_the_unit_price_follows_from_the_amount(imported: dict[str, Any]) -> None:
    for line in OrderLine.objects.order_by("pk")[:500]:
        assert round(line.quantity * line.unit_price * (100 - line.discount_percent) / 100, 2) == line.net


def test_it_names_the_rows_of_orders_that_disagree(imported: dict[str, Any], rows: pl.DataFrame) -> None:
    split = rows.filter(pl.col("订单日期").n_unique().over("订单 ID", "客户 ID") > 1)
    assert (split.height, split.select("订单 ID", "客户 ID").n_unique()) == (21, 6)
    assert counts(imported["orders"])[0::3] == (rows.height, 21)
    assert sorted(imported["errors"]["line"].cast(int)) == sorted(split["line"])
    first_day = pl.col("订单日期").sort_by("line").first().over("订单 ID", "客户 ID")
    other_days = split.filter(pl.col("订单日期") != first_day)
    named = [(error.line, error.field) for error in imported["orders"].errors]
    assert sorted(named) == [(line, "confirmed_on") for line in sorted(other_days["line"])]


def test_what_it_takes_is_history(imported: dict[str, Any], sound: pl.DataFrame) -> None:
    actions = (
        AuditEntry.objects.filter(resource="orders", record_id__isnull=False)
        .values_list("action")
        .annotate(n=Count("pk"))
    )
    assert dict(actions) == {"imported": sound.select("订单 ID", "客户 ID").n_unique()}
    assert not OrderLine.objects.exclude(delivered_quantity__gt=0).exists()


def test_the_sales_report_is_that_of_the_file(
    imported: dict[str, Any], sound: pl.DataFrame, table_of: Callable[..., dict[str, tuple[Any, ...]]]
) -> None:
    months = sound.group_by(month=pl.col("订单日期").dt.strftime("%Y-%m")).agg(
        pl.struct("订单 ID", "客户 ID").n_unique(), pl.col("数量").sum(), pl.col("cents").sum()
    )
    expected = {month: (orders, quantity, amount, amount) for month, orders, quantity, amount in months.iter_rows()}
    found = table_of("sales", "orders", "quantity", "untaxed", "total", by="month")
    assert {
        str(month)[:7]: (orders, int(quantity), cents(untaxed), cents(total))
        for month, (orders, quantity, untaxed, total) in found.items()
    } == expected
