"""Signing in and out, the language, and what refusals look like."""

import pytest
from django.test import Client

from saleswright.kernel.models import AuditEntry, User
from saleswright.modules.customers.public import Customer
from saleswright.modules.org.actions import leave_company

pytestmark = pytest.mark.django_db
PASSWORD = "Quiet-River-9"


@pytest.fixture
def user(person):
    return person("sales_representative", password=PASSWORD)


def sign_in(client: Client, user: User, password: str = PASSWORD, **more: str):
    return client.post("/sign-in", {"username": user.username, "password": password, **more})


def noted(action: str) -> list:
    return list(AuditEntry.objects.filter(action=action).values_list("resource", "record_id", "label"))


def test_it_signs_in_and_says_so_in_the_audit(user):
    client = Client()
    assert sign_in(client, user)["Location"] == "/"
    assert client.get("/customers").status_code == 200
    assert noted("signed_in") == [("employees", user.pk, user.username)]


def test_a_wrong_password_is_refused_and_noted(user):
    client = Client()
    answer = sign_in(client, user, "wrong")
    assert answer.status_code == 422
    assert user.username in answer.content.decode()
    assert client.get("/customers").status_code == 302
    assert noted("sign_in_refused") == [("employees", user.pk, user.username)]


def test_an_unknown_name_gets_the_same_answer(user, settings):
    known = sign_in(Client(), user, "wrong").content.decode()
    unknown = Client().post("/sign-in", {"username": "nobody", "password": "wrong"}).content.decode()
    error = known.split('role="alert"')[1].split("</")[0]
    assert error in unknown
    assert noted("sign_in_refused")[-1] == ("employees", None, "nobody")


def test_after_five_wrong_passwords_the_right_one_does_not_help(user):
    client = Client()
    assert [sign_in(client, user, "wrong").status_code for _ in range(5)] == [422, 422, 422, 422, 429]
    assert sign_in(client, user).status_code == 429
    assert client.get("/customers").status_code == 302


def test_who_has_left_is_turned_away_at_once(user, root):
    client = Client()
    sign_in(client, user)
    leave_company(user.pk, actor=root)
    assert client.get("/customers").status_code == 302
    assert sign_in(Client(), user).status_code == 422


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_it_leads_to_no_foreign_address(user, wanted):
    assert sign_in(Client(), user, next=wanted)["Location"] == "/"


def test_it_leads_back_to_the_page_that_was_asked_for(user):
    client = Client()
    asked = client.get("/customers?level=A")
    assert asked["Location"] == "/sign-in?next=/customers%3Flevel%3DA"
    assert sign_in(client, user, next="/customers?level=A")["Location"] == "/customers?level=A"


def test_signing_out_ends_the_session(user):
    client = Client()
    sign_in(client, user)
    assert client.get("/sign-out").status_code == 405
    client.post("/sign-out")
    assert client.get("/customers").status_code == 302
    assert noted("signed_out") == [("employees", user.pk, user.username)]


def test_a_chosen_language_is_kept(user):
    client = Client()
    sign_in(client, user)
    for language, spoken in (("en", "en"), ("zh-hans", "zh-Hans")):
        assert client.post("/language", {"language": language, "next": "/customers"})["Location"] == "/customers"
        page = client.get("/customers")
        assert page["Content-Language"] == language
        assert f'<html lang="{spoken}"' in page.content.decode()
        assert User.objects.get(pk=user.pk).language == language


def test_an_unknown_language_changes_nothing(user):
    client = Client()
    sign_in(client, user)
    client.post("/language", {"language": "xx"})
    assert User.objects.get(pk=user.pk).language == ""


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    ("path", "status"), [("/customers/999999", 404), ("/nothing", 404), ("/customers?level=Q", 422)]
)
def test_refusals_are_pages_in_the_persons_language(browse, person, language, path, status, root):
    user = person("sales_representative")
    User.objects.filter(pk=user.pk).update(language=language)
    answer = browse(user).get(path)
    text = answer.content.decode()
    assert answer.status_code == status
    assert f'<html lang="{"zh" if language.startswith("zh") else "en"}' in text
    assert f">{status}</p>" in text


def test_without_rights_the_page_is_refused_and_not_in_the_navigation(browse):
    client = browse("hr")
    assert client.get("/customers").status_code == 403
    home = client.get("/employees").content.decode()
    assert 'href="/employees"' in home
    assert 'href="/customers"' not in home


def test_a_form_of_another_site_is_refused(user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user, backend="saleswright.kernel.access.backend.PersonBackend")
    assert client.post("/customers/new", {"name": "A"}).status_code == 403
    assert not Customer.objects.exists()
