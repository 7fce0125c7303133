"""Bearer tokens."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from saleswright.kernel.access.actors import system
from saleswright.kernel.access.tokens import create_token, digest_of, end_token, user_for_token
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import ApiToken, AuditEntry, EmploymentState, User

NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)


@pytest.fixture
def user(db):
    return User.objects.create(username="li", name="李雷", created_at=NOON, updated_at=NOON)


def token_of(user, days=None):
    return create_token(user, "reports", days, system("test"))


def test_it_gives_a_token_and_keeps_its_digest_only(user):
    raw = token_of(user)
    assert re.fullmatch(r"sw_[A-Za-z0-9_-]{40}", raw)
    kept = ApiToken.objects.get()
    assert (kept.user, kept.name, kept.digest, kept.expires_at) == (user, "reports", digest_of(raw), None)
    entry = AuditEntry.objects.get()
    assert (entry.resource, entry.record_id, entry.action) == ("api-tokens", kept.pk, "create")
    assert raw not in str(entry.changes)


def test_it_finds_the_person_in_one_query(user, django_assert_num_queries):
    raw = token_of(user)
    with django_assert_num_queries(1):
        assert user_for_token(raw) == user


def test_it_refuses_a_token_after_its_days(user):
    with time_machine.travel(NOON, tick=False) as now:
        raw = token_of(user, days=2)
        now.shift(timedelta(days=2, seconds=-1))
        assert user_for_token(raw) == user
        now.shift(1)
        assert user_for_token(raw) is None


def test_it_refuses_an_ended_token(user):
    raw = token_of(user)
    end_token(ApiToken.objects.get(), system("test"))
    assert user_for_token(raw) is None
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["create", "end"]


def test_it_ends_a_token_once(user):
    token_of(user)
    for _ in range(2):
        end_token(ApiToken.objects.get(), system("test"))
    assert AuditEntry.objects.filter(action="end").count() == 1


@pytest.mark.parametrize("change", [{"state": EmploymentState.LEFT}, {"archived_at": NOON}])
def test_it_refuses_the_token_of_someone_who_has_left(user, change):
    raw = token_of(user)
    User.objects.update(**change)
    assert user_for_token(raw) is None


@pytest.mark.parametrize("raw", ["", "sw_unknown", "Bearer x"])
def test_it_refuses_an_unknown_token(user, raw):
    token_of(user)
    assert user_for_token(raw) is None


def test_it_makes_no_token_for_someone_who_has_left(user):
    user.state = EmploymentState.LEFT
    with pytest.raises(Conflict):
        token_of(user)
    assert not ApiToken.objects.exists()


def test_it_makes_no_token_for_less_than_a_day(user):
    with pytest.raises(ValueError, match="days"):
        token_of(user, days=0)
    assert not ApiToken.objects.exists()
