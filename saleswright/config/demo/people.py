"""Departments, regions, posts and people of the demonstration company."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from saleswright.config.demo.story import Story
from saleswright.kernel.access.actors import access_changed
from saleswright.kernel.models import Company
from saleswright.kernel.records import Draft, stamp

DEMO_PASSWORD = "xiaojiang-2026"
#: who may try the system: sign-in name, what they are
SIGN_INS = (
    ("admin", "系统管理员"),
    ("chensiyuan", "销售总监"),
    ("linjing", "华东区域经理"),
    ("zhaolei", "华东销售经理"),
    ("wangfang", "销售代表"),
    ("sunmin", "销售运营"),
    ("zhoujie", "财务"),
    ("wuyong", "仓库"),
    ("hetao", "客服"),
    ("dengxia", "审计"),
)
DEPARTMENTS = (
    ("总经理办公室", None), ("销售中心", None), ("华东销售部", "销售中心"), ("华南销售部", "销售中心"),
    ("华北销售部", "销售中心"),
    ("销售运营部", "销售中心"), ("财务部", None), ("仓储物流部", None), ("客户服务部", None),
    ("人力资源部", None), ("采购部", None),
)  # fmt: skip
REGIONS = (("中国", None), ("华东区", "中国"), ("华南区", "中国"), ("华北区", "中国"))
#: sign-in name, name, department, region, manager, role, post
PEOPLE = (
    ("admin", "郑海", "总经理办公室", "中国", "", "administrator", ""),
    ("chensiyuan", "陈思远", "销售中心", "中国", "", "sales_director", "销售总监"),
    ("linjing", "林静", "华东销售部", "华东区", "chensiyuan", "regional_manager", "区域经理"),
    ("zhaolei", "赵磊", "华东销售部", "华东区", "linjing", "sales_manager", "销售经理"),
    ("wangfang", "王芳", "华东销售部", "华东区", "zhaolei", "sales_representative", "销售代表"),
    ("lina", "李娜", "华东销售部", "华东区", "zhaolei", "sales_representative", "销售代表"),
    ("zhangwei", "张伟", "华东销售部", "华东区", "zhaolei", "sales_representative", "销售代表"),
    ("xuhao", "徐浩然", "华东销售部", "华东区", "zhaolei", "sales_representative", "销售代表"),
    ("huangyan", "黄艳", "华南销售部", "华南区", "chensiyuan", "regional_manager", "区域经理"),
    ("liangbo", "梁文博", "华南销售部", "华南区", "huangyan", "sales_manager", "销售经理"),
    ("luojia", "罗佳怡", "华南销售部", "华南区", "liangbo", "sales_representative", "销售代表"),
    ("songjie", "宋俊杰", "华南销售部", "华南区", "liangbo", "sales_representative", "销售代表"),
    ("xieyu", "谢雨桐", "华南销售部", "华南区", "liangbo", "sales_representative", "销售代表"),
    ("hanming", "韩明", "华北销售部", "华北区", "chensiyuan", "sales_manager", "销售经理"),
    ("tangyi", "唐一诺", "华北销售部", "华北区", "hanming", "sales_representative", "销售代表"),
    ("fengchao", "冯超", "华北销售部", "华北区", "hanming", "sales_representative", "销售代表"),
    ("sunmin", "孙敏", "销售运营部", "中国", "chensiyuan", "sales_operations", "销售运营专员"),
    ("zhoujie", "周杰", "财务部", "中国", "", "finance", "应收会计"),
    ("wuyong", "吴勇", "仓储物流部", "中国", "", "warehouse", "仓库主管"),
    ("gaogang", "高刚", "采购部", "中国", "", "purchasing", "采购员"),
    ("caolihua", "曹丽华", "客户服务部", "中国", "", "service_manager", "客服经理"),
    ("hetao", "何涛", "客户服务部", "中国", "caolihua", "service_agent", "客服专员"),
    ("guoxue", "郭雪梅", "客户服务部", "中国", "caolihua", "service_agent", "客服专员"),
    ("yuanhai", "袁海燕", "人力资源部", "中国", "", "hr", "招聘主管"),
    ("dengxia", "邓霞", "总经理办公室", "中国", "", "auditor", "内部审计"),
)
POSTS = {
    "销售总监": "制定销售目标并分解，审批重大折扣与合同",
    "区域经理": "负责区域目标、团队与渠道",
    "销售经理": "带领团队推进商机，审批折扣",
    "销售代表": "开发与维护客户，跟进线索和商机",
    "销售运营专员": "维护流程、数据与报表",
    "应收会计": "开票、对账、回款核销",
    "仓库主管": "发货与签收",
    "采购员": "采购与交期",
    "客服经理": "工单与投诉的时限",
    "客服专员": "受理工单，回访客户",
    "招聘主管": "招聘与入职",
    "内部审计": "检查制度执行",
}


def make_people(story: Story) -> None:
    """The company, its structure and its people."""
    story.progress("employees", 0, len(PEOPLE))
    company = Company.objects.get()
    company.name, company.address = "匠心智造（上海）自动化有限公司", "上海市松江区匠心路 88 号"
    company.phone, company.credit_code = "021-0000 8800", ""
    stamp(company, story.actor, story.moment(story.today))
    company.save()
    departments = _tree(story, "departments", DEPARTMENTS)
    regions = _tree(story, "regions", REGIONS)
    posts = {
        post.title: post.pk
        for post in story.write("posts", [Draft({"title": t, "responsibilities": r}) for t, r in POSTS.items()])
    }
    for username, name, department, region, manager, role, post in PEOPLE:
        values = {
            "username": username,
            "name": name,
            "email": f"{username}@example.com",
            "phone": story.phone(),
            "department": departments[department],
            "region": regions[region],
            "manager": story.people[manager].pk if manager else None,
            "roles": [role],
            "post_ids": [posts[post]] if post else [],
            "password": DEMO_PASSWORD,
            "hired_on": story.start - timedelta(days=story.random.randrange(30, 2000)),
        }
        story.people[username] = story.write("employees", [Draft(values)])[0]
    for place, department in (("east", "华东销售部"), ("south", "华南销售部"), ("north", "华北销售部")):
        story.sellers[place] = [
            story.people[p[0]] for p in PEOPLE if p[2] == department and p[5] == "sales_representative"
        ]
    access_changed()


def _tree(story: Story, resource: str, nodes: tuple[tuple[str, str | None], ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, parent in nodes:
        found[name] = story.write(resource, [Draft({"name": name, "parent": found[parent] if parent else None})])[0].pk
    return found
