"""Sessions, and the change of one's own password that ends them."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.cache import cache

from saleswright.kernel.access import sessions
from saleswright.kernel.access.actors import system
from saleswright.kernel.access.passwords import change_password
from saleswright.kernel.errors import NotFound, TooMany, ValidationFailed
from saleswright.kernel.models import AuditEntry, Session, User

NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)
ROOT = system("test")
OLD, NEW = "Quiet-River-9", "Louder-River-10"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@pytest.fixture(autouse=True)
def now():
    cache.clear()
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def user(db):
    made = User(username="li", name="李雷", created_at=NOON, updated_at=NOON)
    made.set_password(OLD)
    made.save()
    return made


def begin(user, agent=CHROME):
    """The key of a new session of the person."""
    session = sessions.store()
    session.update(sessions.described(agent=agent, address="10.0.0.7", method="password"))
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), "x"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def keys(user):
    return [session.session_key for session in sessions.sessions_of(user)]


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (CHROME, "Chrome · Windows"),
        (f"{CHROME} Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari · iPhone"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0", "WeChat · iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
    ],
)
def test_it_names_the_device(agent, device):
    assert sessions.device_of(agent) == device


def test_a_session_says_whose_it_is_and_from_where(user):
    begin(user)
    session = Session.objects.get()
    assert (session.user, session.device, session.address, session.method) == (
        user, "Chrome · Windows", "10.0.0.7", "password",
    )  # fmt: skip
    assert (session.began_at, session.seen_at) == (NOON, NOON)
    assert session.session_key not in session.handle


def test_a_session_of_nobody_is_nobodys(db):
    session = sessions.store()
    session["x"] = 1
    session.save()
    assert (Session.objects.get().user, Session.objects.get().began_at) == (None, NOON)


def test_saving_a_session_again_keeps_when_it_began(user, now):
    session = sessions.store(begin(user))
    now.shift(timedelta(hours=1))
    session["x"] = 1
    session.save()
    kept = Session.objects.get()
    assert (kept.began_at, kept.seen_at) == (NOON, NOON + timedelta(hours=1))


def test_it_is_seen_every_few_minutes(user, now):
    key = begin(user)
    for minutes, seen in ((4, 0), (2, 6)):
        now.shift(timedelta(minutes=minutes))
        sessions.touch(key)
        assert Session.objects.get().seen_at == NOON + timedelta(minutes=seen)


def test_sessions_that_are_over_are_not_listed(user, now):
    begin(user)
    now.shift(timedelta(hours=13))
    later = begin(user)
    assert keys(user) == [later]
    assert sessions.tidy(None) == {"removed": 1}
    assert Session.objects.get().session_key == later


def test_sessions_from_before_a_new_password_are_not_listed(user):
    begin(user)
    user.set_password(NEW)
    assert keys(user) == []


def test_it_ends_one_session(user):
    first, second = begin(user), begin(user)
    handle = Session.objects.get(pk=first).handle
    sessions.end_session(user, handle, ROOT)
    assert keys(user) == [second]
    assert sessions.store(first).load() == {}
    entry = AuditEntry.objects.get()
    assert (entry.resource, entry.record_id, entry.action) == ("employees", user.pk, "session_ended")
    with pytest.raises(NotFound):
        sessions.end_session(user, handle, ROOT)
    assert AuditEntry.objects.count() == 1


def test_it_ends_no_session_of_somebody_else(user):
    other = User.objects.create(username="han", name="韩梅梅", created_at=NOON, updated_at=NOON)
    key = begin(other)
    with pytest.raises(NotFound):
        sessions.end_session(user, Session.objects.get().handle, ROOT)
    assert keys(other) == [key]


def test_it_ends_all_sessions_but_one(user):
    kept = begin(user)
    for _ in range(2):
        begin(user)
    assert sessions.end_sessions(user, ROOT, keep=kept) == 2
    assert keys(user) == [kept]
    assert sessions.end_sessions(user, ROOT, keep=kept) == 0
    assert AuditEntry.objects.count() == 2


# --- password --------------------------------------------------------------------------------------------------


def test_a_new_password_ends_the_other_sessions(user):
    kept = begin(user)
    begin(user)
    change_password(user, OLD, NEW, ROOT, keep=kept)
    changed = User.objects.get()
    assert changed.check_password(NEW)
    assert changed.version == 2
    assert Session.objects.get().session_key == kept
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "session_ended", "password_changed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("present", "new", "field"),
    [
        ("wrong", NEW, "present"),
        ("", NEW, "present"),
        (OLD, OLD, "new"),
        (OLD, "short", "new"),
        (OLD, "password123", "new"),
        (OLD, "", "new"),
    ],
)
def test_a_bad_password_changes_nothing(user, present, new, field):
    begin(user)
    with pytest.raises(ValidationFailed) as refused:
        change_password(user, present, new, ROOT)
    assert {error.field for error in refused.value.errors} == {field}
    assert User.objects.get().check_password(OLD)
    assert (Session.objects.count(), AuditEntry.objects.count()) == (1, 0)


def test_after_five_wrong_present_passwords_the_right_one_has_to_wait(user):
    for _ in range(5):
        with pytest.raises(ValidationFailed):
            change_password(user, "wrong", NEW, ROOT)
    with pytest.raises(TooMany):
        change_password(user, OLD, NEW, ROOT)
    assert User.objects.get().check_password(OLD)
