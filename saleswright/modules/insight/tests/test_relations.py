"""The relation map: who reports to whom, the group, circles, and what one doesn't see."""

from __future__ import annotations

from typing import Any

import pytest

from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.insight.overview import relations
from saleswright.modules.insight.tests.factories import ROOT, customer

pytestmark = pytest.mark.django_db


def contact(at: Customer, name: str, boss: Contact | None = None, **values: Any) -> Contact:
    given = {"customer": at.pk, "name": name, "reports_to": boss.pk if boss else None, **values}
    return save_record(Contact, given, actor=ROOT)


def outline(tops: Any) -> list[tuple[int, str]]:
    return [(node.depth, node.text) for top in tops for node in top.rows()]


def test_it_follows_the_reporting_lines(root: Any) -> None:
    one = customer("Alpha")
    chief = contact(one, "Chief", is_primary=True, decision_role="decides", attitude="opponent")
    head = contact(one, "Head", chief, attitude="friendly")
    contact(one, "User", head, decision_role="uses")
    contact(one, "Guard")
    tops = relations.people_of(one, root, "en")
    assert outline(tops) == [(0, "Chief"), (1, "Head"), (2, "User"), (0, "Guard")]
    drawn = relations.chart_of_people(one, tops)
    assert drawn.title == "Chief decides and is against us"
    (tree,) = drawn.option["series"][0]["data"]
    assert (tree["name"], tree["children"][0]["symbol"]) == ("Alpha", "diamond")
    assert drawn.rows[2] == ["Head", "Chief", "Friendly"]
    assert drawn.rows[0][:2] == ["Chief", ""]


def test_fifty_people_have_room(root: Any) -> None:
    one = customer("Alpha")
    chief = contact(one, "Chief")
    drafts = [Draft({"customer": one.pk, "name": f"P{n:02}", "reports_to": chief.pk}) for n in range(50)]
    save_records(Contact, drafts, actor=ROOT)
    tops = relations.people_of(one, root, "en")
    assert (len(outline(tops)), relations.height(tops)) == (51, 50 * relations.ROW + 24)


def test_nobody_reports_to_somebody_below() -> None:
    one = customer("Alpha")
    chief = contact(one, "Chief")
    head = contact(one, "Head", chief)
    for boss in (head, chief):
        with pytest.raises(ValidationFailed) as refused:
            save_record(Contact, {"reports_to": boss.pk}, pk=chief.pk, actor=ROOT)
        assert refused.value.errors[0].field == "reports_to"
    assert Contact.objects.get(pk=chief.pk).reports_to_id is None


def test_two_who_would_report_to_each_other_are_refused_together() -> None:
    one = customer("Alpha")
    a, b = contact(one, "A"), contact(one, "B")
    drafts = [Draft({"reports_to": b.pk}, pk=a.pk), Draft({"reports_to": a.pk}, pk=b.pk)]
    with pytest.raises(ValidationFailed):
        save_records(Contact, drafts, actor=ROOT)
    assert not Contact.objects.exclude(reports_to=None).exists()


def test_one_reports_within_the_group_alone() -> None:
    mother = customer("Mother")
    daughter, stranger = customer("Daughter", parent=mother.pk), customer("Stranger")
    boss = contact(mother, "Boss")
    assert contact(daughter, "Local", boss).reports_to_id == boss.pk
    with pytest.raises(ValidationFailed):
        contact(stranger, "Other", boss)
    assert not Contact.objects.filter(name="Other").exists()


def test_two_companies_that_would_own_each_other_are_refused_together() -> None:
    a, b = customer("A"), customer("B")
    drafts = [Draft({"parent": b.pk}, pk=a.pk), Draft({"parent": a.pk}, pk=b.pk)]
    with pytest.raises(ValidationFailed) as refused:
        save_records(Customer, drafts, actor=ROOT)
    assert {error.field for error in refused.value.errors} == {"parent"}
    assert not Customer.objects.exclude(parent=None).exists()


def test_the_group_is_seen_from_its_top(root: Any) -> None:
    top = customer("Top")
    left, right = customer("Left", parent=top.pk), customer("Right", parent=top.pk)
    customer("Below", parent=left.pk)
    found = relations.group_of(right, root)
    assert found is not None
    assert outline([found]) == [(0, "Top"), (1, "Left"), (2, "Below"), (1, "Right")]
    assert [node.text for node in found.rows() if node.here] == ["Right"]
    assert relations.chart_of_group(found).title == "4 companies belong to the group of Top"
    assert relations.group_of(customer("Alone"), root) is None


def test_companies_that_one_does_not_see_have_no_name(acting: Any, person: Any) -> None:
    seller = person("sales_representative")
    top = customer("Top")
    mine = customer("Mine", parent=top.pk, owner=seller.pk)
    found = relations.group_of(mine, acting(seller))
    assert found is not None
    assert outline([found]) == [(0, "A company that you don't see"), (1, "Mine")]
    assert found.url == ""


def test_a_circle_of_old_is_cut(root: Any) -> None:
    one = customer("Alpha")
    a, b = contact(one, "A"), contact(one, "B")
    Contact.objects.filter(pk=a.pk).update(reports_to=b)
    Contact.objects.filter(pk=b.pk).update(reports_to=a)
    assert outline(relations.people_of(one, root, "en")) == [(0, "A"), (1, "B")]


def test_the_page_draws_and_lists(browse: Any, person: Any) -> None:
    one = customer("Alpha")
    client = browse(person("administrator", language="en"))
    assert "No contacts yet" in client.get(f"/customers/{one.pk}/map").content.decode()
    contact(one, "Chief", attitude="champion")
    page = client.get(f"/customers/{one.pk}/map").content.decode()
    assert '"type": "tree"' in page
    assert "1 of 1 people are on our side" in page
    assert "The same as a list" in page
    assert browse(person()).get(f"/customers/{one.pk}/map").status_code in {403, 404}
