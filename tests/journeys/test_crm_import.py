"""The CRM of a hardware seller: accounts, products, teams and 8,800 opportunities; the figures are the files'."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from saleswright.kernel.models import AuditEntry, Region, User
from saleswright.modules.catalog.models import Product, ProductCategory
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Opportunity

pytestmark = pytest.mark.django_db
Table = Callable[..., dict[str, tuple[Any, ...]]]
Ratio = Callable[[Any, Any, int], Decimal]
GROUPS = {"owner": "sales_agent", "manager": "manager", "product": "product", "quarter": "quarter"}


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "crm_sales_opportunities"


@pytest.fixture(scope="module")
def imported(
    kept: None, folder: Path, examples: Path, take: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The four files; then the rows that failed once more, with the line for GTXPro in the mapping."""
    work = tmp_path_factory.mktemp("crm")
    errors, mended = work / "errors.csv", work / "mended.toml"
    text = (examples / "crm-pipeline.toml").read_text(encoding="utf-8")
    hidden = '#[values.product__name]\n#"GTXPro" = "GTX Pro"'
    assert hidden in text
    mended.write_text(text.replace(hidden, hidden.replace("#", "")), encoding="utf-8")
    pipeline = folder / "sales_pipeline.csv"
    return {
        "accounts": take("customers", folder / "accounts.csv", "crm-accounts", key="name"),
        "products": take("products", folder / "products.csv", "crm-products", key="name"),
        "teams": take("employees", folder / "sales_teams.csv", "crm-teams", key="name"),
        "pipeline": take("opportunities", pipeline, "crm-pipeline", on_error="skip", errors_path=errors),
        "errors": pl.read_csv(errors, infer_schema=False),
        "again": take("opportunities", errors, mended),
    }


@pytest.fixture(scope="module")
def deals(folder: Path) -> pl.DataFrame:
    """The pipeline with manager and quarter, the product under its name in the product file."""
    teams = pl.read_csv(folder / "sales_teams.csv")
    deals = pl.read_csv(folder / "sales_pipeline.csv", try_parse_dates=True).join(teams, on="sales_agent")
    quarter = pl.format("{}-Q{}", pl.col("close_date").dt.year(), pl.col("close_date").dt.quarter())
    return deals.with_columns(pl.col("product").replace("GTXPro", "GTX Pro"), quarter=quarter)


def counts(outcome: Any) -> tuple[int, int, int, int]:
    return outcome.rows, outcome.created, outcome.updated, outcome.failed


def test_it_takes_every_account_with_its_industry_country_and_parent(imported: dict[str, Any], folder: Path) -> None:
    assert counts(imported["accounts"]) == (85, 85, 0, 0)
    sector = pl.col("sector").replace("technolgy", "technology")
    rows = pl.read_csv(folder / "accounts.csv").select(
        "account", sector, pl.col("employees").cast(str), "subsidiary_of"
    )
    found = Customer.objects.values_list("name", "industry", "size", "parent__name")
    assert sorted(found) == sorted(rows.iter_rows())
    assert Customer.objects.filter(country="PH").count() == 1


def test_it_takes_products_and_makes_their_categories(imported: dict[str, Any], folder: Path) -> None:
    assert counts(imported["products"]) == (7, 7, 0, 0)
    rows = pl.read_csv(folder / "products.csv", schema_overrides={"sales_price": pl.Decimal(12, 2)})
    assert sorted(Product.objects.values_list("name", "category__name", "list_price")) == sorted(rows.iter_rows())
    assert ProductCategory.objects.count() == rows["series"].n_unique() == 3
    assert AuditEntry.objects.filter(resource="product-categories", action="created").count() == 3
    assert imported["products"].notes[-1].endswith(" 3")


def test_it_takes_the_agents_and_makes_their_managers_and_offices(imported: dict[str, Any], folder: Path) -> None:
    assert counts(imported["teams"]) == (35, 35, 0, 0)
    teams = pl.read_csv(folder / "sales_teams.csv")
    agents = User.objects.filter(roles__code="sales_representative")
    assert sorted(agents.values_list("name", "manager__name", "region__name")) == sorted(teams.iter_rows())
    managers = User.objects.filter(name__in=teams["manager"].to_list())
    assert managers.count() == teams["manager"].n_unique() == 6
    assert Region.objects.count() == 3


def test_it_gives_people_a_sign_in_name_and_no_password(imported: dict[str, Any]) -> None:
    moses = User.objects.get(name="Moses Frase")
    assert (moses.username, moses.manager.username) == ("moses.frase", "dustin.brinkmann")
    assert not moses.has_usable_password()
    assert not moses.manager.has_usable_password()


def test_it_names_each_row_with_a_product_that_is_not_there(imported: dict[str, Any], folder: Path) -> None:
    raw = pl.read_csv(folder / "sales_pipeline.csv", infer_schema=False).with_row_index("line", offset=2)
    failed = raw.filter(pl.col("product") == "GTXPro")
    assert counts(imported["pipeline"]) == (8800, 8800 - failed.height, 0, failed.height)
    errors = imported["errors"]
    assert failed.height == 1480
    assert errors.select(pl.col("line").cast(pl.UInt32), "opportunity_id").equals(
        failed.select("line", "opportunity_id")
    )
    assert errors["error"].str.contains("GTXPro").all()
    assert {(error.field, "GTXPro" in error.message) for error in imported["pipeline"].errors} == {
        ("product__name", True)
    }


def test_it_takes_the_failed_rows_with_one_more_line_of_the_mapping(imported: dict[str, Any]) -> None:
    assert counts(imported["again"]) == (1480, 1480, 0, 0)
    assert Opportunity.objects.count() == 8800


def test_it_takes_opportunities_as_they_are(imported: dict[str, Any], deals: pl.DataFrame) -> None:
    status = pl.col("deal_stage").replace({"Won": "won", "Lost": "lost", "Engaging": "open", "Prospecting": "open"})
    amount = pl.col("close_value").fill_null(0).cast(pl.Decimal(12, 2))
    rows = deals.select(
        "opportunity_id", "sales_agent", "account", "product", status, "engage_date", "close_date", amount
    )
    names = ("code", "owner__name", "customer__name", "product__name", "status", "opened_on", "closed_on", "amount")
    assert sorted(Opportunity.objects.values_list(*names), key=lambda row: row[0]) == sorted(rows.iter_rows())
    assert Opportunity.objects.filter(customer=None).count() == 1425


def test_the_funnel_is_that_of_the_file(
    imported: dict[str, Any], deals: pl.DataFrame, table_of: Table, ratio: Ratio
) -> None:
    stages = dict(deals.group_by("deal_stage").len().iter_rows())
    won, lost, engaging, prospecting = (stages[name] for name in ("Won", "Lost", "Engaging", "Prospecting"))
    amounts = dict(deals.group_by("deal_stage").agg(pl.col("close_value").sum()).iter_rows())
    reached = {"new": won + lost + engaging + prospecting, "needs": won + lost + engaging}
    reached |= dict.fromkeys(("proposal", "negotiation", "closing"), won)
    still = {"new": "Prospecting", "needs": "Engaging"}
    expected = {
        name: (
            stages.get(still.get(name), 0),
            Decimal(amounts.get(still.get(name), 0)),
            count,
            won,
            ratio(won, count, 4),
        )
        for name, count in reached.items()
    }
    columns = ("open_count", "open_amount", "reached_count", "won_count", "conversion")
    assert table_of("funnel", *columns, by="stage") == expected


@pytest.mark.parametrize("by", GROUPS)
def test_the_win_rate_is_that_of_the_file(
    imported: dict[str, Any], deals: pl.DataFrame, table_of: Table, ratio: Ratio, by: str
) -> None:
    won = pl.col("deal_stage") == "Won"
    closed = deals.filter(pl.col("deal_stage").is_in(["Won", "Lost"])).group_by(GROUPS[by])
    rows = closed.agg(won.sum().alias("won"), (~won).sum().alias("lost"), pl.col("close_value").filter(won).sum())
    expected = {
        name: (count, others, ratio(count, count + others, 4), Decimal(amount))
        for name, count, others, amount in rows.iter_rows()
    }
    assert table_of("win-rate", "won", "lost", "rate", "won_amount", by=by) == expected


@pytest.mark.parametrize("by", GROUPS)
def test_the_sales_cycle_is_that_of_the_file(
    imported: dict[str, Any], deals: pl.DataFrame, table_of: Table, ratio: Ratio, by: str
) -> None:
    days = (pl.col("close_date") - pl.col("engage_date")).dt.total_days()
    won = deals.filter(pl.col("deal_stage") == "Won").with_columns(days=days).group_by(GROUPS[by])
    rows = won.agg(pl.len(), pl.col("days").sum(), pl.col("days").median().alias("median"))
    expected = {
        name: (count, ratio(total, count, 2), Decimal(middle)) for name, count, total, middle in rows.iter_rows()
    }
    assert table_of("sales-cycle", "won", "mean_days", "median_days", by=by) == expected


@pytest.mark.parametrize("by", ["owner", "manager", "product"])
def test_the_velocity_is_that_of_the_file(
    imported: dict[str, Any], deals: pl.DataFrame, table_of: Table, ratio: Ratio, by: str
) -> None:
    won, lost = pl.col("deal_stage") == "Won", pl.col("deal_stage") == "Lost"
    days = (pl.col("close_date") - pl.col("engage_date")).dt.total_days()
    rows = deals.group_by(GROUPS[by]).agg(
        (~won & ~lost).sum().alias("open"), won.sum().alias("won"), (won | lost).sum().alias("closed"),
        pl.col("close_value").filter(won).sum().alias("amount"), days.filter(won).sum().alias("days"),
    )  # fmt: skip
    expected = {
        name: (there, ratio(wins, ends, 4), ratio(amount, wins, 2), ratio(there * amount * wins, ends * total, 2))
        for name, there, wins, ends, amount, total in rows.iter_rows()
    }
    found = table_of("velocity", "open", "rate", "mean_deal", "velocity", by=by)
    assert {name: figures for name, figures in found.items() if name in expected} == expected
    assert len(found) == len(expected) + 1  # and all together


def test_reports_keep_to_the_days_asked_for(imported: dict[str, Any], deals: pl.DataFrame, table_of: Table) -> None:
    year = pl.col("close_date").dt.year() == 2017
    may = year & (pl.col("close_date").dt.month() == 5)
    closed = deals.filter(may & pl.col("deal_stage").is_in(["Won", "Lost"])).group_by("sales_agent")
    expected = {name: (count,) for name, count in closed.agg((pl.col("deal_stage") == "Won").sum()).iter_rows()}
    asked = {"from": "2017-05-01", "to": "2017-05-31"}
    assert table_of("win-rate", "won", by="owner", **asked) == expected
