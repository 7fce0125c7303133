"""Conditions over custom fields: SQL against values, of the record itself and of one that it refers to."""

from datetime import date
from decimal import Decimal

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.interface.conditions import say, terms_of
from saleswright.interface.entity import entity_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.conditions import build, holds, parsed
from saleswright.kernel.custom_fields import fields_of
from saleswright.kernel.models import CustomField
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact, Customer

ROOT = system("test")
QUICKLY = (Phase.explicit, Phase.reuse, Phase.generate)
KINDS = ("text", "integer", "decimal", "money", "date", "bool", "choice", "multi", "long")
WORDS = ("a", "ab", "钢", "b%", "_a")
VALUES = {
    "text": st.sampled_from(WORDS),
    "long": st.sampled_from(WORDS),
    "integer": st.sampled_from((-1, 0, 7)),
    "decimal": st.sampled_from((Decimal("0.5"), Decimal(3))),
    "money": st.sampled_from((Decimal("0.01"), Decimal(100))),
    "date": st.sampled_from((date(2026, 1, 31), date(2026, 11, 23))),
    "bool": st.booleans(),
    "choice": st.sampled_from(("a", "b")),
    "multi": st.lists(st.sampled_from(("a", "b")), min_size=1, max_size=2, unique=True),
}
customers = st.lists(
    st.fixed_dictionaries({kind: st.none() | value for kind, value in VALUES.items()}), min_size=1, max_size=5
)


def leaf(kind, ops, values):
    field = st.sampled_from((f"custom.x_{kind}", f"customer.custom.x_{kind}"))
    return st.fixed_dictionaries({"field": field, "op": st.sampled_from(ops), "value": st.sampled_from(values)})


numbers = ("exact", "gte", "lte", "gt", "lt", "not")
leaves = st.one_of(
    leaf("text", ("exact", "not", "startswith", "contains"), WORDS),
    leaf("long", ("exact", "contains"), WORDS),
    leaf("integer", numbers, ("0", "7")),
    leaf("decimal", numbers, ("0.5", "1")),
    leaf("money", numbers, ("0.01", "50")),
    leaf("date", ("exact", "gte", "lt"), ("2026-01-31", "2026-05-01")),
    leaf("bool", ("exact",), ("1", "0")),
    leaf("choice", ("exact", "not", "in"), ("a", "b")),
    leaf("multi", ("has",), ("a", "b")),
    *(leaf(kind, ("empty",), ("1", "0")) for kind in ("text", "long", "integer", "money", "date", "choice")),
)
joins = st.sampled_from(("and", "or"))
trees = st.recursive(
    leaves, lambda part: st.builds(lambda join, parts: {join: parts}, joins, st.lists(part, max_size=3)), max_leaves=5
)


class CustomConditions(TestCase):
    """Random values and random trees: SQL finds what a slow look at each contact finds."""

    @classmethod
    def setUpTestData(cls):
        choices = [{"code": "a", "label_zh": "甲"}, {"code": "b", "label_zh": "乙"}]
        for resource in ("customers", "contacts"):
            for kind in KINDS:
                given = {"resource": resource, "code": f"x_{kind}", "kind": kind, "label_zh": kind}
                lines = {"choices": choices} if kind in {"choice", "multi"} else {}
                save_record(CustomField, given, lines=lines, actor=ROOT)

    @settings(max_examples=150, deadline=None, phases=QUICKLY)
    @given(customers, trees)
    def test_sql_and_values_agree(self, plan, tree):
        at = clock.now()
        expected = set()
        terms = terms_of(entity_named("contacts"), ROOT)
        read = parsed(tree, terms)
        for place, values in enumerate(plan):
            other = plan[place - 1]
            customer = Customer.objects.create(name="C", custom=stored(other), created_at=at, updated_at=at)
            contact = Contact.objects.create(
                name="P", customer=customer, custom=stored(values), created_at=at, updated_at=at
            )
            known = {f"custom__x_{kind}": value for kind, value in values.items()}
            known |= {f"customer__custom__x_{kind}": value for kind, value in other.items()}
            if holds(read, known):
                expected.add(contact.pk)
        assert set(Contact.objects.filter(build(tree, terms)).values_list("pk", flat=True)) == expected
        assert say(tree, terms)


def stored(values):
    return {one.code: one.store(values[one.kind]) for one in fields_of("customers") if values[one.kind] is not None}
