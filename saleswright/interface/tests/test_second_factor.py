"""Signing in with two factors, and setting the second one up."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from saleswright.kernel.access import second_factor
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry, Role, SecondFactor, User

pytestmark = pytest.mark.django_db
PASSWORD = "Quiet-River-9"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def now():
    cache.clear()
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def user(person):
    return User.objects.get(pk=person("sales_representative", password=PASSWORD).pk)


@pytest.fixture
def codes(user, now):
    made = second_factor.enrol(user, SECRET, code(), system("test"))
    now.shift(timedelta(minutes=1))
    return made


def code(secret=SECRET):
    return pyotp.TOTP(secret).at(datetime.now(UTC))


def first_step(user, **more):
    client = Client()
    return client, client.post("/sign-in", {"username": user.username, "password": PASSWORD, **more})


def is_in(client):
    return client.get("/customers").status_code == 200


def secret_on(page):
    return re.search(r'class="secret">([A-Z2-7 ]+)<', page.content.decode())[1].replace(" ", "")


def test_the_password_alone_does_not_let_in(user, codes):
    client, answer = first_step(user)
    assert answer["Location"] == "/sign-in/code"
    assert not is_in(client)
    assert client.get("/api/v1/customers").status_code == 401
    assert 'name="code"' in client.get("/sign-in/code").content.decode()
    assert not AuditEntry.objects.filter(action="signed_in").exists()


def test_password_and_code_let_in(user, codes):
    client, _answer = first_step(user, next="/customers?level=A")
    assert client.post("/sign-in/code", {"code": code()})["Location"] == "/customers?level=A"
    assert is_in(client)
    assert AuditEntry.objects.get(action="signed_in").record_id == user.pk


def test_a_recovery_code_lets_in(user, codes):
    client, _answer = first_step(user)
    assert client.post("/sign-in/code", {"code": codes[3]}).status_code == 302
    assert is_in(client)


def test_a_wrong_code_does_not_let_in(user, codes):
    client, _answer = first_step(user)
    answer = client.post("/sign-in/code", {"code": "000000"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not is_in(client)


def test_after_five_wrong_codes_it_says_how_long_to_wait(user, codes):
    client, _answer = first_step(user)
    answers = [client.post("/sign-in/code", {"code": "000000"}).status_code for _ in range(5)]
    locked = client.post("/sign-in/code", {"code": codes[0]})
    assert answers == [422] * 5
    assert (locked.status_code, locked["Retry-After"]) == (429, "901")
    assert not is_in(client)


def test_a_code_without_a_password_is_of_no_use(user, codes):
    client = Client()
    assert client.post("/sign-in/code", {"code": code()})["Location"] == "/sign-in"
    assert client.get("/sign-in/enrol")["Location"] == "/sign-in"
    assert not is_in(client)


def test_the_password_counts_for_ten_minutes(user, codes, now):
    client, _answer = first_step(user)
    now.shift(timedelta(minutes=10, seconds=1))
    assert client.post("/sign-in/code", {"code": codes[0]})["Location"] == "/sign-in"
    assert not is_in(client)
    assert second_factor.codes_left(user) == 10


def test_who_leaves_between_the_two_factors_is_not_let_in(user, codes):
    client, _answer = first_step(user)
    type(user).objects.filter(pk=user.pk).update(state="left")
    assert client.post("/sign-in/code", {"code": codes[0]})["Location"] == "/sign-in"


# --- required by a role ----------------------------------------------------------------------------------------


@pytest.fixture
def required(user):
    second_factor.require_for({Role.objects.get(code="sales_representative").pk}, system("test"))


def test_who_needs_one_sets_it_up_before_being_let_in(user, required):
    client, answer = first_step(user, next="/customers")
    assert answer["Location"] == "/sign-in/enrol"
    assert not is_in(client)
    page = client.get("/sign-in/enrol")
    assert "<svg" in page.content.decode()
    done = client.post("/sign-in/enrol", {"code": code(secret_on(page))})
    assert len(re.findall(r"<code>[a-z2-9]{5}-[a-z2-9]{5}</code>", done.content.decode())) == 10
    assert 'href="/customers"' in done.content.decode()
    assert is_in(client)
    assert first_step(user)[1]["Location"] == "/sign-in/code"


def test_a_wrong_first_code_sets_nothing_up(user, required):
    client, _answer = first_step(user)
    secret = secret_on(client.get("/sign-in/enrol"))
    assert client.post("/sign-in/enrol", {"code": "000000"}).status_code == 422
    assert not SecondFactor.objects.exists()
    assert not is_in(client)
    assert secret_on(client.get("/sign-in/enrol")) == secret


def test_nobody_sets_up_a_second_one_on_the_way_in(user, codes):
    client, _answer = first_step(user)
    assert client.get("/sign-in/enrol")["Location"] == "/sign-in/code"


# --- under one's account ---------------------------------------------------------------------------------------


def test_it_is_set_up_under_the_account(user, browse):
    client = browse(user)
    page = client.get("/account/second-factor")
    secret = secret_on(page)
    assert secret_on(client.get("/account/second-factor")) == secret
    assert client.post("/account/second-factor", {"code": "000000"}).status_code == 422
    assert not SecondFactor.objects.exists()
    done = client.post("/account/second-factor", {"code": code(secret)})
    assert done.content.decode().count("<li><code>") == 10
    assert second_factor.is_enrolled(user)
    assert client.get("/account/second-factor")["Location"] == "/account"


def test_recovery_codes_are_renewed_by_a_code(user, codes, browse):
    client = browse(user)
    assert client.get("/account/second-factor/codes").status_code == 200
    assert client.post("/account/second-factor/codes", {"code": "000000"}).status_code == 422
    page = client.post("/account/second-factor/codes", {"code": code()}).content.decode()
    assert page.count("<li><code>") == 10
    assert codes[0] not in page


def test_it_is_switched_off_by_a_code(user, codes, browse):
    client = browse(user)
    assert client.post("/account/second-factor/off", {"code": "000000"}).status_code == 422
    assert second_factor.is_enrolled(user)
    assert client.post("/account/second-factor/off", {"code": code()})["Location"] == "/account"
    assert not second_factor.is_enrolled(user)


def test_who_needs_it_cannot_switch_it_off(user, codes, required, browse):
    assert browse(user).post("/account/second-factor/off", {"code": code()}).status_code == 409
    assert second_factor.is_enrolled(user)


def test_too_many_wrong_codes_under_the_account_say_how_long_to_wait(user, codes, browse):
    client = browse(user)
    for _ in range(5):
        client.post("/account/second-factor/off", {"code": "000000"})
    locked = client.post("/account/second-factor/off", {"code": code()})
    assert (locked.status_code, locked["Retry-After"]) == (429, "901")
    assert second_factor.is_enrolled(user)
