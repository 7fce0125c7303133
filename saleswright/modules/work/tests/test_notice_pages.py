"""The list of one's notices, how one is told, and what went out, as pages and by API."""

from datetime import timedelta

import pytest
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.ports import ports
from saleswright.kernel.words import said
from saleswright.modules.work.actions import delivery, preferences
from saleswright.modules.work.actions.preferences import COMPANY
from saleswright.modules.work.channels import Undelivered
from saleswright.modules.work.models import NoticeDelivery, NoticeHours, NoticePreference, Notification
from saleswright.modules.work.tests.channels import never

pytestmark = pytest.mark.django_db
TEXT = gettext_lazy("Reminder: %(title)s")


def notify(user, text="News", customer=None, kind="mention", at=None, path=""):
    ports.notification.notify(
        user_ids=[user.pk], text=text, resource="customers" if customer else "",
        record_id=customer.pk if customer else 0, at=at or clock.now(), kind=kind, path=path,
    )  # fmt: skip


def shown(client, path="/notifications", language="en"):
    client.post("/language", {"language": language, "next": "/"})
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


# --- the list --------------------------------------------------------------------------------------------------


def test_it_groups_notices_by_day_and_record(team, browse):
    at = clock.now()
    notify(team.rep, "Old", at=at - timedelta(days=1))
    notify(team.rep, "First", team.customer)
    notify(team.rep, "Second", team.customer)
    page = shown(browse(team.rep))
    assert page.index("Today") < page.index("Second") < page.index("1 earlier about the same") < page.index("First")
    assert page.index("First") < page.index("Yesterday") < page.index("Old")
    assert page.count("notice-icon") == 2
    assert "3 unread" in page


def test_it_speaks_the_language_of_the_page(team, browse):
    notify(team.rep, said(TEXT, title="Acme"), kind="task_reminder")
    client = browse(team.rep)
    for code, words in (("en", "Reminder: Acme"), ("zh-hans", "提醒：Acme")):
        assert words in shown(client, language=code)


def test_it_shows_the_unread_or_one_kind(team, browse):
    notify(team.rep, "Seen")
    Notification.objects.update(read_at=clock.now())
    notify(team.rep, "Fresh", kind="alert")
    client = browse(team.rep)
    unread = shown(client, "/notifications?view=unread")
    assert ("Fresh" in unread, "Seen" in unread) == (True, False)
    alerts = shown(client, "/notifications?kind=alert")
    assert ("Fresh" in alerts, "Seen" in alerts) == (True, False)
    assert "Nothing new" in shown(client, "/notifications?kind=job")


def test_opening_reads_all_about_the_same_record(team, browse):
    notify(team.rep, "First", team.customer)
    notify(team.rep, "Second", team.customer)
    notify(team.rep, "About nothing")
    client, newest = browse(team.rep), Notification.objects.get(text="Second")
    assert client.post(f"/notifications/{newest.pk}/open")["Location"] == f"/customers/{team.customer.pk}"
    assert client.get("/counts").json()["notifications"] == 1
    nothing = Notification.objects.get(text="About nothing")
    assert client.post(f"/notifications/{nothing.pk}/read")["Location"] == "/notifications"
    assert client.get("/counts").json()["notifications"] == 0
    assert browse(team.manager).post(f"/notifications/{nothing.pk}/read").status_code == 404


def test_a_notice_about_no_record_leads_where_it_says(team, browse):
    notify(team.rep, "Done", kind="job", path="/customers/import?job=3")
    notice = Notification.objects.get()
    assert browse(team.rep).post(f"/notifications/{notice.pk}/open")["Location"] == "/customers/import?job=3"


def test_it_goes_on_page_by_page_with_as_many_queries(team, browse, django_assert_max_num_queries):
    for number in range(65):
        notify(team.rep, f"Notice {number};")
    client = browse(team.rep)
    shown(client)
    with django_assert_max_num_queries(12):
        first = client.get("/notifications").content.decode()
    assert ("Notice 64;" in first, "Notice 4;" in first) == (True, False)
    before = Notification.objects.get(text="Notice 5;").pk
    assert f"before={before}" in first
    assert "Notice 4;" in shown(client, f"/notifications?before={before}")


def test_counting_is_cheap(team, browse, django_assert_max_num_queries):
    client = browse(team.rep)
    client.get("/counts")
    with django_assert_max_num_queries(6):
        answer = client.get("/counts")
    assert answer["Cache-Control"] == "no-store"


# --- preferences -----------------------------------------------------------------------------------------------


def test_the_person_chooses_on_their_page(team, browse, post):
    client = browse(team.rep)
    assert 'name="pace.mention.email"' in shown(client, "/account/notifications")
    given = {"pace.mention.email": "daily", "pace.comment.email": "", "own_hours": "1", "quiet_from": "20:00",
             "quiet_to": "07:30", "digest_at": "10:00"}  # fmt: skip
    assert client.post("/account/notifications", given).status_code == 302
    wishes = preferences.wishes_of([team.rep.pk])[team.rep.pk]
    assert (wishes.pace("mention", "email"), wishes.pace("comment", "email")) == ("daily", "daily")
    assert (f"{wishes.hours.quiet_from:%H:%M}", wishes.hours.days_off) == ("20:00", False)
    assert 'value="20:00"' in shown(client, "/account/notifications")
    assert client.post("/account/notifications", {"pace.mention.email": ""}).status_code == 302
    assert not NoticePreference.objects.exists()
    assert not NoticeHours.objects.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"quiet_from": "25:00"}, "Give a time such as 09:00."), ({"digest_at": ""}, "This field is required."),
        ({"quiet_to": ""}, "Give both ends"),
    ],
)  # fmt: skip
def test_it_says_beside_the_field_what_is_wrong(team, browse, post, values, words):
    given = {"own_hours": "1", "quiet_from": "20:00", "quiet_to": "07:00", "digest_at": "10:00",
             "pace.mention.email": "daily", **values}  # fmt: skip
    client = browse(team.rep)
    client.post("/language", {"language": "en", "next": "/"})
    response = client.post("/account/notifications", given)
    assert (response.status_code, words in response.content.decode()) == (422, True)
    assert not NoticePreference.objects.exists()
    assert not NoticeHours.objects.exists()


def test_only_administrators_set_the_defaults(team, browse, post):
    assert browse(team.rep).get("/settings/notice-defaults").status_code == 403
    assert browse(team.rep).post("/settings/notice-defaults", {"pace.mention.email": "off"}).status_code == 403
    assert not NoticePreference.objects.exists()
    client = browse("administrator")
    assert client.get("/settings/notice-defaults").status_code == 200
    client.post("/settings/notice-defaults", {"pace.mention.email": "off"})
    assert NoticePreference.objects.get().whose == COMPANY
    assert AuditEntry.objects.filter(resource="notice-defaults", action="changed").exists()


def test_preferences_by_api(team, api, post):
    client = api(team.rep)
    assert client.get("notice-preferences").json()["paces"]["comment"] == {"email": "daily"}
    hours = {"quiet_from": "22:00", "quiet_to": "06:00", "days_off": True, "digest_at": "08:30"}
    changed = client.patch("notice-preferences", {"paces": {"comment": {"email": "off"}}, "hours": hours}).json()
    assert (changed["paces"]["comment"], changed["hours"]) == ({"email": "off"}, hours)
    back = client.patch("notice-preferences", {"paces": {"comment": {"email": None}}, "hours": None}).json()
    assert (back["paces"]["comment"]["email"], back["hours"]["digest_at"]) == ("daily", "09:00")
    assert client.patch("notice-defaults", {"hours": hours}).status_code == 403
    assert api("administrator").patch("notice-defaults", {"hours": hours}).json()["hours"] == hours


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"colour": 1}, "colour"), ({"paces": []}, "paces"), ({"paces": {"mention": "now"}}, "paces"),
        ({"paces": {"mention": {"email": "weekly"}}}, "mention.email"), ({"hours": "x"}, "hours"),
        ({"hours": {"digest_at": "late"}}, "digest_at"),
    ],
)  # fmt: skip
def test_the_api_says_what_is_wrong(team, api, post, body, field):
    response = api(team.rep).patch("notice-preferences", body)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)
    assert not NoticePreference.objects.exists()


# --- what went out ---------------------------------------------------------------------------------------------


def test_administrators_see_what_failed_and_send_it_again(person, browse, post):
    reached = person(email="a@example.com")
    preferences.set_hours(COMPANY, preferences.Hours(None, None, days_off=False),
                          actor=delivery.actor_for(person("administrator"), origin="test"), at=clock.now())  # fmt: skip
    post.problems = [never("no such mailbox"), never("still none")]
    notify(reached, "Secret words")
    notify(reached, "More words")
    delivery.send_waiting("email")
    boss = browse("administrator", email="boss@example.com")
    page = shown(boss, "/settings/notices")
    assert "no such mailbox" in page
    assert "Secret words" not in page
    failed = NoticeDelivery.objects.order_by("id").first()
    assert boss.post(f"/settings/notices/{failed.pk}/again").status_code == 302
    assert boss.post("/settings/notices/again").status_code == 302
    assert boss.post("/settings/notices/test/email").status_code == 302
    assert delivery.send_waiting("email")["sent"] == 3
    stranger = browse(reached)
    for path in ("again", f"{failed.pk}/again", "test/email"):
        assert stranger.post(f"/settings/notices/{path}").status_code in {403, 404}
    assert stranger.get("/settings/notices").status_code == 403


def test_a_reason_is_read_in_the_readers_language(person, browse, api, post):
    reached = person(email="a@example.com")  # reads Chinese
    preferences.set_hours(COMPANY, preferences.Hours(None, None, days_off=False),
                          actor=delivery.actor_for(person("administrator"), origin="test"), at=clock.now())  # fmt: skip
    answered = said(gettext_lazy("The mail server answered %(code)s: %(text)s"), code=550, text="no mailbox")
    post.problems = [Undelivered(answered, temporary=False)]
    notify(reached, "News")
    delivery.send_waiting("email")
    row = NoticeDelivery.objects.get()
    assert (row.problem_source, row.problem_arguments) == (
        "The mail server answered %(code)s: %(text)s", {"code": "550", "text": "no mailbox"},
    )  # fmt: skip
    for language, text in (("en", "The mail server answered 550: no mailbox"), ("zh-hans", "邮件服务器")):
        reader = browse("administrator")
        for path in ("/settings/notices", "/notice-deliveries", f"/notice-deliveries/{row.pk}"):
            assert text in shown(reader, path, language)
    listed = api().get("notice-deliveries?fields=problem").json()["items"]
    assert listed == [{"id": row.pk, "problem": "The mail server answered 550: no mailbox"}]
    assert api().act("notice-deliveries", row.pk, "send-again").status_code == 200
    row.refresh_from_db()
    assert (row.problem, row.problem_source, row.problem_arguments) == ("", "", {})


def test_the_timeline_says_who_was_told_but_not_what(team, browse, post, root):
    from saleswright.kernel.records import save_record

    save_record(type(team.rep), {"email": "rep@example.com"}, pk=team.rep.pk, actor=root)
    preferences.set_hours(COMPANY, preferences.Hours(None, None, days_off=False), actor=root, at=clock.now())
    notify(team.rep, "Secret words", team.customer)
    delivery.send_waiting("email")
    client = browse(team.rep)
    page = shown(client, f"/customers/{team.customer.pk}/timeline")
    assert "Told by E-mail: Someone mentions me" in page
    assert "Secret words" not in page
