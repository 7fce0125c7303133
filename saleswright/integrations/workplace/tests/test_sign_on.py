"""Sign-in by both programs: the button, silently inside, and everybody who is not let in."""

from urllib.parse import parse_qs, urlsplit

import pytest

from saleswright.integrations.workplace.actions.accounts import link
from saleswright.integrations.workplace.models import Connection, ExternalAccount
from saleswright.integrations.workplace.registry import ADAPTERS
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry, Role, Session, User
from saleswright.kernel.records import save_record

pytestmark = pytest.mark.django_db
ROOT = system("test")


def begin(client, office, **more):
    """Start at the button; the state that was sent along."""
    response = client.get(f"/sign-in/{office.provider}?next=/customers", **more)
    assert response.status_code == 302
    query = {name: values[0] for name, values in parse_qs(urlsplit(response["Location"]).query).items()}
    assert query["redirect_uri"] == f"http://testserver/sign-in/{office.provider}/back"
    return query["state"]


def finish(client, office, person, state=None, code="the-code"):
    """Come back from the program with a code for this person."""
    state = begin(client, office) if state is None else state
    if person:
        office.codes["the-code"] = person
    name = "authCode" if office.provider == "dingtalk" else "code"
    return client.get(f"/sign-in/{office.provider}/back", {name: code, "state": state})


def is_in(client):
    return "_auth_user_id" in client.session


def refusals():
    return AuditEntry.objects.filter(action="sign_in_refused").count()


@pytest.fixture
def wang(office, connection, person):
    """An employee who is linked."""
    made = person("sales_representative", name="王芳")
    link(office.provider, "wang", made, actor=ROOT)
    return made


def test_the_page_has_a_button_for_each_program_that_is_switched_on(office, connection, client):
    text = client.get("/sign-in").content.decode()
    assert f'href="/sign-in/{office.provider}?next=' in text
    save_record(Connection, {"signs_in": False}, pk=connection.pk, actor=ROOT)
    assert f"/sign-in/{office.provider}" not in client.get("/sign-in").content.decode()
    assert client.get(f"/sign-in/{office.provider}").status_code == 404
    save_record(Connection, {"signs_in": True, "active": False}, pk=connection.pk, actor=ROOT)
    assert client.get(f"/sign-in/{office.provider}").status_code == 404


def test_a_linked_employee_comes_in(office, wang, client):
    response = finish(client, office, "wang")
    assert (response.status_code, response["Location"]) == (302, "/customers")
    assert int(client.session["_auth_user_id"]) == wang.pk
    assert Session.objects.get().method == "company"
    assert AuditEntry.objects.filter(action="signed_in", record_id=wang.pk).count() == 1


def test_inside_the_program_nobody_presses_anything(office, wang, client):
    agent = {"headers": {"User-Agent": f"Mozilla/5.0 {ADAPTERS[office.provider].agent_mark}/4.1.0"}}
    response = client.get("/sign-in?next=/customers", **agent)
    assert (response.status_code, response["Location"]) == (302, f"/sign-in/{office.provider}?next=%2Fcustomers")
    # who has signed out stays out until they want to come in again
    assert client.get("/sign-in", **agent).status_code == 200
    assert finish(client, office, "wang", begin(client, office, **agent))["Location"] == "/customers"


def test_who_is_recognised_is_linked_and_comes_in(office, connection, client, person):
    mine = person("sales_representative", phone="+86 138 0000 0002")
    assert finish(client, office, "wang")["Location"] == "/customers"
    assert ExternalAccount.objects.get(external_id="wang").user == mine


@pytest.mark.parametrize("case", ["nobody", "two", "left", "linked to another", "linked and left", "stranger"])
def test_others_stay_outside(office, connection, client, person, case):
    if case == "two":
        person(phone="13800000002")
        person(phone="13800000002")
    elif case == "left":
        User.objects.filter(pk=person(phone="13800000002").pk).update(state="left")
    elif case == "linked to another":
        link(office.provider, "somebody-else", person(phone="13800000002"), actor=ROOT)
    elif case == "linked and left":
        gone = person()
        link(office.provider, "wang", gone, actor=ROOT)
        User.objects.filter(pk=gone.pk).update(state="left")
    links = ExternalAccount.objects.count()
    response = finish(client, office, "unheard-of" if case == "stranger" else "wang")
    assert response.status_code == 403
    assert not is_in(client)
    assert refusals() == 1
    assert ExternalAccount.objects.count() == links


@pytest.mark.parametrize("case", ["no state", "another state", "no code", "used code", "not begun", "too late"])
def test_who_was_not_sent_stays_outside(office, wang, client, case, monkeypatch):
    state = "made up" if case == "not begun" else begin(client, office)
    given = {"no state": "", "another state": "x" * 32}.get(case, state)
    if case == "too late":
        session = client.session
        session["workplace_sign_in"] = session["workplace_sign_in"] | {"at": 0}
        session.save()
    person = "" if case == "used code" else "wang"
    response = finish(client, office, person, given, code="" if case == "no code" else "the-code")
    assert response.status_code == 422
    assert not is_in(client)
    assert refusals() == 1


def test_a_state_works_once(office, wang, client):
    state = begin(client, office)
    finish(client, office, "", state, code="wrong")
    assert finish(client, office, "wang", state).status_code == 422
    assert not is_in(client)


def test_a_program_that_does_not_answer_counts_as_no_refusal(office, wang, client):
    state = begin(client, office)
    office.failures = ["500", "500"]
    client.cookies["language"] = "en"
    response = finish(client, office, "wang", state)
    assert response.status_code == 422
    assert "can&#39;t be reached" in response.content.decode()
    assert (is_in(client), refusals()) == (False, 0)


def test_too_many_refusals_from_one_address_end_it(office, wang, client, monkeypatch):
    from saleswright.integrations.workplace.pages import sign_on
    from saleswright.kernel.access.limits import Limit

    monkeypatch.setattr(sign_on, "REFUSALS", Limit(f"sign-in-{office.provider}", 1, 60))
    sign_on.REFUSALS.count("127.0.0.1")
    assert finish(client, office, "wang").status_code == 429
    assert not is_in(client)


def test_a_second_factor_is_asked_for_as_with_a_password(office, wang, client):
    Role.objects.filter(code="sales_representative").update(second_factor=True)
    response = finish(client, office, "wang")
    assert response["Location"] == "/sign-in/enrol"
    assert not is_in(client)


def test_the_way_back_leads_nowhere_else(office, wang, client):
    client.get(f"/sign-in/{office.provider}?next=https://evil.example.com/")
    state = client.session["workplace_sign_in"]["state"]
    assert finish(client, office, "wang", state)["Location"] == "/"
