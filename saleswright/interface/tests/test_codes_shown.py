"""People read names where programs read codes, and units where a number alone would mislead."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import translation

from saleswright.interface.entity import entity_named
from saleswright.interface.fields import Shown, spec_of
from saleswright.interface.formatting import country_names
from saleswright.interface.reports import ReportColumn, Result, report_named
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.leads.models import LeadSource
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.targets.models import Target

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(person: Any, browse: Any) -> Any:
    user = person("administrator")
    User.objects.filter(pk=user.pk).update(language="en")
    user.refresh_from_db()
    return browse(user)


@pytest.fixture
def customer(root: Actor) -> Customer:
    LeadSource.objects.filter(code="call-in").update(name="Hotline")
    return save_record(Customer, {"name": "Acme", "country": "DE", "source": "call-in"}, actor=root)


def page(client: Any, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def select(html: str, name: str) -> dict[str, tuple[str, bool]]:
    """The options of the select of that name: value -> (text, whether it is chosen)."""
    (found,) = re.findall(rf'<select[^>]*name="{name}"[^>]*>(.*?)</select>', html, re.S)
    options = re.findall(r'<option value="([^"]*)"([^>]*)>([^<]*)</option>', found)
    return {value: (text.strip(), "selected" in marks) for value, marks, text in options}


def test_it_names_countries_in_the_active_language() -> None:
    assert (country_names()["DE"], country_names()["CN"]) == ("Germany", "China")
    with translation.override("zh-hans"):
        assert (country_names()["DE"], next(iter(country_names()))) == ("德国", "AL")
    assert not country_names().keys() & {"EU", "ZZ", "001"}


def test_it_shows_names_and_keeps_codes_for_programs(client: Any, api: Any, customer: Customer) -> None:
    facts = page(client, f"/customers/{customer.pk}")
    assert "Germany" in facts
    assert "Hotline" in facts
    assert "call-in" not in facts
    listed = page(client, "/customers?columns=name,country,source")
    assert "Germany" in listed
    assert "Hotline" in listed
    answer = api().get(f"customers/{customer.pk}").json()
    assert (answer["country"], answer["source"]) == ("DE", "call-in")


def test_its_form_offers_names_and_keeps_what_is_chosen(client: Any, root: Actor, customer: Customer) -> None:
    form = page(client, f"/customers/{customer.pk}/edit")
    assert select(form, "country")["DE"] == ("Germany", True)
    assert select(form, "source")["call-in"] == ("Hotline", True)
    Customer.objects.filter(pk=customer.pk).update(source="tradeshow-2019")
    assert select(page(client, f"/customers/{customer.pk}/edit"), "source")["tradeshow-2019"] == (
        "tradeshow-2019", True,
    )  # fmt: skip


def test_its_filters_offer_names_and_say_them(client: Any, customer: Customer) -> None:
    listed = page(client, "/customers?country=DE&source=call-in")
    assert select(listed, "country")["DE"] == ("Germany", True)
    assert select(listed, "source")["call-in"] == ("Hotline", True)
    assert "Country: Germany" in listed
    assert "Source: Hotline" in listed
    assert "Acme" in listed
    assert "Acme" not in page(client, "/customers?country=FR")


def test_an_unknown_code_stands_for_itself() -> None:
    spec = spec_of(Customer, "source", shown=Shown("source", names=lambda: {"web": "Website"}))
    assert spec.cell({"source": "fax"}, "en").text == "fax"
    assert spec.cell({"source": "web"}, "en").text == "Website"
    assert spec.choosable("fax") == {"web": "Website", "fax": "fax"}
    assert spec.choosable("") == {"web": "Website"}
    assert spec_of(Customer, "source").choosable("fax") == {}


def test_it_shows_whole_numbers_that_are_percentages(client: Any, root: Actor, customer: Customer) -> None:
    save_record(Opportunity, {"name": "Deal", "customer": customer.pk, "probability": 35}, actor=root)
    spec = entity_named("opportunities").specs["probability"]
    cell = spec.cell({"probability": 35}, "en")
    assert (cell.text, cell.kind, spec.cell_kind) == ("35%", "percent", "percent")
    assert spec.to_json({"probability": 35}) == 35
    assert "35%" in page(client, "/opportunities")


def test_an_amount_is_money_only_where_its_measure_is(client: Any, root: Actor) -> None:
    spec = entity_named("targets").specs["value"]
    assert spec.cell({"value": 1200, "metric": "ordered", "currency": "CNY"}, "en").text == "¥1,200.00"
    assert spec.cell({"value": 1200, "metric": "won_count"}, "en").text == "1,200"
    assert spec.cell({"value": 1200}, "en").text == "1,200"
    save_record(Target, {"metric": "won_count", "year": 2026, "value": "1234"}, actor=root)
    listed = page(client, "/targets")
    assert "1,234" in listed
    assert "¥" not in listed


def test_a_report_shows_names_and_leaves_codes_to_programs(client: Any, api: Any, root: Actor) -> None:
    assert [column.name for column in report_named("funnel").run({}, root).columns][:2] == ["stage", "title"]
    shown = page(client, "/reports/funnel")
    assert "negotiation" not in shown
    assert "<th" in shown
    assert api().get("reports/funnel").json()["rows"][0]["stage"] == "new"


def test_a_result_is_put_into_words_row_by_row() -> None:
    columns = [
        ReportColumn("metric", "Measure", code=True),
        ReportColumn("light", "Light", names={"red": "Behind"}),
        ReportColumn("value", "Value", "money", kind_in=lambda row: "money" if row[0] == "ordered" else "quantity"),
    ]
    result = Result(columns, [["ordered", "red", 1], ["visits", "blue", 2]])
    read, rows = result.for_people()
    assert [column.name for column in read] == ["light", "value"]
    assert rows == [["Behind", 1], ["blue", 2]]
    assert [result.kind(read[1], place) for place in (0, 1)] == ["money", "quantity"]
    assert result.as_json()["rows"][0] == {"metric": "ordered", "light": "red", "value": 1}
