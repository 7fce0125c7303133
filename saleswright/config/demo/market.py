"""What the demonstration company knows of its markets: profiles, markets, competitors, research."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.clock import fiscal_period, fiscal_year_of
from saleswright.kernel.drafts import Draft
from saleswright.kernel.metrics import facts, metric_named
from saleswright.kernel.models import Region
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named

MILLION = Decimal(1_000_000)


def _any_of(field: str, *values: str) -> dict[str, Any]:
    return {"or": [{"field": field, "op": "exact", "value": value} for value in values]}


#: profile, description, fits from; criteria: label, weight, required, conditions
PROFILES: tuple[tuple[str, str, int, tuple[tuple[str, int, bool, dict[str, Any]], ...]], ...] = (
    ("中大型离散制造企业", "有多条产线、用工紧张、愿意为自动化投资的制造企业。", 70, (
        ("离散制造行业", 30, True, _any_of("industry", "装备制造", "汽车", "电子", "家电", "新能源")),
        ("100 人以上", 25, False, _any_of("size", "100-499人", "500-999人", "1000人以上")),
        ("华东或华南", 20, False, _any_of(
            "province", "上海", "江苏", "浙江", "安徽", "广东", "福建", "湖南", "江西", "湖北")),
        ("转介绍或展会而来", 10, False, _any_of("source", "referral", "exhibition")),
        ("级别 A 或 B", 15, False, _any_of("level", "A", "B")),
    )),
    ("医药与食品包装线客户", "需要视觉检测与包装线改造的医药、食品企业。", 60, (
        ("医药、食品或包装", 50, True, _any_of("industry", "医药", "食品饮料", "包装印刷")),
        ("100 人以上", 30, False, _any_of("size", "100-499人", "500-999人", "1000人以上")),
        ("留有网址", 20, False, {"field": "website", "op": "empty", "value": False}),
    )),
)  # fmt: skip
#: criterion, weight, what 0 and 10 mean
CRITERIA = (
    ("市场规模", 25, "0 不足一千万，10 超过十亿"),
    ("增长速度", 25, "0 萎缩，10 年增两成以上"),
    ("毛利水平", 20, "0 低于一成，10 高于四成"),
    ("竞争强度", 15, "0 价格混战，10 几乎没有对手"),
    ("进入难度", 15, "0 门槛很高，10 现成渠道"),
)
#: market, region, industry, ratings in the order of the criteria
MARKETS = (
    ("华东装备制造", "华东区", "装备制造", (8, 6, 6, 4, 8)),
    ("华东汽车", "华东区", "汽车", (9, 5, 4, 2, 6)),
    ("华南电子", "华南区", "电子", (7, 8, 6, 5, 7)),
    ("全国新能源", "", "新能源", (8, 10, 5, 4, 5)),
    ("全国医药", "", "医药", (5, 7, 9, 7, 4)),
)
SOURCES = ("中国机械工业联合会年报", "行业协会统计", "第三方研究报告", "自行估算：龙头企业年报汇总")
#: website, strengths, weaknesses, battle card
RIVALS: tuple[tuple[str, str, str, str], ...] = (
    ("www.yuanhang.example", "价格低，交期短，渠道覆盖县级城市。", "焊接工艺积累浅，售后只有四个点。",
     "先谈三年总成本与停机损失，带客户看同行业样板线；对方报价低于我方 10% 以内时不跟价。"),
    ("www.beichen.example", "软件界面好，与 MES 对接快。", "机械本体外购，备件要等两周。",
     "强调本体自研与四小时响应；请技术支持演示网关与现有 MES 的对接。"),
    ("www.kerui.example", "协作机器人品牌知名度高。", "负载 10 公斤以上没有产品，集成靠代理。",
     "问清负载与节拍，重载工位直接推荐搬运机器人；承诺整线交付。"),
    ("www.youshi.example", "视觉算法强，检测精度高。", "只做检测，不做整线；价格高。",
     "拿同一批样件做对比测试，突出检测与搬运一体的总价。"),
)  # fmt: skip
#: our product, what the others call theirs, share of our list price, by competitor
OFFERS = (
    (0, "协作机器人 RC-5", "YH-C5", "0.88"), (0, "六轴焊接机器人 RW-6", "YH-W6", "0.92"),
    (1, "产线 MES 软件许可", "北辰云产线", "0.97"), (1, "数据采集网关 DG-2", "BC-G4", "1.04"),
    (2, "协作机器人 RC-5", "KR5 Pro", "1.12"), (2, "SCARA 机器人 RS-3", "KR-S3", "0.95"),
    (3, "AI 外观检测机 VI-200", "UV-Inspect 2", "1.18"), (3, "工业相机套件 VC-12", "UV-C12", "1.06"),
)  # fmt: skip
#: headline, content, topic, competitor or product or industry, kind of source, source, days ago, outcome
PIECES: tuple[tuple[str, str, str, Any, str, str, int, str], ...] = (
    ("远航下调协作机器人报价 8%", "两家客户都拿到了新报价，要求月底前签约，含一年质保。", "competitor", 0, "visit",
     "宏达精密采购经理", 9, "verify"),
    ("北辰在苏州新建备件仓", "计划下季度启用，承诺华东 48 小时到货。", "competitor", 1, "fair",
     "苏州智造展展台", 12, "verify"),
    ("科锐准备推出 20 公斤负载机型", "代理商透露明年二季度上市，定价未定。", "competitor", 2, "partner",
     "东莞代理商", 6, ""),
    ("优视研发负责人离职", "网上传闻，官方没有公告。", "competitor", 3, "media", "行业公众号", 15, "refute"),
    ("AI 外观检测机在医药客户中口碑好", "三家客户提到漏检率低于千分之一，愿意作为样板。", "product",
     "AI 外观检测机 VI-200", "customer", "康润生物质量部", 11, "verify"),
    ("新能源电池厂推迟二期投资", "价格战压缩利润，自动化预算推迟到下半年。", "industry", "新能源", "visit",
     "中瑞新能源设备部长", 8, "verify"),
    ("汽车零部件厂要求整线交付", "单机采购减少，招标要求供应商总包。", "industry", "汽车", "official",
     "行业协会季度简报", 4, ""),
)  # fmt: skip


def make_market(story: Story) -> None:
    """Write what is known; market sizes follow the company's own sales, so that shares are believable."""
    _profiles(story)
    markets = _markets(story)
    rivals = _rivals(story)
    _intelligence(story, rivals)
    _research(story, markets)


def _profiles(story: Story) -> None:
    rows = [{"name": name, "description": text, "threshold": least} for name, text, least, _criteria in PROFILES]
    for profile, (_name, _text, _least, criteria) in zip(
        story.write("customer-profiles", [Draft(row) for row in rows]), PROFILES, strict=True
    ):
        story.write(
            "profile-criteria",
            [
                Draft({"profile": profile.pk, "label": label, "weight": weight, "required": required,
                       "position": 10 * place, "conditions": conditions})
                for place, (label, weight, required, conditions) in enumerate(criteria, 1)
            ],
        )  # fmt: skip


def _markets(story: Story) -> list[Any]:
    criteria = story.write(
        "market-criteria",
        [
            Draft({"name": name, "weight": weight, "description": text, "position": 10 * place})
            for place, (name, weight, text) in enumerate(CRITERIA, 1)
        ],
    )
    regions: dict[str, int] = dict(Region.objects.values_list("name", "pk"))
    markets = story.write("target-markets", [
        Draft(
            {"name": name, "region": regions[region] if region else None, "industry": industry,
             "owner": story.people["sunmin"].pk},
            lines={"ratings": [{"criterion": one.pk, "rating": rating}
                               for one, rating in zip(criteria, ratings, strict=True)]},
        )
        for name, region, industry, ratings in MARKETS
    ])  # fmt: skip
    year, drafts = fiscal_year_of(story.today), []
    for market in markets:
        share, source = Decimal(story.random.randint(4, 16)) / 100, story.random.choice(SOURCES)
        usual = max(_own_sales(story, market, one) for one in (year - 1, year)) / share
        for back in (2, 1, 0):
            amount = usual * (Decimal("1.08") ** (1 - back)) * Decimal(story.random.randint(95, 105)) / 100
            drafts.append(_size(market, year - back, "year", max(amount, 3 * MILLION), source))
        for quarter, part in zip(("q1", "q2", "q3", "q4"), ("0.20", "0.25", "0.25", "0.30"), strict=True):
            drafts.append(_size(market, year - 1, quarter, max(usual, 3 * MILLION) * Decimal(part), source))
    story.write("market-sizes", drafts)
    return markets


def _own_sales(story: Story, market: Any, year: int) -> Decimal:
    metric = metric_named("ordered")
    where = Q(order__customer__industry=market.industry)
    filters = {"region": list(Region.objects.filter(pk=market.region_id).values_list("pk", flat=True))}
    cut = filters if market.region_id else {}
    rows = facts(metric, story.actor, fiscal_period(year), where, **cut)
    return rows.aggregate(value=metric.value)["value"] or Decimal(0)


def _size(market: Any, year: int, period: str, amount: Decimal, source: str) -> Draft:
    rounded = (amount / 100_000).quantize(Decimal(1)) * 100_000
    return Draft({"market": market.pk, "year": year, "period": period, "amount": rounded, "source": source})


def _rivals(story: Story) -> list[Any]:
    model, products = resource_named("competitors").model, resource_named("products").model
    rivals = list(model.objects.order_by("pk")[: len(RIVALS)])
    ours = {one.name: one for one in products.objects.all()}
    drafts = []
    for place, (rival, (site, strong, weak, card)) in enumerate(zip(rivals, RIVALS, strict=True)):
        offers = []
        for _place, product, name, part in (offer for offer in OFFERS if offer[0] == place):
            price = (ours[product].list_price * Decimal(part)).quantize(Decimal(10))
            for days, share in ((200, Decimal("1.05")), (20, Decimal(1))):
                offers.append({
                    "name": name, "product": ours[product].pk, "price": (price * share).quantize(Decimal(1)),
                    "seen_on": story.today - timedelta(days=days), "source": "客户转来的报价单",
                })  # fmt: skip
        values = {"website": site, "strengths": strong, "weaknesses": weak, "battle_card": card}
        drafts.append(Draft(values, pk=rival.pk, lines={"offers": offers}))
    story.write("competitors", drafts)
    return rivals


def _intelligence(story: Story, rivals: list[Any]) -> None:
    author = actor_for(story.people["linjing"], origin="demo")
    checker = actor_for(story.people["sunmin"], origin="demo")
    resource, products = resource_named("intelligence"), resource_named("products").model
    for title, content, topic, subject, kind, source, days, outcome in PIECES:
        at = clock.now() - timedelta(days=days)
        values: dict[str, Any] = {
            "title": title, "content": content, "topic": topic, "source_kind": kind, "source": source,
            "observed_on": clock.local_time(at).date(),
        }  # fmt: skip
        if topic == "competitor":
            values["competitor"] = rivals[subject].pk
        elif topic == "product":
            values["product"] = products.objects.get(name=subject).pk
        else:
            values["industry"] = subject
        piece = save_record(resource.model, values, actor=author, at=at)
        if outcome:
            how = "向第二家客户核实" if outcome == "verify" else "与对方人事公告不符"
            resource.transition(outcome)(piece.pk, actor=checker, at=at + timedelta(days=1), how=how)


def _research(story: Story, markets: list[Any]) -> None:
    owner = story.people["sunmin"]
    actor, resource = actor_for(owner, origin="demo"), resource_named("research-projects")
    survey = resource_named("surveys").model.objects.order_by("pk").first()
    began = clock.now() - timedelta(days=60)
    day = clock.local_time(began).date()
    done = save_record(
        resource.model,
        {
            "title": "客户满意度与流失原因", "question": "哪些方面让客户不满意，哪些客户可能流失？", "method": "survey",
            "owner": owner.pk, "starts_on": day, "ends_on": day + timedelta(days=45), "budget": Decimal(20000),
            "findings": "交货延迟与响应太慢是两大不满来源；推荐意愿高的客户多在华东；有扩产计划的客户约占四成。",
        },
        lines={
            "conclusions": [
                {"text": "年底旺季前两个月锁定关键零部件库存"}, {"text": "服务响应时限写进合同并每月公布"},
                {"text": "逐户拜访有扩产计划的客户"},
            ],
            "surveys": [{"survey": survey.pk}] if survey else [],
        },
        actor=actor, at=began,
    )  # fmt: skip
    ended = began + timedelta(days=45)
    resource.transition("start")(done.pk, actor=actor, at=began)
    resource.transition("conclude")(done.pk, actor=actor, at=ended, cost=Decimal(17600))
    resource.transition("make-tasks")(
        done.pk, actor=actor, at=ended, conclusion_id=None, owner_id=story.people["linjing"].pk,
        due_at=clock.now() + timedelta(days=14),
    )  # fmt: skip
    energy = next(one for one in markets if one.industry == "新能源")
    running = {
        "title": "新能源电池厂的自动化投资意愿", "question": "二期投资推迟到什么时候，哪些工位仍会先投？",
        "method": "interview", "owner": owner.pk, "market": energy.pk, "budget": Decimal(35000),
        "starts_on": story.today - timedelta(days=10),
        "ends_on": story.today + timedelta(days=30),
    }  # fmt: skip
    one = save_record(resource.model, running, actor=actor)
    resource.transition("start")(one.pk, actor=actor)
    plan = {"title": "食品行业包装线改造需求", "question": "中小食品企业愿意为包装线自动化付多少钱？", "method": "desk"}
    save_record(resource.model, {**plan, "owner": owner.pk, "budget": Decimal(8000)}, actor=actor)
