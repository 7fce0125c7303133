"""Leads of earlier years whose outcome is known, so that the demonstration company can learn its lead score."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import exp
from typing import Any

from saleswright.config.demo import words
from saleswright.config.demo.story import Story
from saleswright.kernel.drafts import Draft
from saleswright.kernel.resources import resource_named

LEADS = 900
WHY_NOT = ("暂无预算", "需求不匹配", "联系不上", "已选竞品", "只是询价")
CHECKLIST = ("need_confirmed", "budget_confirmed", "authority_confirmed", "time_confirmed")
#: what sources and industries are worth; the others nothing
SOURCES = {"referral": 1.6, "partner": 0.9, "exhibition": 0.5, "call-in": 0.6, "web": -0.3, "import": -1.4,
           "research": -0.6}  # fmt: skip


def make_lead_outcomes(story: Story) -> None:
    """Decided leads of the past. Converted ones belong to customers of today; what was known at their entry decides."""
    model = resource_named("customers").model
    customers = list(model.objects.order_by("pk").values("pk", "name", "industry", "owner_id", "created_at"))
    contacts: dict[int, Any] = {}
    for contact in resource_named("contacts").model.objects.order_by("-pk").values("pk", "customer_id", "name"):
        contacts[contact["customer_id"]] = contact
    owners = [seller for sellers in story.sellers.values() for seller in sellers]
    favoured = sorted({one["industry"] for one in customers if one["industry"]})[::3]
    story.write("leads", [_lead(story, place, customers, contacts, owners, favoured) for place in range(LEADS)])


def _lead(
    story: Story, place: int, customers: list[Any], contacts: dict[int, Any], owners: list[Any], favoured: list[str]
) -> Draft:
    dice = story.random
    source = dice.choices(list(SOURCES), (2, 2, 3, 2, 4, 3, 2))[0]
    customer = customers[place % len(customers)]
    has_budget = dice.random() < 0.55
    budget = Decimal(int(exp(dice.gauss(11.6, 1.1))) // 1000 * 1000) if has_budget else None
    has_need = dice.random() < 0.6
    odds = -0.9 + SOURCES[source] + (0.9 if has_need else -0.4)
    odds += 0.0 if budget is None else 0.9 if budget >= 80_000 else -0.2
    odds += 0.7 if customer["industry"] in favoured else -0.2
    odds -= 1.1 if source == "web" and not has_need else 0.0
    won = dice.random() < 1 / (1 + exp(-1.3 * odds))
    owner = dice.choice(owners)
    entered = story.day(last=story.today - timedelta(days=60))
    values: dict[str, Any] = {
        "phone": story.phone(), "industry": customer["industry"], "source": source, "budget": budget,
        "need": dice.choice(words.NEEDS) if has_need else "", **story.stamps(entered, owner),
        "first_contact_at": story.moment(entered + timedelta(days=1)),
    }  # fmt: skip
    if won:
        contact = contacts.get(customer["pk"])
        values |= {
            "company": customer["name"], "contact_name": contact["name"] if contact else "", "status": "converted",
            "customer": customer["pk"], "contact": contact["pk"] if contact else None,
            "converted_at": story.moment(entered + timedelta(days=dice.randrange(5, 50))),
        } | dict.fromkeys(CHECKLIST, True)  # fmt: skip
    else:
        trade = dice.choice(words.TRADES)[0]
        values |= {
            "company": f"{dice.choice(words.FIRST)}{dice.choice(words.SECOND)}{trade}{dice.choice(words.FORMS)}",
            "contact_name": dice.choice(words.SURNAMES) + dice.choice(words.GIVEN),
            "status": "disqualified", "disqualified_because": dice.choice(WHY_NOT),
        }  # fmt: skip
    return Draft(values)
