"""The customer on one page: what it shows, to whom, and in how many statements."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface import panels as port
from saleswright.interface.panels import Panel, add_panel, panel_of, panels_of
from saleswright.kernel import clock
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.insight.actions.figures import refresh
from saleswright.modules.insight.tests.factories import ROOT, ago, customer, orders, product
from saleswright.modules.pipeline.models import Activity, Opportunity
from saleswright.modules.receivables.tests.factories import history_invoice, receive
from saleswright.modules.sales.models import Quote
from saleswright.modules.service.models import Callback, Ticket
from saleswright.modules.work.models import Comment, Task

pytestmark = pytest.mark.django_db
BUDGET = 20


def write(model: Any, **values: Any) -> Any:
    return save_record(model, {k: v.pk if hasattr(v, "pk") else v for k, v in values.items()}, actor=ROOT)


@pytest.fixture
def known() -> Customer:
    """A customer of whom every module knows something."""
    one = customer("Alpha Pumps", code="A1", level="A", city="苏州")
    orders(one, [400, 300, 40, 12], 5000)
    chief = write(Contact, customer=one, name="王总", mobile="13800001234", decision_role="decides", is_primary=True,
                  attitude="champion")  # fmt: skip
    done = clock.now() - timedelta(days=3)
    write(Activity, kind="visit", subject="Talked of spare parts", customer=one, contact=chief, done_at=done)
    write(Activity, kind="call", subject="Ask for the budget", customer=one, planned_at=done + timedelta(days=5))
    write(Opportunity, customer=one, name="Second line", amount=90_000, needs=["Low noise"])
    save_record(Quote, {"customer": one.pk}, actor=ROOT,
                lines={"lines": [{"product": product().pk, "quantity": 1, "unit_price": 10}]})  # fmt: skip
    write(Ticket, customer=one, kind="repair", subject="Leaks")
    history_invoice(one, "700", ago(80), due_on=ago(50))
    receive(one, "100")
    write(Task, title="Send samples", resource="customers", record_id=one.pk, due_at=done)
    write(Comment, text="Wants it before spring", resource="customers", record_id=one.pk)
    refresh(clock.now())
    return Customer.objects.get(pk=one.pk)


def page_of(client: Any, one: Customer) -> str:
    response = client.get(f"/customers/{one.pk}/overview")
    assert response.status_code == 200
    return response.content.decode()


def whole_of(client: Any, one: Customer) -> str:
    """The page with the panels that it asks for by itself."""
    page = page_of(client, one)
    for name in re.findall(rf'hx-get="/customers/{one.pk}/overview/(\w+)"', page):
        page += client.get(f"/customers/{one.pk}/overview/{name}").content.decode()
    return page


def test_it_shows_what_every_module_knows(browse: Any, person: Any, known: Customer) -> None:
    page = whole_of(browse(person("administrator", language="en")), known)
    for text in (
        "Alpha Pumps", "A key", "Revenue of 12 months", "Second line", "Leaks", "Send samples", "Talked of spare parts",
        "Low noise", "王总", "Speaks for us", "Wants it before spring", "31–90", "Payment received", "Pump",
        "Orders every 100 days usually",
    ):  # fmt: skip
        assert text in page, text


def test_the_next_step_is_what_comes_first(root: Any, known: Customer) -> None:
    found = port.panels_of("customers", known, root, "en")["main"][0].data
    assert found.step.text == "Send samples"
    assert found.step.late
    assert [str(group[0]) for group in found.groups] == [
        "Planned activities", "Opportunities", "Quotes", "Overdue invoices", "Tickets", "Tasks",
    ]  # fmt: skip


def test_each_person_gets_the_panels_of_their_rights(browse: Any, person: Any, known: Customer) -> None:
    client = browse(person("warehouse", language="en"))
    page = whole_of(client, known)
    assert client.get(f"/customers/{known.pk}/overview/service").status_code == 403
    assert client.get(f"/customers/{known.pk}/overview/nothing").status_code == 404
    assert "王总" in page
    for text in ("Second line", "Leaks", "Receivables", "Talked of spare parts", "Orders every"):
        assert text not in page, text


def test_amounts_are_those_of_what_one_sees(acting: Any, person: Any, known: Customer) -> None:
    seller = person("sales_representative")
    Customer.objects.filter(pk=known.pk).update(owner_id=seller.pk)
    orders(known, [5], 1000, owner=seller.pk)
    figures = panels_of("customers", known, acting(seller), "en")["top"][0].data
    assert figures[0].value == "¥1K"
    assert figures[1].value == "1"


def test_masks_hold_in_the_panels(browse: Any, person: Any, known: Customer) -> None:
    page = page_of(browse(person("purchasing", language="en")), known)
    assert "13800001234" not in page


def test_strangers_find_nothing(browse: Any, person: Any, known: Customer) -> None:
    assert browse(person("sales_representative")).get(f"/customers/{known.pk}/overview").status_code == 404
    assert browse(person()).get(f"/customers/{known.pk}/overview").status_code in {403, 404}


def test_a_prospect_has_a_page_that_says_what_to_do(browse: Any, person: Any) -> None:
    page = page_of(browse(person("administrator", language="en")), customer("New"))
    assert "Nothing is planned with this customer." in page
    assert "None yet" in page
    assert "Who knows whom" not in page


def test_the_record_leads_to_it(browse: Any, person: Any, known: Customer) -> None:
    page = browse(person("administrator", language="en")).get(f"/customers/{known.pk}").content.decode()
    assert f"/customers/{known.pk}/overview" in page


def test_a_module_adds_a_panel_once(root: Any, known: Customer, monkeypatch: Any) -> None:
    monkeypatch.setitem(port._panels, "customers", list(port._panels["customers"]))
    extra = Panel("credit", "Credit", "customers.view", lambda *asked: {"limit": 5}, "x.html", "side", 1)
    add_panel("customers", extra)
    assert panels_of("customers", known, root, "en")["side"][0].data == {"limit": 5}
    with pytest.raises(ValueError, match="credit"):
        add_panel("customers", extra)


def test_satisfaction_is_the_mean_of_call_backs(root: Any, known: Customer) -> None:
    for score in (4, 5):
        one = write(Callback, customer=known, subject="Content?", due_on=ago(1))
        Callback.objects.filter(pk=one.pk).update(status="done", score=score, done_at=clock.now())
    found = panel_of("customers", "service", known, root, "en").data
    assert (found["score"], found["scored"]) == ("4.5", 2)


def test_it_takes_as_many_statements_for_ten_thousand_rows_of_history(
    browse: Any, person: Any, known: Customer
) -> None:
    seller = person("sales_manager", language="en")
    Customer.objects.filter(pk=known.pk).update(owner_id=seller.pk)
    client = browse(seller)

    def statements() -> list[int]:
        counts = []
        for path in ("overview", "overview/timeline", "overview/purchases", "overview/service"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(f"/customers/{known.pk}/{path}").status_code == 200
            counts.append(len(captured))
        return counts

    statements()
    few = statements()
    at = clock.now()
    Activity.objects.bulk_create(
        [
            Activity(kind="call", subject=f"Call {n}", customer=known, owner=seller, status="done",
                     done_at=at - timedelta(hours=n), created_at=at, updated_at=at)
            for n in range(10_000)
        ],
        batch_size=2000,
    )  # fmt: skip
    assert statements() == few
    assert max(few) <= BUDGET
