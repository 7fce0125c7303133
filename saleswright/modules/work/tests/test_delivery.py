"""What goes out of notices: when, to whom, how often, and what is noted of it."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.utils.translation import gettext_lazy, override

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed
from saleswright.kernel.models import Job, SpecialDay
from saleswright.kernel.records import save_record
from saleswright.kernel.words import said
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions import delivery, preferences, sending_again
from saleswright.modules.work.actions.notifications import NoticeBoard
from saleswright.modules.work.actions.preferences import COMPANY, Hours
from saleswright.modules.work.jobs import send_notices, tidy_notices, wake_notices
from saleswright.modules.work.models import Delegation, NoticeDelivery, NoticeDigest, NoticePreference, Notification
from saleswright.modules.work.tests.channels import later, never
from saleswright.modules.work.tests.conftest import acting_as

pytestmark = pytest.mark.django_db
TEXT = gettext_lazy("Reminder: %(title)s")


def shanghai(text):
    return datetime.fromisoformat(f"{text}+08:00")


#: a Wednesday morning at work
NOON = shanghai("2026-11-25T11:00")


@pytest.fixture
def now():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def rep(team, root):
    save_record(type(team.rep), {"email": "rep@example.com"}, pk=team.rep.pk, actor=root)
    team.rep.refresh_from_db()
    return team.rep


def notify(*people, text="News", customer=None, kind="mention", at=None, path=""):
    NoticeBoard().notify(
        user_ids=[one.pk for one in people], text=text, resource="customers" if customer else "",
        record_id=customer.pk if customer else 0, at=at or clock.now(), kind=kind, path=path,
    )  # fmt: skip


def standing():
    return list(NoticeDelivery.objects.order_by("id").values_list("state", flat=True))


def choose(user, kind, pace):
    preferences.set_paces(user.pk, {(kind, "email"): pace}, actor=acting_as(user), at=clock.now())


# --- single ones -----------------------------------------------------------------------------------------------


def test_it_sends_a_notice_with_a_link_to_its_record(now, rep, team, post, settings):
    settings.SITE_URL = "https://sales.example.com"
    notify(rep, text=said(TEXT, title="Acme"), customer=team.customer, kind="task_reminder")
    assert (standing(), Job.objects.filter(kind="notices.send").count()) == (["waiting"], 1)
    assert delivery.send_waiting("email") == {"sent": 1, "failed": 0, "dropped": 0}
    [(address, whole, [message])] = post.sent
    row = NoticeDelivery.objects.get()
    assert (address, whole, message.id) == ("rep@example.com", row.batch, row.batch)
    assert message.url == f"https://sales.example.com/customers/{team.customer.pk}"
    assert [(one.label, one.url) for one in message.actions] == [("打开", message.url)]
    assert (row.state, row.attempts, row.sent_at, row.problem) == ("sent", 1, NOON, "")
    assert delivery.send_waiting("email") == {"sent": 0, "failed": 0, "dropped": 0}
    assert len(post.sent) == 1


def test_it_speaks_the_language_of_each_reader(now, rep, team, post, person):
    english = person("sales_manager", email="en@example.com", language="en", department=team.rep.department_id)
    notify(rep, english, text=said(TEXT, title="Acme"))
    delivery.send_waiting("email")
    assert sorted(post.texts()) == [["Reminder: Acme"], ["提醒：Acme"]]
    mine = Notification.objects.get(user=english)
    assert (mine.text, mine.source, mine.arguments) == ("Reminder: Acme", "Reminder: %(title)s", {"title": "Acme"})
    with override("zh-hans"):
        assert delivery.words_of(mine) == "提醒：Acme"


def test_it_writes_nothing_for_a_channel_that_is_not_set_up(now, rep, post):
    post.on = False
    notify(rep)
    assert (standing(), Notification.objects.count(), Job.objects.filter(kind="notices.send").count()) == ([], 1, 0)
    post.on = True
    assert delivery.send_waiting("nowhere") == {"sent": 0, "failed": 0, "dropped": 0}


def test_it_writes_nothing_for_whoever_has_no_address_or_wants_none(now, team, rep, post):
    choose(rep, "mention", "off")
    notify(rep, team.manager)
    assert (standing(), Notification.objects.count()) == ([], 2)


def test_it_is_not_sent_when_the_transaction_is_undone(now, rep, post):
    from saleswright.kernel.transactions import atomic

    def broken():
        with atomic():
            notify(rep)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert (standing(), Notification.objects.count()) == ([], 0)


def test_it_asks_as_many_queries_for_many_people_as_for_few(now, person, post, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    few, many = ([person(email=f"p{n}@example.com") for n in range(count)] for count in (2, 12))
    costs = []
    for people in (few, many):
        with CaptureQueriesContext(connection) as captured:
            notify(*people)
        costs.append(len(captured))
    assert costs[1] <= costs[0]  # the second finds the job that was asked for
    assert costs[0] <= 12


# --- failing ---------------------------------------------------------------------------------------------------


def test_it_tries_again_later_under_the_same_id(now, rep, post):
    post.problems = [later("busy"), RuntimeError("broken")]
    notify(rep)
    assert delivery.send_waiting("email")["failed"] == 1
    first = NoticeDelivery.objects.get()
    assert (first.state, first.attempts, first.problem) == ("waiting", 1, "busy")
    assert timedelta(seconds=24) <= first.due_at - NOON <= timedelta(seconds=36)
    assert delivery.send_waiting("email")["sent"] == 0
    now.shift(40)
    assert delivery.send_waiting("email")["failed"] == 1
    assert NoticeDelivery.objects.get().problem == "RuntimeError: broken"
    now.shift(200)
    assert delivery.send_waiting("email")["sent"] == 1
    assert post.sent[0][1] == first.batch


def test_it_gives_up_at_once_where_nothing_helps_and_is_sent_again_on_demand(now, rep, post):
    post.problems = [never()]
    notify(rep)
    delivery.send_waiting("email")
    row = NoticeDelivery.objects.get()
    assert (row.state, row.problem) == ("failed", "no such mailbox")
    with pytest.raises(NotAllowed):
        sending_again.send_all_again(actor=acting_as(rep), at=NOON)
    assert standing() == ["failed"]
    from saleswright.kernel.access.actors import system

    assert sending_again.send_all_again(actor=system("test"), at=NOON) == 1
    assert delivery.send_waiting("email")["sent"] == 1
    assert post.sent[0][1] == row.batch


def test_it_gives_up_after_eight_attempts(now, rep, post):
    post.problems = [later() for _ in range(9)]
    notify(rep)
    for _attempt in range(8):
        delivery.send_waiting("email")
        now.shift(5 * 3600)
    assert (standing(), NoticeDelivery.objects.get().attempts, len(post.problems)) == (["failed"], 8, 1)


def test_it_gives_up_what_kills_the_worker_each_time(now, rep, post):
    notify(rep)
    NoticeDelivery.objects.update(attempts=8)
    assert delivery.send_waiting("email")["failed"] == 1
    assert (standing(), post.sent) == (["failed"], [])


def test_it_fails_where_the_address_has_gone(now, rep, root, post):
    notify(rep)
    save_record(type(rep), {"email": ""}, pk=rep.pk, actor=root)
    delivery.send_waiting("email")
    assert (standing(), post.sent) == (["failed"], [])


def test_it_takes_up_what_a_dead_worker_was_sending(now, rep, post):
    notify(rep)
    taken = delivery.claim("email")
    assert [row.state for row in taken] == ["sending"]
    assert delivery.claim("email") is None
    assert delivery.start_all(clock.now()) == 0
    now.shift(91)
    assert delivery.start_all(clock.now()) == 1
    assert delivery.send_waiting("email")["sent"] == 1
    assert post.sent[0][1] == taken[0].batch
    assert delivery.send(delivery.channel_named("email"), taken) == "sent"  # the first worker was only slow
    assert (standing(), NoticeDelivery.objects.get().attempts) == (["sent"], 2)


# --- who may not be told any more ------------------------------------------------------------------------------


def test_it_says_nothing_of_records_that_are_out_of_sight(now, rep, team, root, post):
    notify(rep, customer=team.customer)
    save_record(Customer, {"owner": team.manager.pk}, pk=team.customer.pk, actor=root)
    assert delivery.send_waiting("email") == {"sent": 0, "failed": 0, "dropped": 1}
    row = NoticeDelivery.objects.get()
    assert (row.state, row.problem, post.sent) == ("dropped", "这个人已看不到该记录。", [])


@pytest.mark.parametrize("state", ["left", "on_leave"])
def test_it_says_nothing_to_people_who_have_left_or_are_away(now, rep, post, state):
    notify(rep)
    type(rep).objects.filter(pk=rep.pk).update(state=state)
    assert delivery.send_waiting("email")["dropped"] == 1
    assert (standing(), post.sent) == (["dropped"], [])


def test_it_says_nothing_during_an_absence(now, rep, team, root, post):
    days = {"start_on": "2026-11-25", "end_on": "2026-11-27", "delegate": team.manager.pk, "owner": rep.pk}
    save_record(Delegation, days, actor=root)
    notify(rep)
    assert delivery.send_waiting("email")["dropped"] == 1
    now.shift(timedelta(days=5))
    notify(rep)
    assert delivery.send_waiting("email")["sent"] == 1


def test_it_plans_nothing_for_people_who_have_left(now, rep, post):
    type(rep).objects.filter(pk=rep.pk).update(state="left")
    notify(rep)
    assert standing() == []


# --- digests ---------------------------------------------------------------------------------------------------


def test_it_gathers_a_day_into_one_message(now, rep, team, post):
    choose(rep, "mention", "daily")
    notify(rep, text="One", customer=team.customer)
    notify(rep, text="Two")
    assert delivery.send_waiting("email")["sent"] == 0
    now.move_to(shanghai("2026-11-26T09:00"))
    assert delivery.send_waiting("email") == {"sent": 1, "failed": 0, "dropped": 0}
    assert post.texts() == [["One", "Two"]]
    assert len({row.batch for row in NoticeDelivery.objects.all()}) == 1
    assert len({message.id for message in post.sent[0][2]}) == 2
    now.shift(timedelta(days=1))
    assert delivery.send_waiting("email")["sent"] == 0  # nothing new, no empty message


def test_it_makes_one_digest_a_period_also_of_what_is_late(now, rep, post):
    choose(rep, "mention", "daily")
    notify(rep, text="One")
    due = NoticeDelivery.objects.get().due_at
    now.move_to(shanghai("2026-11-26T09:00"))
    delivery.send_waiting("email")
    notify(rep, text="Late", at=NOON)  # its transaction ended after the digest had gone
    assert NoticeDelivery.objects.get(text="Late").due_at == due
    assert delivery.send_waiting("email")["sent"] == 0
    assert NoticeDelivery.objects.get(text="Late").due_at == shanghai("2026-11-27T09:00")
    now.move_to(shanghai("2026-11-27T09:00"))
    delivery.send_waiting("email")
    assert (post.texts(), NoticeDigest.objects.count()) == ([["One"], ["Late"]], 2)


def test_it_leaves_out_of_a_digest_what_is_out_of_sight(now, rep, team, root, post):
    choose(rep, "mention", "hourly")
    notify(rep, text="Mine")
    notify(rep, text="Secret", customer=team.customer)
    save_record(Customer, {"owner": team.manager.pk}, pk=team.customer.pk, actor=root)
    now.move_to(shanghai("2026-11-25T12:00"))
    delivery.send_waiting("email")
    assert (post.texts(), standing()) == ([["Mine"]], ["sent", "dropped"])


def test_it_repeats_a_digest_that_failed_as_it_was(now, rep, post):
    choose(rep, "mention", "hourly")
    notify(rep, text="One")
    post.problems = [later()]
    now.move_to(shanghai("2026-11-25T12:00"))
    delivery.send_waiting("email")
    batch = NoticeDelivery.objects.get().batch
    notify(rep, text="Two")
    now.shift(60)
    delivery.send_waiting("email")
    assert [(whole, [m.text for m in messages]) for _a, whole, messages in post.sent] == [(batch, ["One"])]


# --- hours -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pace", "happens", "goes"),
    [
        ("now", "2026-11-25T11:00", "2026-11-25T11:00"),
        ("now", "2026-11-25T21:00", "2026-11-26T08:00"),
        ("now", "2026-11-26T07:59", "2026-11-26T08:00"),
        ("now", "2026-11-27T23:00", "2026-11-30T08:00"),  # a Friday night
        ("now", "2026-11-28T12:00", "2026-11-30T08:00"),
        ("hourly", "2026-11-25T11:00", "2026-11-25T12:00"),
        ("hourly", "2026-11-25T20:30", "2026-11-26T08:00"),
        ("daily", "2026-11-25T08:59", "2026-11-25T09:00"),
        ("daily", "2026-11-25T09:00", "2026-11-26T09:00"),
        ("daily", "2026-11-27T10:00", "2026-11-30T09:00"),
    ],
)
def test_it_waits_for_the_hours(pace, happens, goes):
    from saleswright.modules.work.states import Pace

    assert Hours().due(Pace(pace), shanghai(happens).astimezone(UTC)) == shanghai(goes)


def test_it_knows_holidays_and_days_made_up_for_them(root):
    from saleswright.modules.work.states import Pace

    for day, like in (("2027-03-15", None), ("2027-03-13", 1)):  # a Monday off, a Saturday at work
        save_record(SpecialDay, {"day": day, "name": "调休", "works_like": like}, actor=root)
    from saleswright.kernel.worktime import calendar

    calendar.forget()
    assert Hours().due(Pace.DAILY, shanghai("2027-03-12T10:00")) == shanghai("2027-03-13T09:00")
    assert Hours().due(Pace.NOW, shanghai("2027-03-13T22:00")) == shanghai("2027-03-16T08:00")


def test_it_has_hours_within_a_day_none_and_days_off_at_work():
    nap = Hours(time(12), time(14), days_off=False)
    assert [nap.is_quiet(shanghai(f"2026-11-28T{hour}")) for hour in ("11:59", "12:00", "13:59", "14:00")] == [
        False, True, True, False,
    ]  # fmt: skip
    assert nap.awake(shanghai("2026-11-28T12:30")) == shanghai("2026-11-28T14:00")
    assert not Hours(None, None, days_off=False).is_quiet(shanghai("2026-11-28T03:00"))
    assert Hours(None, None).awake(shanghai("2026-11-28T03:00")) == shanghai("2026-11-30T00:00")


def test_only_what_is_urgent_goes_out_in_quiet_hours(now, rep, post):
    now.move_to(shanghai("2026-11-25T22:00"))
    notify(rep, text="Mention")
    notify(rep, text="Alert", kind="alert")
    assert delivery.send_waiting("email")["sent"] == 1
    assert post.texts() == [["Alert"]]
    now.move_to(shanghai("2026-11-26T08:00"))
    assert delivery.send_waiting("email")["sent"] == 1


# --- preferences -----------------------------------------------------------------------------------------------


def test_the_person_comes_before_the_company_and_it_before_the_kind(now, rep, root):
    def pace():
        return preferences.wishes_of([rep.pk])[rep.pk].pace("comment", "email")

    assert pace() == "daily"
    preferences.set_paces(COMPANY, {("comment", "email"): "off"}, actor=root, at=NOON)
    assert pace() == "off"
    assert preferences.wishes_of([rep.pk])[rep.pk].pace("comment", "wecom") == "now"
    choose_hours = Hours(time(20), time(7), False, time(10))
    preferences.set_hours(COMPANY, choose_hours, actor=root, at=NOON)
    assert preferences.wishes_of([rep.pk])[rep.pk].hours == choose_hours
    preferences.set_hours(rep.pk, Hours(), actor=acting_as(rep), at=NOON)
    assert preferences.wishes_of([rep.pk])[rep.pk].hours == Hours()
    preferences.set_hours(rep.pk, None, actor=acting_as(rep), at=NOON)
    assert preferences.wishes_of([rep.pk])[rep.pk].hours == choose_hours


def test_it_takes_only_what_there_is_and_only_ones_own(now, rep, team, post):
    choose(rep, "comment", "hourly")
    choose(rep, "comment", "")
    assert not NoticePreference.objects.exists()
    for kind, channel, pace, code in (
        ("nothing", "email", "now", "unknown"), ("comment", "pigeon", "now", "unknown"),
        ("comment", "email", "weekly", "choice"), ("comment", "wecom_bot", "now", "unknown"),
    ):  # fmt: skip
        with pytest.raises(Exception) as refused:  # noqa: PT011
            preferences.set_paces(rep.pk, {(kind, channel): pace}, actor=acting_as(rep), at=NOON)
        assert [(one.field, one.code) for one in refused.value.errors] == [(f"{kind}.{channel}", code)]
    for whose in (COMPANY, team.manager.pk):
        with pytest.raises(NotAllowed):
            preferences.set_paces(whose, {("comment", "email"): "off"}, actor=acting_as(rep), at=NOON)
        with pytest.raises(NotAllowed):
            preferences.set_hours(whose, Hours(), actor=acting_as(rep), at=NOON)
    with pytest.raises(Exception, match="both ends"):
        preferences.set_hours(rep.pk, Hours(time(9), None), actor=acting_as(rep), at=NOON)
    assert not NoticePreference.objects.exists()


# --- trying out, tidying, jobs ---------------------------------------------------------------------------------


def test_it_sends_administrators_a_test(now, rep, root, post, person):
    boss = person("administrator", email="boss@example.com")
    made = sending_again.send_test("email", actor=acting_as(boss), at=NOON)
    assert delivery.send_waiting("email")["sent"] == 1
    assert (post.sent[0][0], post.sent[0][1]) == ("boss@example.com", made.batch)
    with pytest.raises(NotAllowed):
        sending_again.send_test("email", actor=acting_as(rep), at=NOON)
    with pytest.raises(Conflict):
        sending_again.send_test("email", actor=acting_as(person("administrator")), at=NOON)
    with pytest.raises(Conflict):
        sending_again.send_test("wecom_bot", actor=acting_as(boss), at=NOON)
    assert NoticeDelivery.objects.count() == 1


def test_it_forgets_what_was_sent_long_ago(now, rep, post):
    class Context:
        check_cancelled = staticmethod(lambda: None)

    notify(rep)
    assert wake_notices(Context()) == {"channels": 1}
    assert send_notices(Context(), channel="email")["sent"] == 1
    post.problems = [never()]
    notify(rep)
    send_notices(Context(), channel="email")
    now.shift(timedelta(days=61))
    assert tidy_notices(Context()) == {"removed": 1}
    assert standing() == ["failed"]
