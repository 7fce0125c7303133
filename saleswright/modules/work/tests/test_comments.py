"""Remarks, mentions and followers."""

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import NotAllowed, ValidationFailed
from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.comments import follow, mentioned, toggle_following
from saleswright.modules.work.actions.notifications import NoticeBoard
from saleswright.modules.work.models import Comment, Follower, Notification
from saleswright.modules.work.tests.conftest import acting_as

pytestmark = pytest.mark.django_db


def say(user, customer, text="Hello"):
    values = {"resource": "customers", "record_id": customer.pk, "text": text}
    return save_record(Comment, values, actor=acting_as(user))


def told(user):
    return list(Notification.objects.filter(user=user).values_list("resource", "record_id"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@anna please", ["anna"]),
        ("请@Anna看一下，@bob.", ["anna", "bob"]),
        ("@anna.li and @anna", ["anna.li", "anna"]),
        ("mail me at x@anna", ["anna"]),
        ("@nobody @", []),
    ],
)
def test_it_finds_the_people_mentioned(person, text, names):
    for name in ("anna", "anna.li", "bob"):
        person(username=name)
    assert [user.username for user in mentioned(text)] == names


def test_it_finds_the_people_mentioned_by_name(person):
    person("sales_manager", username="boss", name="王芳")
    person("sales_manager", username="other", name="王芳")
    person("sales_manager", username="short", name="王")
    assert {user.username for user in mentioned("请@王芳补充")} == {"boss", "other"}
    assert [user.username for user in mentioned("@王强 @boss @王强")] == ["short", "boss"]


def test_it_mentions_nobody_who_has_left(person):
    User.objects.filter(pk=person(username="gone").pk).update(state="left")
    assert mentioned("@gone") == []


def test_it_tells_who_is_mentioned_and_lets_them_follow(team):
    Collaborator.objects.create(resource="customers", record_id=team.customer.pk, user=team.manager)
    say(team.rep, team.customer, f"@{team.manager.username} look")
    assert told(team.manager) == [("customers", team.customer.pk)]
    assert list(Follower.objects.values_list("user", flat=True)) == [team.manager.pk]
    say(team.rep, team.customer, "More")
    assert len(told(team.manager)) == 2
    assert told(team.rep) == []


def test_it_tells_nothing_to_people_who_do_not_see_the_record(team):
    follow("customers", team.customer.pk, team.manager.pk)
    say(team.rep, team.customer, f"@{team.manager.username} look")
    assert told(team.manager) == []


def test_it_is_seen_by_whoever_sees_the_record(team, root):
    comment = say(team.rep, team.customer)
    other = save_record(Customer, {"name": "Other"}, actor=root)
    save_record(Comment, {"resource": "customers", "record_id": other.pk, "text": "x"}, actor=root)
    assert list(visible(Comment.objects.all(), acting_as(team.rep))) == [comment]
    assert list(visible(Comment.objects.all(), acting_as(team.manager))) == []
    assert visible(Comment.objects.all(), acting_as(team.director)).count() == 2


def test_it_refuses_remarks_about_what_one_does_not_see(team):
    with pytest.raises(ValidationFailed) as refused:
        say(team.manager, team.customer)
    assert [(e.field, e.code) for e in refused.value.errors] == [("record_id", "not_found")]
    assert not Comment.objects.exists()


def test_it_is_changed_by_its_author_alone_and_stays_where_it_is(team):
    comment = say(team.rep, team.customer)
    with pytest.raises(NotAllowed):
        save_record(Comment, {"text": "No"}, pk=comment.pk, actor=acting_as(team.director))
    with pytest.raises(ValidationFailed):
        save_record(Comment, {"record_id": team.customer.pk + 1}, pk=comment.pk, actor=acting_as(team.rep))
    save_record(Comment, {"text": "Yes"}, pk=comment.pk, actor=acting_as(team.rep))
    comment.refresh_from_db()
    assert (comment.text, comment.record_id) == ("Yes", team.customer.pk)


def test_it_follows_and_unfollows(team):
    assert toggle_following("customers", team.customer.pk, acting_as(team.rep)) is True
    follow("customers", team.customer.pk, team.rep.pk)
    assert toggle_following("customers", team.customer.pk, acting_as(team.rep)) is False
    assert not Follower.objects.exists()


def test_it_shows_notifications_to_their_person_alone(team, api):
    NoticeBoard().notify(
        user_ids=[team.rep.pk, team.rep.pk], text="Hi", resource="customers", record_id=team.customer.pk, at=clock.now()
    )
    mine = api(team.rep).get("notifications").json()["items"]
    assert [(one["text"], one["subject"]["label"], one["read_at"]) for one in mine] == [("Hi", "Acme", None)]
    assert api("administrator").get("notifications").json()["items"] == []
    assert api("administrator").act("notifications", mine[0]["id"], "read").status_code == 404
    assert api(team.rep).act("notifications", mine[0]["id"], "read").json()["read_at"] is not None
    assert api(team.rep).get("notifications?read_at__empty=1").json()["items"] == []
