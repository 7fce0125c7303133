"""Customers and all that was sold to them: catalogue, demand, documents, money, service, targets."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from saleswright.config.demo import words
from saleswright.config.demo.cash import make_cash
from saleswright.config.demo.story import Story
from saleswright.kernel.custom_fields import SORTABLE, definitions
from saleswright.kernel.custom_indexes import index_now
from saleswright.kernel.models import CustomField
from saleswright.kernel.records import Draft, save_record
from saleswright.kernel.resources import resource_named

CUSTOMERS, LEADS, DEALS = 360, 700, 1100
ENTERED_TWICE = 12
STAGES = ("new", "needs", "proposal", "negotiation", "closing")


def make_trade(story: Story) -> None:
    """Everything that is sold, to whom, and what came of it."""
    _own_fields(story)
    catalogue = _catalogue(story)
    market = _market(story)
    customers = _customers(story)
    contacts = _contacts(story, customers)
    _leads(story, market)
    deals = _deals(story, customers, contacts, catalogue, market)
    _activities(story, customers, contacts, deals)
    orders = _documents(story, deals, catalogue)
    make_cash(story, customers, orders)
    _requests(story, contacts)
    _entered_twice(story, customers)


def _own_fields(story: Story) -> None:
    """What this company has added to the records of its customers and deals."""
    for values, choices in words.OWN_FIELDS:
        lines = {"choices": [{"code": code, "label_zh": zh, "label_en": en} for code, zh, en in choices]}
        save_record(CustomField, values, lines=lines if choices else {}, actor=story.actor)
    for one in definitions().by_code.values():
        if one.kind in SORTABLE:
            index_now(one)


def _own_values(place: int, size: int) -> dict[str, Any]:
    """What a customer has in the company's own fields; not everybody was asked."""
    found: dict[str, Any] = {"custom.payment_habit": words.OWN_FIELDS[1][1][place % 3][0]} if place % 5 else {}
    return found | ({"custom.plant_area": 800 + place * 137 % 90 * 100 + size} if place % 4 else {})


def _requests(story: Story, contacts: dict[int, Any]) -> None:
    """What two of the contacts have asked about their data."""
    asked = (
        ("access", 3, "请告知贵公司保存了我的哪些信息，用途是什么。"),
        ("erasure", 9, "我已离开原单位，请删除我的联系方式。"),
    )
    people = list(contacts.values())[-len(asked) :]
    drafts = [
        Draft(
            {"kind": kind, "subject_name": contact.name, "phone": contact.mobile, "details": details,
             "received_on": story.today - timedelta(days=days)}
        )
        for contact, (kind, days, details) in zip(people, asked, strict=False)
    ]  # fmt: skip
    story.write("subject-requests", drafts)


def _catalogue(story: Story) -> list[Any]:
    categories = story.write("product-categories", [Draft({"name": name}) for name in words.CATEGORIES])
    cycles = ("introduction", "growth", "growth", "maturity", "maturity", "decline")
    drafts = [
        Draft(
            {
                "name": name, "category": categories[group].pk, "unit": unit, "list_price": Decimal(price),
                "cost": Decimal(cost), "tax_rate": Decimal(rate), "is_service": service,
                "life_cycle": story.random.choice(cycles), "warranty_months": 0 if service else 12,
            }
        )
        for name, group, unit, price, cost, rate, service in words.PRODUCTS
    ]  # fmt: skip
    products = story.write("products", drafts)
    lines = [
        {"product": product.pk, "min_quantity": quantity, "price": (product.list_price * share).quantize(Decimal(1))}
        for product in products
        if not product.is_service
        for quantity, share in ((Decimal(1), Decimal("0.97")), (Decimal(10), Decimal("0.93")))
    ]
    year = story.today.year
    values = {"name": f"{year} 年重点客户价格表", "valid_from": date(year, 1, 1), "valid_to": date(year, 12, 31)}
    story.write("price-lists", [Draft({**values, "customer_levels": ["A"]}, lines={"lines": lines})])
    return products


def _market(story: Story) -> dict[str, list[Any]]:
    owner = story.people["sunmin"].pk
    campaigns = []
    for back in range(6):
        begin = story.start + timedelta(days=150 * back + 60)
        name = f"{begin.year} {('工博会', '华南智造展', '线上研讨会')[back % 3]}"
        campaigns.append(
            Draft(
                {"code": f"CP{back + 1:03d}", "name": f"{name}（{begin:%m} 月）", "starts_on": begin,
                 "ends_on": begin + timedelta(days=3), "budget": Decimal(60000 + 20000 * back), "owner": owner}
            )
        )  # fmt: skip
    return {
        "campaigns": story.write("campaigns", campaigns),
        "competitors": story.write("competitors", [Draft({"name": name}) for name in words.COMPETITORS]),
    }


def _place(story: Story) -> tuple[str, str, Any]:
    province, city = story.random.choice(words.PLACES)
    area = "east" if province in words.EAST else "south" if province in words.SOUTH else "north"
    return province, city, story.random.choice(story.sellers[area])


def _company_name(story: Story, taken: set[str]) -> tuple[str, str, str, str, Any]:
    pick = story.random.choice
    while True:
        province, city, owner = _place(story)
        trade, industry = pick(words.TRADES)
        name = f"{city}{pick(words.FIRST)}{pick(words.SECOND)}{trade}{pick(words.FORMS)}"
        if name not in taken:
            taken.add(name)
            return name, industry, province, city, owner


def _customers(story: Story) -> list[Any]:
    taken: set[str] = set()
    drafts = []
    for place in range(CUSTOMERS):
        name, industry, province, city, owner = _company_name(story, taken)
        day = story.day(story.start - timedelta(days=400))
        drafts.append(
            Draft(
                {
                    "name": name, "short_name": name[len(city) : len(city) + 2], "industry": industry,
                    "size": story.random.choice(words.SIZES), "province": province, "city": city,
                    "address": f"{city}工业园区{story.random.randrange(1, 200)}号",
                    "level": story.random.choices("ABCD", (1, 3, 5, 3))[0],
                    "source": story.random.choice(words.SOURCES),
                    "life_cycle": "prospect", **story.stamps(day, owner), **_own_values(place, len(name)),
                }
            )
        )  # fmt: skip
    return story.write("customers", drafts)


def _entered_twice(story: Story, customers: list[Any]) -> None:
    """Customers that somebody entered again under a name that differs a little, for the search for duplicates."""
    drafts = []
    for index, customer in enumerate(customers[:: len(customers) // ENTERED_TWICE][:ENTERED_TWICE]):
        name = customer.name
        city, stem = customer.city, name.removesuffix("有限公司").removesuffix("股份").removesuffix("集团")
        slip = name.replace(city, f"{city}市").replace("有限公司", "有限责任公司")
        new = (f"{stem.removeprefix(city)}（{city}）", slip, f"{stem}公司", f"{city} {name.removeprefix(city)}")[
            index % 4
        ]
        day = story.day(story.today - timedelta(days=200))
        owner = customer.owner if index % 2 else story.people["wangfang"]
        values = {"name": new, "industry": customer.industry, "city": city, "life_cycle": "prospect"}
        drafts.append(Draft(values | story.stamps(day, owner)))
    story.write("customers", drafts)


def _person_name(story: Story) -> str:
    return story.random.choice(words.SURNAMES) + story.random.choice(words.GIVEN)


def _contacts(story: Story, customers: list[Any]) -> dict[int, Any]:
    drafts = []
    for customer in customers:
        for place in range(story.random.choice((1, 1, 2, 3))):
            title, role = story.random.choice(words.TITLES)
            drafts.append(
                Draft(
                    {"customer": customer.pk, "name": _person_name(story), "title": title, "decision_role": role,
                     "mobile": story.phone(), "is_primary": place == 0, "created_at": customer.created_at}
                )
            )  # fmt: skip
    return {c.customer_id: c for c in reversed(story.write("contacts", drafts))}


def _leads(story: Story, market: dict[str, list[Any]]) -> None:
    taken: set[str] = set()
    drafts = []
    for _ in range(LEADS):
        name, industry, _province, _city, owner = _company_name(story, taken)
        day = story.day()
        old = (story.today - day).days > 45
        status = story.random.choices(
            ("new", "contacted", "qualified", "disqualified"), (1, 3, 2, 8) if old else (5, 4, 3, 1)
        )[0]
        source = story.random.choice(words.SOURCES)
        values = {
            "company": name, "contact_name": _person_name(story), "phone": story.phone(), "industry": industry,
            "source": source, "need": story.random.choice(words.NEEDS), "status": status,
            "campaign": story.random.choice(market["campaigns"]).pk if source == "exhibition" else None,
            **story.stamps(day, owner),
        }  # fmt: skip
        if story.random.random() < 0.6:
            values["budget"] = Decimal(story.random.randrange(5, 120) * 10000)
        if status in {"qualified"}:
            values |= dict.fromkeys(
                ("need_confirmed", "budget_confirmed", "authority_confirmed", "time_confirmed"), True
            )
        if status != "new":
            values["first_contact_at"] = story.moment(min(day + timedelta(days=1), story.today))
        if status == "disqualified":
            values["disqualified_because"] = story.random.choice(("暂无预算", "需求不匹配", "联系不上", "已选竞品"))
        drafts.append(Draft(values))
    story.write("leads", drafts)


def _deals(
    story: Story, customers: list[Any], contacts: dict[int, Any], catalogue: list[Any], market: dict[str, list[Any]]
) -> list[Any]:
    stages = {stage.name: stage.pk for stage in resource_named("stages").model.objects.all()}
    reasons = list(resource_named("loss-reasons").model.objects.values_list("pk", flat=True))
    drafts: list[Draft] = []
    for _ in range(DEALS):
        customer = story.random.choice(customers)
        product = story.random.choice(catalogue)
        opened = story.day(max(story.start, customer.created_at.date()))
        length = int(story.random.gammavariate(4, 18)) + 5
        closed = opened + timedelta(days=length)
        amount = product.list_price * story.random.choice((1, 1, 2, 3, 4, 6, 10)) * Decimal("0.95")
        values: dict[str, Any] = {
            "name": f"{customer.short_name}{story.random.choice(words.PROJECTS)}", "customer": customer.pk,
            "contact": contacts[customer.pk].pk if customer.pk in contacts else None, "product": product.pk,
            "amount": amount.quantize(Decimal(100)), "opened_on": opened, "source": customer.source,
            "expected_close": closed, **story.stamps(opened, customer.owner),
        }  # fmt: skip
        if len(drafts) % 3:
            values["custom.budget"] = (amount * Decimal("1.1")).quantize(Decimal(1000))
        if closed < story.today:
            won = story.random.random() < 0.46
            values |= {"status": "won" if won else "lost", "closed_on": closed}
            values["stage"] = stages["closing"] if won else stages[story.random.choice(STAGES[1:])]
            if not won:
                values |= {"loss_reason": story.random.choice(reasons)} if reasons else {}
                values["competitor"] = story.random.choice(market["competitors"]).pk
            elif len(drafts) % 3 == 0:
                values["competitor"] = market["competitors"][len(drafts) // 3 % len(market["competitors"])].pk
        else:
            share = (story.today - opened).days / length
            values["stage"] = stages[STAGES[min(int(share * 5), 4)]]
            values["next_step"] = story.random.choice(words.VISITS)
            values["next_step_at"] = story.moment(story.today + timedelta(days=story.random.randrange(-2, 14)))
        drafts.append(Draft(values))
    drafts.sort(key=lambda draft: draft.values["created_at"])
    return story.write("opportunities", drafts)


def _activities(story: Story, customers: list[Any], contacts: dict[int, Any], deals: list[Any]) -> None:
    drafts = []
    for deal in deals:
        last = min(deal.closed_on or story.today + timedelta(days=14), story.today + timedelta(days=14))
        for _ in range(story.random.choice((0, 1, 2, 3))):
            span = max((last - deal.opened_on).days, 0)
            day = deal.opened_on + timedelta(days=story.random.randrange(span + 1))
            kind = story.random.choices(("visit", "call", "meeting", "message", "demo"), (5, 4, 2, 2, 1))[0]
            values = {
                "kind": kind, "subject": story.random.choice(words.VISITS), "customer": deal.customer_id,
                "opportunity": deal.pk, "planned_at": story.moment(day),
                **story.stamps(min(day, story.today), deal.owner),
            }  # fmt: skip
            if day < story.today:
                outcome = story.random.choice(words.OUTCOMES)
                values |= {"status": "done", "done_at": story.moment(day), "outcome": outcome}
            drafts.append(Draft(values))
    story.write("activities", drafts)


def _documents(story: Story, deals: list[Any], catalogue: list[Any]) -> list[Any]:
    """A quote for every deal that came that far, an order for every deal won."""
    open_stages = {s.pk for s in resource_named("stages").model.objects.filter(name__in=STAGES[2:])}
    quoted = [d for d in deals if d.status == "won" or (d.stage_id in open_stages and story.random.random() < 0.7)]
    quotes = story.write("quotes", [_quote(story, deal, catalogue) for deal in quoted])
    pairs = [(deal, quote) for deal, quote in zip(quoted, quotes, strict=True) if quote.status == "accepted"]
    contracts = story.write("contracts", [_contract(story, *pair) for pair in pairs if pair[1].total >= 100000])
    by_quote = {contract.quote_id: contract for contract in contracts}
    lines = _lines_of(quotes)
    return story.write("orders", [_order(story, d, q, by_quote.get(q.pk), lines[q.pk]) for d, q in pairs])


def _quote(story: Story, deal: Any, catalogue: list[Any]) -> Draft:
    day = min((deal.closed_on or story.today) - timedelta(days=story.random.randrange(3, 15)), story.today)
    day = max(day, deal.opened_on)
    price = max(deal.product.list_price, Decimal(1))
    lines = [
        {"product": deal.product_id, "quantity": max(int(deal.amount / price), 1), "discount_percent": _discount(story)}
    ]
    for product in story.random.sample(catalogue, story.random.choice((0, 1, 2))):
        if product.pk != deal.product_id:
            quantity = story.random.choice((1, 1, 2, 3, 5))
            lines.append({"product": product.pk, "quantity": quantity, "discount_percent": _discount(story)})
    status = "accepted" if deal.status == "won" else story.random.choice(("draft", "approved", "sent", "sent"))
    values = {
        "customer": deal.customer_id, "contact": deal.contact_id, "opportunity": deal.pk, "quoted_on": day,
        "valid_until": day + timedelta(days=45), "status": status,
        "terms": "签约付 30%，发货前付 60%，验收后付 10%。交货期 45 天。", **story.stamps(day, deal.owner),
    }  # fmt: skip
    if status == "accepted":
        values["answered_on"] = deal.closed_on
    return Draft(values, lines={"lines": lines})


def _discount(story: Story) -> Decimal:
    return Decimal(story.random.choices((0, 3, 5, 8, 10, 12, 15), (4, 3, 4, 3, 3, 1, 1))[0])


def _contract(story: Story, deal: Any, quote: Any) -> Draft:
    begin = deal.closed_on
    end = begin + timedelta(days=365)
    status = "in_force" if end > story.today else "completed"
    values = {
        "customer": deal.customer_id, "quote": quote.pk, "title": f"{deal.name}合同", "amount": quote.total,
        "start_date": begin, "end_date": end, "signed_on": begin, "status": status, **story.stamps(begin, deal.owner),
    }  # fmt: skip
    if status == "completed":
        values["ended_on"] = end
    return Draft(values)


def _lines_of(quotes: list[Any]) -> dict[int, list[dict[str, Any]]]:
    """The lines of the quotes as an order takes them over."""
    lines = resource_named("quotes").lines[0]
    found: dict[int, list[dict[str, Any]]] = {}
    fields = ("product_id", "quantity", "unit_price", "discount_percent", "tax_rate")
    rows = lines.model._default_manager.filter(quote__in=[q.pk for q in quotes]).order_by("position")
    for row in rows.values("quote_id", *fields):
        found.setdefault(row["quote_id"], []).append({name.removesuffix("_id"): row[name] for name in fields})
    return found


def _order(story: Story, deal: Any, quote: Any, contract: Any, lines: list[dict[str, Any]]) -> Draft:
    day = min(deal.closed_on + timedelta(days=story.random.randrange(0, 6)), story.today)
    age = (story.today - day).days
    status = "confirmed" if age < 25 else "delivered" if age < 70 else "completed"
    values = {
        "customer": deal.customer_id, "contact": deal.contact_id, "quote": quote.pk, "status": status,
        "contract": contract.pk if contract is not None else None,
        "channel": story.random.choice(("直销", "直销", "渠道")),
        "confirmed_on": day, "promised_date": day + timedelta(days=45), **story.stamps(day, deal.owner),
    }  # fmt: skip
    return Draft(values, lines={"lines": lines})
