"""Announcements: whom they reach, when, and who has read them."""

from datetime import timedelta

import pytest
import time_machine

from saleswright.kernel import clock
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, Role, User
from saleswright.kernel.records import save_record
from saleswright.modules.notices.actions import announcements
from saleswright.modules.notices.models import Announcement, Audience, Receipt
from saleswright.modules.notices.tests.conftest import DAY, HOUR, ROOT, acting_as
from saleswright.modules.org.models import Body, Post
from saleswright.modules.work.models import Comment

pytestmark = pytest.mark.django_db


def told_of(one):
    return set(Receipt.objects.filter(announcement=one).values_list("user__name", flat=True))


def receipt(one, user):
    return Receipt.objects.get(announcement=one, user=user)


def confirm(one, user):
    announcements.confirm_announcement(receipt(one, user).pk, actor=acting_as(user))


def seen_by(user):
    return set(visible(Announcement.objects.all(), acting_as(user)))


# --- for whom --------------------------------------------------------------------------------------------------


def test_it_reaches_a_department_with_what_is_below(team, announce):
    assert told_of(announce()) == {"Head", "Anna", "Bert"}
    assert told_of(announce(department_ids=[team.east.pk])) == {"Anna", "Bert"}


def test_it_reaches_a_region_with_what_is_below(team, announce):
    assert told_of(announce(department_ids=[], region_ids=[team.china.pk])) == {"Anna"}


def test_it_reaches_holders_of_a_post_now(team, announce):
    post = save_record(Post, {"title": "Keeper"}, actor=ROOT)
    save_record(User, {"post_ids": [post.pk]}, pk=team.wu.pk, actor=ROOT)
    save_record(User, {"post_ids": [post.pk]}, pk=team.bert.pk, actor=ROOT)
    save_record(User, {"post_ids": []}, pk=team.bert.pk, actor=ROOT)
    assert told_of(announce(department_ids=[], post_ids=[post.pk])) == {"Wu"}


def test_it_reaches_roles_bodies_and_named_people_each_once(team, announce):
    lines = {"members": [{"member": team.anna.pk}]}
    body = save_record(Body, {"name": "Committee", "chair": team.head.pk}, lines=lines, actor=ROOT)
    role = Role.objects.get(code="warehouse")
    one = announce(department_ids=[], role_ids=[role.pk], body_ids=[body.pk], person_ids=[team.anna.pk, team.bert.pk])
    assert told_of(one) == {"Wu", "Head", "Anna", "Bert"}
    assert Receipt.objects.filter(announcement=one).count() == 4


def test_it_reaches_everybody_but_its_author_and_those_who_left(team, announce):
    User.objects.filter(pk=team.wu.pk).update(state="left")
    assert told_of(announce(everybody=True, department_ids=[])) == {"Head", "Anna", "Bert"}


def test_it_is_kept_from_guests_who_may_see_no_announcements(team, announce, person):
    guest = person("partner", name="Guest", department=team.east)
    assert "Guest" not in told_of(announce(everybody=True, person_ids=[guest.pk]))


def test_it_is_read_and_confirmed_by_an_auditor_too(team, announce, browse, person):
    auditor = person("auditor", name="Auditor")
    one = announce(must_confirm=True, person_ids=[auditor.pk])
    client = browse(auditor)
    client.post(f"/announcements/{one.pk}/read")
    assert receipt(one, auditor).read_at is not None
    client.post(f"/announcements/{one.pk}/confirm")
    assert receipt(one, auditor).confirmed_at is not None


def test_it_refuses_to_be_published_for_nobody(team, announce, told):
    one = announce(publish=False, department_ids=[])
    with pytest.raises(Conflict, match="Say first for whom it is"):
        announcements.publish_announcement(one.pk, actor=acting_as(team.author))
    one.refresh_from_db()
    assert (one.status, Receipt.objects.count(), told) == ("draft", 0, [])


@pytest.mark.parametrize("value", ["x", [True], [0], [999999], [2**70]])
def test_it_refuses_an_audience_that_there_is_not(team, value):
    with pytest.raises(ValidationFailed) as refused:
        save_record(Announcement, {"title": "A", "body": "B", "department_ids": value}, actor=ROOT)
    assert refused.value.errors[0].field == "department_ids"
    assert (Announcement.objects.count(), Audience.objects.count()) == (0, 0)


def test_it_is_seen_by_those_who_were_told_and_by_its_author(team, announce):
    one, draft = announce(department_ids=[team.east.pk]), announce(publish=False)
    assert seen_by(team.anna) == {one}
    assert seen_by(team.wu) == set()
    assert seen_by(team.author) == {one, draft}


def test_it_is_only_read_by_those_who_were_told(team, announce, person):
    manager = person("sales_manager", name="Manager", department=team.east)
    one = announce(person_ids=[manager.pk])
    with pytest.raises(NotAllowed):
        save_record(Announcement, {"title": "Mine"}, pk=one.pk, actor=acting_as(manager))
    with pytest.raises(NotAllowed):
        announcements.withdraw_announcement(one.pk, actor=acting_as(manager), reason="no")
    one.refresh_from_db()
    assert (one.title, one.status) == ("New prices", "published")


def test_it_is_not_written_by_everybody(team):
    with pytest.raises(NotAllowed):
        save_record(Announcement, {"title": "A", "body": "B"}, actor=acting_as(team.anna))
    assert not Announcement.objects.exists()


# --- when ------------------------------------------------------------------------------------------------------


def test_it_tells_people_when_it_is_published(team, announce, told):
    one = announce(department_ids=[team.east.pk])
    assert told.last() == ([team.anna.pk, team.bert.pk], "Announcement: New prices")
    assert (one.status, one.publish_at, told[-1]["record_id"]) == ("published", one.updated_at, one.pk)


def test_it_waits_for_its_time(team, announce, told):
    start = clock.now() + HOUR
    one = announce(publish_at=start)
    assert (one.status, one.publish_at, told, told_of(one)) == ("scheduled", start, [], set())
    assert announcements.run_clock(start - timedelta(seconds=1))["published"] == 0
    assert announcements.run_clock(start)["published"] == 1
    one.refresh_from_db()
    assert (one.status, told_of(one)) == ("published", {"Head", "Anna", "Bert"})
    assert announcements.run_clock(start)["published"] == 0


def test_it_goes_back_to_the_draft_before_its_time(team, announce):
    start = clock.now() + HOUR
    one = announce(publish_at=start)
    announcements.unschedule_announcement(one.pk, actor=acting_as(team.author))
    assert announcements.run_clock(start)["published"] == 0
    one.refresh_from_db()
    assert (one.status, one.publish_at) == ("draft", None)


def test_it_ends_at_its_time_and_can_still_be_read(team, announce):
    one = announce(expires_at=clock.now() + HOUR)
    assert announcements.run_clock(clock.now())["expired"] == 0
    assert announcements.run_clock(clock.now() + 2 * HOUR)["expired"] == 1
    one.refresh_from_db()
    assert one.status == "expired"
    assert one in seen_by(team.anna)
    with pytest.raises(Conflict, match="is over"):
        save_record(Announcement, {"title": "Again"}, pk=one.pk, actor=ROOT)


def test_it_ends_when_its_author_says_so(team, announce):
    one = announce()
    announcements.end_announcement(one.pk, actor=acting_as(team.author))
    one.refresh_from_db()
    assert (one.status, one.expires_at) == ("expired", one.updated_at)


@pytest.mark.parametrize(
    ("values", "publish_at"),
    [
        ({"expires_at": HOUR}, 2 * HOUR),
        ({"must_confirm": True, "confirm_by": HOUR}, 2 * HOUR),
        ({"must_confirm": True, "confirm_by": -HOUR}, None),
    ],
)
def test_it_refuses_a_time_after_its_end(team, announce, values, publish_at):
    now = clock.now()
    given = {name: now + value if isinstance(value, timedelta) else value for name, value in values.items()}
    one = announce(publish=False, **given)
    with pytest.raises(ValidationFailed) as refused:
        announcements.publish_announcement(
            one.pk, actor=acting_as(team.author), publish_at=now + publish_at if publish_at else None
        )
    assert refused.value.errors[0].field == "publish_at"
    one.refresh_from_db()
    assert (one.status, told_of(one)) == ("draft", set())


def test_it_refuses_an_end_that_is_past(team):
    with pytest.raises(ValidationFailed) as refused:
        save_record(Announcement, {"title": "A", "body": "B", "expires_at": clock.now() - DAY}, actor=ROOT)
    assert refused.value.errors[0].field == "expires_at"
    assert not Announcement.objects.exists()


def test_it_tells_who_joins_later(team, announce, told, person):
    one = announce()
    late = person("sales_representative", name="Late", department=team.east)
    assert announcements.run_clock(clock.now())["newly_told"] == 1
    assert told.last() == ([late.pk], "Announcement: New prices")
    assert announcements.run_clock(clock.now())["newly_told"] == 0
    assert one in seen_by(late)


# --- reading and confirming ------------------------------------------------------------------------------------


def test_it_is_read_once_and_by_the_person_alone(team, announce):
    one = announce()
    mine = receipt(one, team.anna)
    with pytest.raises(NotFound):
        announcements.read_announcement(mine.pk, actor=acting_as(team.bert))
    with pytest.raises(NotAllowed):
        announcements.read_announcement(mine.pk, actor=acting_as(team.author))
    announcements.note_reading(one.pk, acting_as(team.anna))
    first = receipt(one, team.anna)
    announcements.note_reading(one.pk, acting_as(team.anna))
    assert receipt(one, team.anna).read_at == first.read_at is not None
    assert first.edition == 1
    with pytest.raises(Conflict, match="already"):
        announcements.read_announcement(mine.pk, actor=acting_as(team.anna))
    assert receipt(one, team.bert).read_at is None


def test_it_leaves_the_announcement_itself_alone_when_it_is_read(team, announce):
    one = announce()
    announcements.note_reading(one.pk, acting_as(team.anna))
    assert Announcement.objects.get(pk=one.pk).version == one.version


def test_it_is_confirmed_where_that_is_asked(team, announce):
    plain, one = announce(), announce(must_confirm=True)
    with pytest.raises(Conflict, match="need not be confirmed"):
        confirm(plain, team.anna)
    confirm(one, team.anna)
    mine = receipt(one, team.anna)
    assert (mine.confirmed_at, mine.read_at) == (mine.updated_at, mine.updated_at)
    with pytest.raises(Conflict, match="confirmed it already"):
        confirm(one, team.anna)


def test_it_counts_who_has_read_and_confirmed(team, announce, api):
    one = announce(must_confirm=True)
    confirm(one, team.anna)
    announcements.note_reading(one.pk, acting_as(team.bert))
    User.objects.filter(pk=team.head.pk).update(state="left")
    assert api(team.author).get(f"announcements/{one.pk}").json()["reading"] == {"told": 2, "read": 2, "confirmed": 1}


def test_it_keeps_from_others_who_has_read(team, announce, api):
    one = announce()
    listed = api(team.anna).get("announcement-receipts").json()["items"]
    assert [row["user"]["id"] for row in listed] == [team.anna.pk]
    managed = api(team.author).get(f"announcement-receipts?announcement_id={one.pk}").json()["items"]
    assert {row["user"]["id"] for row in managed} == {team.head.pk, team.anna.pk, team.bert.pk}


def test_it_reminds_the_rest(team, announce, told):
    one = announce()
    announcements.note_reading(one.pk, acting_as(team.anna))
    assert announcements.remind_of_announcement(one.pk, actor=acting_as(team.author)) == {"reminded": 2}
    assert told.last() == ([team.head.pk, team.bert.pk], "Reminder, please read: New prices")
    assert receipt(one, team.bert).reminded_at is not None
    assert receipt(one, team.anna).reminded_at is None


def test_it_reminds_of_confirming_a_day_before_and_when_the_time_is_over(team, announce, told):
    end = clock.now() + 3 * DAY
    one = announce(must_confirm=True, confirm_by=end)
    confirm(one, team.anna)
    told.clear()
    assert announcements.run_clock(end - DAY - HOUR)["reminded"] == 0
    assert announcements.run_clock(end - DAY)["reminded"] == 2
    assert announcements.run_clock(end - DAY + HOUR)["reminded"] == 0
    assert [note["user_ids"] for note in told] == [[team.head.pk, team.bert.pk]]
    confirm(one, team.bert)
    assert announcements.run_clock(end)["reminded"] == 1
    assert told[-2]["user_ids"] == [team.head.pk]
    assert told.last() == ([team.author.pk], "1 person has not confirmed in time: New prices")
    assert announcements.run_clock(end + HOUR)["reminded"] == 0


def test_it_chases_nobody_when_all_have_confirmed(team, announce, told):
    one = announce(must_confirm=True, confirm_by=clock.now() + HOUR, department_ids=[], person_ids=[team.anna.pk])
    confirm(one, team.anna)
    told.clear()
    assert announcements.run_clock(clock.now() + 2 * HOUR)["reminded"] == 0
    assert told == []


# --- changing and withdrawing ----------------------------------------------------------------------------------


def change(one, **values):
    save_record(Announcement, values, pk=one.pk, actor=ROOT)
    one.refresh_from_db()


def test_it_asks_again_after_a_change_if_that_is_marked(team, announce, told):
    one = announce(must_confirm=True)
    confirm(one, team.anna)
    change(one, body="They hold from Tuesday.", ask_again=True)
    assert (one.edition, one.ask_again) == (2, False)
    mine = receipt(one, team.anna)
    assert (mine.read_at, mine.confirmed_at, mine.edition) == (None, None, 1)
    assert told.last() == ([team.head.pk, team.anna.pk, team.bert.pk], "Changed, please read again: New prices")
    confirm(one, team.anna)
    assert receipt(one, team.anna).edition == 2


def test_it_asks_nobody_again_otherwise(team, announce, told):
    one = announce(must_confirm=True)
    confirm(one, team.anna)
    count = len(told)
    change(one, body="They hold from monday.")
    assert one.edition == 2
    change(one, pinned=True, ask_again=True)
    assert (one.edition, one.ask_again, len(told)) == (2, False, count)
    assert receipt(one, team.anna).confirmed_at is not None


def test_it_keeps_what_was_said_before(team, announce):
    one = announce()
    change(one, body="They hold from Tuesday.")
    entry = AuditEntry.objects.filter(resource="announcements", record_id=one.pk, action="changed").latest("id")
    assert entry.changes["body"] == ["They hold from Monday.", "They hold from Tuesday."]


def test_it_stays_the_first_edition_as_a_draft(team, announce):
    one = announce(publish=False)
    change(one, body="Other", ask_again=True)
    assert (one.edition, one.ask_again) == (1, False)


def test_it_tells_those_whom_a_change_adds(team, announce, told):
    one = announce(department_ids=[team.east.pk])
    change(one, person_ids=[team.wu.pk])
    assert told.last()[0] == [team.wu.pk]
    assert told_of(one) == {"Anna", "Bert", "Wu"}


def test_it_is_withdrawn_with_a_reason(team, announce, told):
    one = announce(must_confirm=True)
    announcements.note_reading(one.pk, acting_as(team.anna))
    announcements.withdraw_announcement(one.pk, actor=acting_as(team.author), reason="Wrong list")
    one.refresh_from_db()
    assert (one.status, one.withdrawal) == ("withdrawn", "Wrong list")
    assert told.last() == ([team.anna.pk], "Withdrawn: New prices")
    assert (seen_by(team.anna), seen_by(team.bert)) == ({one}, set())
    with pytest.raises(Conflict, match="was withdrawn"):
        confirm(one, team.anna)


# --- comments --------------------------------------------------------------------------------------------------


def remark(one, user):
    values = {"resource": "announcements", "record_id": one.pk, "text": "Good"}
    return save_record(Comment, values, actor=acting_as(user))


def test_it_is_commented_on_by_those_who_see_it(team, announce):
    one = announce()
    assert remark(one, team.anna).text == "Good"
    with pytest.raises(ValidationFailed):
        remark(one, team.wu)


def test_it_refuses_comments_where_they_are_closed(team, announce, browse):
    one = announce(comments_open=False)
    with pytest.raises(ValidationFailed, match="Comments are closed here"):
        remark(one, team.anna)
    assert not Comment.objects.exists()
    page = browse(team.anna, language="en").get(f"/announcements/{one.pk}/timeline").content.decode()
    assert 'class="comment"' not in page


# --- pages -----------------------------------------------------------------------------------------------------


def test_it_stands_on_the_first_screen_until_it_is_read(team, announce, browse):
    client = browse(team.anna)
    one, pinned = announce(), announce(title="Stays", pinned=True)
    both = client.get("/").content.decode()
    assert (f'href="/announcements/{one.pk}"' in both, f'href="/announcements/{pinned.pk}"' in both) == (True, True)
    for each in (one, pinned):
        client.post(f"/announcements/{each.pk}/read")
    home = client.get("/").content.decode()
    assert (f'href="/announcements/{one.pk}"' in home, f'href="/announcements/{pinned.pk}"' in home) == (False, True)


def test_it_leaves_the_first_screen_when_it_expires(team, announce, browse):
    one = announce(expires_at=clock.now() + HOUR)
    with time_machine.travel(clock.now() + 2 * HOUR):
        assert f'href="/announcements/{one.pk}"' not in browse(team.anna).get("/").content.decode()


def test_it_is_read_by_looking_at_it(team, announce, browse):
    one = announce()
    client = browse(team.anna, language="en")
    panel = client.get(f"/announcements/{one.pk}/reading").content.decode()
    assert f'hx-post="/announcements/{one.pk}/read"' in panel
    assert receipt(one, team.anna).read_at is None
    again = client.post(f"/announcements/{one.pk}/read").content.decode()
    assert "hx-post" not in again
    assert receipt(one, team.anna).read_at is not None


def test_it_is_confirmed_on_its_page(team, announce, browse):
    one = announce(must_confirm=True)
    client = browse(team.anna)
    panel = client.get(f"/announcements/{one.pk}/reading").content.decode()
    assert f'action="/announcements/{one.pk}/confirm"' in panel
    assert client.post(f"/announcements/{one.pk}/confirm")["Location"] == f"/announcements/{one.pk}"
    assert receipt(one, team.anna).confirmed_at is not None
    assert f"/announcements/{one.pk}/confirm" not in client.get(f"/announcements/{one.pk}/reading").content.decode()


def test_it_shows_its_author_who_is_missing(team, announce, browse):
    one = announce()
    announcements.note_reading(one.pk, acting_as(team.anna))
    panel = browse(team.author, language="en").get(f"/announcements/{one.pk}/reading").content.decode()
    assert "<b>1</b> / 3" in panel
    assert ("Bert" in panel, "Anna" in panel) == (True, False)
    assert "Bert" not in browse(team.anna).get(f"/announcements/{one.pk}/reading").content.decode()


def test_it_has_no_page_for_others(team, announce, browse):
    one = announce(department_ids=[team.east.pk])
    client = browse(team.wu)
    for path in ("", "/reading"):
        assert client.get(f"/announcements/{one.pk}{path}").status_code == 404
    assert client.post(f"/announcements/{one.pk}/read").status_code == 404
    assert browse(team.author).post(f"/announcements/{one.pk}/confirm").status_code == 404


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_tells_each_person_once_when_two_clocks_run(team, announce):
    from threading import Barrier, Thread

    from django.db import connection

    start = clock.now() + HOUR
    one, gate = announce(publish_at=start), Barrier(2)

    def run():
        gate.wait()
        announcements.run_clock(start)
        connection.close()

    threads = [Thread(target=run) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Receipt.objects.filter(announcement=one).count() == 3
    assert AuditEntry.objects.filter(resource="announcements", record_id=one.pk, action="publish").count() == 2
