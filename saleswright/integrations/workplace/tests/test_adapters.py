"""What both adapters do with every answer that a program may give."""

import hashlib
import threading
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection as database

from saleswright.integrations.workplace import envelope, tickets
from saleswright.integrations.workplace.adapter import Final, Forged, OutsidePerson, Temporary, Unknown
from saleswright.integrations.workplace.models import Connection, Ticket
from saleswright.integrations.workplace.registry import workplace_of
from saleswright.integrations.workplace.secrets import sealed
from saleswright.integrations.workplace.tests.fakes import CORP, KEY, PAGE_TICKETS, TOKEN
from saleswright.integrations.workplace.wecom import signature_of
from saleswright.kernel import clock, transport

pytestmark = pytest.mark.django_db


def test_it_reads_departments_and_people(office, connection):
    workplace = workplace_of(connection)
    found = {one.id: (one.name, one.parent, one.managers) for one in workplace.departments()}
    assert found["10"] == ("销售部", "1", ("lead",))
    assert found["11"] == ("华东区", "10", ())
    people = {one.id: one for one in workplace.people(["10", "11"])}
    assert sorted(people) == ["lead", "wang", "zhao"]
    assert people["wang"] == OutsidePerson(
        "wang", "王芳", "13800000002", "wang@example.com", department="11", departments=("11",)
    )
    assert workplace.person("zhao").manager == ("wang" if office.provider == "wecom" else "")


def test_it_reads_page_after_page(office, connection):
    for number in range(7):
        office.person(f"more{number}", f"员工{number}", "11")
    assert len(workplace_of(connection).people(["11"])) == 9


def test_it_knows_who_is_not_there(office, connection):
    with pytest.raises(Unknown):
        workplace_of(connection).person("nobody")


def test_it_fetches_one_token_for_many_requests(office, connection):
    workplace = workplace_of(connection)
    workplace.person("wang")
    workplace_of(Connection.objects.get(pk=connection.pk)).person("zhao")
    assert office.tokens == 1
    assert "token-1" not in Ticket.objects.get(kind="app").value


def test_it_fetches_a_new_token_once_when_told_that_it_has_expired(office, connection):
    workplace = workplace_of(connection)
    workplace.person("wang")
    office.expire()
    assert workplace.person("wang").name == "王芳"
    assert office.tokens == 2


def test_it_fetches_a_new_token_before_the_old_one_ends(office, connection):
    workplace = workplace_of(connection)
    workplace.person("wang")
    Ticket.objects.update(expires_at=clock.now() + timedelta(minutes=4))
    workplace.person("wang")
    assert office.tokens == 2


def test_it_does_not_ask_for_tokens_for_ever(office, connection):
    workplace = workplace_of(connection)
    office.new_token = lambda: "never valid"
    with pytest.raises(Temporary):
        workplace.person("wang")
    assert len(office.asked) == 4


@pytest.mark.parametrize("failure", ["busy", "500", "junk", "redirect"])
def test_it_takes_a_passing_fault_for_one(office, connection, failure):
    workplace = workplace_of(connection)
    workplace.person("wang")
    office.failures = [failure]
    with pytest.raises(Temporary):
        workplace.person("wang")
    assert workplace.person("wang").name == "王芳"


def test_it_does_not_wait_for_a_slow_answer(office, connection, monkeypatch):
    workplace = workplace_of(connection)
    workplace.person("wang")
    monkeypatch.setattr(transport, "TIME", 0.2)
    office.failures, began = ["slow"], time.monotonic()
    with pytest.raises(Temporary):
        workplace.person("wang")
    assert time.monotonic() - began < 0.9


def test_it_takes_a_refusal_for_final(office, connection):
    workplace = workplace_of(connection)
    workplace.person("wang")
    office.failures = ["final"]
    with pytest.raises(Final, match="failure on purpose"):
        workplace.person("wang")


def test_it_says_that_the_secret_is_wrong(office, connection):
    Connection.objects.filter(pk=connection.pk).update(secret=sealed("another"))
    workplace = workplace_of(Connection.objects.get(pk=connection.pk))
    with pytest.raises(Final):
        workplace.person("wang")
    assert Ticket.objects.get().claimed_until is None


@pytest.mark.parametrize("kept", ["", "not to be read"])
def test_it_says_that_a_secret_is_missing_or_unreadable(office, connection, kept):
    Connection.objects.filter(pk=connection.pk).update(secret=kept)
    with pytest.raises(Final):
        workplace_of(Connection.objects.get(pk=connection.pk)).person("wang")
    assert office.asked == []


def test_it_gives_up_waiting_for_a_process_that_does_not_get_on(office, connection, monkeypatch):
    monkeypatch.setattr(tickets, "WAIT", 0.1)
    Ticket.objects.create(connection=connection, kind="app", claimed_until=clock.now() + timedelta(seconds=20))
    with pytest.raises(Temporary):
        workplace_of(connection).person("wang")
    Ticket.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
    assert workplace_of(connection).person("wang").name == "王芳"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_fetches_one_token_however_many_ask_at_once(office, connection):
    if database.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    names = []

    def ask():
        try:
            names.append(workplace_of(connection).person("wang").name)
        finally:
            database.close()

    threads = [threading.Thread(target=ask) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert names == ["王芳"] * 6
    assert office.tokens == 1


def test_it_sends_people_to_the_program_with_state_and_way_back(office, connection):
    workplace = workplace_of(connection)
    for inside in (True, False):
        url = workplace.sign_in_url("https://crm.example.com/back", "the state", inside=inside)
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (query["state"], query["redirect_uri"]) == ("the state", "https://crm.example.com/back")
    assert workplace.sign_in_url("b", "s", inside=True) != workplace.sign_in_url("b", "s", inside=False)


def test_it_signs_pages_as_the_program_checks_them(office, connection):
    url = "https://crm.example.com/side-bar/wecom?a=1"
    signed = workplace_of(connection).page_signature(url + "#part", "nonce", 1_700_000_000.5)
    text = f"jsapi_ticket={PAGE_TICKETS['page']}&noncestr=nonce&timestamp=1700000000&url={url}"
    assert signed["config"]["signature"] == hashlib.sha1(text.encode()).hexdigest()
    assert signed["corpId"] == CORP
    if office.provider == "wecom":
        expected = signature_of(PAGE_TICKETS["agent"], "nonce", 1_700_000_000, url)
        assert signed["agentConfig"]["signature"] == expected


def test_it_signs_like_the_example_of_the_documentation():
    # developer.work.weixin.qq.com/document/path/90506
    ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
    given = signature_of(ticket, "Wm3WZYTPz0wzccnW", 1414587457, "http://mp.weixin.qq.com?params=value")
    assert given == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"


# --- the envelope ------------------------------------------------------------------------------------------------


def _opened(**changes):
    given = {"message": "hello", "receiver": CORP, "stamp": "1000", "now": 1000.0} | changes
    ciphertext = given.get("ciphertext") or envelope.sealed(KEY, given["receiver"], given["message"])
    signed = given.get("signed") or envelope.signature(TOKEN, given["stamp"], "nonce", ciphertext)
    return envelope.opened(TOKEN, KEY, (CORP,), signed, given["stamp"], "nonce", ciphertext, given["now"])


@pytest.mark.parametrize("message", ["", "短消息", "x" * 1000])
def test_the_envelope_gives_back_what_was_put_in(message):
    assert _opened(message=message) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"signed": "0" * 40}, {"signed": "é"}, {"receiver": "another"}, {"now": 1301.0}, {"now": 699.0},
        {"stamp": "soon"}, {"stamp": "1" * 14}, {"ciphertext": "%%%"}, {"ciphertext": "AAAA"},
        {"ciphertext": "A" * 64},
    ],
)  # fmt: skip
def test_the_envelope_refuses_what_was_not_meant_for_us_now(changes):
    with pytest.raises(Forged):
        _opened(**changes)


@pytest.mark.parametrize("key", ["", "short", "中" * 43, "=" * 43])
def test_a_key_is_43_letters_and_digits(key):
    with pytest.raises(ValueError, match="43"):
        envelope.key_of(key)
