"""The company that is measured: 100,000 customers, 100,000 opportunities, 300,000 activities, always the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.core.management import call_command
from django.db import connection

from saleswright.config.setup import pack_static, ship_defaults
from saleswright.interface.entity import entity_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.bulk import insert_records
from saleswright.kernel.models import Collaborator, Department, User
from saleswright.kernel.records import save_record
from saleswright.kernel.search import expect_many, index_records, settle
from saleswright.kernel.transactions import atomic
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Activity, Opportunity, Stage

CUSTOMERS, OPPORTUNITIES, ACTIVITIES, PRODUCTS = 100_000, 100_000, 300_000, 200
AREAS, TEAMS_OF_AREA, PEOPLE_OF_TEAM = 5, 4, 5
MANAGER = "bench-manager"
CHUNK = 5000

CITIES = ("上海", "深圳", "杭州", "苏州", "北京", "成都", "武汉", "广州", "西安", "青岛", "宁波", "无锡")
WORDS = (
    "华东", "瑞丰", "恒远", "金桥", "东方", "联创", "博世", "海川", "天成", "立信", "中科", "永盛", "嘉禾", "启明",
    "新源", "宏图", "泰和", "远航", "凯德", "百川",
)  # fmt: skip
TRADES = (
    "精密机械", "自动化设备", "新能源科技", "电子材料", "医疗器械", "智能制造", "包装印刷", "环保工程", "食品工业",
)  # fmt: skip
DEALS = ("焊接工作站", "产线改造", "视觉检测", "仓储系统", "年度框架", "备件供应", "能耗监测", "技术服务")
STEPS = ("首次拜访", "方案汇报", "报价沟通", "技术交流", "合同谈判", "回访")


@dataclass(frozen=True, slots=True)
class People:
    """Who owns the records; the manager sees one area: its own department and four teams, a fifth of everything."""

    manager: User
    owners: list[User]


def ready() -> People:
    """Make the tables, and fill them if they are empty; a filled database is kept for the next run."""
    call_command("migrate", verbosity=0, interactive=False)
    pack_static()
    if not User.objects.filter(username=MANAGER).exists():
        with atomic():
            ship_defaults()
            _hire()
    manager = User.objects.get(username=MANAGER)
    people = People(manager, list(User.objects.exclude(department=None).order_by("pk")))
    if Activity.objects.count() < ACTIVITIES:
        _fill(people)
    return people


def _hire() -> None:
    boss = system("bench")
    company = save_record(Department, {"name": "公司"}, actor=boss)
    manager = {"username": MANAGER, "name": "王经理", "roles": ["sales_manager"]}
    for area in range(AREAS):
        above = save_record(Department, {"name": f"区域{area + 1}", "parent": company.pk}, actor=boss)
        if area == 0:
            manager = {"department": above.pk, **manager}
        for team in range(TEAMS_OF_AREA):
            name = f"销售{area + 1}-{team + 1}部"
            department = save_record(Department, {"name": name, "parent": above.pk}, actor=boss)
            for place in range(PEOPLE_OF_TEAM):
                serial = f"{area}{team}{place}"
                values = {"username": f"seller{serial}", "name": f"销售员{serial}", "department": department.pk}
                save_record(User, values | {"roles": ["sales_representative"]}, actor=boss)
    save_record(User, manager, actor=boss)


def _fill(people: People) -> None:
    """Write the records by COPY, with their search rows, as an import of history would."""
    chance = random.Random(20261123)
    today, at = clock.today(), clock.now()
    owners = [owner for owner in people.owners if owner.pk != people.manager.pk]
    stages = list(Stage.objects.order_by("sequence"))

    def moment() -> datetime:
        return at - timedelta(minutes=chance.randrange(2 * 365 * 24 * 60))

    def stamps() -> dict[str, Any]:
        then, owner = moment(), chance.choice(owners)
        by = {"created_by_id": owner.pk, "updated_by_id": owner.pk, "owner_id": owner.pk}
        return {"created_at": then, "updated_at": then, "department_id": owner.department_id, **by}

    def product(number: int) -> Product:
        price = Decimal(chance.randrange(100, 100_000))
        return Product(
            code=f"P-{number:05d}",
            name=f"{chance.choice(TRADES)}{number}",
            list_price=price,
            created_at=at,
            updated_at=at,
        )

    def customer(number: int) -> Customer:
        city = chance.choice(CITIES)
        name = f"{city}{chance.choice(WORDS)}{chance.choice(WORDS)}{chance.choice(TRADES)}{number}有限公司"
        return Customer(
            code=f"C-{number:06d}", name=name, name_key=name, city=city, industry=chance.choice(TRADES),
            level=chance.choice("ABCD"), life_cycle=chance.choice(("prospect", "active", "active", "dormant")),
            **stamps(),
        )  # fmt: skip

    _insert(PRODUCTS, product)
    customers = _insert(CUSTOMERS, customer)

    def opportunity(number: int) -> Opportunity:
        buyer, stage = chance.choice(customers), chance.choice(stages)
        status = chance.choices(("open", "won", "lost"), (3, 1, 1))[0]
        closed = today - timedelta(days=chance.randrange(300)) if status != "open" else None
        amount = Decimal(chance.randrange(1_000, 5_000_000))
        values = stamps() | {"owner_id": buyer.owner_id, "department_id": buyer.department_id}
        return Opportunity(
            number=f"OPP-{number:06d}", name=f"{buyer.name[:6]}{chance.choice(DEALS)}{number}", customer_id=buyer.pk,
            pipeline_id=stage.pipeline_id, stage_id=stage.pk, stage_since=today - timedelta(days=chance.randrange(90)),
            status=status, amount=amount, base_amount=amount, probability=stage.probability, closed_on=closed,
            opened_on=today - timedelta(days=chance.randrange(300, 700)),
            expected_close=today + timedelta(days=chance.randrange(-30, 120)), **values,
        )  # fmt: skip

    opportunities = _insert(OPPORTUNITIES, opportunity)

    def activity(number: int) -> Activity:
        deal = chance.choice(opportunities)
        then = moment()
        values = stamps() | {"owner_id": deal.owner_id, "department_id": deal.department_id}
        return Activity(
            kind=chance.choice(("visit", "call", "meeting")), subject=f"{chance.choice(STEPS)}{number}", status="done",
            customer_id=deal.customer_id, opportunity_id=deal.pk, planned_at=then, done_at=then, **values,
        )  # fmt: skip

    _insert(ACTIVITIES, activity)
    others = [deal.pk for deal in opportunities if deal.department_id not in _departments(people.manager)]
    Collaborator.objects.bulk_create(
        Collaborator(resource="opportunities", record_id=pk, user=people.manager) for pk in chance.sample(others, 50)
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _departments(manager: User) -> set[int]:
    below = Department.objects.filter(parent_id=manager.department_id)
    return {manager.department_id, *below.values_list("pk", flat=True)}


def _insert(count: int, make: Callable[[int], Any]) -> list[Any]:
    """Insert `count` records and their search rows, some thousands in a transaction."""
    numbers, made = iter(range(1, count + 1)), list[Any]()
    for chunk in iter(lambda: list(islice(numbers, CHUNK)), []):
        records = [make(number) for number in chunk]
        with atomic():
            expect_many()
            insert_records(records)
            index_records(_resource(records[0]), records, fresh=True)
        made += records
    settle()
    return made


def _resource(record: Any) -> Any:
    return entity_named(
        {Product: "products", Customer: "customers", Opportunity: "opportunities", Activity: "activities"}[type(record)]
    )


def customer_rows(count: int) -> Iterator[list[str]]:
    """The lines of a csv file with new customers, headers first."""
    chance = random.Random(1)
    yield ["code", "name", "industry", "province", "city", "source", "level", "tags", "credit_code", "address"]
    for number in range(1, count + 1):
        city = chance.choice(CITIES)
        yield [
            f"I-{number:06d}", f"{city}{chance.choice(WORDS)}{chance.choice(TRADES)}{number}有限公司",
            chance.choice(TRADES), "上海", city, "web", chance.choice("ABCD"), "重点,新客户", "",
            f"{city}市{chance.choice(WORDS)}路{number % 900}号",
        ]  # fmt: skip
