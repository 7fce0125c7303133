"""Who is in a segment: conditions with figures, lists, segments in segments, rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.insight import queries
from saleswright.modules.insight.actions import segments
from saleswright.modules.insight.models import Segment, SegmentMember
from saleswright.modules.insight.tests.factories import ROOT, ago, customer, orders
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.receivables.tests.factories import history_invoice

pytestmark = pytest.mark.django_db


def segment(name: str, tree: Any = None, **values: Any) -> Segment:
    given = {"name": name, "conditions": tree} if tree else {"name": name, "kind": "fixed"}
    return save_record(Segment, given | values, actor=ROOT)


def names(one: Segment) -> list[str]:
    return sorted(queries.members(one).values_list("name", flat=True))


def rule(field: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


@pytest.fixture
def three() -> list[Customer]:
    found = [customer(name, code=name[:1]) for name in ("Alpha", "Beta", "Gamma")]
    orders(found[0], [400, 10], 5000)
    orders(found[1], [200], 3000)
    return found


def test_it_finds_by_revenue_and_count_of_a_period(three: list[Customer]) -> None:
    year = {"period": "last_365_days"}
    assert names(segment("rich", rule("figures.ordered", "gte", "4000", **year))) == ["Alpha"]
    assert names(segment("often", rule("figures.orders_confirmed", "gte", "2"))) == ["Alpha"]
    assert names(segment("never", rule("figures.orders_confirmed", "exact", "0"))) == ["Gamma"]


@pytest.mark.parametrize(
    ("op", "value", "found"),
    [
        ("gte", 200, ["Beta"]), ("gt", 199, ["Beta"]), ("gt", 200, []), ("lte", 10, ["Alpha"]), ("lt", 10, []),
        ("exact", 200, ["Beta"]), ("not", 200, ["Alpha"]), ("in", [10, 200], ["Alpha", "Beta"]),
        ("empty", "1", ["Gamma"]), ("empty", "0", ["Alpha", "Beta"]),
    ],
)  # fmt: skip
def test_it_counts_days_since_the_last_order(three: list[Customer], op: str, value: Any, found: list[str]) -> None:
    assert names(segment("s", rule("days_since_order", op, value))) == found


def test_it_counts_days_since_visits_by_the_day_of_the_company(three: list[Customer]) -> None:
    done = clock.day_start(ago(7)) + timedelta(hours=1)
    values = {"kind": "visit", "subject": "Talk", "customer": three[1].pk, "done_at": done}
    save_record(Activity, values, actor=ROOT)
    assert names(segment("v7", rule("days_since_visit", "gte", 7))) == ["Beta"]
    assert names(segment("v8", rule("days_since_visit", "gte", 8))) == []
    assert names(segment("n", rule("figures.visits_done", "gte", 1, period="last_30_days"))) == ["Beta"]


def test_it_knows_what_is_open_and_for_how_long_overdue(three: list[Customer]) -> None:
    history_invoice(three[2], "700", ago(50), due_on=ago(20))
    assert names(segment("open", rule("figures.open_balance", "gte", "700"))) == ["Gamma"]
    assert names(segment("late", rule("overdue_days", "gte", 20))) == ["Gamma"]
    assert names(segment("later", rule("overdue_days", "gte", 21))) == []


def test_it_refuses_days_that_are_none(root: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        segment("s", rule("days_since_order", "gte", "-3"))
    assert refused.value.errors[0].field == "conditions"
    assert not Segment.objects.exists()


def test_nobody_is_in_a_segment_without_conditions(three: list[Customer]) -> None:
    assert names(save_record(Segment, {"name": "none"}, actor=ROOT)) == []


# --- segments as a condition -----------------------------------------------------------------------------------


def test_lists_and_segments_of_other_records_ask_for_a_segment(api: Any, three: list[Customer]) -> None:
    rich = segment("rich", rule("figures.ordered", "gte", "4000"))
    client = api()

    def listed(resource: str, field: str, op: str = "in") -> list[Any]:
        where = orjson.dumps(rule(field, op, [rich.pk] if op == "in" else rich.pk)).decode()
        return client.get(f"{resource}?where={where}").json()["items"]

    assert [one["name"] for one in listed("customers", "segment")] == ["Alpha"]
    assert [one["name"] for one in listed("customers", "segment", "not")] == ["Gamma", "Beta"]
    assert {one["customer"]["label"] for one in listed("orders", "customer.segment")} == {"Alpha"}


def test_it_knows_who_is_in_no_segment(three: list[Customer]) -> None:
    segment("rich", rule("figures.ordered", "gte", "4000"))
    tree = rule("segment", "empty", "1")
    found = Customer.objects.filter(queries.tree_query(tree, ROOT)).values_list("name", flat=True)
    assert sorted(found) == ["Beta", "Gamma"]


def test_a_segment_may_be_made_of_others_but_not_in_a_circle(three: list[Customer]) -> None:
    inner = segment("inner", rule("figures.ordered", "gte", "1000"))
    outer = segment("outer", {"and": [rule("segment", "in", [inner.pk]), rule("code", "exact", "B")]})
    assert names(outer) == ["Beta"]
    with pytest.raises(ValidationFailed) as refused:
        save_record(Segment, {"conditions": rule("segment", "in", [outer.pk])}, pk=inner.pk, actor=ROOT)
    assert refused.value.errors[0].code == "circle"
    Segment.objects.filter(pk=inner.pk).update(conditions=rule("segment", "in", [outer.pk]))
    with pytest.raises(ValidationFailed):
        names(outer)


def test_conditions_hold_with_the_rights_of_the_owner(three: list[Customer], acting: Any, person: Any) -> None:
    seller = person("sales_representative")
    Customer.objects.filter(pk=three[0].pk).update(owner_id=seller.pk)
    mine = save_record(
        Segment, {"name": "mine", "conditions": rule("figures.ordered", "gte", "1")}, actor=acting(seller)
    )
    assert mine.owner_id == seller.pk
    assert names(mine) == []  # the orders are nobody's, so the seller knows of none
    orders(three[0], [5], 10, owner=seller.pk)
    assert names(mine) == ["Alpha"]


def test_a_segment_whose_field_is_gone_holds_nobody_elsewhere(three: list[Customer]) -> None:
    one = segment("s", rule("code", "exact", "A"))
    Segment.objects.filter(pk=one.pk).update(conditions=rule("gone", "exact", "A"))
    assert not Customer.objects.filter(queries.in_any([one.pk])).exists()


# --- lists -----------------------------------------------------------------------------------------------------


def test_a_list_takes_codes_and_names_each_once(three: list[Customer], root: Any) -> None:
    one = segment("list")
    found = segments.add_to_list(one.pk, actor=root, codes="A, Beta\nA；\n")
    assert found == {"added": 2}
    assert names(one) == ["Alpha", "Beta"]
    assert segments.add_to_list(one.pk, actor=root, codes="B") == {"added": 0}
    assert segments.remove_from_list(one.pk, actor=root, codes="Alpha,Gamma") == {"removed": 1}
    assert names(one) == ["Beta"]


def test_a_list_refuses_unknown_codes_and_takes_none(three: list[Customer], root: Any) -> None:
    one = segment("list")
    with pytest.raises(ValidationFailed) as refused:
        segments.add_to_list(one.pk, actor=root, codes="A, X9")
    assert "X9" in str(refused.value.errors[0].message)
    assert names(one) == []


def test_a_list_refuses_a_name_that_several_have(three: list[Customer], root: Any) -> None:
    customer("Alpha", code="A2")
    with pytest.raises(ValidationFailed) as refused:
        segments.add_to_list(segment("list").pk, actor=root, codes="Alpha")
    assert refused.value.errors[0].code == "ambiguous"
    assert not SegmentMember.objects.exists()


@pytest.mark.parametrize("codes", ["", " ,, "])
def test_a_list_wants_a_code(three: list[Customer], root: Any, codes: str) -> None:
    with pytest.raises(ValidationFailed):
        segments.add_to_list(segment("list").pk, actor=root, codes=codes)


def test_only_lists_have_named_members(three: list[Customer], root: Any) -> None:
    one = segment("live", rule("code", "exact", "A"))
    with pytest.raises(Conflict):
        segments.add_to_list(one.pk, actor=root, codes="B")
    with pytest.raises(Conflict):
        segments.add_codes(one.pk, ["B"], actor=root, at=clock.now())
    assert names(one) == ["Alpha"]


def test_it_takes_no_conditions_for_a_list_and_no_other_kind() -> None:
    with pytest.raises(ValidationFailed) as refused:
        save_record(Segment, {"name": "x", "kind": "fixed", "conditions": rule("code", "exact", "A")}, actor=ROOT)
    assert refused.value.errors[0].field == "conditions"
    one = segment("list")
    with pytest.raises(ValidationFailed):
        save_record(Segment, {"kind": "live"}, pk=one.pk, actor=ROOT)
    assert Segment.objects.get().kind == "fixed"


def test_freezing_makes_a_list_of_those_that_are_seen(three: list[Customer], acting: Any, person: Any) -> None:
    boss = person("sales_director")
    one = segment("live", rule("figures.ordered", "gte", "1"), owner=boss.pk)
    made = segments.freeze(one.pk, actor=acting(boss), name="frozen")
    assert names(Segment.objects.get(pk=made["id"])) == ["Alpha", "Beta"]
    orders(three[2], [1], 10)
    assert names(one) == ["Alpha", "Beta", "Gamma"]
    assert names(Segment.objects.get(pk=made["id"])) == ["Alpha", "Beta"]


def test_customers_are_put_on_lists_of_ones_own(three: list[Customer], acting: Any, person: Any) -> None:
    seller, other = person("sales_representative"), person("sales_representative")
    Customer.objects.update(owner_id=seller.pk)
    mine, theirs = segment("mine", owner=seller.pk), segment("theirs", owner=other.pk)
    actor = acting(seller)
    segments.add_customer(three[0].pk, actor=actor, segment_id=mine.pk)
    assert names(mine) == ["Alpha"]
    with pytest.raises((NotAllowed, ValidationFailed)):
        segments.add_customer(three[0].pk, actor=actor, segment_id=theirs.pk)
    assert names(theirs) == []
    segments.remove_customer(three[0].pk, actor=actor, segment_id=mine.pk)
    with pytest.raises(Conflict):
        segments.remove_customer(three[0].pk, actor=actor, segment_id=mine.pk)


def test_customers_are_put_on_no_live_segment(three: list[Customer], root: Any) -> None:
    live = segment("live", rule("code", "exact", "A"))
    with pytest.raises(ValidationFailed):
        segments.add_customer(three[1].pk, actor=root, segment_id=live.pk)


# --- pages -----------------------------------------------------------------------------------------------------


def test_the_editor_counts_while_one_writes(browse: Any, person: Any, three: list[Customer]) -> None:
    client = browse(person("administrator", language="en"))
    tree = orjson.dumps(rule("figures.ordered", "gte", "1")).decode()
    page = client.post("/segments/count", {"kind": "live", "conditions": tree}).content.decode()
    assert "2 customers" in page
    assert "Alpha · Beta" in page
    bad = client.post("/segments/count", {"conditions": '{"field": "nothing", "value": 1}'}).content.decode()
    assert "There is no such field." in bad
    assert "broken" not in client.post("/segments/count", {"conditions": "{broken"}).content.decode()
    assert "Save the list first" in client.post("/segments/count", {"kind": "fixed"}).content.decode()


def test_the_members_are_those_that_one_sees(browse: Any, person: Any, three: list[Customer]) -> None:
    seller = person("sales_representative", language="en")
    Customer.objects.filter(pk=three[1].pk).update(owner_id=seller.pk)
    one = segment("all", rule("figures.ordered", "gte", "1"))
    page = browse(seller).get(f"/segments/{one.pk}/members").content.decode()
    assert "1 customer" in page
    assert "Beta" in page
    assert "Alpha" not in page
    assert "Put them on the list" not in page


def test_codes_come_from_a_file(browse: Any, person: Any, three: list[Customer]) -> None:
    client, one = browse(person("administrator", language="en")), segment("list")
    file = SimpleUploadedFile("codes.csv", "A\nBeta\n".encode("gb18030"))
    assert client.post(f"/segments/{one.pk}/codes", {"file": file}).status_code == 302
    assert names(one) == ["Alpha", "Beta"]
    assert AuditEntry.objects.filter(resource="segments", record_id=one.pk, action="add").exists()
    client.post(f"/segments/{one.pk}/codes", {"file": SimpleUploadedFile("x.txt", b"nobody")})
    client.post(f"/segments/{one.pk}/codes", {"file": SimpleUploadedFile("x.txt", b"\xff\xff\x81")})
    client.post(f"/segments/{one.pk}/codes")
    assert names(one) == ["Alpha", "Beta"]
