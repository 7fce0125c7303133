"""Customers that were entered twice: one pair merged last week, the others found by a search that waits for a look."""

from __future__ import annotations

from datetime import timedelta

from saleswright.config.demo.story import Story
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.records import Draft, save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.public import Customer, JoinRequest, start_nightly


def make_merges(story: Story) -> None:
    """A customer entered a second time with a contact of its own, merged by sales operations; then a search."""
    kept = Customer.objects.filter(archived_at=None, orders__isnull=False).distinct().order_by("pk").first()
    if kept is None:
        return
    owner = kept.owner or story.people["zhaolei"]
    day = story.today - timedelta(days=20)
    values = {"name": f"{kept.name}（新）", "city": kept.city, "tags": ["展会"], "country": "CN"}
    (other,) = story.write("customers", [Draft({**values, **story.stamps(day, owner)})])
    person = {"customer": other.pk, "name": "谢晓峰", "title": "采购主管", "mobile": story.phone()}
    story.write("contacts", [Draft(person)])
    merge = resource_named("customers").transition("merge")
    actor, at = actor_for(story.people["sunmin"], origin="demo"), clock.now() - timedelta(days=6)
    merge(kept.pk, actor=actor, at=at, others=[{"record_id": other.pk}])
    start_nightly(story.actor)
    _ask_to_join(story)


def _ask_to_join(story: Story) -> None:
    """A sales representative asks to work with a customer that a colleague has; the colleague's manager decides."""
    asker = story.people["wangfang"]
    theirs = Customer.objects.filter(archived_at=None, owner__isnull=False).exclude(owner=asker).order_by("-pk").first()
    if theirs is not None:
        why = "上周展会上对方采购总监主动联系我，希望由我方自动化方案组一起跟进。"
        values = {"resource": "customers", "record_id": theirs.pk, "why": why}
        save_record(JoinRequest, values, actor=actor_for(asker, origin="demo"))
