"""The language of conditions over records: SQL against values, words, rights, and the editor."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import orjson
import pytest
import time_machine
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.interface import conditions
from saleswright.interface.conditions import editor, figures_of, row, say, terms_of, vocabulary
from saleswright.interface.entity import entity_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.conditions import Column, Figure, build, holds, parsed
from saleswright.kernel.errors import NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Opportunity, Pipeline

ROOT = system("test")
QUICKLY = (Phase.explicit, Phase.reuse, Phase.generate)
TODAY, NOW = date(2026, 11, 23), datetime(2026, 11, 23, 4, tzinfo=UTC)
MOMENTS = [datetime(2026, 11, day, 15, tzinfo=UTC) for day in (1, 22, 23)]
WORDS = ("", "a", "ab", "ba", "钢", "钢厂", "b%", "_a")
AMOUNTS = tuple(map(Decimal, ("0", "0.01", "100", "100.50", "99999999.99")))
DAYS = (None, *(TODAY + timedelta(days=n) for n in (-400, -60, -7, -1, 0, 1, 40)))

deals = st.lists(
    st.fixed_dictionaries(
        {
            "customer": st.none() | st.integers(0, 2),
            "name": st.sampled_from(WORDS),
            "lesson": st.sampled_from(WORDS),
            "amount": st.sampled_from(AMOUNTS),
            "status": st.sampled_from(("open", "lost")),
            "expected_close": st.sampled_from(DAYS),
            "next_step_at": st.none() | st.sampled_from(MOMENTS),
            "probability": st.integers(0, 3),
            "probability_manual": st.booleans(),
            "needs": st.lists(st.sampled_from(("a", "b c", "钢")), max_size=2),
        }
    ),
    min_size=1,
    max_size=6,
)
levels = st.lists(st.sampled_from(("", "A", "B")), min_size=3, max_size=3)
compare = st.sampled_from(("exact", "gte", "lte", "gt", "lt"))
when = st.sampled_from(
    ("today", "this_quarter", "last_year", "last_7_days", "next_30_days", "past", "future", "2026-11-23", "2026-10-14")
)


def leaf(name, op, value, **more):
    return st.fixed_dictionaries({"field": st.just(name), "op": op, "value": value, **more})


yes = st.sampled_from(("1", "0"))
leaves = st.one_of(
    leaf("name", st.sampled_from(("exact", "not", "startswith", "contains")), st.sampled_from(WORDS[1:])),
    leaf("lesson", st.sampled_from(("exact", "contains")), st.sampled_from(WORDS[1:])),
    leaf("name", st.just("in"), st.lists(st.sampled_from(WORDS[1:]), min_size=1, max_size=3)),
    *(leaf(n, st.just("empty"), yes) for n in ("name", "customer", "expected_close", "amount", "customer.level")),
    leaf("amount", compare | st.just("not"), st.sampled_from([str(amount) for amount in AMOUNTS])),
    leaf("probability", compare, st.sampled_from(("1", "2"))),
    leaf("status", st.sampled_from(("exact", "in", "not")), st.sampled_from(("open", "lost"))),
    leaf("probability_manual", st.just("exact"), yes),
    leaf("needs", st.just("has"), st.sampled_from(("a", "b", "b c", "钢"))),
    leaf("expected_close", compare, when),
    leaf("next_step_at", compare, when),
    leaf("customer.level", st.sampled_from(("exact", "not")), st.sampled_from(("A", "B"))),
    leaf("customer.figures.open_amount", compare, st.sampled_from(("0", "100", "200.5")),
         period=st.sampled_from(("", "this_quarter", "past"))),
)  # fmt: skip
joins = st.sampled_from(("and", "or"))
trees = st.recursive(
    leaves,
    lambda part: st.builds(lambda join, parts: {join: parts}, joins, st.lists(part, max_size=3)),
    max_leaves=6,
)
COMPARED = (
    "name", "lesson", "amount", "base_amount", "probability", "status", "probability_manual", "needs", "customer",
    "expected_close", "next_step_at", "customer.level",
)  # fmt: skip


@pytest.mark.django_db
def test_who_is_not_of_a_level_may_be_nobody():
    """Asked beside whether there is anybody, which Django joins in another way."""
    deal = save_record(Opportunity, {"name": "b"}, actor=ROOT)
    tree = {"or": [{"field": "customer", "op": "empty", "value": "0"},
                   {"field": "customer.level", "op": "not", "value": "B"}]}  # fmt: skip
    found = Opportunity.objects.filter(build(tree, terms_of(entity_named("opportunities"), ROOT)))
    assert [one.pk for one in found] == [deal.pk]


class Conditions(TestCase):
    """Random deals and random trees: SQL finds what a slow look at each deal finds."""

    @settings(max_examples=150, deadline=None, phases=QUICKLY)
    @given(deals, levels, trees)
    def test_sql_and_values_agree(self, plan, levels, tree):
        with time_machine.travel(NOW, tick=False):
            self._compare(plan, levels, tree)

    def _compare(self, plan, levels, tree):
        customers = [
            Customer.objects.create(name="C", level=level, created_at=clock.now(), updated_at=clock.now())
            for level in levels
        ]
        self._open(plan, customers)
        terms = terms_of(entity_named("opportunities"), ROOT)
        read = parsed(tree, terms)
        rows = Opportunity.objects.values("pk", *[terms[name].attname for name in COMPARED])
        expected = {row["pk"] for row in rows if holds(read, row | self._figures(row, rows))}
        assert set(Opportunity.objects.filter(build(tree, terms)).values_list("pk", flat=True)) == expected
        assert conditions.in_words(read)

    def _open(self, plan, customers):
        pipeline = Pipeline.objects.get(name="default")
        at = clock.now()
        for deal in plan:
            customer = customers[deal["customer"]] if deal["customer"] is not None else None
            values = deal | {"customer": customer, "pipeline": pipeline, "stage": pipeline.stages.first()}
            values |= {
                "base_amount": deal["amount"],
                "stage_since": TODAY,
                "closed_on": None if deal["status"] == "open" else TODAY,
                "created_at": at,
                "updated_at": at,
            }
            Opportunity.objects.create(**values)

    def _figures(self, row, rows):
        """What is open with the customer of the row, by the period in which it is expected."""
        known = [
            one for one in rows if one["status"] == "open" and one["customer_id"] == row["customer_id"] is not None
        ]
        found = {}
        for name in ("", "this_quarter", "past"):
            within = [one for one in known if not name or one["expected_close"] in clock.relative_period(name)]
            found[f"customer_id.open_amount.{name}"] = sum(one["base_amount"] for one in within)
        return found


# --- vocabularies and rights -----------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def customers_where(tree, actor):
    return sorted(
        Customer.objects.filter(build(tree, terms_of(entity_named("customers"), actor))).values_list("name", flat=True)
    )


def test_it_offers_related_fields_and_figures():
    terms = vocabulary("quotes", ROOT)
    assert (terms["customer.level"].attname, terms["customer.level"].kind) == ("customer__level", "choice")
    assert str(terms["customer.level"].label) == "Customer · Level"
    assert isinstance(terms["customer.figures.ordered"], Figure)
    assert "customer.updated_at" not in terms
    assert "password" not in vocabulary("employees", ROOT)


def test_it_knows_no_vocabulary_of_another_name(person):
    for name in ("nonsense", "nonsense:quotes"):
        with pytest.raises(NotFound):
            vocabulary(name, ROOT)
    with pytest.raises(NotAllowed):
        vocabulary("customers", actor_for(person(), origin="test"))


def test_it_takes_terms_of_modules(monkeypatch):
    extra = Column("custom__grade", "text", str, "Grade")
    monkeypatch.setattr(conditions, "SOURCES", [lambda entity, actor: {"custom.grade": extra}])
    assert vocabulary("customers", ROOT)["custom.grade"] is extra


def test_it_tells_nothing_of_related_records_that_one_does_not_see(person):
    rep, other = person("sales_representative"), person("sales_representative")
    group = save_record(Customer, {"name": "Group", "level": "A", "owner": other.pk}, actor=ROOT)
    save_record(Customer, {"name": "Part", "owner": rep.pk, "parent": group.pk}, actor=ROOT)
    tree = {"field": "parent.level", "value": "A"}
    assert customers_where(tree, ROOT) == ["Part"]
    assert customers_where(tree, actor_for(rep, origin="test")) == []
    negated = {"field": "parent.level", "op": "not", "value": "B"}
    assert "Part" not in customers_where(negated, actor_for(rep, origin="test"))


def test_its_figures_count_only_facts_that_one_sees(person):
    rep, other = person("sales_representative"), person("sales_representative")
    customer = save_record(Customer, {"name": "Acme", "owner": rep.pk}, actor=ROOT)
    save_record(Opportunity, {"customer": customer.pk, "amount": "100", "owner": rep.pk}, actor=ROOT)
    save_record(Opportunity, {"customer": customer.pk, "amount": "50", "owner": other.pk}, actor=ROOT)
    tree = {"field": "figures.open_amount", "op": "gte", "value": "150"}
    assert customers_where(tree, ROOT) == ["Acme"]
    assert customers_where(tree, actor_for(rep, origin="test")) == []
    assert figures_of(Customer, "pk", "", actor_for(person("hr"), origin="test")) == {}


def test_a_figure_of_nothing_is_zero():
    save_record(Customer, {"name": "Acme"}, actor=ROOT)
    assert customers_where({"field": "figures.open_amount", "op": "lt", "value": "1"}, ROOT) == ["Acme"]
    assert customers_where({"field": "figures.open_amount", "value": "0"}, ROOT) == ["Acme"]
    assert customers_where({"field": "figures.open_amount", "op": "gt", "value": "0"}, ROOT) == []


@pytest.mark.parametrize(
    ("tree", "field"),
    [
        ({"field": "level", "value": "A", "period": "today"}, "level"),
        ({"field": "figures.open_amount", "value": "1", "period": "sometime"}, "figures.open_amount"),
        ({"field": "figures.open_amount", "value": "1", "period": "last_0_days"}, "figures.open_amount"),
        ({"field": "figures.open_amount", "value": "many"}, "figures.open_amount"),
        ({"field": "figures.open_amount", "value": ""}, "figures.open_amount"),
        ({"field": "figures.open_amount", "op": "empty", "value": "1"}, "figures.open_amount"),
        ({"field": "name", "op": "contains", "value": ""}, "name"),
    ],
)
def test_it_refuses_what_can_not_be_compared(tree, field):
    with pytest.raises(ValidationFailed) as refused:
        build(tree, vocabulary("customers", ROOT))
    assert [one.field for one in refused.value.errors] == [field]


# --- words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"field": "level", "op": "in", "value": ["A"]}, "Level is A key"),
        ({"field": "level", "op": "in", "value": ["A", "B"]}, "Level is one of A key, B important"),
        ({"field": "level", "op": "empty", "value": False}, "Level is filled in"),
        ({"field": "owner", "op": "empty", "value": "1"}, "Owner is empty"),
        ({"field": "created_at", "op": "gte", "value": "this_quarter"}, "Created from This quarter"),
        ({"field": "created_at", "value": "last_45_days"}, "Created: Last 45 days"),
        ({"field": "created_at", "op": "lt", "value": "2026-11-23"}, "Created before 2026-11-23"),
        ({"field": "figures.open_amount", "op": "gte", "value": "1234567"}, "Open amount ≥ ¥1,234,567"),
        (
            {"field": "figures.open_amount", "op": "gt", "value": "5", "period": "next_45_days"},
            "Open amount (Next 45 days) > ¥5",
        ),
        ({"and": []}, "nothing matches (no conditions)"),
        (
            {"or": [{"field": "level", "value": "A"}, {"and": [{"field": "name", "op": "contains", "value": "x"},
                                                               {"field": "name", "op": "not", "value": "y"}]}]},
            "Level is A key or (Name contains “x” and Name is not “y”)",
        ),
    ],
)  # fmt: skip
def test_it_says_conditions_in_words(tree, words):
    assert say(tree, vocabulary("customers", ROOT)) == words


def test_it_says_values_of_each_kind(person):
    someone = person(name="Zhang Wei")
    terms = vocabulary("opportunities", ROOT)
    assert say({"field": "owner", "value": someone.pk}, terms) == "Owner is Zhang Wei"
    assert say({"field": "owner", "value": "999999"}, terms) == "Owner is #999999"
    assert say({"field": "probability_manual", "value": "1"}, terms) == "Probability set by hand is Yes"
    assert say({"field": "amount", "op": "lte", "value": "1000.5"}, terms) == "Amount ≤ 1,000.5"
    assert say({"field": "effective_discount", "op": "gt", "value": "18"}, vocabulary("quotes", ROOT)).endswith("> 18%")


# --- the editor ------------------------------------------------------------------------------------------------


def test_the_editor_shows_a_tree():
    tree = {"or": [{"field": "level", "value": "A"}, {"and": [{"field": "name", "op": "empty", "value": "0"}]}]}
    content = editor("where", "customers", vocabulary("customers", ROOT), tree)
    first, inner = content.root.parts
    assert content.root.join == "or"
    assert [(o.value, o.selected) for o in first.operators][:2] == [("in", True), ("not", False)]
    assert [o.value for o in first.options if o.selected] == ["A"]
    assert [o.value for o in inner.parts[0].operators if o.selected] == ["filled"]
    assert orjson.loads(content.value) == tree


def test_the_editor_shows_a_single_condition():
    content = editor("where", "customers", vocabulary("customers", ROOT), {"field": "level", "value": "A"})
    assert (content.root.join, len(content.root.parts)) == ("and", 1)


def test_the_editor_says_what_it_can_not_read():
    content = editor("where", "customers", vocabulary("customers", ROOT), {"field": "nonsense", "value": "A"})
    assert (content.root.parts, str(content.error)) == ([], "There is no such field.")
    content = editor("where", "customers", vocabulary("customers", ROOT), ["A"])
    assert (content.root.parts, str(content.error)) == ([], "The conditions are not well formed.")


def test_the_editor_keeps_rows_that_are_not_complete():
    tree = {"or": [{"field": "figures.open_amount", "op": "gte", "value": ""}, {"field": "level", "value": "A"}]}
    content = editor("where", "customers", vocabulary("customers", ROOT), tree)
    assert str(content.error) == "A value is missing."
    assert [row.value for row in content.root.parts] == ["", "A"]


@pytest.mark.parametrize(
    ("name", "op", "control"),
    [
        ("level", "in", "choice"), ("level", "empty", "nothing"), ("owner", "not", "reference"), ("name", "", "text"),
        ("created_at", "gte", "date"), ("figures.open_amount", "", "number"), ("tags", "", "text"),
    ],
)  # fmt: skip
def test_a_row_has_the_control_of_its_field(name, op, control):
    found = row(vocabulary("customers", ROOT), name, op, "this_quarter")
    assert found.control == control
    assert [option.selected for group in found.fields for option in group[1]].count(True) == 1


def test_a_row_keeps_what_fits():
    terms = vocabulary("customers", ROOT)
    assert row(terms, "created_at", "lt", "2026-11-23").value == "2026-11-23"
    assert row(terms, "created_at", "lt", "nonsense").value == ""
    dates = row(terms, "created_at", "lt", "this_quarter")
    assert [option.value for option in dates.periods if option.selected] == ["this_quarter"]
    assert row(terms, "figures.open_amount", "gte", "5", "this_year").period == "this_year"
    with pytest.raises(NotFound):
        row(terms, "nonsense")


def test_its_pages_answer(browse, person):
    client = browse("sales_representative")
    assert "data-conditions" in client.get("/conditions/customers").content.decode()
    where = orjson.dumps({"field": "level", "value": "A"}).decode()
    assert 'value="A" checked' in client.get("/conditions/customers", {"where": where}).content.decode()
    rows = client.get("/conditions/customers/row", {"field": "owner", "op": "in", "value": str(person().pk)})
    assert "data-picker-url" in rows.content.decode()
    assert client.get("/conditions/customers/row?field=nonsense").status_code == 404
    assert client.get("/conditions/customers", {"where": "{"}).status_code == 422
    assert client.get("/conditions/approval-flows").status_code == 403
    page = client.get("/customers", {"where": where}).content.decode()
    assert "/conditions/customers?where=" in page
    assert "A 重点" in page
