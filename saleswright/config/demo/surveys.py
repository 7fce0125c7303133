"""A satisfaction survey that customers have answered, and one about needs that is being drawn up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.public import Contact
from saleswright.modules.market.public import Survey, SurveyInvitation, answer_invitation

INVITED, ANSWERED = 90, 62
SATISFACTION: tuple[dict[str, Any], ...] = (
    {"code": "nps", "kind": "nps", "text": "您向同行推荐我们的可能性有多大？", "required": True,
     "low_label": "完全不会", "high_label": "一定会"},
    {"code": "reason", "kind": "multi", "text": "哪些方面让您不满意？",
     "options": "交货延迟\n质量问题\n价格偏高\n响应太慢",
     "branch_on": "nps", "branch_test": "most", "branch_value": "6"},
    {"code": "delivery", "kind": "scale", "text": "交货准时", "steps": 5, "low_label": "很差", "high_label": "很好"},
    {"code": "service", "kind": "scale", "text": "售后服务", "steps": 5, "low_label": "很差", "high_label": "很好"},
    {"code": "again", "kind": "choice", "text": "未来一年是否有扩产计划？",
     "options": "有\n没有\n还不确定", "required": True},
    {"code": "lines", "kind": "number", "text": "计划新增几条产线？", "minimum": "1", "maximum": "50",
     "branch_on": "again", "branch_test": "is", "branch_value": "有"},
    {"code": "words", "kind": "text", "text": "还有什么想对我们说的？"},
)  # fmt: skip
WORDS = (
    "希望样品能更快寄到。", "销售很专业，技术支持也到位。", "年底交期太紧，能否提前备货？", "希望有更多现场培训。",
    "发票开得很及时。", "控制器资料再详细一些就好了。",
)  # fmt: skip


def make_surveys(story: Story) -> None:
    """Draw up, invite, and let two of three answer over the last month."""
    actor = actor_for(story.people["sunmin"], origin="demo")
    act = resource_named("surveys").transition
    began = clock.now() - timedelta(days=35)
    survey = save_record(
        Survey,
        {"title": "年度客户满意度调查", "intro": "占用您两分钟，帮助我们改进。", "thanks": "感谢您的宝贵意见！"},
        lines={"questions": [dict(one) for one in SATISFACTION]}, actor=actor, at=began,
    )  # fmt: skip
    act("open")(survey.pk, actor=actor, at=began)
    contacts = Contact.objects.filter(archived_at=None, may_be_contacted=True, is_primary=True).order_by("pk")
    rows = [{"contact_id": pk} for pk in contacts.values_list("pk", flat=True)[:INVITED]]
    act("invite")(survey.pk, actor=actor, at=began, contacts=rows, days=60)
    invitations = list(SurveyInvitation.objects.filter(survey=survey).order_by("pk")[:ANSWERED])
    for place, invitation in enumerate(invitations, 1):
        at = began + timedelta(days=story.random.randint(1, 30), hours=story.random.randint(0, 8))
        answer_invitation(invitation, _answers(story), at=min(at, clock.now()))
        story.progress("surveys", place, len(invitations))
    questions = [{"kind": "choice", "text": "您最关注下一代控制器的哪一点？", "options": "速度\n精度\n通信协议\n价格"}]
    draft = {"title": "新一代控制器需求调研", "anybody": True}
    save_record(Survey, draft, lines={"questions": questions}, actor=actor)


def _answers(story: Story) -> dict[str, list[str]]:
    dice = story.random
    score = dice.choices(range(11), weights=(1, 0, 1, 2, 2, 4, 6, 14, 24, 20, 14))[0]
    found = {
        "nps": [str(score)],
        "delivery": [str(dice.choices(range(1, 6), weights=(2, 5, 15, 30, 20))[0])],
        "service": [str(dice.choices(range(1, 6), weights=(1, 3, 10, 30, 25))[0])],
        "again": [dice.choices(("有", "没有", "还不确定"), weights=(4, 5, 3))[0]],
        "lines": [str(dice.randint(1, 6))],
    }
    if score <= 6:
        found["reason"] = dice.sample(("交货延迟", "质量问题", "价格偏高", "响应太慢"), dice.randint(1, 2))
    if dice.random() < 0.4:
        found["words"] = [dice.choice(WORDS)]
    return found
