"""Segments, how contacts stand to each other and to us, and the figures of last night."""

from __future__ import annotations

from typing import Any

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.records import Draft, save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.insight.public import care, grade, refresh

ATTITUDES = ("champion", "friendly", "friendly", "neutral", "neutral", "critical", "opponent")
YEAR: dict[str, Any] = {"period": "last_365_days"}
#: name, remark, conditions
SEGMENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "一年采购满五十万", "年度框架谈判名单",
        {"field": "figures.ordered", "op": "gte", "value": "500000", **YEAR},
    ),
    (
        "半年未下单的老客户", "客户经理逐一回访",
        {"and": [{"field": "days_since_order", "op": "gte", "value": 180},
                 {"field": "figures.orders_confirmed", "op": "gte", "value": "2"}]},
    ),
    (
        "有逾期应收", "报价前先问财务",
        {"field": "overdue_days", "op": "gte", "value": 1},
    ),
    (
        "华东重点未拜访", "",
        {"and": [{"field": "level", "op": "in", "value": ["A", "B"]},
                 {"field": "province", "op": "in", "value": ["上海", "江苏", "浙江"]},
                 {"field": "figures.visits_done", "op": "exact", "value": "0", "period": "last_90_days"}]},
    ),
)  # fmt: skip
INVITED = 24
PLANS: tuple[dict[str, Any], ...] = (
    {"name": "A 级客户维护", "level": "A", "position": 1, "contact_days": 15, "visits_a_quarter": 3, "festivals": True,
     "birthdays": True, "verify_months": 6},
    {"name": "B 级客户维护", "level": "B", "position": 2, "contact_days": 60, "festivals": True,
     "birthdays": True},
    {"name": "C 级客户维护", "level": "C", "position": 3, "contact_days": 180},
)  # fmt: skip


def make_insight(story: Story) -> None:
    """Who reports to whom, four segments by conditions and a list, and figures out of the three years."""
    _relations(story)
    owner = story.people["sunmin"].pk
    drafts = [Draft({"name": name, "note": note, "conditions": tree, "owner": owner}) for name, note, tree in SEGMENTS]
    (invited,) = story.write("segments", [*drafts, Draft({"name": "工博会邀请名单", "kind": "fixed", "owner": owner})])[
        -1:
    ]
    codes = resource_named("customers").model.objects.filter(level="A").order_by("pk").values_list("code", flat=True)
    add = resource_named("segments").transition("add")
    add(invited.pk, actor=story.actor, codes=",".join(code for code in codes[:INVITED] if code))
    story.write("care-plans", [Draft(values) for values in PLANS])
    rules = resource_named("grade-rules").model.objects.get()
    save_record(type(rules), {"active": True}, pk=rules.pk, actor=story.actor)
    refresh(clock.now())
    grade(clock.now())
    care(clock.now())


def _relations(story: Story) -> None:
    """The main contact is at the top; every contact stands to us somehow."""
    model = resource_named("contacts").model
    heads = dict(model.objects.filter(is_primary=True).values_list("customer_id", "pk"))
    drafts = []
    for pk, customer_id, main in model.objects.order_by("pk").values_list("pk", "customer_id", "is_primary"):
        values: dict[str, Any] = {"attitude": story.random.choice(ATTITUDES)}
        if not main and customer_id in heads:
            values["reports_to"] = heads[customer_id]
        drafts.append(Draft(values, pk=pk))
    story.write("contacts", drafts)
