"""Meetings: invitations and answers, who is busy, minutes that become tasks, the next meeting."""

from datetime import date, datetime, timedelta

import icalendar
import pytest
import time_machine

from saleswright.interface.entity import entity_named
from saleswright.kernel import clock
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, OutboxEvent, User
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.notices import queries
from saleswright.modules.notices.actions import meetings
from saleswright.modules.notices.invitations import invitation
from saleswright.modules.notices.models import Meeting, Participant
from saleswright.modules.notices.tests.conftest import DAY, HOUR, ROOT, acting_as
from saleswright.modules.org.models import Body
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.work.actions.tasks import cancel_task, complete_task
from saleswright.modules.work.models import Delegation, Task

pytestmark = pytest.mark.django_db


def answers(meeting):
    rows = Participant.objects.filter(meeting=meeting).order_by("position")
    return list(rows.values_list("person__name", "answer"))


def answer(meeting, user, said, **more):
    meetings.answer_invitation(meeting.pk, actor=acting_as(user), answer=said, **more)


def change(meeting, user, *, lines=None, **values):
    save_record(Meeting, values, pk=meeting.pk, lines=lines, actor=acting_as(user))
    meeting.refresh_from_db()


def held(meet, team, **values):
    """A meeting of yesterday that has been called."""
    return meet(start=clock.now() - DAY, **values)


def sign(meeting, user):
    meetings.sign_off_minutes(meeting.pk, actor=acting_as(user))
    meeting.refresh_from_db()


def points(meeting):
    return [(one["label"], one["responsible"], one["state"]) for one in queries.points_of([meeting.pk])[meeting.pk]]


# --- planning --------------------------------------------------------------------------------------------------


def test_it_refuses_to_end_before_it_begins(team):
    start = clock.now() + DAY
    with pytest.raises(ValidationFailed) as refused:
        save_record(Meeting, {"title": "M", "starts_at": start, "ends_at": start}, actor=acting_as(team.anna))
    assert [error.field for error in refused.value.errors] == ["ends_at"]
    assert not Meeting.objects.exists()


def test_it_refuses_a_participant_twice(team, meet):
    with pytest.raises(ValidationFailed) as refused:
        meet(people=[team.anna, team.anna])
    assert [error.field for error in refused.value.errors] == ["participants.1.person"]
    assert not Meeting.objects.exists()


def test_it_is_a_matter_of_its_organiser_until_people_are_invited(team, meet):
    meeting = meet(invite=False)
    assert set(visible(Meeting.objects.all(), acting_as(team.head))) == {meeting}
    assert not visible(Meeting.objects.all(), acting_as(team.anna)).exists()


def test_it_offers_the_members_of_a_body_as_participants(team, browse):
    lines = {"members": [{"member": team.bert.pk}, {"member": team.anna.pk}]}
    body = save_record(Body, {"name": "Committee"}, lines=lines, actor=ROOT)
    page = browse(team.head).get(f"/meetings/new?body={body.pk}").content.decode()
    assert page.index(f'value="{team.bert.pk}" selected') < page.index(f'value="{team.anna.pk}" selected')


# --- inviting and answering ------------------------------------------------------------------------------------


def test_it_invites_the_participants(team, meet, told):
    start = datetime.fromisoformat("2030-03-04T09:00:00+08:00")
    meeting = meet(start=start)
    assert told.last() == ([team.anna.pk, team.bert.pk], "Invitation: Sales meeting, 2030-03-04 09:00")
    assert meeting.status == "called"
    assert set(visible(Meeting.objects.all(), acting_as(team.anna))) == {meeting}
    assert not visible(Meeting.objects.all(), acting_as(team.wu)).exists()


def test_it_invites_nobody_without_participants(team, told):
    start = clock.now() + DAY
    values = {"title": "M", "starts_at": start, "ends_at": start + HOUR}
    meeting = save_record(Meeting, values, actor=acting_as(team.head))
    with pytest.raises(Conflict, match="Name the participants first"):
        meetings.invite_to_meeting(meeting.pk, actor=acting_as(team.head))
    meeting.refresh_from_db()
    assert (meeting.status, told) == ("draft", [])


def test_it_is_answered_by_each_participant(team, meet, told):
    meeting = meet()
    answer(meeting, team.anna, "yes")
    answer(meeting, team.bert, "no", remark="At a customer")
    assert answers(meeting) == [("Anna", "yes"), ("Bert", "no")]
    assert told.last() == ([team.head.pk], "Bert can't come: Sales meeting")
    assert Participant.objects.get(person=team.bert).remark == "At a customer"
    assert AuditEntry.objects.filter(resource="meetings", record_id=meeting.pk, action="answer").count() == 2
    assert OutboxEvent.objects.filter(name="meetings.answer", record_id=meeting.pk).count() == 2


def test_it_disturbs_nobody_who_edits_it_when_it_is_answered(team, meet):
    meeting = meet()
    answer(meeting, team.anna, "yes")
    save_record(Meeting, {"minutes": "…"}, pk=meeting.pk, version=meeting.version, actor=acting_as(team.head))
    assert answers(meeting)[0] == ("Anna", "yes")


def test_it_is_answered_by_participants_alone(team, meet):
    meeting = meet()
    with pytest.raises(NotAllowed):
        answer(meeting, team.head, "yes")
    with pytest.raises(NotFound):
        answer(meeting, team.wu, "yes")
    with pytest.raises(ValidationFailed):
        answer(meeting, team.anna, "none")
    assert answers(meeting) == [("Anna", "none"), ("Bert", "none")]


def test_it_is_not_changed_by_participants(team, meet):
    meeting = meet()
    for act in (
        lambda: change(meeting, team.anna, title="Mine"),
        lambda: meetings.cancel_meeting(meeting.pk, actor=acting_as(team.anna)),
        lambda: meetings.invite_to_meeting(meeting.pk, actor=acting_as(team.anna)),
    ):
        with pytest.raises(NotAllowed):
            act()
    meeting.refresh_from_db()
    assert (meeting.title, meeting.status) == ("Sales meeting", "called")


def test_it_asks_again_when_the_time_changes(team, meet, told):
    meeting = meet()
    answer(meeting, team.anna, "yes")
    start = datetime.fromisoformat("2030-03-05T14:00:00+08:00")
    change(meeting, team.head, starts_at=start, ends_at=start + HOUR)
    assert (answers(meeting), meeting.sequence) == ([("Anna", "none"), ("Bert", "none")], 1)
    assert told.last() == ([team.anna.pk, team.bert.pk], "Another time: Sales meeting, 2030-03-05 14:00")


def test_it_tells_of_another_place_and_keeps_the_answers(team, meet, told):
    meeting = meet()
    answer(meeting, team.anna, "yes")
    change(meeting, team.head, place="Room 2")
    assert (answers(meeting)[0], meeting.sequence) == (("Anna", "yes"), 1)
    assert told.last()[1].startswith("Another place: Sales meeting")
    count = len(told)
    change(meeting, team.head, purpose="Prices")
    assert (meeting.sequence, len(told)) == (1, count)


def test_it_invites_who_is_added_later(team, meet, told):
    meeting = meet()
    kept = list(meeting.participants.order_by("position").values("id", "person", "optional"))
    change(meeting, team.head, lines={"participants": [*kept, {"person": team.wu.pk, "optional": True}]})
    assert told.last()[0] == [team.wu.pk]
    assert answers(meeting) == [("Anna", "none"), ("Bert", "none"), ("Wu", "none")]


def test_it_is_cancelled(team, meet, told):
    meeting = meet()
    meetings.cancel_meeting(meeting.pk, actor=acting_as(team.head), reason="Trade fair")
    meeting.refresh_from_db()
    assert (meeting.status, meeting.cancellation, meeting.sequence) == ("cancelled", "Trade fair", 1)
    assert told.last()[0] == [team.anna.pk, team.bert.pk]
    assert told.last()[1].startswith("Cancelled: Sales meeting")
    with pytest.raises(Conflict, match="is cancelled"):
        change(meeting, team.head, title="Again")


# --- who is busy -----------------------------------------------------------------------------------------------


def busy(meeting):
    return [(User.objects.get(pk=one.user_id).name, one.what) for one in queries.conflicts_of(meeting)]


def test_it_shows_who_is_in_another_meeting(team, meet):
    start = clock.now() + DAY
    meet(start=start, people=[team.anna, team.wu])
    refused = meet(start=start, people=[team.bert])
    answer(refused, team.bert, "no")
    meet(start=start, people=[team.bert], invite=False)
    later = meet(start=start + timedelta(minutes=59))
    after = meet(start=start + 3 * HOUR)
    assert busy(later) == [("Anna", "another meeting")]
    assert busy(after) == []


def test_it_shows_who_is_absent(team, meet):
    start = datetime.fromisoformat("2030-03-04T09:00:00+08:00")
    values = {"owner": team.bert.pk, "delegate": team.anna.pk, "start_on": "2030-03-04", "end_on": "2030-03-06"}
    save_record(Delegation, values, actor=ROOT)
    assert busy(meet(start=start)) == [("Bert", "absent")]
    assert busy(meet(start=start - DAY)) == []


def test_it_shows_who_has_planned_a_visit(team, meet):
    start = clock.now() + DAY
    customer = save_record(Customer, {"name": "Acme", "owner": team.anna.pk}, actor=ROOT)
    values = {"kind": "visit", "subject": "Visit", "customer": customer.pk, "owner": team.anna.pk}
    save_record(Activity, {**values, "planned_at": start + timedelta(minutes=30)}, actor=ROOT)
    assert busy(meet(start=start)) == [("Anna", "planned activity")]
    assert busy(meet(start=start + 2 * HOUR)) == []


def test_it_says_on_its_page_who_is_busy(team, meet, browse):
    start = clock.now() + DAY
    meet(start=start, people=[team.anna])
    meeting = meet(start=start)
    page = browse(team.head, language="en").get(f"/meetings/{meeting.pk}/standing").content.decode()
    assert "Anna: another meeting" in page


# --- the file for calendars ------------------------------------------------------------------------------------


def event_of(meeting):
    meeting.refresh_from_db()
    calendar = icalendar.Calendar.from_ical(invitation(meeting, acting_as(meeting.owner), "en"))
    return calendar, calendar.walk("VEVENT")[0]


def test_it_is_a_file_for_calendars(team, meet):
    User.objects.filter(pk=team.anna.pk).update(email="anna@example.com")
    start = datetime.fromisoformat("2030-03-04T09:00:00+08:00")
    meeting = meet(
        start=start, place="会议室, 二楼", link="https://meet.example.com/1", agenda=[{"topic": "价格"}],
        purpose="讨论；决定",
    )  # fmt: skip
    answer(meeting, team.anna, "yes")
    calendar, event = event_of(meeting)
    assert (calendar["method"], event["sequence"], event["summary"]) == ("REQUEST", 0, "Sales meeting")
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (start, start + HOUR)
    assert event["location"] == "会议室, 二楼"
    assert event["description"] == "讨论；决定\n1. 价格\nhttps://meet.example.com/1"
    people = [(str(one), one.params["CN"], one.params["PARTSTAT"]) for one in event["attendee"]]
    assert people == [("mailto:anna@example.com", "Anna", "ACCEPTED"), ("invalid:nomail", "Bert", "NEEDS-ACTION")]


def test_it_replaces_and_cancels_what_calendars_hold(team, meet):
    meeting = meet()
    _calendar, first = event_of(meeting)
    meetings.cancel_meeting(meeting.pk, actor=acting_as(team.head))
    calendar, event = event_of(meeting)
    assert (calendar["method"], event["status"], event["sequence"]) == ("CANCEL", "CANCELLED", 1)
    assert event["uid"] == first["uid"]


def test_it_is_downloaded_by_participants(team, meet, browse):
    meeting = meet(people=[team.anna])
    answer_ = browse(team.anna).get(f"/meetings/{meeting.pk}/document.ics")
    assert (answer_.status_code, answer_["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert answer_.content.startswith(b"BEGIN:VCALENDAR")
    assert browse(team.wu).get(f"/meetings/{meeting.pk}/document.ics").status_code == 404


# --- minutes ---------------------------------------------------------------------------------------------------


def test_it_turns_decisions_into_tasks(team, meet, told):
    meeting = held(
        meet, team,
        decisions=[
            {"text": "Call Acme", "responsible": team.anna.pk, "due_on": "2030-03-08"},
            {"text": "Prices stay"},
            {"text": "Count the stock", "responsible": team.wu.pk},
        ],
    )  # fmt: skip
    sign(meeting, team.head)
    tasks = {task.title: task for task in Task.objects.all()}
    assert set(tasks) == {"Call Acme", "Count the stock"}
    call = tasks["Call Acme"]
    assert (call.owner, call.due_at) == (team.anna, clock.day_start(date(2030, 3, 8)) + 18 * HOUR)
    assert (call.resource, call.record_id, call.description) == ("meetings", meeting.pk, "Sales meeting")
    assert points(meeting) == [
        ("Call Acme", "Anna", "open"), ("Prices stay", None, "noted"), ("Count the stock", "Wu", "open"),
    ]  # fmt: skip
    complete_task(call.pk, actor=acting_as(team.anna))
    cancel_task(tasks["Count the stock"].pk, actor=acting_as(team.wu))
    assert [state for _text, _who, state in points(meeting)] == ["done", "noted", "cancelled"]


def test_it_sends_the_minutes_and_stays_as_it_is(team, meet, told):
    meeting = held(meet, team, minutes="All agreed.")
    sign(meeting, team.head)
    assert told.last()[0] == [team.anna.pk, team.bert.pk]
    assert told.last()[1].startswith("Minutes: Sales meeting")
    assert (meeting.status, meeting.signed_by, meeting.signed_at) == ("signed", team.head, meeting.updated_at)
    with pytest.raises(Conflict, match="signed off"):
        change(meeting, team.head, minutes="Not agreed.")
    with pytest.raises(Conflict):
        meetings.cancel_meeting(meeting.pk, actor=acting_as(team.head))
    meeting.refresh_from_db()
    assert meeting.minutes == "All agreed."
    assert OutboxEvent.objects.filter(name="meetings.MinutesSigned", record_id=meeting.pk).count() == 1


def test_it_shows_the_minutes_to_who_has_something_to_do(team, meet):
    meeting = held(meet, team, decisions=[{"text": "Count", "responsible": team.wu.pk}])
    assert not visible(Meeting.objects.all(), acting_as(team.wu)).exists()
    sign(meeting, team.head)
    assert set(visible(Meeting.objects.all(), acting_as(team.wu))) == {meeting}


@pytest.mark.parametrize(
    ("start", "minutes", "why"), [(DAY, "x", "not begun yet"), (-DAY, " ", "Write the minutes or a decision first")]
)
def test_it_refuses_minutes_too_early_or_empty(team, meet, start, minutes, why):
    meeting = meet(start=clock.now() + start, minutes=minutes)
    with pytest.raises(Conflict, match=why):
        sign(meeting, team.head)
    meeting.refresh_from_db()
    assert (meeting.status, Task.objects.count()) == ("called", 0)


def test_it_is_signed_off_by_its_chair(team, meet):
    meeting = held(meet, team, minutes="All agreed.", chair=team.bert.pk)
    for other, refusal in ((team.head, NotAllowed), (team.anna, NotAllowed), (team.wu, NotFound)):
        with pytest.raises(refusal):
            sign(meeting, other)
    sign(meeting, team.bert)
    assert (meeting.status, meeting.signed_by) == ("signed", team.bert)


def test_it_is_not_signed_off_by_participants(team, meet):
    meeting = held(meet, team, minutes="All agreed.")
    with pytest.raises(NotAllowed):
        sign(meeting, team.anna)
    meeting.refresh_from_db()
    assert meeting.status == "called"


# --- the next meeting ------------------------------------------------------------------------------------------


def plan_next(meeting, user, **more):
    arguments = {"starts_at": clock.now() + 7 * DAY, **more}
    made = meetings.plan_next_meeting(meeting.pk, actor=acting_as(user), **arguments)
    return Meeting.objects.get(pk=made["id"])


def signed_with_three(team, meet):
    meeting = held(
        meet, team, place="Room 1",
        decisions=[{"text": text, "responsible": team.anna.pk} for text in ("One", "Two")] + [{"text": "Noted"}],
    )  # fmt: skip
    sign(meeting, team.head)
    return meeting


def test_it_takes_open_points_over(team, meet):
    meeting = signed_with_three(team, meet)
    one, two = Task.objects.order_by("id")
    complete_task(one.pk, actor=acting_as(team.anna))
    following = plan_next(meeting, team.head)
    assert points(following) == [("Two", "Anna", "open")]
    assert following.decisions.get().task == two
    assert (following.previous, following.status, following.place) == (meeting, "draft", "Room 1")
    assert following.ends_at - following.starts_at == HOUR
    assert answers(following) == [("Anna", "none"), ("Bert", "none")]
    assert [item.topic for item in following.agenda.all()] == [
        f"Open points of {clock.local_date(meeting.starts_at).isoformat()}"
    ]


def test_it_closes_a_point_in_both_meetings(team, meet):
    meeting = signed_with_three(team, meet)
    following = plan_next(meeting, team.head)
    complete_task(Task.objects.order_by("id")[1].pk, actor=acting_as(team.anna))
    assert [state for _t, _w, state in points(meeting)] == ["open", "done", "noted"]
    assert [state for _t, _w, state in points(following)] == ["open", "done"]


def test_it_makes_no_second_task_of_a_point_but_gives_it_on(team, meet):
    meeting = signed_with_three(team, meet)
    following = plan_next(meeting, team.head)
    meetings.invite_to_meeting(following.pk, actor=acting_as(team.head))
    kept = list(following.decisions.order_by("position").values("id", "text", "responsible", "due_on"))
    kept[0] |= {"responsible": team.bert.pk, "due_on": "2030-05-01"}
    change(following, team.head, lines={"decisions": [*kept, {"text": "New", "responsible": team.bert.pk}]})
    with time_machine.travel(following.starts_at + HOUR):
        sign(following, team.head)
    first = Task.objects.get(title="One")
    assert (first.owner, first.due_at) == (team.bert, clock.day_start(date(2030, 5, 1)) + 18 * HOUR)
    assert sorted(Task.objects.values_list("title", "owner__name")) == [
        ("New", "Bert"), ("One", "Bert"), ("Two", "Anna"),
    ]  # fmt: skip


def test_it_comes_after_this_one(team, meet):
    meeting = signed_with_three(team, meet)
    with pytest.raises(ValidationFailed) as refused:
        plan_next(meeting, team.head, starts_at=meeting.starts_at)
    assert refused.value.errors[0].field == "starts_at"
    assert Meeting.objects.count() == 1


def test_it_has_no_open_points_when_all_are_done(team, meet):
    meeting = held(meet, team, minutes="Nothing to do.")
    sign(meeting, team.head)
    following = plan_next(meeting, team.head, ends_at=clock.now() + 8 * DAY)
    assert (following.agenda.count(), following.decisions.count()) == (0, 0)


# --- pages -----------------------------------------------------------------------------------------------------


def test_it_is_answered_on_its_page(team, meet, browse):
    meeting = meet()
    client = browse(team.anna, language="en")
    assert "will you come?" in client.get(f"/meetings/{meeting.pk}/standing").content.decode()
    client.post(f"/meetings/{meeting.pk}/actions/answer", {"answer": "maybe"})
    assert answers(meeting)[0] == ("Anna", "maybe")
    page = client.get(f"/meetings/{meeting.pk}/standing").content.decode()
    assert "Your answer: Perhaps" in page


def test_it_stands_on_the_first_screen(team, meet, browse):
    meeting = meet()
    link = f'href="/meetings/{meeting.pk}"'
    page = browse(team.anna, language="en").get("/").content.decode()
    assert (link in page, "please answer" in page) == (True, True)
    assert link in browse(team.head).get("/").content.decode()
    answer(meeting, team.bert, "no")
    assert link not in browse(team.bert).get("/").content.decode()


def test_it_shows_its_points_on_its_page(team, meet, browse):
    meeting = signed_with_three(team, meet)
    page = browse(team.head, language="en").get(f"/meetings/{meeting.pk}/standing").content.decode()
    assert "2 open" in page
    assert page.count('href="/tasks/') == 2
    assert "Noted" in page


def test_it_declares_its_names():
    assert entity_named("meetings").check() == []
