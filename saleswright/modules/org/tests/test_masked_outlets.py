"""Masked fields in every outlet: no entity shows a value to somebody without the right, or unasked to anybody."""

from __future__ import annotations

import re

import pytest

from saleswright.interface.entity import all_entities, entity_named
from saleswright.interface.exchange.importer import run_import
from saleswright.kernel.models import AuditEntry, Role
from saleswright.kernel.personal import masked_by_default
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_of
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.leads.public import Lead
from saleswright.modules.org.tests.test_outlets import body

pytestmark = pytest.mark.django_db
MASKED = [(entity.name, name) for entity in all_entities() for name in entity.masks]
VALUES = {
    "phone": "13987650042", "mobile": "13987650042", "email": "quentin.hill@example.org",
    "bank_account": "6222020098765432",
}  # fmt: skip
OUTLETS = (
    "/{r}?columns={columns}", "/{r}/{pk}", "/{r}/{pk}/edit", "/{r}/{pk}/timeline", "/search?q=Subject",
    "/{r}/export?format=csv&columns={columns}", "/pick/{r}?q=Subject", "/audit?resource={r}", "/conditions/{r}",
    "/api/v1/{r}?limit=200", "/api/v1/{r}?fields=id,{field}", "/api/v1/{r}/{pk}", "/api/v1/{r}/{pk}/history",
)  # fmt: skip


def made(resource: str, field: str, root) -> int:
    entity, values = entity_named(resource), {field: VALUES[field]}
    if resource == "contacts":
        customer = save_record(Customer, {"name": "Subject firm"}, actor=root)
        values |= {"name": "Subject", "customer": customer.pk}
    elif resource == "leads":
        values |= {"contact_name": "Subject", "company": "Subject firm"}
    elif resource == "employees":
        values |= {"name": "Subject", "username": f"subject-{field}"}
    elif resource == "customers":
        values |= {"name": "Subject"}
    else:
        values |= {"subject_name": "Subject", "kind": "access"}
    pk = save_record(entity.model, values, actor=root).pk
    record = entity.model.objects.get(pk=pk)
    for value in (f"1{VALUES[field]}", getattr(record, field)):  # so that the history knows it too
        save_record(entity.model, {field: value}, pk=pk, actor=root)
    return pk


def grants(resource: str) -> dict[str, str]:
    return {f"{resource}.*": "all", "audit.view": "all", "customers.view": "all", "contacts.view": "all"}


def visited(resource: str, field: str, pk: int):
    for outlet in OUTLETS:
        columns = ",".join(("id", field)) if resource != "contacts" else f"name,{field}"
        yield outlet.format(r=resource, pk=pk, field=field, columns=columns, value=VALUES[field])


@pytest.mark.parametrize(("resource", "field"), MASKED)
@pytest.mark.parametrize("with_right", [False, True])
def test_no_outlet_tells_a_masked_value_unasked(resource, field, with_right, root, browse, api):
    pk = made(resource, field, root)
    entity = entity_named(resource)
    right = {f"fields.{entity.right_of(field)}": "all"} if with_right else {}
    save_record(Role, {"code": "walker", "name": "W", "grants": grants(resource) | right}, actor=root)
    page, program = browse("walker"), api("walker")
    open_to = with_right and not masked_by_default(entity, field)
    told = set()
    for address in visited(resource, field, pk):
        answer = program.get(address) if address.startswith("/api") else page.get(address)
        assert answer.status_code in {200, 404}, address
        if VALUES[field] in body(answer):
            told.add(address)
    if open_to:
        assert f"/api/v1/{resource}/{pk}" in told
    else:
        assert told == set()


@pytest.mark.parametrize(("resource", "field"), MASKED)
def test_a_masked_value_can_t_be_guessed_without_the_right(resource, field, root, api):
    made(resource, field, root)
    save_record(Role, {"code": "walker", "name": "W", "grants": grants(resource)}, actor=root)
    client = api("walker")
    where = f'{{"field":"{field}","op":"startswith","value":"1"}}'
    assert client.get(f"{resource}?where={where}").status_code == 422
    assert client.get(f"{resource}?{field}=1").status_code == 422
    assert client.get(f"{resource}?ordering={field}").status_code == 422
    assert client.get(f"{resource}?q={VALUES[field]}").json()["items"] == []


@pytest.mark.parametrize(("resource", "field"), [one for one in MASKED if one[1] in {"phone", "mobile"}])
def test_a_whole_number_finds_its_record_for_those_with_the_right(resource, field, root, api):
    pk = made(resource, field, root)
    if field not in entity_named(resource).search:
        return
    save_record(Role, {"code": "walker", "name": "W", "grants": grants(resource) | {"fields.phone": "all"}}, actor=root)
    assert [one["id"] for one in api("walker").get(f"{resource}?q={VALUES[field]}").json()["items"]] == [pk]


def test_exported_paths_lead_to_no_protected_field():
    for entity in all_entities():
        for path in entity.exchange_fields:
            name, _sep, rest = path.partition("__")
            if rest and name in entity.specs:
                assert rest not in resource_of(entity.specs[name].target).secret, path


LOOKS_PERSONAL = re.compile(
    r"phone|mobile|e?mail|identity|id_card|birth|bank|account|address|latitude|longitude|contact_name|wechat|passport"
)


def test_every_field_that_looks_personal_is_declared_or_said_to_be_none():
    undeclared = [
        f"{entity.name}.{field.name}"
        for entity in all_entities()
        for field in entity.model._meta.concrete_fields
        if LOOKS_PERSONAL.search(field.name)
        and field.name not in entity.personal_data
        and field.name not in entity.not_personal
        and field.get_internal_type() not in {"ForeignKey", "BooleanField"}
    ]
    assert undeclared == []


# --- asked for ---------------------------------------------------------------------------------------------------


@pytest.fixture
def contact(root):
    customer = save_record(Customer, {"name": "Firm"}, actor=root)
    values = {"customer": customer.pk, "name": "Wang", "mobile": "13812345678", "email": "wang@firm.cn"}
    return save_record(Contact, values, actor=root)


def test_one_tap_shows_a_number_and_notes_it(contact, browse):
    client = browse("sales_director")
    page = client.get(f"/contacts/{contact.pk}").content.decode()
    assert f'hx-post="/contacts/{contact.pk}/reveal/mobile"' in page
    answer = client.post(f"/contacts/{contact.pk}/reveal/mobile")
    assert 'href="tel:13812345678"' in body(answer)
    assert "data-open" not in body(answer)
    assert answer["Cache-Control"] == "no-store"
    assert AuditEntry.objects.filter(action="unmasked", record_id=contact.pk).count() == 1


def test_one_tap_calls(contact, browse):
    answer = browse("sales_director").post(f"/contacts/{contact.pk}/reveal/mobile?call=1")
    assert 'href="tel:13812345678" data-open' in body(answer)


def test_who_does_not_want_to_be_contacted_is_not_called(contact, root, browse):
    save_record(Contact, {"may_be_contacted": False}, pk=contact.pk, actor=root)
    answer = body(browse("sales_director", language="en").post(f"/contacts/{contact.pk}/reveal/mobile?call=1"))
    assert "13812345678" in answer
    assert "tel:" not in answer
    assert "Does not want to be contacted" in answer


def test_a_list_of_numbers_offers_to_show_each(contact, browse):
    page = browse("sales_director").get("/contacts").content.decode()
    assert f"/contacts/{contact.pk}/reveal/mobile" in page
    assert "13812345678" not in page


def test_the_tap_is_refused_without_the_right(contact, root, browse):
    save_record(Role, {"code": "walker", "name": "W", "grants": grants("contacts")}, actor=root)
    client = browse("walker")
    assert "/reveal/" not in client.get(f"/contacts/{contact.pk}").content.decode()
    assert client.post(f"/contacts/{contact.pk}/reveal/mobile").status_code == 403
    assert client.get(f"/contacts/{contact.pk}/reveal/mobile").status_code == 405


def test_saving_the_form_keeps_the_number(contact, browse):
    client = browse("sales_director")
    form = client.get(f"/contacts/{contact.pk}/edit").content.decode()
    assert 'value="138****5678"' in form
    sent = {"customer": contact.customer_id, "name": "Wang Li", "mobile": "138****5678", "email": "w***@firm.cn",
            "version": contact.version}  # fmt: skip
    assert client.post(f"/contacts/{contact.pk}/edit", sent).status_code == 302
    saved = Contact.objects.get(pk=contact.pk)
    assert (saved.name, saved.mobile, saved.email) == ("Wang Li", "13812345678", "wang@firm.cn")


def test_a_program_gets_the_whole_value_on_request_alone(contact, api):
    client = api("sales_director")
    answer = client.get(f"contacts/{contact.pk}")
    assert answer.json()["masked"] == ["mobile", "email"]
    answer = client.get(f"contacts/{contact.pk}?unmask=mobile", If_None_Match=answer["ETag"])
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert (answer.json()["mobile"], answer.json()["email"]) == ("13812345678", "w***@firm.cn")
    assert answer.json()["masked"] == ["email"]
    assert client.get(f"contacts/{contact.pk}?unmask=name").status_code == 422
    assert AuditEntry.objects.filter(action="unmasked").count() == 1


def test_the_auditor_finds_who_was_shown_what(contact, browse):
    browse("sales_director").post(f"/contacts/{contact.pk}/reveal/mobile")
    page = browse("auditor", language="en").get("/audit?action=unmasked").content.decode()
    assert "Showed a hidden value" in page
    assert "Mobile" in page
    assert "13812345678" not in page


def test_a_full_export_needs_a_right_of_its_own_and_is_noted(contact, root, browse):
    save_record(
        Role, {"code": "walker", "name": "W", "grants": grants("contacts") | {"fields.phone": "all"}}, actor=root
    )
    address = "/contacts/export?format=csv&columns=name,mobile"
    assert "138****5678" in body(browse("walker").get(address))
    assert browse("walker").get(address + "&unmask=1").status_code == 403
    assert not AuditEntry.objects.filter(changes__has_key="unmasked").exists()
    assert "13812345678" in body(browse("administrator").get(address + "&unmask=1"))
    entry = AuditEntry.objects.get(action="exported", changes__has_key="unmasked")
    assert (entry.changes["count"], entry.changes["unmasked"]) == ([None, 1], [None, ["mobile"]])


def test_an_import_keeps_a_masked_number_and_marks_another(contact, root, acting, tmp_path):
    lead = save_record(Lead, {"company": "Firm", "phone": "13812345678"}, actor=root)
    path = tmp_path / "leads.csv"
    rows = ("number,company,phone", f"{lead.number},Firm two,138****5678", "L-9,New,139****0000")
    path.write_text("\n".join(rows), encoding="utf-8")
    outcome = run_import("leads", path, actor=acting("sales_director"), key="number", on_error="skip")
    assert (outcome.updated, outcome.created, outcome.failed) == (1, 0, 1)
    lead.refresh_from_db()
    assert (lead.company, lead.phone) == ("Firm two", "13812345678")
