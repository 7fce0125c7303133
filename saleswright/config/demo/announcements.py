"""Announcements that people have read or not, and meetings with minutes whose decisions are under way."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.worktime import next_working_day
from saleswright.modules.notices.public import Announcement, Meeting

#: title, text, department or "" for everybody, days ago, pinned, days to confirm, how many of ten have read it
ANNOUNCEMENTS = (
    (
        "2027 年价格体系调整说明",
        "自下季度起执行新的价格表：伺服系统上调 3%，控制器价格不变。\n"
        "在途报价按原价执行至有效期止，新报价一律使用新价格表。",
        "销售中心", 2, True, 5, 4,
    ),
    (
        "年终盘点期间发货安排",
        "本月 28 日至 30 日仓库盘点，期间暂停发货。请提前与客户确认交期，紧急订单联系仓库主管。",
        "", 1, False, None, 5,
    ),
    (
        "客户拜访记录填写规范",
        "拜访后 24 小时内填写结果和下一步，重点客户须注明决策人意见。",
        "销售中心", 20, False, None, 9,
    ),
)  # fmt: skip
AGENDA = (("上周赢单与丢单复盘", 20), ("本月回款与逾期", 20), ("重点商机推进", 30))


def make_announcements(story: Story) -> None:
    """What the director and operations have announced, and the weekly meeting of the eastern team."""
    story.progress("announcements", 0, len(ANNOUNCEMENTS))
    author = _actor(story, "sunmin")
    departments = {one.name: one.pk for one in resource_named("departments").model.objects.all()}
    for place, one in enumerate(ANNOUNCEMENTS, 1):
        _announce(story, author, departments, *one)
        story.progress("announcements", place, len(ANNOUNCEMENTS))
    _meetings(story)


def _actor(story: Story, username: str) -> Actor:
    return actor_for(story.people[username], origin="demo")


def _moment(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=clock.zone())


def _act(resource: str, name: str) -> Any:
    return resource_named(resource).transition(name)


def _announce(
    story: Story, author: Actor, departments: dict[str, int], title: str, body: str, department: str, ago: int,
    pinned: bool, confirm_in: int | None, read: int,
) -> None:  # fmt: skip
    at = clock.now() - timedelta(days=ago)
    values = {
        "title": title,
        "body": body,
        "pinned": pinned,
        "everybody": not department,
        "department_ids": [departments[department]] if department else [],
        "must_confirm": confirm_in is not None,
        "confirm_by": clock.now() + timedelta(days=confirm_in) if confirm_in is not None else None,
    }
    one = save_record(Announcement, values, actor=author, at=at)
    _act("announcements", "publish")(one.pk, actor=author, at=at)
    receipts = resource_named("announcement-receipts").model.objects.filter(announcement=one).select_related("user")
    for place, receipt in enumerate(receipts.order_by("user_id")):
        if place % 10 < read and receipt.user.username != "zhaolei":
            verb = "confirm" if confirm_in is not None else "read"
            reader = actor_for(receipt.user, origin="demo").trusted_with(f"announcement-receipts.{verb}")
            then = min(at + timedelta(hours=1 + place), clock.now())
            _act("announcement-receipts", verb)(receipt.pk, actor=reader, at=then)


def _meetings(story: Story) -> None:
    """A meeting of last week with signed minutes, the next one with what is open, and one of the directors."""
    story.progress("meetings", 0, 3)
    organiser = _actor(story, "zhaolei")
    team = [story.people[name] for name in ("linjing", "wangfang", "lina", "zhangwei", "xuhao")]
    held = next_working_day(story.today - timedelta(days=7))
    decisions = [
        ("整理华东逾期账款清单并逐户确认回款日期", "wangfang", 3), ("完成无锡项目方案演示", "zhangwei", 6),
        ("更新重点客户决策链", "lina", 9), ("新价格表在下周前全部启用", "", 0),
    ]  # fmt: skip
    lines: dict[str, list[dict[str, Any]]] = {
        "agenda": [{"topic": topic, "presenter": organiser.user_id, "duration": length} for topic, length in AGENDA],
        "participants": [{"person": one.pk, "optional": one.username == "linjing"} for one in team],
        "decisions": [
            {
                "text": text,
                "responsible": story.people[who].pk if who else None,
                "due_on": held + timedelta(days=days) if who else None,
            }
            for text, who, days in decisions
        ],
    }
    values = {
        "title": "华东销售周例会",
        "starts_at": _moment(held, 9),
        "ends_at": _moment(held, 10),
        "place": "三楼会议室",
        "minutes": "上周签约两单，丢单一单（价格）。逾期账款集中在三家客户，本周内逐户落实。",
    }
    at = _moment(held - timedelta(days=2), 15)
    meeting = save_record(Meeting, values, lines=lines, actor=organiser, at=at)
    _act("meetings", "invite")(meeting.pk, actor=organiser, at=at)
    for one in team:
        _act("meetings", "answer")(meeting.pk, actor=actor_for(one, origin="demo"), at=at, answer="yes")
    _act("meetings", "sign-off")(meeting.pk, actor=organiser, at=min(_moment(held, 11), clock.now()))
    story.progress("meetings", 1, 3)
    done = meeting.decisions.exclude(task=None).order_by("position").first()
    _act("tasks", "complete")(done.task_id, actor=actor_for(done.responsible, origin="demo"))
    following = next_working_day(story.today + timedelta(days=1))
    made = _act("meetings", "follow-up")(meeting.pk, actor=organiser, starts_at=_moment(following, 9))
    _act("meetings", "invite")(made["id"], actor=organiser)
    _act("meetings", "answer")(made["id"], actor=actor_for(team[1], origin="demo"), answer="yes")
    _act("meetings", "answer")(
        made["id"], actor=actor_for(team[3], origin="demo"), answer="no", remark="当天在客户现场"
    )
    story.progress("meetings", 2, 3)
    director = _actor(story, "chensiyuan")
    people = [story.people[name] for name in ("linjing", "huangyan", "hanming", "zhaolei")]
    start = _moment(following, 9) + timedelta(minutes=30)
    board = save_record(
        Meeting,
        {"title": "季度销售目标沟通会", "starts_at": start, "ends_at": start + timedelta(hours=2), "place": "大会议室",
         "link": "https://meeting.example.com/quarter"},
        lines={"participants": [{"person": one.pk} for one in people], "agenda": [{"topic": "下季度目标分解"}]},
        actor=director,
    )  # fmt: skip
    _act("meetings", "invite")(board.pk, actor=director)
    story.progress("meetings", 3, 3)
