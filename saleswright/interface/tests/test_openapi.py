"""The OpenAPI document is valid, complete and what the API really answers; the page that shows it works."""

from __future__ import annotations

import json
import re

import jsonschema_rs
import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import resolve
from django.utils import translation
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from saleswright.interface.api import openapi, views
from saleswright.interface.api.urls import module_addresses
from saleswright.interface.entity import all_entities
from saleswright.interface.reports import all_reports
from saleswright.interface.tests import samples
from saleswright.kernel.custom_fields import as_shipped

METHODS = {"get", "post", "patch", "delete"}


@pytest.fixture(autouse=True)
def _without_custom_fields():
    as_shipped()


@pytest.fixture(scope="module")
def document():
    as_shipped()
    return json.loads(json.dumps(openapi.document()))


def operations(document):
    return [(path, method, op) for path, item in document["paths"].items() for method, op in item.items()]


def references(part):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def conforms(document, path, method, response):
    """Assert that the answer has a documented status and the documented form."""
    answers = document["paths"][f"/api/v1/{path}"][method]["responses"]
    assert str(response.status_code) in answers, response.content.decode()
    schema = answers[str(response.status_code)]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({"components": document["components"], **schema}, response.json(), validate_formats=True)


def test_it_is_a_valid_openapi_3_1_document(document):
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_its_schemas_are_valid_json_schemas(document):
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_its_patterns_are_regular_expressions(document):
    for found in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(document)):
        re.compile(json.loads(found))


def test_its_references_lead_somewhere(document):
    for reference in set(references(document)):
        part = document
        for key in reference.removeprefix("#/").split("/"):
            part = part[key]


def test_its_operations_have_names_of_their_own(document):
    names = [op["operationId"] for _path, _method, op in operations(document)]
    assert len(names) == len(set(names))


def test_its_operations_name_each_parameter_once(document):
    for path, method, op in operations(document):
        names = [parameter.get("$ref") or parameter["name"] for parameter in op["parameters"]]
        assert len(names) == len(set(names)), (path, method)


def test_it_is_the_same_in_every_language():
    with translation.override("zh-hans"):
        chinese = openapi.document()
    with translation.override("en"):
        assert openapi.document() == chinese


def test_its_addresses_exist(document):
    for path in document["paths"]:
        assert resolve(path.replace("{id}", "1")).func is not views.nowhere, path


@pytest.mark.parametrize("name", samples.names())
def test_it_has_every_address_of_a_resource(document, name):
    entity = next(entity for entity in all_entities() if entity.name == name)
    root, one = f"/api/v1/{name}", f"/api/v1/{name}/{{id}}"
    expected = {(root, "get"), (one, "get"), (f"{one}/history", "get")}
    expected |= {(root, "post")} if entity.creatable else set()
    expected |= {(one, "patch")} if entity.editable else set()
    expected |= {(one, "delete")} if entity.deletable else set()
    expected |= {(f"{one}/document.{made.suffix}", "get") for made in entity.documents}
    expected |= {(f"{one}/actions/{t.name}", "post") for t in entity.transitions}
    expected |= {(f"{one}/actions/{verb}", "post") for verb in ("archive", "restore")}
    own = {(f"/api/v1/{path}", method) for path, item in openapi.module_paths().items() for method in item}
    there = {(p, m) for p, m, _op in operations(document) if p == root or p.startswith(f"{root}/")}
    assert there - own == expected - own


def test_it_has_the_addresses_that_modules_add(document):
    for route in module_addresses():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(route.pattern)).replace("{pk}", "{id}")
        assert f"/api/v1/{path}" in document["paths"], f"`describe()` of a module's api.py says nothing of {path}"


def test_it_has_every_report(document):
    for report in all_reports():
        assert "get" in document["paths"][f"/api/v1/reports/{report.name}"]


def test_drafts_admit_nothing_unknown_and_no_state(document):
    for entity in all_entities():
        for suffix, possible in (("Create", entity.creatable), ("Patch", entity.editable)):
            if possible:
                schema = document["components"]["schemas"][f"{type(entity).__name__.removesuffix('Entity')}{suffix}"]
                assert schema["additionalProperties"] is False
                assert entity.state_field not in schema["properties"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", samples.names())
def test_what_is_created_read_and_listed_conforms(document, api, name):
    client = api()
    entity = next(entity for entity in all_entities() if entity.name == name)
    record = samples.sample(entity, client)
    path = f"{name}/{record['id']}"
    conforms(document, f"{name}/{{id}}", "get", client.get(path))
    conforms(document, name, "get", client.get(f"{name}?count=1&limit=200"))
    conforms(document, f"{name}/{{id}}/history", "get", client.get(f"{path}/history"))
    if entity.creatable:
        body = samples.cases()[name]().values()
        draft = document["components"]["schemas"][f"{type(entity).__name__.removesuffix('Entity')}Create"]
        jsonschema_rs.validate({"components": document["components"], **draft}, body)
        conforms(document, name, "post", client.post(name, body))
    archived = client.act(name, record["id"], "archive")
    if archived.status_code == 200:
        conforms(document, f"{name}/{{id}}/actions/archive", "post", archived)
        conforms(document, f"{name}/{{id}}/actions/restore", "post", client.act(name, record["id"], "restore"))


@pytest.mark.django_db
def test_changes_and_actions_of_customers_conform(document, api):
    client = api()
    pk = client.post("customers", {"name": "A", "level": "B", "tags": ["x"]}).json()["id"]
    conforms(document, "customers/{id}", "patch", client.patch(f"customers/{pk}", {"level": ""}))
    assigned = client.act("customers", pk, "assign", owner_id=client.user.pk)
    conforms(document, "customers/{id}/actions/assign", "post", assigned)


@pytest.mark.django_db
def test_someone_without_the_right_to_a_field_gets_what_is_promised(document, api):
    client = api("sales_representative")
    pk = client.post("customers", {"name": "A"}).json()["id"]
    answer = client.get(f"customers/{pk}")
    assert answer.json()["masked"] == []
    conforms(document, "customers/{id}", "get", answer)
    client = api("sales_operations")
    answer = client.get(f"products/{client.post('products', {'name': 'A', 'list_price': '1'}).json()['id']}")
    assert "cost" not in answer.json()
    conforms(document, "products/{id}", "get", answer)


@pytest.mark.django_db
def test_it_is_served_to_everybody_with_a_tag():
    client = Client()
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["openapi"] == "3.1.0"
    again = client.get("/api/v1/openapi.json", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v1/docs"])
def test_it_is_only_read(path):
    answer = Client(enforce_csrf_checks=True).post(path)
    assert answer.status_code == 405
    assert answer["Allow"] == "GET"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_its_page_runs_under_the_content_security_policy():
    answer = Client().get("/api/v1/docs")
    page = answer.content.decode()
    nonce = re.search(r'<script nonce="([^"]+)">', page)[1]
    assert f"'nonce-{nonce}'" in answer["Content-Security-Policy"]
    assert "<style" not in page
    for name in re.findall(r"/static/(vendor/[\w.-]+)", page):
        assert finders.find(name), name
