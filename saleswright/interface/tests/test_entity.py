"""Declarations: checked at start, completed, found by name."""

import pytest
from django.db import models

from saleswright.interface.entity import Entity, all_entities, entity_named, indexed_columns, sort_indexes
from saleswright.kernel.errors import NotFound
from saleswright.kernel.models import User
from saleswright.kernel.resources import Resource, add_resource, all_permissions, contribute, resource_named
from saleswright.modules.customers.models import Customer


@pytest.mark.parametrize("entity", all_entities(), ids=lambda entity: entity.name)
def test_every_declaration_is_sound(entity):
    assert entity.check() == []
    assert str(entity.label)
    assert str(entity.label_plural)


def wrong(**attributes) -> list[str]:
    """What the check says of a declaration about customers."""
    return type("Wrong", (Entity,), {"name": "wrong", "model": Customer, **attributes})().check()


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"columns": ("nme",)}, "no field 'nme'"),
        ({"totals": ("nme",)}, "no field 'nme'"),
        ({"secret": {"nme": "right"}}, "no field 'nme'"),
        ({"api_write": ("nme",)}, "no form field 'nme'"),
        ({"search": ("nme",)}, "no search field 'nme'"),
        ({"sortable": ("address",)}, "'address' is sortable or filterable without an index"),
        ({"filters": ("size",)}, "'size' is sortable or filterable without an index"),
        ({"state_field": "life_cycle", "api_write": ("life_cycle",)}, "the state field is in the write list"),
    ],
)
def test_a_mistake_in_a_declaration_is_named(attributes, problem):
    assert wrong(**attributes) == [f"wrong: {problem}"]


def test_owned_records_can_be_filtered_by_owner_and_department():
    assert {"owner", "department"} <= set(entity_named("customers").filters)
    assert "owner" not in entity_named("contacts").filters


@pytest.mark.django_db
def test_what_never_leaves_the_system_has_no_spec():
    assert not {"password", "last_login", "theme", "version"} & set(entity_named("employees").specs)
    assert "name_key" not in entity_named("customers").specs


def test_secret_fields_are_left_out_without_the_right(db, acting):
    entity = entity_named("products")
    assert "cost" in entity.specs_for(acting("finance"))
    assert "cost" not in entity.specs_for(acting("sales_representative"))


def test_masked_fields_are_veiled_without_the_right(db, acting):
    entity, row = entity_named("customers"), {"id": 1, "bank_account": "6222020012345678"}
    told = [entity.specs_for(acting(role))["bank_account"].cell(row, "en").text for role in ("finance", "partner")]
    assert told == ["6222020012345678", "****5678"]
    assert "bank_account" not in entity.known_to(acting("partner"))


def test_personal_data_is_veiled_for_those_with_the_right_until_they_ask(db, acting):
    entity, row = entity_named("contacts"), {"id": 7, "mobile": "13812345678"}
    cells = [entity.specs_for(acting(role))["mobile"].cell(row, "en") for role in ("finance", "purchasing")]
    assert [(cell.text, cell.reveal) for cell in cells] == [
        ("138****5678", "/contacts/7/reveal/mobile"),
        ("138****5678", ""),
    ]


def test_addresses_are_plural_and_end_in_the_id():
    entity = entity_named("customers")
    assert (entity.url(), entity.url(7), entity.url(7, "edit")) == ("/customers", "/customers/7", "/customers/7/edit")


def test_an_unknown_name_and_a_resource_without_pages_are_not_found():
    for name in ("nothing", "saved-views"):
        with pytest.raises(NotFound):
            entity_named(name)
    assert resource_named("saved-views").personal


def test_a_name_and_a_model_stand_for_one_resource():
    for attributes in ({"name": "customers", "model": models.Model}, {"name": "other", "model": User}):
        with pytest.raises(ValueError, match="twice"):
            add_resource(type("Twice", (Resource,), attributes)())


def test_higher_modules_add_to_lower_declarations(monkeypatch):
    kind = type(entity_named("customers"))
    monkeypatch.setattr(kind, "panels", kind.panels)
    contribute("customers", panels=("/a",))
    contribute("customers", panels=("/b",))
    assert kind.panels[-2:] == ("/a", "/b")


@pytest.mark.django_db
def test_every_permission_is_listed_once():
    codes = all_permissions()
    assert len(codes) == len(set(codes))
    assert {"customers.view", "customers.assign", "fields.bank", "reports.view", "saved-views.create"} <= set(codes)


def test_sortable_columns_get_an_index_with_the_id():
    index = sort_indexes("customer", "name")[0]
    assert (index.fields, index.name) == (["name", "id"], "customer_name")
    assert {"name", "code", "owner", "level"} <= indexed_columns(Customer)
    assert "address" not in indexed_columns(Customer)
