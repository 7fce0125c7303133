"""One's own account: sessions, password, tokens; for administrators, those of others; limits."""

import re

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from saleswright.interface.middleware import ProxyMiddleware
from saleswright.interface.pages import session
from saleswright.kernel.access import second_factor
from saleswright.kernel.access.actors import system
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.access.tokens import create_token
from saleswright.kernel.models import ApiToken, AuditEntry, Role, SecondFactor, Session, User
from saleswright.modules.customers.public import Customer

pytestmark = pytest.mark.django_db
PASSWORD, NEW = "Quiet-River-9", "Louder-River-10"


@pytest.fixture(autouse=True)
def _empty():
    cache.clear()


@pytest.fixture
def user(person):
    return User.objects.get(pk=person("sales_representative", password=PASSWORD).pk)


def signed_in(user, password=PASSWORD, agent="Mozilla/5.0 (iPhone) Safari/604.1"):
    client = Client(headers={"User-Agent": agent})
    assert client.post("/sign-in", {"username": user.username, "password": password}).status_code == 302
    return client


def is_in(client):
    return client.get("/customers").status_code == 200


def handles(client, path="/account"):
    return re.findall(r'name="(?:session|id)" value="([0-9a-f]{24})"', client.get(path).content.decode())


# --- sessions --------------------------------------------------------------------------------------------------


def test_it_lists_where_one_is_signed_in(user):
    client = signed_in(user)
    signed_in(user, agent="Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
    page = client.get("/account").content.decode()
    assert "Safari · iPhone" in page
    assert "Firefox · Windows" in page
    assert page.count("127.0.0.1") == 2
    assert len(handles(client)) == 1  # one's own has no button
    assert not any(key in page for key in Session.objects.values_list("session_key", flat=True))


def test_one_session_is_ended_at_once(user):
    client, other, third = signed_in(user), signed_in(user), signed_in(user)
    assert is_in(other)
    first = Session.objects.get(session_key=other.cookies["sessionid"].value).handle
    assert client.post("/account/sessions/end", {"session": first}).status_code == 302
    assert [is_in(one) for one in (client, other, third)] == [True, False, True]
    assert other.get("/api/v1/customers").status_code == 401


def test_all_other_sessions_are_ended_at_once(user, person):
    stranger = signed_in(person("sales_representative", password=PASSWORD))
    client, other, third = signed_in(user), signed_in(user), signed_in(user)
    client.post("/account/sessions/end")
    assert [is_in(one) for one in (client, other, third, stranger)] == [True, False, False, True]


def test_a_session_of_somebody_else_is_not_ended(user, person):
    other = signed_in(person("sales_representative", password=PASSWORD))
    answer = signed_in(user).post("/account/sessions/end", {"session": handles(other, "/account")[:1] or ["f" * 24]})
    assert answer.status_code == 404
    assert is_in(other)


def test_the_account_is_for_who_is_signed_in():
    assert Client().get("/account")["Location"] == "/sign-in?next=/account"
    assert Client().post("/account/tokens", {"name": "x"}).status_code == 302
    assert not ApiToken.objects.exists()


# --- password --------------------------------------------------------------------------------------------------


def change(client, present=PASSWORD, new=NEW, again=NEW):
    return client.post("/account/password", {"present": present, "new": new, "again": again})


def test_a_new_password_keeps_this_session_and_ends_the_others(user):
    client, other = signed_in(user), signed_in(user)
    assert change(client)["Location"] == "/account"
    assert (is_in(client), is_in(other)) == (True, False)
    assert is_in(signed_in(user, NEW))
    assert Client().post("/sign-in", {"username": user.username, "password": PASSWORD}).status_code == 422


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"present": "wrong"}, "present"),
        ({"again": "another"}, "again"),
        ({"new": "12345678", "again": "12345678"}, "new"),
        ({"new": "", "again": ""}, "new"),
    ],
)
def test_a_refused_password_says_why_beside_the_field_and_changes_nothing(user, given, field):
    client, other = signed_in(user), signed_in(user)
    answer = change(client, **given)
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert is_in(other)
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)


def test_who_signs_in_by_the_company_account_has_no_password_to_change(person, browse):
    assert 'name="present"' not in browse(person("sales_representative")).get("/account").content.decode()


# --- tokens ----------------------------------------------------------------------------------------------------


def make(client, **given):
    answer = client.post("/account/tokens", {"name": "Reports", "days": "30", "reach": "read", **given})
    found = re.search(r'id="token">(sw_\S{40})<', answer.content.decode())
    return answer, found[1] if found else ""


def ask(raw, path, body=None):
    sent = {"data": body, "content_type": "application/json"} if body is not None else {}
    verb = "get" if body is None else "post"
    headers = {"Authorization": f"Bearer {raw}", "Accept-Language": "en"}
    return getattr(Client(), verb)(f"/api/v1/{path}", headers=headers, **sent)


def test_a_token_is_shown_once(user, browse):
    client = browse(user)
    answer, raw = make(client)
    assert answer.status_code == 200
    assert ask(raw, "customers").status_code == 200
    assert raw not in client.get("/account/tokens").content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_a_reading_token_writes_nothing(user, browse):
    _answer, raw = make(browse(user))
    refused = ask(raw, "customers", {"name": "A"})
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert not Customer.objects.exists()


def test_a_token_does_what_was_chosen_and_no_more(user, browse):
    _answer, raw = make(browse(user), reach="chosen", scopes=["customers.*", "leads.view"])
    assert ask(raw, "customers", {"name": "A"}).status_code == 201
    assert [ask(raw, path).status_code for path in ("customers", "leads", "orders")] == [200, 200, 403]
    assert ask(raw, "leads", {"company": "A"}).status_code == 403


def test_a_token_for_everything_does_what_its_person_may(user, browse):
    _answer, raw = make(browse(user), reach="*", days="")
    assert ApiToken.objects.get().expires_at is None
    assert [ask(raw, path).status_code for path in ("customers", "orders", "nothings")] == [200, 200, 404]
    assert ask(raw, "employees", {"username": "x", "name": "x"}).status_code == 403


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"days": "7"},
        {"reach": "chosen"},
        {"reach": "chosen", "scopes": ["employees.edit"]},
        {"reach": "chosen", "scopes": ["nonsense"]},
    ],
)
def test_a_bad_token_is_refused_with_what_was_typed(user, browse, given):
    answer, raw = make(browse(user), **given)
    assert (answer.status_code, raw) == (422, "")
    assert "field-error" in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_a_token_is_ended(user, browse, person):
    client = browse(user)
    _answer, raw = make(client)
    token = ApiToken.objects.get()
    assert browse(person("sales_representative")).post(f"/account/tokens/{token.pk}/end").status_code == 404
    assert ask(raw, "customers").status_code == 200
    assert client.post(f"/account/tokens/{token.pk}/end")["Location"] == "/account/tokens"
    assert ask(raw, "customers").status_code == 401


def test_the_page_of_tokens_says_what_each_may_do(user, browse):
    for scopes in (["*"], ["read"], ["customers.view", "orders.*", "fields.*", "reports.view", "orders.confirm"]):
        create_token(user, "t", 5, system("test"), scopes)
    ApiToken.objects.filter(scopes="*").update(expires_at="2020-01-01T00:00:00Z")
    client = browse(user)
    client.post("/language", {"language": "en"})
    page = client.get("/account/tokens").content.decode()
    shown = re.findall(r'<span class="tag-soft">([^<]+)</span>', page)
    assert shown == ["Customers (read)", "Orders", "Protected fields", "Reports", "orders.confirm", "Read only",
                     "Everything I may"]  # fmt: skip
    assert page.count("Expired") == 1


# --- others, for administrators --------------------------------------------------------------------------------


PAGES = ("/account/people", "/account/people/{pk}")
VERBS = ("end-session", "end-sessions", "end-token", "reset-second-factor")


def test_only_an_administrator_sees_how_others_sign_in(user, browse):
    client = browse("hr")
    assert [client.get(path.format(pk=user.pk)).status_code for path in PAGES] == [403, 403]
    assert [client.post(f"/account/people/{user.pk}/{verb}").status_code for verb in VERBS] == [403] * 4
    assert client.post("/account/people/rules", {"roles": [1]}).status_code == 403
    assert "/account/people" not in client.get("/account").content.decode()


def test_an_administrator_finds_people(user, browse):
    signed_in(user)
    client = browse("administrator")
    assert f"/account/people/{user.pk}" in client.get("/account/people").content.decode()
    assert f"/account/people/{user.pk}" in client.get("/account/people", {"q": user.username}).content.decode()
    assert f"/account/people/{user.pk}" not in client.get("/account/people", {"q": "nobody"}).content.decode()


def test_an_administrator_ends_sessions_and_tokens(user, browse):
    client, raw = browse("administrator"), create_token(user, "t", None, system("test"))
    first, second, third = (signed_in(user) for _ in range(3))
    url = f"/account/people/{user.pk}"
    handle = Session.objects.get(session_key=first.cookies["sessionid"].value).handle
    assert client.post(f"{url}/end-session", {"id": handle})["Location"] == url
    assert [is_in(one) for one in (first, second, third)] == [False, True, True]
    client.post(f"{url}/end-sessions")
    assert [is_in(one) for one in (second, third)] == [False, False]
    client.post(f"{url}/end-token", {"id": ApiToken.objects.get().pk})
    assert ask(raw, "customers").status_code == 401
    assert client.post(f"{url}/end-token", {"id": "x"}).status_code == 404
    assert client.post(f"{url}/nothing").status_code == 404
    assert client.get("/account/people/999999").status_code == 404


def test_an_administrator_takes_the_second_factor_away(user, browse):
    SecondFactor.objects.create(user=user, secret="x", created_at="2026-01-01T00:00:00Z")
    client, url = browse("administrator"), f"/account/people/{user.pk}"
    assert f"{url}/reset-second-factor" in client.get(url).content.decode()
    client.post(f"{url}/reset-second-factor")
    assert not SecondFactor.objects.exists()
    assert f"{url}/reset-second-factor" not in client.get(url).content.decode()


def test_an_administrator_says_which_roles_need_a_second_factor(user, browse):
    client, role = browse("administrator"), Role.objects.get(code="sales_representative")
    client.post("/account/people/rules", {"roles": [role.pk, "x"]})
    assert second_factor.is_required(user)
    client.post("/account/people/rules")
    assert not second_factor.is_required(user)


# --- limits ----------------------------------------------------------------------------------------------------


def test_a_token_that_asks_too_often_has_to_wait_and_others_have_not(api, settings):
    settings.API_LIMIT = 2
    client, other = api(), api()
    answers = [client.get("customers") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2]["Retry-After"]) <= 60
    assert answers[2]["Content-Type"] == "application/problem+json"
    assert answers[2].json()["type"] == "urn:saleswright:problem:too_many"
    assert other.get("customers").status_code == 200


def test_too_many_refusals_from_one_address_close_the_door(user, monkeypatch):
    monkeypatch.setattr(session, "REFUSALS", Limit("sign-in", 3, 900))
    names = ("a", "b", "c")
    tries = [Client().post("/sign-in", {"username": name, "password": "x"}).status_code for name in names]
    closed = Client().post("/sign-in", {"username": user.username, "password": PASSWORD})
    assert tries == [422, 422, 422]
    assert closed.status_code == 429
    assert 1 <= int(closed["Retry-After"]) <= 900
    elsewhere = Client(REMOTE_ADDR="10.0.0.9")
    assert elsewhere.post("/sign-in", {"username": user.username, "password": PASSWORD}).status_code == 302


def test_who_is_locked_out_is_told_how_long(user):
    client = Client()
    tries = [client.post("/sign-in", {"username": user.username, "password": "wrong"}) for _ in range(5)]
    assert (tries[-1].status_code, tries[-1]["Retry-After"]) == (429, "900")


@pytest.mark.parametrize(
    ("header", "address"),
    [(None, "127.0.0.1"), ("10.1.1.1", "10.1.1.1"), ("6.6.6.6, 10.1.1.1", "10.1.1.1"), ("", "127.0.0.1")],
)
def test_behind_a_proxy_the_address_is_the_last_one_that_it_names(header, address):
    request = RequestFactory().get("/", headers={"X-Forwarded-For": header} if header is not None else {})
    assert ProxyMiddleware(lambda seen: seen.META["REMOTE_ADDR"])(request) == address


# --- who leaves ------------------------------------------------------------------------------------------------


def test_who_leaves_loses_sessions_and_tokens_at_once(user, root):
    from saleswright.modules.org.actions import leave_company

    client, raw = signed_in(user), create_token(user, "t", None, root)
    leave_company(user.pk, actor=root)
    assert not is_in(client)
    assert client.get("/account").status_code == 302
    assert ask(raw, "customers").status_code == 401


def test_what_happens_to_an_account_is_in_the_audit(user):
    client = signed_in(user)
    signed_in(user)
    make(client)
    change(client)
    client.post("/sign-out")
    found = AuditEntry.objects.exclude(action="created").order_by("id").values_list("resource", "action", "actor_id")
    assert list(found) == [
        ("employees", "signed_in", user.pk),
        ("employees", "signed_in", user.pk),
        ("api-tokens", "create", user.pk),
        ("employees", "session_ended", user.pk),
        ("employees", "password_changed", user.pk),
        ("employees", "signed_out", user.pk),
    ]
