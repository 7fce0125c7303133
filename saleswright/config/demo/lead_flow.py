"""How leads come in and find their owner: a public form, tracked links, rules, limits, costs, and a busy week."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from saleswright.config.demo.pools import Pieces
from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.clock import month_start
from saleswright.kernel.models import Department
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.kernel.resources import resource_named
from saleswright.kernel.worktime import add_working
from saleswright.modules.leads.public import Lead, LeadSource, watch_answers

CONSENT = "我同意贵公司为答复本次咨询保存我的联系方式并与我联系。我可以随时要求删除这些信息。"
CONSENT_EN = "I agree that my contact data are kept to answer this inquiry. I can have them deleted at any time."
#: source -> yuan a month
MONTHLY = {"web": 12000, "exhibition": 38000, "campaign": 21000, "partner": 6000}
COMPANIES = (
    "苏州恒远自动化设备", "无锡盛达精密机械", "南通海润包装", "常州金石电气", "宁波凯越模具",
    "杭州云桥食品机械", "嘉兴远大纺织机械", "东莞富恒电子", "佛山市华盛陶瓷机械", "中山宏光照明",
    "惠州立德塑胶", "青岛蓝海装备", "烟台东方冷链", "济南泉城锻压", "天津津港物流设备", "合肥科晟新材料",
    "芜湖江南汽配", "绍兴越城印染设备", "台州永固阀门", "镇江扬子船舶配套", "扬州邗江泵阀", "徐州彭城工程机械",
    "温州瓯江电器", "珠海横琴智能",
)  # fmt: skip
PEOPLE = ("王经理", "李工", "陈主任", "周总", "刘女士", "赵先生")
NEEDS = (
    "想了解码垛机器人的价格和交期",
    "计划明年改造两条包装线",
    "需要输送线方案，请尽快联系",
    "想参观贵公司的样板工厂",
    "",
)


def make_lead_flow(story: Story) -> None:
    """Set up how leads come in, then let a week of them come."""
    _costs(story)
    _rules(story)
    form, links = _forms(story)
    _won(story, links)
    _week(story, form, links)
    watch_answers(Pieces(), clock.now(), story.actor)


def _costs(story: Story) -> None:
    first = month_start(story.today.year, story.today.month - 11)
    for source in LeadSource.objects.filter(code__in=MONTHLY).order_by("pk"):
        lines = []
        for place in range(12):
            start = month_start(first.year, first.month + place)
            end = month_start(start.year, start.month + 1) - timedelta(days=1)
            amount = Decimal(MONTHLY[source.code]) * story.random.randrange(80, 121) / 100
            lines.append({"starts_on": start, "ends_on": end, "amount": amount, "note": "投放与人工"})
        save_record(LeadSource, {}, pk=source.pk, lines={"costs": lines}, actor=story.actor)


def _rules(story: Story) -> None:
    teams = dict(Department.objects.values_list("name", "pk"))
    people = {name: one.pk for name, one in story.people.items()}
    hot = {"and": [{"field": "score", "op": "gte", "value": "60"}, {"field": "source", "op": "in", "value": ["web"]}]}
    fair = {"field": "source", "op": "in", "value": ["exhibition"]}
    story.write("assignment-rules", [
        Draft(
            {"name": "官网高分线索给最会成交的人", "position": 1, "conditions": hot, "way": "score", "most_open": 400},
            lines={"members": [{"member": people[name]} for name in ("wangfang", "lina", "luojia", "tangyi")]},
        ),
        Draft(
            {"name": "展会线索华东轮流", "position": 2, "conditions": fair, "way": "turns"},
            lines={"members": [{"member": people["wangfang"], "weight": 2}, {"member": people["lina"]},
                               {"member": people["zhangwei"]}]},
        ),
        Draft(
            {"name": "其余线索给在手最少的人", "position": 9, "way": "load", "most_open": 500},
            lines={"members": [{"department": teams[name]} for name in ("华南销售部", "华北销售部")]},
        ),
    ])  # fmt: skip
    limits = resource_named("response-limits").model
    story.write("response-limits", [
        Draft({"name": "高分线索 1 小时内首响", "position": 1, "first_minutes": 60, "follow_up_minutes": 1080,
               "manager_minutes": 540, "pool_minutes": 1620,
               "conditions": {"field": "score", "op": "gte", "value": "60"}}),
        Draft({"name": "一般线索 4 小时内首响", "position": 9, "first_minutes": 240, "follow_up_minutes": 2700,
               "manager_minutes": 540, "pool_minutes": 1620}),
    ])  # fmt: skip
    limits.objects.update(in_force_since=clock.day_start(story.today - timedelta(days=30)))


def _forms(story: Story) -> tuple[Any, list[Any]]:
    sources = dict(LeadSource.objects.values_list("code", "pk"))
    campaign = resource_named("campaigns").model.objects.filter(kind="exhibition").order_by("-starts_on").first()
    asked = ("company", "contact_name", "phone", "email", "industry", "need")
    form = story.write("lead-forms", [
        Draft(
            {"name": "官网咨询", "title": "请告诉我们您的需求", "title_en": "Tell us what you need",
             "intro": "我们在一个工作日内与您联系。", "intro_en": "We will contact you within one working day.",
             "consent_text": CONSENT, "consent_text_en": CONSENT_EN, "source": sources["web"],
             "thanks": "谢谢！我们的销售顾问会尽快与您联系。", "thanks_en": "Thank you! We will be in touch soon.",
             "sites": "https://www.example.com"},
            lines={"questions": [{"field": name, "required": name in {"company", "phone"}} for name in asked]},
        )
    ])[0]  # fmt: skip
    people = story.people
    links = story.write("lead-links", [
        Draft({"name": "展台主视觉二维码", "form": form.pk, "source": sources["exhibition"],
               "campaign": campaign.pk if campaign else None, "owner": people["sunmin"].pk}),
        Draft({"name": "王芳名片", "form": form.pk, "source": sources["referral"], "owner": people["wangfang"].pk,
               "to_owner": True}),
        Draft({"name": "公众号菜单", "form": form.pk, "source": sources["web"], "owner": people["sunmin"].pk}),
    ])  # fmt: skip
    for link, most in zip(links, (14, 4, 9), strict=True):
        _visits(story, link, most)
    return form, links


def _visits(story: Story, link: Any, most: int) -> None:
    days = type(link).days.rel.related_model
    counts: dict[date, int] = {}
    for back in range(28, -1, -1):
        day = story.today - timedelta(days=back)
        counts[day] = story.random.randrange(most // 3, most) if day.weekday() < 5 else story.random.randrange(2)
    days.objects.bulk_create(days(link=link, day=day, visits=count) for day, count in counts.items() if count)
    type(link).objects.filter(pk=link.pk).update(visits=sum(counts.values()), visited_at=clock.now())


def _won(story: Story, links: list[Any]) -> None:
    """Leads from which deals of the last half year came."""
    deals = resource_named("opportunities").model
    since = story.today - timedelta(days=180)
    won = deals.objects.filter(status="won", opened_on__gte=since, customer__isnull=False, owner__isnull=False)
    found = list(won.select_related("customer", "contact", "owner").order_by("-opened_on", "pk")[:60])
    drafts = []
    for deal in found:
        day = deal.opened_on - timedelta(days=story.random.randrange(1, 9))
        at = story.moment(day)
        drafts.append(
            Draft(
                {
                    "company": deal.customer.name, "contact_name": deal.contact.name if deal.contact else "",
                    "phone": story.phone(), "source": story.random.choice(tuple(MONTHLY)), "status": "converted",
                    "customer": deal.customer_id, "budget": deal.amount,
                    "first_contact_at": at + timedelta(minutes=story.random.randrange(20, 2000)),
                    "converted_at": clock.day_start(deal.opened_on) + timedelta(hours=9),
                    "created_at": at, "created_by": deal.owner_id, "owner": deal.owner_id,
                }
            )
        )  # fmt: skip
    for deal, lead in zip(found, story.write("leads", drafts), strict=True):
        deals.objects.filter(pk=deal.pk).update(lead=lead, source=lead.source)
    fair = [lead.pk for lead in Lead.objects.filter(status="converted", source="exhibition").order_by("pk")]
    Lead.objects.filter(pk__in=fair[:8]).update(link=links[0])


def _week(story: Story, form: Any, links: list[Any]) -> None:
    """Leads of the last working days: some are answered, some wait, some are overdue."""
    captures = type(form).captures.rel.related_model
    sources = {link.pk: code for link, code in zip(links, ("exhibition", "referral", "web"), strict=True)}
    contact = resource_named("leads").transition("contact")
    now, kept = clock.now(), []
    start = clock.day_start(story.today - timedelta(days=4)) + timedelta(hours=9)
    span = max(int((now - start).total_seconds() // 60) - 30, 60)
    moments = sorted(start + timedelta(minutes=story.random.randrange(span)) for _company in COMPANIES)
    for company, at in zip(COMPANIES, moments, strict=True):
        link = story.random.choice([None, *links])
        values: dict[str, Any] = {
            "company": f"{company}有限公司", "contact_name": story.random.choice(PEOPLE), "phone": story.phone(),
            "industry": "制造业", "need": story.random.choice(NEEDS),
            "source": sources[link.pk] if link is not None else "web",
        }  # fmt: skip
        if story.random.random() < 0.5:
            values["budget"] = Decimal(story.random.randrange(5, 60) * 10000)
        if link is not None and link.to_owner:
            values["owner"] = link.owner_id
        lead = save_records(Lead, [Draft(values)], actor=system(f"form {form.code}"), at=at).good[0].record
        Lead.objects.filter(pk=lead.pk).update(link=link)
        kept.append(
            captures(
                form=form, link=link, lead_id=lead.pk, verdict="lead", ticket=f"demo-{lead.pk}", consented_at=at,
                consent_text=CONSENT, consent_version=1, page="https://www.example.com/contact", created_at=at,
                updated_at=at,
            )
        )  # fmt: skip
        answered = add_working(at, story.random.randrange(10, 200))
        if lead.owner_id and answered < now and story.random.random() < 0.75:
            contact(lead.pk, actor=story.actor, at=answered)
    captures.objects.bulk_create(kept)
    captures.objects.bulk_create(
        captures(
            form=form, verdict="spam", why="填写了隐藏的输入框", ticket=f"spam-{n}", created_at=now, updated_at=now
        )
        for n in range(17)
    )
