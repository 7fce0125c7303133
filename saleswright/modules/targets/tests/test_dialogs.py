"""Decomposing by weights in the dialog: the parts are offered once it is said along what."""

import pytest

from saleswright.interface.tests.dialogs import ask, inputs, mistakes, table_rows
from saleswright.kernel.models import User
from saleswright.modules.targets.models import Target
from saleswright.modules.targets.tests.conftest import children

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(browse, person):
    user = person("administrator")
    User.objects.filter(pk=user.pk).update(language="en")
    return browse(User.objects.get(pk=user.pk))


@pytest.mark.parametrize(
    "given", [{}, {"by": "quarters"}, {"by": "quarters", "method": "even"}, {"by": "x", "method": "weights"}]
)
def test_it_offers_no_parts_before_weights_are_asked_for(client, new_target, given):
    text = ask(client, f"/targets/{new_target().pk}/actions/decompose", **given)
    assert table_rows(text) == []
    assert 'id="rows-weights" hidden' in text


def test_it_offers_periods_and_divides_by_their_weights(client, new_target):
    target = new_target("1200.00")
    path = f"/targets/{target.pk}/actions/decompose"
    text = ask(client, path, by="quarters", method="weights")
    names = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"]
    assert table_rows(text) == [([name], "") for name in names]
    given = {"by": "quarters", "method": "weights", "weights-0-weight": "1", "weights-3-weight": "3"}
    client.post(path, inputs(text) | given, headers={"HX-Request": "true"})
    assert [(period, value) for period, _kind, _id, value in children(target)] == [
        ("q1", 300),
        ("q2", 0),
        ("q3", 0),
        ("q4", 900),
    ]


def test_it_offers_people_by_name_and_divides_by_their_weights(client, new_target, firm):
    target = new_target("1200.00", scope_kind="department", scope_department=firm.east)
    path = f"/targets/{target.pk}/actions/decompose"
    text = ask(client, path, by="person", method="weighted")
    assert table_rows(text) == [([firm.anna.name], ""), ([firm.bert.name], "")]
    given = {"by": "people", "method": "weights", "weights-0-weight": "1", "weights-1-weight": "2"}
    client.post(path, inputs(text) | given, headers={"HX-Request": "true"})
    assert [(pk, value) for _period, _kind, pk, value in children(target)] == [(firm.anna.pk, 400), (firm.bert.pk, 800)]


def test_it_offers_nothing_where_nothing_lies_below(client, new_target, firm):
    target = new_target("1200.00", scope_kind="person", scope_person=firm.anna)
    path = f"/targets/{target.pk}/actions/decompose"
    assert table_rows(ask(client, path, by="departments", method="weights")) == []


def test_it_drops_weights_of_parts_that_are_offered_no_more(client, new_target):
    path = f"/targets/{new_target().pk}/actions/decompose"
    kept = inputs(ask(client, path, by="months", method="weights")) | {"weights-0-weight": "5"}
    text = ask(client, path, **(kept | {"by": "quarters", "method": "weights"}))
    assert [value for _shown, value in table_rows(text)] == [""] * 4


def test_it_refuses_weights_of_nothing_above_the_table(client, new_target):
    path = f"/targets/{new_target().pk}/actions/decompose"
    given = {"by": "quarters", "method": "weights"}
    sent = inputs(ask(client, path, **given)) | given
    text = client.post(path, sent, headers={"HX-Request": "true"}).content.decode()
    assert '<p class="field-error" role="alert">Give at least one weight above zero.</p>' in text
    text = client.post(path, sent | {"weights-1-weight": "-1"}, headers={"HX-Request": "true"}).content.decode()
    assert mistakes(text)["weights-1-weight"] == ["Weights can't be negative."]
    assert Target.objects.count() == 1
