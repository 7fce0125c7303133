"""Public pools with stock, rules in force, limits on claims, and warnings that are due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.models import Department
from saleswright.kernel.records import Draft, archive_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import atomic
from saleswright.modules.pool.public import Pool, recycle

TEAMS = (
    ("华东客户公海", "华东销售部", "zhaolei"),
    ("华南客户公海", "华南销售部", "liangbo"),
    ("华北客户公海", "华北销售部", "hanming"),
)
COMPANIES = (
    "鼎新流体设备", "恒拓精密铸造", "锦源包装机械", "瑞泰轴承", "明远电气", "宏图仓储",
    "启航新能源", "天工模具", "博纳食品机械", "华岳泵业", "新捷传动", "永嘉阀门",
)  # fmt: skip
PEOPLE = ("王经理", "李工", "陈主任", "周总")


class Pieces:
    """What a job gives the nightly run: a transaction for each piece."""

    @contextmanager
    def chunk(self, done: int, total: int | None = None) -> Iterator[None]:
        with atomic():
            yield


def make_pools(story: Story) -> None:
    """Three pools of customers, one of leads; what was let lie for long goes into them tonight's way."""
    teams = dict(Department.objects.values_list("name", "pk"))
    drafts = [
        Draft(
            {"name": name, "resource": "customers", "position": 1, "cool_down_days": 30},
            lines={
                "members": [
                    {"department": teams[team]},
                    {"member": story.people[manager].pk, "manages": True},
                ]
            },
        )
        for name, team, manager in TEAMS
    ]
    pools = story.write("pools", drafts)
    for everybodys in Pool.objects.filter(resource="customers").exclude(pk__in=[pool.pk for pool in pools]):
        archive_record(Pool, everybodys.pk, actor=story.actor)
    leads = Pool.objects.filter(resource="leads").order_by("id").first()
    rules = [
        _rule(pool, teams[team], place)
        for place, (pool, (_name, team, _who)) in enumerate(zip(pools, TEAMS, strict=True))
    ]
    if leads is not None:
        conditions = {"field": "clocks.follow_up", "op": "gte", "value": "365"}
        rules.append(Draft({"name": "线索一年未跟进", "pool": leads.pk, "position": 9, "conditions": conditions}))
    go_live = resource_named("recycle-rules").transition("go-live")
    for rule in story.write("recycle-rules", rules):
        go_live(rule.pk, actor=story.actor)
    post = resource_named("posts").model.objects.get(title="销售代表")
    story.write("claim-limits", [
        Draft({"resource": "customers", "post": post.pk, "claims_a_day": 5, "most_held": 300}),
        Draft({"resource": "leads", "post": post.pk, "claims_a_day": 10}),
    ])  # fmt: skip
    _straight(story, pools)
    recycle(Pieces(), clock.now(), story.actor)


def _rule(pool: Any, department: int, place: int) -> Draft:
    conditions = {
        "and": [
            {"field": "department", "op": "in", "value": [department]},
            {
                "or": [
                    {"field": "clocks.follow_up", "op": "gte", "value": "90"},
                    {"field": "clocks.opportunity", "op": "gte", "value": "365"},
                ]
            },
        ]
    }
    name = f"{pool.name.removesuffix('客户公海')}：90 天未跟进或一年无商机"
    values = {"name": name, "pool": pool.pk, "position": place, "conditions": conditions, "spare_levels": ["A"]}
    return Draft(values)


def _straight(story: Story, pools: list[Any]) -> None:
    """Companies of a bought list that were imported straight into the pools."""
    places = (("江苏", "无锡"), ("广东", "东莞"), ("山东", "济南"))
    drafts = [
        Draft(
            {
                "name": f"{place[1]}{name}有限公司", "short_name": name, "industry": "制造业", "source": "import",
                "province": place[0], "city": place[1], "pool": pool.pk,
                "created_at": story.moment(story.day(story.start)),
            }
        )
        for pool, place in zip(pools, places, strict=True)
        for name in story.random.sample(COMPANIES, 4)
    ]  # fmt: skip
    customers = story.write("customers", drafts)
    story.write("contacts", [
        Draft({"customer": one.pk, "name": story.random.choice(PEOPLE), "mobile": story.phone(), "is_primary": True})
        for one in customers
    ])  # fmt: skip
