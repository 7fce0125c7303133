"""From the order to the money and after: deliveries, invoices, receipts, tickets, call-backs, targets, approvals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from saleswright.config.demo import words
from saleswright.config.demo.story import YEARS, Story
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.numbering import take_numbers
from saleswright.kernel.records import Draft, save_record
from saleswright.kernel.resources import resource_named


def make_cash(story: Story, customers: list[Any], orders: list[Any]) -> None:
    """What follows from the orders, and the figures they are held against."""
    lines = _order_lines(orders)
    _deliveries(story, orders, lines)
    _invoices(story, orders, lines)
    _life_cycles(story, customers, orders)
    _service(story, orders)
    _targets(story, orders)
    _plans_of_today(story, customers)
    _waiting_approvals(story, customers)


def _order_lines(orders: list[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    model: Any = resource_named("orders").lines[0].model
    for row in model._default_manager.filter(order__in=[o.pk for o in orders]):
        found[row.order_id].append(row)
    return found


def _deliveries(story: Story, orders: list[Any], lines: dict[int, list[Any]]) -> None:
    drafts = []
    for order in orders:
        if order.status == "confirmed":
            continue
        late = story.random.choices((-5, 0, 3, 12), (5, 3, 2, 1))[0]
        day = min(order.confirmed_on + timedelta(days=story.random.randrange(18, 25)), story.today)
        accepted = min(order.promised_date + timedelta(days=late), story.today)
        values = {
            "order": order.pk, "status": "accepted", "carrier": story.random.choice(("顺丰", "德邦", "自有车队")),
            "tracking_number": f"SF{story.random.randrange(10**10):010d}", "shipped_at": story.moment(day),
            "accepted_at": story.moment(max(accepted, day)), "created_at": story.moment(day),
        }  # fmt: skip
        rows = [{"order_line": line.pk, "quantity": line.quantity} for line in lines[order.pk]]
        drafts.append(Draft(values, lines={"lines": rows}))
    story.write("deliveries", drafts)


def _invoices(story: Story, orders: list[Any], lines: dict[int, list[Any]]) -> None:
    """Delivered orders are invoiced; most of it is paid around the due date, some late, some not yet."""
    drafts = []
    for order in orders:
        if order.status == "confirmed":
            continue
        day = min(order.confirmed_on + timedelta(days=story.random.randrange(25, 40)), story.today)
        values = {
            "customer": order.customer_id, "order": order.pk, "status": "issued", "issued_on": day,
            "due_on": day + timedelta(days=30), **story.stamps(day, order.owner),
        }  # fmt: skip
        rows = [{"order_line": line.pk, "quantity": line.quantity} for line in lines[order.pk]]
        drafts.append(Draft(values, lines={"lines": rows}))
    drafts.sort(key=lambda draft: draft.values["issued_on"])
    for draft in drafts:
        draft.values["number"] = take_numbers("invoices", 1, on=draft.values["issued_on"])[0]
    invoices = story.write("invoices", drafts)
    receipts = []
    for invoice in invoices:
        delay = story.random.choices((-8, -2, 3, 12, 40, 95, 200), (4, 5, 5, 3, 2, 1, 1))[0]
        day = max(invoice.due_on + timedelta(days=delay + story.random.randrange(5)), invoice.issued_on)
        if day >= story.today:
            continue
        share = Decimal(1) if story.random.random() < 0.9 else Decimal("0.6")
        amount = (invoice.total * share).quantize(Decimal("0.01"))
        values = {
            "customer": invoice.customer_id, "received_on": day, "amount": amount,
            "method": story.random.choice(("银行转账", "银行转账", "承兑汇票")), "reference": invoice.number,
            "allocations": [{"invoice_id": invoice.pk, "amount": amount}], **story.stamps(day, invoice.owner),
        }  # fmt: skip
        receipts.append(Draft(values))
    receipts.sort(key=lambda draft: draft.values["received_on"])
    story.write("receipts", receipts)


def _life_cycles(story: Story, customers: list[Any], orders: list[Any]) -> None:
    last: dict[int, Any] = {}
    for order in orders:
        last[order.customer_id] = max(last.get(order.customer_id, order.confirmed_on), order.confirmed_on)
    drafts = []
    for customer in customers:
        if customer.pk in last:
            age = (story.today - last[customer.pk]).days
            state = "active" if age < 270 else "dormant" if age < 540 else "lost"
            drafts.append(Draft({"life_cycle": state}, pk=customer.pk))
    story.write("customers", drafts)


def _service(story: Story, orders: list[Any]) -> None:
    agents = [story.people["hetao"], story.people["guoxue"]]
    tickets, calls = [], []
    for order in orders:
        if order.status == "confirmed":
            continue
        if story.random.random() < 0.35:
            day = min(order.promised_date + timedelta(days=story.random.randrange(10, 200)), story.today)
            tickets.append(_ticket(story, order, story.random.choice(agents), day))
        due = order.promised_date + timedelta(days=10)
        if due < story.today + timedelta(days=20):
            calls.append(_call(story, order, story.random.choice(agents), due))
    story.write("tickets", tickets)
    story.write("callbacks", calls)


def _ticket(story: Story, order: Any, agent: Any, day: Any) -> Draft:
    kind, subject = story.random.choice(words.TICKETS)
    values = {
        "customer": order.customer_id, "kind": kind, "subject": subject,
        "priority": story.random.choices(("low", "normal", "high", "urgent"), (2, 5, 2, 1))[0],
        **story.stamps(day, agent),
    }  # fmt: skip
    if (story.today - day).days > 12:
        end = story.moment(day + timedelta(days=story.random.choice((0, 1, 1, 2, 5))))
        end = max(end, values["created_at"] + timedelta(minutes=30))
        values |= {"status": "closed", "responded_at": values["created_at"] + timedelta(minutes=25),
                   "resolved_at": end, "closed_at": end, "solution": "已远程指导处理，客户确认恢复正常"}  # fmt: skip
    else:
        values["status"] = "assigned"
    return Draft(values)


def _call(story: Story, order: Any, agent: Any, due: Any) -> Draft:
    values = {"customer": order.customer_id, "order": order.pk, "subject": "交付后回访", "due_on": due,
              **story.stamps(min(due, story.today), agent)}  # fmt: skip
    if due < story.today - timedelta(days=3):
        score = story.random.choices((4, 6, 7, 8, 9, 10), (1, 1, 2, 4, 5, 4))[0]
        result = "交付满意，希望增加培训" if score > 6 else "对交期不满意，已反馈"
        values |= {"status": "done", "score": score, "result": result, "done_at": story.moment(due)}
    return Draft(values)


def _targets(story: Story, orders: list[Any]) -> None:
    """Targets of the company, its sales departments and its sellers, some way above what was sold."""
    drafts = []
    for back in range(YEARS):
        year = story.today.year - back
        sold = [order for order in orders if order.confirmed_on.year == year]
        goal = {"metric": "ordered", "year": year, "period": "year", "goal": "做深重点行业，提升新客户占比"}
        goal |= {"status": "agreed", "agreed_on": date(year, 1, 5)}
        drafts.append(Draft({**goal, "scope_kind": "company", "value": _above(sold, Decimal(10000))}))
        for department_id in sorted({order.department_id for order in sold}):
            share = [order for order in sold if order.department_id == department_id]
            scope = {"scope_kind": "department", "scope_department": department_id}
            drafts.append(Draft({**goal, **scope, "value": _above(share, Decimal(10000))}))
        for owner_id in sorted({order.owner_id for order in sold}):
            share = [order for order in sold if order.owner_id == owner_id]
            scope = {"scope_kind": "person", "scope_person": owner_id, "owner": owner_id}
            drafts.append(Draft({**goal, **scope, "value": _above(share, Decimal(1000))}))
    story.write("targets", drafts)


def _above(orders: list[Any], step: Decimal) -> Decimal:
    """An eighth more than what was ordered, rounded to a step."""
    total = sum((order.base_untaxed for order in orders), Decimal(0)) * Decimal("1.12")
    return max((total / step).quantize(Decimal(1)) * step, step)


def _plans_of_today(story: Story, customers: list[Any]) -> None:
    """Visits of today and tasks of this week, so that nobody's first screen is empty."""
    visits, tasks = [], []
    sellers = [seller for area in story.sellers.values() for seller in area]
    for person in (*sellers, *(story.people[name] for name in ("zhaolei", "liangbo", "hanming"))):
        near = [c for c in customers if c.owner_id == person.pk or c.department_id == person.department_id]
        for place in range(2):
            customer = story.random.choice(near)
            subject = story.random.choice(words.VISITS)
            values = {"kind": "visit" if place else "call", "subject": subject, "customer": customer.pk}
            visits.append(Draft({**values, "planned_at": story.moment(story.today), "owner": person.pk}))
        for title in story.random.sample(words.TASKS, 3):
            due = story.moment(story.today + timedelta(days=story.random.randrange(-2, 6)))
            tasks.append(Draft({"title": title, "due_at": due, "owner": person.pk}))
    story.write("activities", visits)
    story.write("tasks", tasks)


def _waiting_approvals(story: Story, customers: list[Any]) -> None:
    """A few quotes of today whose discounts wait for the manager."""
    products = list(resource_named("products").model.objects.filter(is_service=False)[:4])
    submit = resource_named("quotes").transition("submit")
    quotes = resource_named("quotes").model
    for username, discount in (("wangfang", 16), ("lina", 18), ("luojia", 14), ("wangfang", 22)):
        seller = story.people[username]
        actor = actor_for(seller, origin="demo")
        own = [customer for customer in customers if customer.owner_id == seller.pk]
        line = {"product": story.random.choice(products).pk, "quantity": 2, "discount_percent": Decimal(discount)}
        values = {"customer": story.random.choice(own).pk, "valid_until": story.today + timedelta(days=30)}
        quote = save_record(quotes, values, lines={"lines": [line]}, actor=actor)
        submit(quote.pk, actor=actor)
