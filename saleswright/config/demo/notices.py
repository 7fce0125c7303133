"""What the people of the demonstration company have been told in the last days, and a group bot to switch on."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.utils.translation import gettext_lazy

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.words import Words, said
from saleswright.modules.work.public import Notice, Notification, tell

MENTIONED = gettext_lazy("%(who)s mentioned you: %(what)s")
COMMENTED = gettext_lazy("%(who)s commented on %(what)s")
ASSIGNED = gettext_lazy("%(who)s assigned to you: %(kind)s %(what)s")
REMINDER = gettext_lazy("Reminder: %(title)s")
LATE = gettext_lazy("%(kind)s %(label)s is “%(state)s” for longer than it should be.")
IMPORTED = gettext_lazy("Import of %(what)s: %(created)s created, %(updated)s updated, %(failed)s with errors")


def make_notices(story: Story) -> None:
    """Notices of the last three days for those who sign in, the older ones read. They are for the page alone."""
    told = [story.people[name] for name in ("zhaolei", "wangfang", "lina", "linjing", "luojia", "liangbo", "sunmin")]
    story.progress("notifications", 0, len(told))
    notices = [one for person in told for one in _about(story, person)]
    words = said(IMPORTED, what=resource_named("leads").label_plural, created=186, updated=12, failed=2)
    notices.append((_ago(story, 1, 15), Notice(story.people["sunmin"].pk, words, "", 0, "job", "/leads/import")))
    for at, group in groupby(sorted(notices, key=itemgetter(0)), key=itemgetter(0)):
        tell([notice for _at, notice in group], at=at, out=False)
    seen = clock.day_start(story.today)
    Notification.objects.filter(created_at__lt=seen, read_at=None).update(read_at=seen)
    story.progress("notifications", len(told), len(told))
    bot = {
        "name": "华东销售群", "service": "wecom_bot", "active": False, "kinds": ["overdue", "alert"],
        "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=00000000-0000-0000-0000-000000000000",
    }  # fmt: skip
    save_record(resource_named("notice-bots").model, bot, actor=story.actor)


def _about(story: Story, person: Any) -> list[tuple[datetime, Notice]]:
    """What a person's colleagues do with their records."""
    colleague = person.manager or story.people["chensiyuan"]
    tasks, customers, leads = (_some(name, person) for name in ("tasks", "customers", "leads"))
    found = []

    def note(days: int, hour: int, kind: str, name: str, record: Any, words: Words) -> None:
        found.append((_ago(story, days, hour), Notice(person.pk, words, name, record.pk, kind)))

    for task in tasks:
        note(0, 9, "task_reminder", "tasks", task, said(REMINDER, title=task.title))
    for customer in customers[:1]:
        who = colleague.name
        note(1, 10, "comment", "customers", customer, said(COMMENTED, who=who, what=customer.name))
        note(1, 11, "mention", "customers", customer, said(MENTIONED, who=who, what=customer.name))
    for customer in customers[1:2]:
        kind = resource_named("customers").label
        words = said(ASSIGNED, who=colleague.name, kind=kind, what=customer.name)
        note(3, 14, "assignment", "customers", customer, words)
    for lead in leads[:1]:
        resource = resource_named("leads")
        state = dict(resource.model._meta.get_field("status").choices or ())[lead.status]
        words = said(LATE, kind=resource.label, label=resource.label_of(lead), state=state)
        note(0, 8, "overdue", "leads", lead, words)
    return found


def _some(name: str, person: Any) -> list[Any]:
    return list(resource_named(name).model.objects.filter(owner_id=person.pk).order_by("-id")[:2])


def _ago(story: Story, days: int, hour: int) -> datetime:
    """An hour of a day before, never in the future."""
    return min(clock.day_start(story.today - timedelta(days=days)) + timedelta(hours=hour), clock.now())
