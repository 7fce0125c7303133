"""The days of those who visit customers: coordinates, check-ins, plans, reports and what was spent."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.records import Draft, save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.worktime import is_working_day

#: the middle of each city, degrees north and east
CITIES = {
    "上海": (31.2304, 121.4737), "苏州": (31.2990, 120.5853), "南京": (32.0603, 118.7969), "无锡": (31.4912, 120.3119),
    "杭州": (30.2741, 120.1551), "宁波": (29.8683, 121.5440), "深圳": (22.5431, 114.0579), "广州": (23.1291, 113.2644),
    "东莞": (23.0207, 113.7518), "厦门": (24.4798, 118.0894), "长沙": (28.2282, 112.9388), "武汉": (30.5928, 114.3055),
    "北京": (39.9042, 116.4074), "天津": (39.3434, 117.3616), "青岛": (36.0671, 120.3826), "济南": (36.6512, 117.1201),
    "大连": (38.9140, 121.6147), "唐山": (39.6309, 118.1802), "成都": (30.5728, 104.0668), "重庆": (29.5630, 106.5516),
    "西安": (34.3416, 108.9398), "合肥": (31.8206, 117.2272), "郑州": (34.7466, 113.6254), "南昌": (28.6820, 115.8579),
}  # fmt: skip
NEEDS = (
    "需要 12 轴以上的同步控制", "现有供应商交期超过 10 周", "希望备件 24 小时内到货", "二期产线明年三月启动",
    "要求与现有 MES 对接", "关注能耗数据采集", "需要两年质保", "操作工培训须在现场进行",
)  # fmt: skip
OUTCOMES = (
    "参观产线，确认技术要求，客户要求两周内出方案", "与设备部讨论选型，倾向我方控制器", "样机测试通过，等待采购流程",
    "了解年度预算，决策人为生产副总", "回访使用情况良好，提出备件清单",
)  # fmt: skip
PROBLEMS = ("竞品报价低 8%，需要支持", "样机档期紧张，请协调", "客户付款流程调整，合同盖章推迟", "", "")
SPENDING = (
    ("entertainment", "与采购部、设备部工作餐", 680, 1), ("gift", "中秋礼盒", 420, 1),
    ("sample", "伺服驱动器试用样品", 2600, 0),
    ("entertainment", "项目启动晚餐", 1850, 1), ("travel", "往返高铁与市内交通", 560, 1),
    ("event", "工厂开放日接待", 8600, 0),
    ("gift", "新年台历与茶礼", 380, 0), ("entertainment", "技术交流午餐", 760, 0),
)  # fmt: skip
DAYS = 3


def make_visits(story: Story) -> None:
    """What a fresh look at the calendar, a plan, the reports and the expenses shows."""
    story.progress("visits", 0, 5)
    customers = _coordinates(story)
    story.progress("visits", 1, 5)
    sellers = [seller for area in story.sellers.values() for seller in area]
    for seller in sellers:
        _days_of(story, seller, [one for one in customers if one.owner_id == seller.pk])
    story.progress("visits", 2, 5)
    _plans(story)
    story.progress("visits", 3, 5)
    _reports(story, sellers)
    story.progress("visits", 4, 5)
    _expenses(story, sellers)
    story.progress("visits", 5, 5)


def _coordinates(story: Story) -> list[Any]:
    """Where the customers are: somewhere in their cities; a few are not known."""
    model = resource_named("customers").model
    rows = list(model.objects.filter(archived_at=None, city__in=CITIES).order_by("pk"))
    drafts = []
    for place, one in enumerate(rows):
        north, east = CITIES[one.city]
        values = {
            "latitude": Decimal(str(round(north + story.random.uniform(-0.12, 0.12), 6))),
            "longitude": Decimal(str(round(east + story.random.uniform(-0.12, 0.12), 6))),
        }
        if place % 9:
            drafts.append(Draft(values, pk=one.pk))
    return story.write("customers", drafts)


def _moment(day: Any, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=clock.zone())


def _past_days(story: Story, count: int) -> list[date]:
    days: list[date] = []
    day = story.today
    while len(days) < count:
        day -= timedelta(days=1)
        if is_working_day(day):
            days.append(day)
    return days


def _days_of(story: Story, seller: Any, customers: list[Any]) -> None:
    """Visits of the last days with check-in, and what lies ahead this week and the next."""
    if len(customers) < 8:
        return
    pick = story.random.choice
    activities = resource_named("activities").model
    drafts: list[Draft] = []
    visits: list[tuple[Any, datetime]] = []
    for day in _past_days(story, DAYS):
        for hour in story.random.sample((9, 10, 14, 16), 2):
            customer, at = pick(customers), _moment(day, hour)
            values = {
                "kind": "visit", "subject": pick(("方案沟通", "产线调研", "样机回访", "合同条款沟通")),
                "customer": customer.pk, "planned_at": at, "planned_until": at + timedelta(minutes=90),
                "owner": seller.pk, "status": "done", "done_at": at + timedelta(minutes=75), "outcome": pick(OUTCOMES),
                "needs": pick(NEEDS) if story.random.random() < 0.7 else "", **_stamp(at, seller),
            }  # fmt: skip
            drafts.append(Draft(values))
            visits.append((customer, at))
    done = story.write("activities", drafts)
    for place, (visit, (customer, at)) in enumerate(zip(done, visits, strict=True)):
        activities.objects.filter(pk=visit.pk).update(**_arrival(story, place, customer, at))
    ahead = []
    for offset in range(12):
        day = story.today + timedelta(days=offset)
        if not is_working_day(day) or story.random.random() < 0.3:
            continue
        at = _moment(day, pick((10, 11, 14, 15)))
        kind = story.random.choices(("visit", "call", "demo", "meeting"), (5, 2, 1, 1))[0]
        values = {
            "kind": kind, "subject": pick(("需求确认", "报价说明", "试机安排", "年度框架洽谈")),
            "customer": pick(customers).pk, "planned_at": at,
            "planned_until": at + timedelta(minutes=pick((45, 60, 90))), "owner": seller.pk,
        }  # fmt: skip
        ahead.append(Draft(values))
    story.write("activities", ahead)


def _stamp(at: datetime, seller: Any) -> dict[str, Any]:
    return {"created_at": at - timedelta(days=2), "created_by": seller.pk}


def _arrival(story: Story, place: int, customer: Any, at: datetime) -> dict[str, Any]:
    """A check-in near the gate; now and then out of range or without position, with the reason."""
    arrived = at + timedelta(minutes=story.random.randrange(-8, 9))
    found: dict[str, Any] = {
        "checked_in_at": arrived, "checked_out_at": arrived + timedelta(minutes=story.random.randrange(40, 85)),
    }  # fmt: skip
    if place % 5 == 4:
        return {**found, "place": "no_position", "place_note": "No position could be found · 车间内无信号"}
    metres = story.random.randrange(8, 180) if place % 4 else story.random.randrange(2300, 4800)
    found |= {
        "place": "within" if metres < 500 else "outside",
        "place_note": "" if metres < 500 else "客户临时改在新厂区见面",
        "accuracy": story.random.randrange(6, 40), "distance": metres,
        "latitude": round(float(customer.latitude) + metres / 111_195, 6), "longitude": customer.longitude,
    }  # fmt: skip
    return found


def _plans(story: Story) -> None:
    """A plan of this week that is confirmed, one of the next that waits for the manager, and one just begun."""
    model, monday = resource_named("visit-plans").model, story.today - timedelta(days=story.today.weekday())
    propose = resource_named("visit-plans").transition("propose")
    for username, week, goes in (("wangfang", monday + timedelta(days=7), "submit"), ("lina", monday, "confirm"),
                                 ("zhangwei", monday + timedelta(days=7), "")):  # fmt: skip
        seller = story.people[username]
        actor = actor_for(seller, origin="demo")
        plan = save_record(model, {"week": week, "aim": "重点客户拜访到位，推进报价中的商机"}, actor=actor)
        due = plan.stops.model
        if week > story.today:
            propose(plan.pk, actor=actor, per_day=2)
        else:
            own = resource_named("customers").model.objects.filter(owner=seller, latitude__isnull=False)[:4]
            due.objects.bulk_create(
                due(
                    plan=plan,
                    position=n,
                    day=week + timedelta(days=n),
                    begins="09:30",
                    customer=one,
                    purpose="季度拜访",
                )
                for n, one in enumerate(own)
            )
        if goes and plan.stops.exists():
            resource_named("visit-plans").transition("submit")(plan.pk, actor=actor)
        if goes == "confirm":
            boss = actor_for(seller.manager, origin="demo")
            resource_named("visit-plans").transition("confirm")(plan.pk, actor=boss, remark="同意，周三一起去")


def _reports(story: Story, sellers: list[Any]) -> None:
    """Reports of the last days: most in time, a few late or missing, the older ones read."""
    model = resource_named("work-reports").model
    submit, read = (resource_named("work-reports").transition(name) for name in ("submit", "read"))
    for back, day in enumerate(_past_days(story, DAYS)):
        for place, seller in enumerate(sellers):
            if (place + back) % 5 == 3:
                continue
            actor = actor_for(seller, origin="demo")
            late = (place + back) % 6 == 2
            at = _moment(day, 18, place) if not late else _moment(day, 18, place) + timedelta(days=5)
            at = min(at, clock.now() - timedelta(minutes=1))
            values = {"kind": "daily", "day": day, "problems": story.random.choice(PROBLEMS)}
            report = save_record(model, values, actor=actor, at=at)
            if not report.summary:
                save_record(model, {"summary": "整理报价资料，电话跟进客户"}, pk=report.pk, actor=actor, at=at)
            submit(report.pk, actor=actor, at=at)
            if back and seller.manager is not None:
                remark = "注意跟进付款条件，周会上说一下。" if place % 4 == 1 else ""
                boss = actor_for(seller.manager, origin="demo")
                read(report.pk, actor=boss, at=min(at + timedelta(hours=2), clock.now()), remark=remark)


def _expenses(story: Story, sellers: list[Any]) -> None:
    """A budget for each team, and expenses from the request to the money."""
    year = clock.fiscal_year_of(story.today)
    departments = {seller.department_id for seller in sellers}
    budgets = [
        Draft({"department": pk, "year": year, "quarter": quarter, "amount": Decimal(60000)})
        for pk in sorted(departments)
        for quarter in ("q1", "q2", "q3", "q4")
    ]
    story.write("expense-budgets", budgets)
    visits = resource_named("activities").model.objects.filter(kind="visit", status="done", checked_in_at__isnull=False)
    drafts = []
    for place, seller in enumerate(sellers):
        for visit in visits.filter(owner=seller).order_by("-done_at")[:3]:
            kind, purpose, amount, paid = SPENDING[(place + visit.pk) % len(SPENDING)]
            day = clock.local_date(visit.done_at)
            values: dict[str, Any] = {
                "kind": kind, "customer": visit.customer_id, "visit": visit.pk, "purpose": purpose, "spent_on": day,
                "amount": Decimal(amount), "owner": seller.pk, "status": "reimbursed" if paid else "approved",
            }  # fmt: skip
            if paid:
                number = f"2531200000{story.random.randrange(10**10):010d}"
                values |= {"claimed": Decimal(amount) - place, "invoice_number": number, "paid_on": story.today}
            drafts.append(Draft(values))
    story.write("customer-expenses", drafts)
    seller = story.people["wangfang"]
    customer = resource_named("customers").model.objects.filter(owner=seller).order_by("pk").first()
    values = {
        "kind": "gift",
        "customer": customer.pk,
        "purpose": "项目验收纪念品",
        "spent_on": story.today,
        "amount": Decimal(460),
    }
    model = resource_named("customer-expenses").model
    waiting = save_record(model, values, actor=actor_for(seller, origin="demo"))
    resource_named("customer-expenses").transition("submit")(waiting.pk, actor=actor_for(seller, origin="demo"))
