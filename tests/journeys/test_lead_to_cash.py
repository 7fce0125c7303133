"""The one loop by API: from a target and a lead to collected money and a looked-after customer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.models import Department
from saleswright.kernel.records import save_record

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(person: Any, api: Any) -> dict[str, Any]:
    """A representative, her manager and director, and the people of finance, warehouse and service."""
    department = save_record(Department, {"name": "East"}, actor=system("test"))
    director = person("sales_director", department=department)
    manager = person("sales_manager", department=department, manager=director)
    rep = person("sales_representative", department=department, manager=manager)
    others = {role: person(role) for role in ("finance", "warehouse", "service_agent", "sales_operations")}
    people = {"director": director, "manager": manager, "rep": rep, **others}
    return {name: api(user) for name, user in people.items()}


def ok(response: Any, status: int = 200) -> dict[str, Any]:
    """The JSON of an answer that must have succeeded."""
    assert response.status_code == status, response.content.decode()
    return response.json() if response.content else {}


def make_products(operations: Any) -> list[int]:
    """Two products: 1,000.00 at 13 % and 19.99 at 6 %."""
    robot = {"name": "Welding robot", "unit": "set", "list_price": "1000", "tax_rate": "13"}
    course = {"name": "Training day", "unit": "day", "list_price": "19.99", "tax_rate": "6"}
    return [ok(operations.post("products", body), 201)["id"] for body in (robot, course)]


def test_it_runs_from_the_lead_to_the_collected_money(team: dict[str, Any]) -> None:
    today = date.today()
    rep, manager = team["rep"], team["manager"]
    robot, course = make_products(team["sales_operations"])

    # a target for the manager's department
    target = ok(
        team["director"].post(
            "targets",
            {"metric": "ordered", "year": today.year, "period": "year", "value": "100000",
             "scope": {"kind": "company"}},
        ), 201,
    )  # fmt: skip
    assert target["value"] == "100000.00"

    # capture, screen and convert a lead
    lead = ok(
        rep.post(
            "leads",
            {"company": "华东精密科技有限公司", "contact_name": "王伟", "phone": "13800001234", "source": "web",
             "need": "Two welding cells", "budget": "50000"},
        ), 201,
    )  # fmt: skip
    assert lead["status"] == "new"
    assert rep.act("leads", lead["id"], "qualify").status_code == 409
    ok(rep.act("leads", lead["id"], "contact"))
    bant = dict.fromkeys(("need_confirmed", "budget_confirmed", "authority_confirmed", "time_confirmed"), True)
    ok(rep.patch(f"leads/{lead['id']}", bant))
    ok(rep.act("leads", lead["id"], "qualify"))
    made = ok(rep.act("leads", lead["id"], "convert", opportunity=True))
    customer, opportunity = made["customer_id"], made["opportunity_id"]
    assert ok(rep.get(f"leads/{lead['id']}"))["status"] == "converted"
    assert rep.act("leads", lead["id"], "convert").status_code == 409
    assert ok(rep.get(f"contacts/{made['contact_id']}"))["name"] == "王伟"

    # a visit, and the board
    visit = ok(
        rep.post("activities", {"kind": "visit", "subject": "First visit", "customer_id": customer,
                                "planned_at": f"{today}T10:00:00+08:00"}), 201,
    )  # fmt: skip
    ok(rep.act("activities", visit["id"], "check-in", latitude="31.230416", longitude="121.473701"))
    ok(rep.act("activities", visit["id"], "complete", outcome="They need two cells"))
    stages = {s["name"]: s["id"] for s in ok(rep.get("stages"))["items"]}
    assert set(stages) == {"new", "needs", "proposal", "negotiation", "closing"}
    ok(rep.act("opportunities", opportunity, "move", stage_id=stages["needs"]))

    # a quote at 18 %: above the representative's 10, within the manager's 20
    quote = ok(
        rep.post(
            "quotes",
            {"customer_id": customer, "opportunity_id": opportunity,
             "valid_until": str(today + timedelta(days=30)),
             "lines": [{"product_id": robot, "quantity": "2", "discount_percent": "18"},
                       {"product_id": course, "quantity": "3", "discount_percent": "0"}]},
        ), 201,
    )  # fmt: skip
    # 2 x 1000 x 0.82 = 1640.00 (tax 213.20); 3 x 19.99 = 59.97 (tax 3.60)
    assert (quote["untaxed"], quote["tax"], quote["total"]) == ("1699.97", "216.80", "1916.77")
    assert ok(rep.act("quotes", quote["id"], "submit"))["status"] == "in_approval"
    assert rep.act("quotes", quote["id"], "accept").status_code == 409
    waiting = ok(manager.get("approvals?state=pending"))["items"]
    assert [one["subject"]["id"] for one in waiting] == [quote["id"]]
    assert rep.act("approvals", waiting[0]["id"], "approve").status_code in {403, 409}
    ok(manager.act("approvals", waiting[0]["id"], "approve", comment="fine"))
    assert ok(rep.get(f"quotes/{quote['id']}"))["status"] == "approved"
    pdf = rep.get(f"quotes/{quote['id']}/document.pdf")
    assert pdf.status_code == 200
    assert pdf.content.startswith(b"%PDF")
    ok(rep.act("quotes", quote["id"], "send"))
    ok(rep.act("quotes", quote["id"], "accept"))

    # contract and order
    contract_id = ok(rep.act("quotes", quote["id"], "create-contract"))["id"]
    contract = ok(rep.get(f"contracts/{contract_id}"))
    assert contract["amount"] == "1916.77"
    ok(rep.patch(f"contracts/{contract_id}", {"start_date": str(today), "end_date": str(today + timedelta(days=365))}))
    ok(rep.act("contracts", contract_id, "submit"))
    ok(rep.act("contracts", contract_id, "sign", signed_on=str(today)))
    assert ok(rep.get(f"contracts/{contract_id}"))["status"] == "in_force"
    order_id = ok(rep.act("quotes", quote["id"], "create-order"))["id"]
    order = ok(rep.act("orders", order_id, "confirm"))
    assert (order["status"], order["total"], order["confirmed_on"]) == ("confirmed", "1916.77", str(today))
    ok(rep.act("opportunities", opportunity, "win"))

    # deliver in two parts; more than ordered is refused
    first, second = order["lines"]
    warehouse = team["warehouse"]
    part = [{"order_line_id": first["id"], "quantity": "1"}]
    delivery = ok(warehouse.post("deliveries", {"order_id": order_id, "lines": part}), 201)
    ok(warehouse.act("deliveries", delivery["id"], "ship"))
    assert ok(rep.get(f"orders/{order_id}"))["status"] == "partly_delivered"
    too_much = [{"order_line_id": first["id"], "quantity": "2"}]
    assert warehouse.post("deliveries", {"order_id": order_id, "lines": too_much}).status_code == 422
    rest = [{"order_line_id": first["id"], "quantity": "1"}, {"order_line_id": second["id"], "quantity": "3"}]
    other = ok(warehouse.post("deliveries", {"order_id": order_id, "lines": rest}), 201)
    ok(warehouse.act("deliveries", other["id"], "ship"))
    for one in (delivery, other):
        assert ok(rep.get(f"orders/{order_id}"))["status"] == "partly_delivered"
        ok(warehouse.act("deliveries", one["id"], "accept"))
    assert ok(rep.get(f"orders/{order_id}"))["status"] == "delivered"

    # invoice, collect against a plan
    finance = team["finance"]
    plan = ok(
        finance.post(
            "collection-plans",
            {"order_id": order_id,
             "instalments": [{"trigger": "date", "due_on": str(today), "amount": "916.77"},
                             {"trigger": "date", "due_on": str(today + timedelta(days=30)), "amount": "1000.00"}]},
        ), 201,
    )  # fmt: skip
    assert len(plan["instalments"]) == 2
    lines = [{"order_line_id": line["id"], "quantity": line["quantity"]} for line in order["lines"]]
    invoice = ok(finance.post("invoices", {"customer_id": customer, "order_id": order_id, "lines": lines}), 201)
    assert invoice["total"] == "1916.77"
    invoice = ok(finance.act("invoices", invoice["id"], "issue"))
    assert (invoice["status"], invoice["balance"]) == ("issued", "1916.77")
    assert invoice["number"].startswith("INV-")
    receipt = ok(
        finance.post("receipts", {"customer_id": customer, "received_on": str(today), "amount": "1000.00",
                                  "method": "bank"}), 201,
    )  # fmt: skip
    ok(finance.act("receipts", receipt["id"], "allocate"))
    assert ok(finance.get(f"invoices/{invoice['id']}"))["balance"] == "916.77"
    more = ok(finance.post("receipts", {"customer_id": customer, "received_on": str(today), "amount": "1000.00"}), 201)
    ok(finance.act("receipts", more["id"], "allocate", allocations=[{"invoice_id": invoice["id"], "amount": "916.77"}]))
    assert ok(finance.get(f"receipts/{more['id']}"))["unapplied"] == "83.23"
    assert ok(finance.get(f"invoices/{invoice['id']}"))["status"] == "paid"
    assert ok(rep.get(f"orders/{order_id}"))["status"] == "completed"

    # serve and call back
    agent = team["service_agent"]
    ticket = ok(
        agent.post("tickets", {"customer_id": customer, "product_id": robot, "kind": "consultation",
                               "priority": "normal", "subject": "How to calibrate?"}), 201,
    )  # fmt: skip
    ok(agent.act("tickets", ticket["id"], "assign", owner_id=agent.user.pk))
    ok(agent.act("tickets", ticket["id"], "respond"))
    ok(agent.act("tickets", ticket["id"], "resolve", solution="Sent the manual"))
    ok(agent.act("tickets", ticket["id"], "close"))
    call = ok(agent.post("callbacks", {"customer_id": customer, "order_id": order_id, "due_on": str(today)}), 201)
    ok(agent.act("callbacks", call["id"], "complete", result="Content", score=9))

    # the figures
    report = ok(team["director"].get(f"reports/target-attainment?year={today.year}&period=year"))
    row = next(r for r in report["rows"] if r["metric"] == "ordered")
    assert (row["target"], row["actual"]) == ("100000.00", "1699.97")
    funnel = ok(rep.get("reports/funnel?by=stage"))
    assert sum(r["won_count"] for r in funnel["rows"] if r["stage"] == funnel["rows"][0]["stage"]) == 1
    ageing = ok(finance.get(f"reports/ageing?as_of={today}&by=customer"))
    assert all(r["total"] == "0.00" for r in ageing["rows"])
    sales = ok(team["director"].get("reports/sales?by=product"))
    assert {r["group"]: r["untaxed"] for r in sales["rows"]} == {"Welding robot": "1640.00", "Training day": "59.97"}


def test_it_shows_none_of_it_to_another_representative(team: dict[str, Any], api: Any) -> None:
    rep = team["rep"]
    customer = ok(rep.post("customers", {"name": "甲公司"}), 201)
    stranger = api("sales_representative")
    for path in ("customers", "leads", "opportunities", "quotes", "orders", "invoices", "activities"):
        assert ok(stranger.get(path))["items"] == []
    assert stranger.get(f"customers/{customer['id']}").status_code == 404
    refused = stranger.post("opportunities", {"name": "x", "customer_id": customer["id"]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "customer_id"
    assert ok(team["director"].get("opportunities"))["items"] == []
