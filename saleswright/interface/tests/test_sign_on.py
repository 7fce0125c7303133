"""Company sign-on, against a provider on this machine."""

import base64
import hashlib
import json
import re
import threading
import time
from urllib.parse import parse_qs, urlsplit

import flask
import oidc_provider_mock
import pytest
import requests
from django.core.cache import cache
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from saleswright.interface.pages import sign_on
from saleswright.kernel.access import second_factor
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry, Role, Session, User

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib")]
CLIENT_ID = "saleswright"


class Provider:
    """The mock provider; `forge` may change the claims of the tokens it issues, `key` and `algorithm` the signature."""

    def __init__(self):
        self.people = [
            oidc_provider_mock.User(sub="1", claims={"preferred_username": "lilei", "email": "lilei@example.com"}),
            oidc_provider_mock.User(sub="2", claims={"preferred_username": "stranger"}),
        ]
        self.app = oidc_provider_mock.app(user_claims=self.people)
        self.verifiers, self.answers = [], {}
        self.forge = self.key = None
        self.app.before_request(self._look)
        self.app.after_request(self._change)
        self.server = make_server("localhost", 0, self.app, threaded=True)
        self.issuer = f"http://localhost:{self.server.server_port}"

    def _look(self):
        if flask.request.path == "/oauth2/token":
            self.verifiers.append(flask.request.form.get("code_verifier"))

    def _change(self, response):
        if flask.request.path in self.answers:
            response.set_data(json.dumps(self.answers[flask.request.path](response.get_json())))
        elif flask.request.path == "/oauth2/token" and self.forge is not None:
            body = response.get_json()
            head, payload = (json.loads(base64.urlsafe_b64decode(p + "==")) for p in body["id_token"].split(".")[:2])
            own = flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True)
            signing = self.key or RSAKey.import_key(own)
            body["id_token"] = jwt.encode(head, self.forge(payload), signing)
            response.set_data(json.dumps(body))
        return response


@pytest.fixture(scope="module")
def running():
    provider = Provider()
    thread = threading.Thread(target=provider.server.serve_forever, daemon=True)
    thread.start()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()
    thread.join(5)


@pytest.fixture
def provider(running, settings):
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = running.issuer, CLIENT_ID, "secret"
    running.forge = running.key = None
    running.verifiers.clear()
    running.answers.clear()
    sign_on.provider.cache_clear()
    cache.clear()
    yield running
    sign_on.provider.cache_clear()


@pytest.fixture
def user(person):
    return person("sales_representative", username="lilei")


def begin(client, wanted="/customers"):
    """The address of the provider to which the page sends."""
    return client.get("/sign-in/company", {"next": wanted})["Location"]


def agree(address, sub="1"):
    """Our address to which the provider sends back after the person agreed there."""
    answer = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def sign_in(client, sub="1"):
    return client.get(agree(begin(client), sub))


def is_in(client):
    return client.get("/customers").status_code == 200


def refused(client, answer, status=422):
    assert answer.status_code == status
    assert 'role="alert"' in answer.content.decode()
    assert not is_in(client)
    assert not AuditEntry.objects.filter(action="signed_in").exists()
    return True


def test_the_company_account_lets_an_employee_in(provider, user):
    client = Client()
    assert "/sign-in/company?next=" in client.get("/sign-in").content.decode()
    assert sign_in(client)["Location"] == "/customers"
    assert is_in(client)
    assert Session.objects.get(user=user).method == "company"
    entry = AuditEntry.objects.get(action="signed_in")
    assert (entry.record_id, entry.changes) == (user.pk, {"method": [None, "company"]})


def test_it_asks_with_state_nonce_and_a_challenge_and_answers_the_challenge(provider, user):
    client = Client()
    address = begin(client)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["redirect_uri"] == "http://testserver/sign-in/company/back"
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT_ID, "S256")
    assert asked["state"]
    assert asked["nonce"]
    client.get(agree(address))
    digest = hashlib.sha256(provider.verifiers[0].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]


def test_who_does_not_work_here_is_refused_and_not_made(provider, user):
    client, before = Client(), User.objects.count()
    assert refused(client, sign_in(client, "2"), 403)
    assert User.objects.count() == before
    entry = AuditEntry.objects.get(action="sign_in_refused")
    assert (entry.record_id, entry.label) == (None, "stranger")


def test_who_has_left_is_refused(provider, user):
    User.objects.filter(pk=user.pk).update(state="left")
    client = Client()
    assert refused(client, sign_in(client), 403)


def test_an_answer_that_nobody_asked_for_is_refused(provider, user):
    asking, other = Client(), Client()
    address = agree(begin(asking))
    assert refused(other, other.get(address))
    assert asking.get(address)["Location"] == "/customers"
    asking.post("/sign-out")
    AuditEntry.objects.filter(action="signed_in").delete()
    assert refused(asking, asking.get(address))  # a second time


def test_a_refusal_of_the_provider_is_told(provider, user):
    client = Client()
    begin(client)
    assert refused(client, client.get("/sign-in/company/back?error=access_denied&state=x"))


OTHER_KEY = RSAKey.generate_key(2048)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda claims: claims | {"aud": "another"}, None),
        (lambda claims: claims | {"aud": ["another"], "azp": CLIENT_ID}, None),
        (lambda claims: claims | {"iss": "https://evil.example"}, None),
        (lambda claims: claims | {"nonce": "another"}, None),
        (lambda claims: {name: value for name, value in claims.items() if name != "nonce"}, None),
        (lambda claims: claims | {"exp": int(time.time()) - 3600}, None),
        (lambda claims: claims, OTHER_KEY),
    ],
    ids=["audience", "audience-list", "issuer", "nonce", "no-nonce", "expired", "signature"],
)
def test_a_forged_token_is_refused(provider, user, change, key):
    provider.forge, provider.key = change, key
    client = Client()
    assert refused(client, sign_in(client))


def test_an_unsigned_token_is_refused(provider, user):
    def unsigned(body):
        payload = body["id_token"].split(".")[1]
        head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
        return body | {"id_token": f"{head}.{payload}."}

    provider.answers["/oauth2/token"] = unsigned
    client = Client()
    assert refused(client, sign_in(client))


def test_a_token_endpoint_without_a_token_is_refused(provider, user):
    provider.answers["/oauth2/token"] = lambda body: {"access_token": "x", "token_type": "Bearer"}
    client = Client()
    assert refused(client, sign_in(client))


def test_what_the_token_leaves_out_is_asked_for(provider, user):
    provider.forge = lambda claims: {name: v for name, v in claims.items() if name != "preferred_username"}
    client = Client()
    assert sign_in(client)["Location"] == "/customers"


def test_what_is_told_of_somebody_else_does_not_count(provider, user):
    provider.forge = lambda claims: {name: v for name, v in claims.items() if name != "preferred_username"}
    provider.answers["/userinfo"] = lambda body: body | {"sub": "9"}
    client = Client()
    assert refused(client, sign_in(client))


def test_a_provider_of_another_name_is_not_used(provider, user):
    provider.answers["/.well-known/openid-configuration"] = lambda body: body | {"issuer": "https://evil.example"}
    client = Client()
    assert refused(client, client.get("/sign-in/company"))


def test_a_provider_that_does_not_answer_leaves_the_password(provider, user, settings):
    settings.OIDC_ISSUER = "http://localhost:1"
    sign_on.provider.cache_clear()
    client = Client()
    answer = client.get("/sign-in/company")
    assert refused(client, answer)
    assert 'name="password"' in answer.content.decode()


def test_without_a_provider_there_is_no_company_account(db):
    sign_on.provider.cache_clear()
    assert "/sign-in/company" not in Client().get("/sign-in").content.decode()
    assert Client().get("/sign-in/company").status_code == 404
    assert Client().get("/sign-in/company/back").status_code == 404


def test_it_leads_to_no_foreign_address(provider, user):
    client = Client()
    assert client.get(agree(begin(client, "https://evil.example/")))["Location"] == "/"


@pytest.fixture
def required(user):
    second_factor.require_for({Role.objects.get(code="sales_representative").pk}, system("test"))


def test_the_second_factor_is_asked_for_as_well(provider, user, required):
    client = Client()
    assert sign_in(client)["Location"] == "/sign-in/enrol"
    assert not is_in(client)


def test_the_second_factor_of_the_provider_is_enough(provider, user, required):
    provider.forge = lambda claims: claims | {"amr": ["pwd", "mfa"]}
    client = Client()
    assert sign_in(client)["Location"] == "/customers"
    assert is_in(client)


def test_the_button_bears_the_name_of_the_settings(provider, settings):
    settings.OIDC_NAME = "华东集团"
    assert re.search(r"用华东集团登录\s*</a>", Client().get("/sign-in").content.decode())
