"""What makes open deals come alive: stages with criteria and guidance, needs, teams, rivals, and their nights."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from saleswright.config.demo.story import Story
from saleswright.kernel.records import Draft, save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.pipeline.public import (
    CloseChange,
    Opportunity,
    OpportunityNeed,
    PipelineNight,
    Stage,
    follow_time_limits,
)

NIGHTS = 35
GUIDANCE = {
    "new": (
        "找到对方的使用部门和采购部门各一位联系人；说清他们现在怎么做、为什么要换。",
        "“现在这条线最让您头疼的是什么？”\n“如果今年不改，会有什么后果？”\n“这件事最后由谁拍板？”",
    ),
    "needs": (
        "每条需求都有重要程度和我们的回应；现场看过设备；知道预算区间和立项时间。",
        "“节拍、良率、人工，哪一个最先要解决？”\n“预算是已经批了，还是要我们一起准备材料？”",
    ),
    "proposal": ("方案经技术评审，报价发给决策人本人，并当面讲解过一次。", "“这份方案里哪一条您还没有把握向上汇报？”"),
    "negotiation": ("让步都有交换；付款条件和验收标准写进纪要。", "“如果价格到这里，您这个月可以定下来吗？”"),
    "closing": ("合同走完双方审批，首付款日期确定。", "“盖章流程还需要几天？我们同步排产。”"),
}
CRITERIA: tuple[dict[str, Any], ...] = (
    {"stage": "new", "kind": "activity", "activity_kind": "visit", "count": 1, "title": "至少上门拜访一次"},
    {"stage": "needs", "kind": "activity", "activity_kind": "", "count": 2, "title": "本阶段跟进两次以上"},
    {
        "stage": "needs", "kind": "condition", "title": "金额不少于一万元",
        "condition": {"field": "amount", "op": "gte", "value": "10000"},
    },
    {"stage": "proposal", "kind": "document", "document_name": "方案", "title": "附上技术方案文件"},
    {"stage": "negotiation", "kind": "activity", "activity_kind": "meeting", "count": 1, "title": "与决策人开过商务会"},
)  # fmt: skip
EXIT_FIELDS = {
    "new": ["customer", "contact"], "needs": ["needs", "expected_close"], "proposal": ["amount", "next_step"],
}  # fmt: skip
POSTS = {"proposal": "区域经理", "closing": "销售经理"}
NEEDS = (
    ("节拍从 45 秒降到 30 秒以内", "双工位上下料，实测 27 秒", ""),
    ("一名操作工看三台设备", "集中报警和远程画面", "需要客户开放车间网络"),
    ("换型时间不超过 15 分钟", "快换夹具，配方一键切换", ""),
    ("停线不超过两天完成切换", "厂内预装调试，周末切换", "要提前确认吊装通道"),
    ("数据接入现有 MES", "标准 OPC UA 接口", "字段清单待客户信息部提供"),
    ("三年内备件就近供应", "华东、华南两个备件库", ""),
)
ROLES = ("技术支持", "方案", "交付", "商务")


def make_deals(story: Story) -> None:
    """Set the stages up, and give the open deals what a living pipeline has."""
    _stages(story)
    deals = list(Opportunity.objects.filter(status="open", archived_at=None).order_by("pk"))
    _lines(story, deals)
    deals = list(Opportunity.objects.filter(pk__in=[deal.pk for deal in deals]).order_by("pk"))
    _solutions(story, deals)
    _since(story, deals)
    _nights(story, deals)


def _stages(story: Story) -> None:
    stages = {stage.name: stage for stage in Stage.objects.filter(pipeline__name="default")}
    posts = dict(resource_named("posts").model.objects.values_list("title", "pk"))
    for name, stage in stages.items():
        good, words = GUIDANCE[name]
        values: dict[str, Any] = {"guidance": good, "scripts": words, "exit_requires": EXIT_FIELDS.get(name, [])}
        if POSTS.get(name) in posts:
            values["post"] = posts[POSTS[name]]
        if name == "closing":
            values |= {"most_deals": 40, "limit_mode": "warn"}
        save_record(Stage, values, pk=stage.pk, actor=story.actor)
    line = resource_named("pipelines").model.objects.get(name="default")
    if "区域经理" in posts:
        save_record(type(line), {"review_post": posts["区域经理"]}, pk=line.pk, actor=story.actor)
    drafts = [
        Draft({**one, "stage": stages[one["stage"]].pk, "sequence": 10 * (place + 1)})
        for place, one in enumerate(CRITERIA)
    ]
    story.write("stage-criteria", drafts)


def _lines(story: Story, deals: list[Any]) -> None:
    """Needs with answers, people at the customer, a team and rivals for most of the open deals."""
    rivals = list(resource_named("competitors").model.objects.values_list("pk", flat=True))
    contacts: dict[int, list[int]] = {}
    for pk, customer in resource_named("contacts").model.objects.values_list("pk", "customer_id").order_by("pk"):
        contacts.setdefault(customer, []).append(pk)
    people = [one.pk for one in story.people.values()]
    drafts = []
    for deal in deals:
        chance = story.random
        if chance.random() < 0.15:
            continue
        answered = deal.stage.name not in {"new", "needs"}
        lines: dict[str, list[dict[str, Any]]] = {
            "need_lines": [
                {
                    "need": need, "importance": chance.choice(("high", "high", "medium", "low")),
                    "answer": answer if answered else "", "gap": gap if answered else "",
                }
                for need, answer, gap in chance.sample(NEEDS, chance.choice((1, 2, 3)))
            ],
            "contact_lines": [
                {
                    "contact": pk, "role": chance.choice(("decides", "influences", "uses")),
                    "attitude": chance.choice(("champion", "friendly", "neutral", "neutral", "critical")),
                }
                for pk in contacts.get(deal.customer_id, [])[:3]
            ],
        }  # fmt: skip
        if rivals and chance.random() < 0.5:
            standing = chance.choice(("ahead", "level", "behind"))
            lines["competitor_lines"] = [{"competitor": chance.choice(rivals), "standing": standing}]
        if deal.amount > 300000:
            helper = chance.choice([pk for pk in people if pk != deal.owner_id])
            lines["member_lines"] = [{"member": helper, "role": chance.choice(ROLES), "share": 20}]
        drafts.append(Draft({}, pk=deal.pk, lines=lines))
    story.write("opportunities", drafts)


def _solutions(story: Story, deals: list[Any]) -> None:
    """A solution in force for most deals that came to a proposal, some with a draft of the next one."""
    late = [deal for deal in deals if deal.stage.name in {"proposal", "negotiation", "closing"}]
    needs: dict[int, list[OpportunityNeed]] = {}
    for need in OpportunityNeed.objects.filter(opportunity__in=late).order_by("position", "id"):
        needs.setdefault(need.opportunity_id, []).append(need)
    drafts = []
    for deal in late:
        if deal.pk not in needs or story.random.random() < 0.3:
            continue
        lines: list[dict[str, Any]] = [
            {"need": one.need, "answer": one.answer, "gap": one.gap} for one in needs[deal.pk]
        ]
        lines[0] |= {"product": deal.product_id, "quantity": story.random.choice((1, 1, 2, 4))}
        values = {
            "opportunity": deal.pk, "title": f"{deal.name}技术方案", "created_by": deal.owner_id,
            "summary": "按现场调研结果配置，分两周安装调试，含操作培训。",
        }  # fmt: skip
        drafts.append(Draft({**values, "status": "approved"}, lines={"lines": lines}))
        if story.random.random() < 0.15:
            drafts.append(Draft({**values, "status": "draft"}, lines={"lines": lines}))
    story.write("solutions", drafts)


def _since(story: Story, deals: list[Any]) -> None:
    """Most deals came into their stage a short while ago; a few have stood there too long."""
    for deal in deals:
        days = story.random.choice((1, 2, 3, 5, 8, 10, 12, 15, 45))
        deal.stage_since = max(deal.opened_on, story.today - timedelta(days=days))
    Opportunity.objects.bulk_update(deals, ["stage_since"], batch_size=500)
    follow_time_limits()


def _nights(story: Story, deals: list[Any]) -> None:
    """The nights of the last weeks, in which amounts changed and closings were put off."""
    first = story.today - timedelta(days=NIGHTS)
    closed = Opportunity.objects.filter(closed_on__gt=first, archived_at=None).order_by("pk")
    rows, moves = [], []
    for deal in [*deals, *closed]:
        chance = story.random
        turn = first + timedelta(days=chance.randrange(5, NIGHTS))
        was = deal.base_amount
        if chance.random() < 0.25:
            was = (was * Decimal(chance.choice(("0.8", "0.9", "1.2")))).quantize(Decimal("0.01"))
        slip = chance.choice((7, 14, 30)) if deal.status == "open" and chance.random() < 0.2 else 0
        if slip and deal.expected_close:
            before = deal.expected_close - timedelta(days=slip)
            moves.append(
                CloseChange(
                    opportunity_id=deal.pk, from_day=before, to_day=deal.expected_close, at=story.moment(turn),
                    actor_id=deal.owner_id,
                )
            )  # fmt: skip
        start = max(first, deal.opened_on or first)
        end = min(deal.closed_on or story.today, story.today)
        for n in range((end - start).days):
            night = start + timedelta(days=n)
            due = deal.expected_close
            rows.append(
                PipelineNight(
                    night=night, opportunity_id=deal.pk, pipeline_id=deal.pipeline_id, stage_id=deal.stage_id,
                    owner_id=deal.owner_id, department_id=deal.department_id,
                    base_amount=was if night < turn else deal.base_amount,
                    probability=deal.probability if deal.status == "open" else 50,
                    expected_close=due - timedelta(days=slip) if due and slip and night < turn else due,
                )
            )  # fmt: skip
    PipelineNight.objects.bulk_create(rows, batch_size=1000)
    CloseChange.objects.bulk_create(moves, batch_size=1000)
    story.progress("pipeline", len(rows), len(rows))
