"""The API's plumbing: problem documents, languages, tags, idempotency, bad input, signing in."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import connection, connections
from django.test import Client

from conftest import ApiClient
from saleswright.kernel.access.actors import system
from saleswright.kernel.access.tokens import create_token, end_token
from saleswright.kernel.models import ApiToken, AuditEntry, IdempotencyKey
from saleswright.modules.customers.models import Contact, Customer

pytestmark = pytest.mark.django_db


def refused(answer, status, code=None):
    """The body of a problem document, which it must be."""
    assert answer.status_code == status, answer.content.decode()
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:saleswright:problem:")
    assert body["title"]
    assert body["detail"]
    if code:
        assert body["type"] == f"urn:saleswright:problem:{code}"
    return body


def fields(answer):
    return [(error["field"], error["code"]) for error in refused(answer, 422)["errors"]]


@pytest.fixture
def client(api):
    return api()


@pytest.fixture
def customer(client):
    return client.post("customers", {"name": "Customer"}).json()


# --- problem documents -----------------------------------------------------------------------------------------


def test_it_asks_to_sign_in():
    answer = Client().get("/api/v1/customers")
    refused(answer, 401, "not_signed_in")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_it_refuses_what_one_may_not_do(api):
    refused(api("auditor").post("customers", {"name": "A"}), 403, "not_allowed")
    assert Customer.objects.count() == 0


def test_it_refuses_changes_of_what_one_may_only_see(api, customer):
    refused(api("auditor").patch(f"customers/{customer['id']}", {"name": "B"}), 403, "not_allowed")
    assert Customer.objects.get().name == "Customer"


@pytest.mark.parametrize(
    "path",
    [
        "customers/999999", "customers/0", f"customers/{2**63}", f"customers/{'9' * 5000}", "customers/-1",
        "customers/x", "no-such-thing", "reports/no-such-report", "customers/1/no-such-tab", "customers/", "",
    ],
)  # fmt: skip
def test_it_does_not_find(client, path):
    refused(client.get(path), 404, "not_found")


def test_it_does_not_find_an_unknown_action(client, customer):
    refused(client.act("customers", customer["id"], "explode"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", "customers", "GET, POST"), ("delete", "customers", "GET, POST"), ("patch", "customers", "GET, POST"),
        ("put", "customers/1", "GET, PATCH, DELETE"), ("post", "customers/1", "GET, PATCH, DELETE"),
        ("post", "customers/1/history", "GET"), ("get", "customers/1/actions/assign", "POST"),
        ("options", "customers", "GET, POST"),
    ],
)  # fmt: skip
def test_it_names_the_methods_that_are_possible(client, method, path, allowed):
    answer = client.request(method, path)
    refused(answer, 405, "method_not_allowed")
    assert answer["Allow"] == allowed


def test_it_answers_head_like_get_without_a_body(client, customer):
    answer = client.request("head", f"customers/{customer['id']}")
    assert (answer.status_code, answer.content, answer["ETag"]) == (200, b"", '"1"')


def test_it_refuses_what_the_state_forbids(client, customer):
    assert client.act("customers", customer["id"], "archive").status_code == 200
    refused(client.act("customers", customer["id"], "archive"), 409, "conflict")
    refused(client.patch(f"customers/{customer['id']}", {"name": "B"}), 409, "conflict")
    assert Customer.objects.get().name == "Customer"


def test_it_does_not_delete_what_is_referred_to(client, customer):
    client.post("contacts", {"customer_id": customer["id"], "name": "A"})
    refused(client.delete(f"customers/{customer['id']}"), 409, "referred_to")
    assert Customer.objects.count() == 1


def test_it_names_every_bad_field(client):
    answer = client.post("contacts", {"name": "", "customer_id": 999, "email": "nonsense", "status": 1, "version": 2})
    assert fields(answer) == [("status", "unknown"), ("version", "read_only")]
    answer = client.post("contacts", {"name": "", "email": "nonsense"})
    assert sorted(fields(answer)) == [("customer_id", "required"), ("email", "invalid"), ("name", "required")]
    assert fields(client.post("contacts", {"name": "A", "customer_id": 999})) == [("customer_id", "not_found")]
    assert Contact.objects.count() == 0


def test_a_fault_of_ours_is_a_problem_without_details(api, monkeypatch):
    from saleswright.interface.api import views

    def broken(*_args, **_kwargs):
        raise RuntimeError("secret")

    monkeypatch.setattr(views.listing, "fetch", broken)
    client = api()
    client.client.handler.get_response = faulty(client.client.handler.get_response)
    body = refused(client.get("customers"), 500, "fault")
    assert "secret" not in json.dumps(body)


def faulty(get_response):
    def respond(request):
        request.keep_faults = True
        return get_response(request)

    return respond


# --- languages -------------------------------------------------------------------------------------------------


def detail(client, **headers):
    client.headers = {name: value for name, value in client.headers.items() if name != "Accept-Language"}
    return client.get("customers/999999", **headers).json()["title"]


@pytest.fixture
def chinese(monkeypatch):
    """The title of a 404 in Chinese, whatever the translations say."""
    from django.utils.translation import trans_real

    catalog = trans_real.translation("zh-hans")
    monkeypatch.setattr(catalog, "_catalog", _Overlaid(catalog._catalog, {"Not found": "没有找到"}))


class _Overlaid(dict):
    def __init__(self, below, above):
        super().__init__(above)
        self.below = below

    def get(self, key, default=None):
        return self[key] if key in self else self.below.get(key, default)

    def __getitem__(self, key):
        return super().__getitem__(key) if key in self else self.below[key]


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("accept", "title"),
    [
        ("en", "Not found"), ("en-GB,en;q=0.8", "Not found"), ("zh-CN", "没有找到"), ("zh", "没有找到"),
        ("fr, en;q=0.2, zh;q=0.9", "没有找到"), ("zh;q=0.1,en;q=0.3", "Not found"), ("fr", "没有找到"),
        ("*", "没有找到"), ("\x7f;;q=,", "没有找到"),
    ],
)  # fmt: skip
def test_it_speaks_the_language_that_is_asked_for(client, accept, title):
    assert detail(client, Accept_Language=accept) == title


@pytest.mark.usefixtures("chinese")
def test_it_speaks_the_persons_language_unless_another_is_asked_for(api, person):
    english = api(person("administrator"))
    type(english.user).objects.filter(pk=english.user.pk).update(language="en")
    assert detail(english) == "Not found"
    assert detail(english, Accept_Language="fr") == "Not found"
    assert detail(english, Accept_Language="zh") == "没有找到"


# --- versions --------------------------------------------------------------------------------------------------


def test_it_changes_only_the_version_that_was_read(client, customer):
    path = f"customers/{customer['id']}"
    first = client.get(path)["ETag"]
    assert first == '"1"'
    changed = client.patch(path, {"name": "B"}, If_Match=first)
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    refused(client.patch(path, {"name": "C"}, If_Match=first), 412, "stale")
    refused(client.delete(path, If_Match=first), 412, "stale")
    refused(client.post(f"{path}/actions/archive", {}, If_Match=first), 412, "stale")
    refused(client.post(f"{path}/actions/assign", {"owner_id": client.user.pk}, If_Match=first), 412, "stale")
    assert Customer.objects.values_list("name", "version", "archived_at").get() == ("B", 2, None)


@pytest.mark.parametrize("tag", ['W/"1"', "*", '"1"'])
def test_it_takes_weak_tags_and_any(client, customer, tag):
    assert client.patch(f"customers/{customer['id']}", {"name": "B"}, If_Match=tag).status_code == 200


@pytest.mark.parametrize("tag", ["nonsense", '"x"', '"99999999999999999"', '"²"', '"-1"', '"1", "2"'])
def test_it_refuses_tags_that_are_not_its_own(client, customer, tag):
    refused(client.patch(f"customers/{customer['id']}", {"name": "B"}, If_Match=tag), 412, "stale")
    assert Customer.objects.get().name == "Customer"


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', '"0", "1"', "*"])
def test_it_says_when_nothing_changed(client, customer, tag):
    answer = client.get(f"customers/{customer['id']}", If_None_Match=tag)
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", '"1"')


def test_it_answers_anew_after_a_change(client, customer):
    path = f"customers/{customer['id']}"
    client.patch(path, {"name": "B"})
    assert client.get(path, If_None_Match='"1"').json()["name"] == "B"


def test_a_list_has_a_tag_of_its_content(client, customer):
    tag = client.get("customers")["ETag"]
    assert client.get("customers", If_None_Match=tag).status_code == 304
    client.patch(f"customers/{customer['id']}", {"name": "B"})
    assert client.get("customers", If_None_Match=tag).status_code == 200


def test_a_change_of_nothing_keeps_the_version(client, customer):
    assert client.patch(f"customers/{customer['id']}", {"name": "Customer"})["ETag"] == '"1"'


def test_answers_are_private(client, customer):
    assert client.get("customers")["Cache-Control"] == "private, no-cache"


# --- idempotency -----------------------------------------------------------------------------------------------


def test_the_same_request_has_its_effect_once(client):
    first = client.post("customers", {"name": "A"}, Idempotency_Key="k")
    again = client.post("customers", {"name": "A"}, Idempotency_Key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert (again["ETag"], again["Location"]) == (first["ETag"], first["Location"])
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Customer.objects.count() == 1


def test_an_action_has_its_effect_once(client, customer):
    path = f"customers/{customer['id']}/actions/archive"
    first = client.post(path, {}, Idempotency_Key="k")
    again = client.post(path, {}, Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (200, 200)
    assert AuditEntry.objects.filter(resource="customers", action="archived").count() == 1


def test_the_same_key_with_another_body_is_refused(client):
    client.post("customers", {"name": "A"}, Idempotency_Key="k")
    refused(client.post("customers", {"name": "B"}, Idempotency_Key="k"), 422, "idempotency_mismatch")
    refused(client.post("departments", {"name": "A"}, Idempotency_Key="k"), 422, "idempotency_mismatch")
    assert list(Customer.objects.values_list("name", flat=True)) == ["A"]


def test_keys_belong_to_their_callers(api):
    for _ in range(2):
        assert api("sales_representative").post("customers", {"name": "A"}, Idempotency_Key="k").status_code == 201
    assert Customer.objects.count() == 2


def test_refusals_are_not_remembered(client):
    refused(client.post("contacts", {"name": "A", "customer_id": 1}, Idempotency_Key="k"), 422)
    assert not IdempotencyKey.objects.exists()
    pk = client.post("customers", {"name": "A"}).json()["id"]
    assert client.post("contacts", {"name": "A", "customer_id": pk}, Idempotency_Key="k").status_code == 201


def test_a_key_has_bounds(client):
    assert fields(client.post("customers", {"name": "A"}, Idempotency_Key="k" * 201)) == [
        ("Idempotency-Key", "too_long")
    ]
    assert client.post("customers", {"name": "A"}, Idempotency_Key="k" * 200).status_code == 201


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")
def test_two_at_once_have_one_effect(api):
    from saleswright.config.setup import ship_defaults

    ship_defaults()
    user = api().user
    clients, answers, together = [ApiClient(user), ApiClient(user)], [], threading.Barrier(2)

    def send(client):
        together.wait(10)
        answers.append(client.post("customers", {"name": "A"}, Idempotency_Key="k"))
        connections.close_all()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert Customer.objects.count() == 1


# --- bad input -------------------------------------------------------------------------------------------------


def send(client, raw, content_type="application/json", path="/api/v1/customers"):
    return client.client.post(path, raw, content_type=content_type, headers=client.headers)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"nonsense", b"[]", b"null", b'"text"', b"1", b'{"name": "A"} more', b"\xff\xfe", b"\x00",
        b'{"name": "\xff"}', b"name=A", b'{"name": NaN}', b'{"name": "\\ud800"}', b"[" * 100_000,
        b'{"name": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
    ids=range(16),
)  # fmt: skip
def test_it_refuses_what_is_no_json_object(client, raw):
    refused(send(client, raw), 422, "invalid")
    assert Customer.objects.count() == 0


def test_it_refuses_a_form_from_a_page(browse):
    answer = browse().post("/api/v1/customers", {"name": "A"})
    refused(answer, 422, "invalid")
    assert Customer.objects.count() == 0


def test_it_refuses_ten_megabytes(client):
    refused(send(client, json.dumps({"name": "A" * 10_000_000}).encode()), 413, "too_large")
    assert Customer.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"name": "A\x00B"}, "name", "invalid"), ({"tags": ["A\x00B"]}, "tags", "invalid"),
        ({"tags": {"a": 1}}, "tags", "invalid"), ({"tags": [[1]]}, "tags", "invalid"),
        ({"tags": "A"}, "tags", "invalid"),
        ({"name": 1}, "name", "invalid"), ({"name": ["A"]}, "name", "invalid"), ({"name": {}}, "name", "invalid"),
        ({"name": "A" * 201}, "name", "too_long"), ({"name": None}, "name", "required"),
        ({"name": "  "}, "name", "required"),
        ({"level": "E"}, "level", "choice"), ({"level": 1}, "level", "invalid"),
        ({"life_cycle": "x"}, "life_cycle", "choice"),
        ({"parent_id": "1"}, "parent_id", "invalid"), ({"parent_id": True}, "parent_id", "invalid"),
        ({"parent_id": 1.5}, "parent_id", "invalid"), ({"parent_id": 10**30}, "parent_id", "invalid"),
        ({"parent_id": 2**63}, "parent_id", None), ({"parent_id": -1}, "parent_id", "not_found"),
        ({"parent_id": {"id": 1}}, "parent_id", "invalid"), ({"owner_id": 999999}, "owner_id", "not_found"),
        ({"country": "Atlantis"}, "country", "invalid"), ({"parent": 1}, "parent", "read_only"),
        ({"id": 1}, "id", "read_only"), ({"created_at": "2026-01-01"}, "created_at", "read_only"),
        ({"name_key": "a"}, "name_key", "unknown"), ({"custom": {"a": 1}}, "custom.a", "unknown"),
        ({"collaborator_ids": ["a"]}, "collaborator_ids", "invalid"),
        ({"collaborator_ids": [2**70]}, "collaborator_ids", None),
    ],
)  # fmt: skip
def test_it_refuses_bad_values_and_writes_nothing(client, values, field, code):
    answer = client.post("customers", {"name": "A", **values})
    assert [(f, c if code else None) for f, c in fields(answer)] == [(field, code)]
    assert Customer.objects.count() == 0


@pytest.mark.parametrize(
    "value", ["2026-13-01", "2026-02-30", "x", 20260101, True, [], "2026-01-01T10:00:00", "0000-01-01"]
)
def test_it_refuses_bad_dates(client, customer, value):
    answer = client.post("contacts", {"customer_id": customer["id"], "name": "A", "birthday": value})
    assert [field for field, _code in fields(answer)] == ["birthday"]


@pytest.mark.parametrize(
    "body", [{"approved": True}, {"at": "x"}, {"pk": 1}, {"actor": 1}, {"version": 1}, {"self": 1}]
)
def test_programs_can_name_only_the_arguments_of_an_action(client, customer, body):
    answer = client.post(f"customers/{customer['id']}/actions/assign", {"owner_id": client.user.pk, **body})
    assert fields(answer) == [(next(iter(body)), "unknown")]
    assert Customer.objects.get().version == 1


@pytest.mark.parametrize("value", [None, "x", 1.5, 2**70, [], {}, True, 999999])
def test_it_refuses_bad_arguments(client, customer, value):
    answer = client.post(f"customers/{customer['id']}/actions/assign", {"owner_id": value})
    assert [field for field, _code in fields(answer)] == ["owner_id"]
    assert Customer.objects.get().version == 1


# --- signing in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["Bearer sw_unknown", "Bearer", "Bearer ", "Basic YTpi", "sw_x", "Bearer \xe9", "Bearer " + "x" * 5000]
)
def test_it_refuses_bad_tokens(db, header):
    answer = Client().get("/api/v1/customers", headers={"Authorization": header})
    refused(answer, 401, "not_signed_in")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_it_refuses_an_ended_token(client):
    assert client.get("customers").status_code == 200
    end_token(ApiToken.objects.get(user=client.user), system("test"))
    refused(client.get("customers"), 401, "not_signed_in")


def test_it_refuses_an_expired_token(client):
    ApiToken.objects.filter(user=client.user).update(expires_at="2020-01-01T00:00:00Z")
    refused(client.get("customers"), 401, "not_signed_in")


def test_it_refuses_the_token_of_someone_who_left(client):
    type(client.user).objects.filter(pk=client.user.pk).update(state="left")
    refused(client.get("customers"), 401, "not_signed_in")


def test_a_session_writes_only_with_the_csrf_token(person):
    user = person("administrator")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user, backend="saleswright.kernel.access.backend.PersonBackend")
    assert client.get("/api/v1/customers").status_code == 200
    send_it = {"data": {"name": "A"}, "content_type": "application/json"}
    refused(client.post("/api/v1/customers", **send_it), 403, "not_allowed")
    assert Customer.objects.count() == 0
    token = "a" * 32
    client.cookies["csrftoken"] = token
    assert client.post("/api/v1/customers", headers={"X-CSRFToken": token}, **send_it).status_code == 201
    refused(client.post("/api/v1/customers", headers={"X-CSRFToken": "b" * 32}, **send_it), 403, "not_allowed")
    assert Customer.objects.count() == 1


def test_a_token_needs_no_csrf_token(person):
    user = person("administrator")
    token = create_token(user, name="test", days=1, actor=system("test"))
    client = Client(enforce_csrf_checks=True)
    answer = client.post(
        "/api/v1/customers",
        {"name": "A"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201
    assert AuditEntry.objects.get(resource="customers").actor_kind == "token"
