"""Bearer tokens."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.access.tokens import create_token, digest_of, end_token, user_for_token
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import ApiToken, AuditEntry, EmploymentState, User
from saleswright.kernel.records import save_record

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


def test_it_finds_the_person_in_one_query_and_notes_the_use_now_and_then(user, django_assert_num_queries):
    with time_machine.travel(NOON, tick=False) as now:
        raw = token_of(user)
        for minutes, queries in ((0, 2), (5, 1), (1, 2)):
            now.shift(timedelta(minutes=minutes))
            with django_assert_num_queries(queries):
                assert user_for_token(raw) == user
    assert ApiToken.objects.get().last_used_at == NOON + timedelta(minutes=6)


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


# --- scopes ----------------------------------------------------------------------------------------------------


def reach(raw):
    """What the token may do of a few things."""
    actor = actor_for(user_for_token(raw), origin="api", kind="token")
    asked = ("customers.view", "customers.edit", "orders.view", "orders.confirm", "fields.phone", "employees.edit")
    return [permission for permission in asked if actor.may(permission)]


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (["*"], ["customers.view", "customers.edit", "orders.view", "orders.confirm", "fields.phone"]),
        (["read"], ["customers.view", "orders.view", "fields.phone"]),
        (["customers.view"], ["customers.view"]),
        (["orders.*", "customers.view", "orders.*"], ["customers.view", "orders.view", "orders.confirm"]),
        (["*.view"], ["customers.view", "orders.view"]),
    ],
)
def test_a_token_may_do_what_its_scopes_and_the_rights_of_its_person_allow(person, scopes, may):
    raw = create_token(person("sales_representative"), "reports", None, system("test"), scopes)
    assert reach(raw) == may
    assert ApiToken.objects.get().scopes == " ".join(dict.fromkeys(scopes))


def test_a_token_does_not_keep_the_rights_that_its_person_loses(person):
    user = person("sales_representative")
    raw = create_token(user, "reports", None, system("test"), ["orders.*"])
    save_record(User, {"roles": []}, pk=user.pk, actor=system("test"))
    assert reach(raw) == []


@pytest.mark.parametrize("scopes", [[], ["employees.edit"], ["jobs.*"], ["nonsense"], ["orders.view *"], [""]])
def test_it_makes_no_token_for_what_the_person_may_not_do(person, scopes):
    with pytest.raises(ValidationFailed) as refused:
        create_token(person("sales_representative"), "reports", None, system("test"), scopes)
    assert refused.value.errors[0].field == "scopes"
    assert not ApiToken.objects.exists()
