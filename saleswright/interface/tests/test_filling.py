"""What entities say of pickers that follow others and of records that fill forms is checked at start."""

import pytest

from saleswright.interface.entity import Board, Limit, entity_named
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Contact, Customer


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("limits", {"person": Limit("customer")}, "no form field 'person' to limit or fill by"),
        ("limits", {"contact": Limit("client")}, "no form field 'client' to limit or fill by"),
        ("fills", {"deal": ("customer",)}, "no form field 'deal' to limit or fill by"),
        ("fills", {"opportunity": ("status",)}, "no form field 'status' to fill"),
        ("line_fills", {"deal": ("lines", list)}, "no form field 'deal' to limit or fill by"),
        ("board", Board(by="status", title="number", flags=("late",)), "nothing attached is called 'late'"),
    ],
)
def test_a_declaration_names_what_is_there(monkeypatch, name, value, problem):
    entity = entity_named("quotes")
    monkeypatch.setattr(type(entity), name, value)
    assert entity.check() == [f"quotes: {problem}"]


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["pick=name", "fill=customer"])
def test_forms_without_such_fields_answer_nothing(browse, query):
    assert browse("administrator").get(f"/contacts/new?{query}").status_code == 404


@pytest.mark.django_db
def test_nothing_is_picked_among_records_that_one_may_not_list(browse, person, root, monkeypatch):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    save_record(Contact, {"name": "C", "customer": customer.pk}, actor=root)
    monkeypatch.setattr(type(entity_named("deliveries")), "limits", {"order": Limit("customer")})
    assert browse("hr").get("/deliveries/new?pick=order").status_code == 403
