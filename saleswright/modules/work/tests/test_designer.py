"""Drawing flows in the browser, dry runs there and by API, and the report of waiting times."""

import re
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import time_machine

from saleswright.interface.entity import entity_named
from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.errors import NotFound
from saleswright.kernel.records import save_record
from saleswright.modules.work.actions.decisions import approve_request
from saleswright.modules.work.foresight import consent_to
from saleswright.modules.work.models import Approval, ApprovalFlow
from saleswright.modules.work.tests.conftest import acting_as, flow, reaches

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def english(browse, person):
    """A browser of an administrator who reads English."""
    admin = person("administrator", name="Admin", language="en")
    return browse(admin)


def typed(subject="customers.activate", steps=({},), **values):
    """What the form of a flow sends."""
    sent = {"subject": subject, "name": "Drawn", "active": "1", "nobody": "administrator", "same_person": "once",
            "own_request": "manager"} | values  # fmt: skip
    for number, step in enumerate(steps):
        given = {"approver": "role", "role": "sales_director", "rule": "any", "level": "1", "condition": ""} | step
        sent |= {f"steps-k{number}-{name}": value for name, value in given.items()}
    return sent


def condition(**limits):
    return orjson.dumps(reaches(**limits)).decode()


# --- the form --------------------------------------------------------------------------------------------------


def test_one_chooses_first_what_needs_approval(english):
    page = english.get("/approval-flows/new").content.decode()
    assert "/approval-flows/new?subject=quotes.submit" in page
    assert "/approval-flows/new?subject=contracts.submit" in page
    assert english.get("/approval-flows/new?subject=quotes.send").status_code == 404
    assert english.get("/approval-flows/new?subject=nonsense").status_code == 404


def test_a_flow_is_drawn(desk, english, person):
    someone = person()
    assert english.get("/approval-flows/new?subject=customers.activate").status_code == 200
    sent = typed(
        steps=(
            {"condition": condition(amount="100"), "name": "Direction", "remind_after": "8"},
            {"approver": "person", "person": str(someone.pk), "rule": "all", "role": ""},
        ),
        same_person="each",
    )
    answer = english.post("/approval-flows/new", sent)
    found = ApprovalFlow.objects.get(resource="customers")
    assert (answer.status_code, answer["Location"]) == (302, f"/approval-flows/{found.pk}")
    first, second = found.steps.order_by("position")
    assert (first.name, first.condition, first.remind_after) == ("Direction", reaches(amount="100"), 8)
    assert (second.approver, second.person, second.rule, second.condition) == ("person", someone, "all", {})
    assert (found.same_person, found.active, found.versions.count()) == ("each", True, 1)


def test_a_flow_is_drawn_anew(desk, english, root):
    found = flow(root, {"condition": reaches(amount="100"), "name": "Old"})
    page = english.get(f"/approval-flows/{found.pk}/edit").content.decode()
    assert 'value="Old"' in page
    assert "facts.amount" in page
    answer = english.post(f"/approval-flows/{found.pk}/edit", typed(steps=({"name": "New"},), version="1", active=""))
    assert answer.status_code == 302
    found.refresh_from_db()
    assert [step.name for step in found.steps.all()] == ["New"]
    assert (found.active, found.versions.count()) == (False, 2)
    stale = english.post(f"/approval-flows/{found.pk}/edit", typed(steps=({"name": "Newer"},), version="1"))
    assert stale.status_code == 422
    assert [step.name for step in found.steps.all()] == ["New"]


def test_it_shows_what_was_refused_beside_the_fields(desk, english):
    steps = ({"role": "nobody"}, {"approver": "person", "name": "Keep me"}, {"condition": '{"field":"x","value":"1"}'},
             {"approver": "manager_level", "level": "0"}, {"condition": "{"})  # fmt: skip
    answer = english.post("/approval-flows/new", typed(steps=steps[:2], name=""))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Keep me" in page
    assert page.count("This field is required.") >= 1
    again = english.post("/approval-flows/new", typed(steps=steps[2:3])).content.decode()
    assert "There is no such field." in again
    assert english.post("/approval-flows/new", typed(steps=steps[4:])).status_code == 422
    assert not ApprovalFlow.objects.filter(resource="customers").exists()


def test_it_refuses_a_second_active_flow(desk, english, root):
    flow(root, {})
    answer = english.post("/approval-flows/new", typed())
    assert answer.status_code == 422
    assert "Another flow for this action is active." in answer.content.decode()
    assert ApprovalFlow.objects.filter(resource="customers").count() == 1


def test_archived_flows_are_not_drawn(desk, english, root):
    found = flow(root, {})
    ApprovalFlow.objects.filter(pk=found.pk).update(archived_at=clock.now())
    assert english.get(f"/approval-flows/{found.pk}/edit").status_code == 409


def test_only_who_may_draws(desk, browse, root):
    found = flow(root, {})
    client = browse("sales_representative")
    for path in ("new", "new?subject=quotes.submit", "step?subject=quotes.submit", str(found.pk), f"{found.pk}/edit"):
        assert client.get(f"/approval-flows/{path}").status_code in {403, 404}
    assert client.post("/approval-flows/try", typed()).status_code == 403
    assert client.post("/approval-flows/new", typed()).status_code == 403
    assert ApprovalFlow.objects.filter(resource="customers").count() == 1


def test_an_auditor_reads_but_does_not_draw(desk, browse, root):
    found = flow(root, {})
    client = browse("auditor")
    page = client.get(f"/approval-flows/{found.pk}")
    assert page.status_code == 200
    assert f"/approval-flows/{found.pk}/edit" not in page.content.decode()
    assert client.post(f"/approval-flows/{found.pk}/edit", typed()).status_code == 403


def test_a_further_step_comes_from_the_server(desk, english):
    first, second = (english.get("/approval-flows/step?subject=customers.activate").content.decode() for _ in "ab")
    assert "data-step" in first
    assert first != second  # the names of the inputs differ


# --- the page of a flow ----------------------------------------------------------------------------------------


def test_the_page_shows_every_version(desk, english, root, person):
    someone = person(name="Named One")
    steps = [
        {"condition": reaches(amount="500"), "remind_after": 4, "escalate_after": 8, "name": "First"},
        {"approver": "manager_level", "level": 2, "escalate_after": 3, "escalate_to": someone.pk},
        {"approver": "discount_authority", "rule": "majority"}, {"approver": "person", "person": someone.pk},
    ]  # fmt: skip
    found = flow(root, *steps, nobody="person", nobody_person=someone.pk)
    save_record(
        ApprovalFlow, {"nobody": "pass"}, lines={"steps": [{"approver": "manager_level"}]}, pk=found.pk, actor=root
    )
    now = english.get(f"/approval-flows/{found.pk}", headers=ENGLISH).content.decode()
    assert "Manager of the submitter, 1 up" in now
    assert "The step is left out" in now
    before = english.get(f"/approval-flows/{found.pk}?version=1").content.decode()
    assert "Amount in base currency ≥ ¥500" in before
    for words in ("Reminder after 4 working hours", "Named One", "2 up", "First", "After 3 working hours to Named One"):
        assert words in before
    assert "After 8 working hours to the manager of who is late" in before
    assert english.get(f"/approval-flows/{found.pk}?version=7").status_code == 404


# --- dry runs --------------------------------------------------------------------------------------------------


def test_the_picture_says_who_would_approve(desk, english, team):
    desk.asks(amount="0")
    sent = typed(steps=({"condition": condition(amount="120000"), "name": "Large"}, {"approver": "manager_level"}))
    drawn = english.post("/approval-flows/try", sent).content.decode()
    assert "is-asked" not in drawn
    tried = english.post("/approval-flows/try", sent | {"try-submitter": str(team.rep.pk), "try-amount": "120,000"})
    assert tried.content.decode().count("is-asked") == 2
    assert "Director" in tried.content.decode()
    small = english.post("/approval-flows/try", sent | {"try-submitter": str(team.rep.pk), "try-amount": "119999"})
    assert (small.content.decode().count("is-asked"), small.content.decode().count("is-left-out")) == (1, 1)
    wrong = english.post("/approval-flows/try", sent | {"try-amount": "lots"}).content.decode()
    assert "Enter a number." in wrong
    half = orjson.dumps({"and": [{"field": "facts.amount", "op": "gte", "value": ""}]}).decode()
    steps = ({"condition": "{"}, {"approver": ""}, {"condition": half})
    unread = english.post("/approval-flows/try", typed(steps=steps) | {"try-amount": "5"}).content.decode()
    assert unread.count("the condition is not complete yet") == 2
    assert unread.count("is-left-out") == 2
    assert not Approval.objects.exists()


def test_a_real_record_can_be_tried(desk, english, team, root):
    desk.asks(team.manager, amount="7")
    save_record(type(team.customer), {"level": "A"}, pk=team.customer.pk, actor=root)
    level = orjson.dumps({"field": "level", "op": "in", "value": ["A"]}).decode()
    sent = typed(steps=({"condition": level},)) | {
        "try-record": str(team.customer.pk),
        "try-submitter": str(team.rep.pk),
    }
    drawn = english.post("/approval-flows/try", sent).content.decode()
    assert drawn.count("is-asked") == 2
    assert "Asked for by the rules of the record" in drawn
    gone = english.post("/approval-flows/try", sent | {"try-record": "999999"}).content.decode()
    assert "Not found" in gone


def test_the_dry_run_knows_the_discount_authority(english, api, person, team):
    """Who would approve a quote of 120,000 at 18 % discount? The shipped authority of a sales manager suffices."""
    boss = person("sales_manager", name="Boss")
    seller = person("sales_representative", manager=boss)
    query = f"approval-flows/preview?resource=quotes&transition=submit&submitter_id={seller.pk}&amount=120000"
    found = api().get(f"{query}&discount=18").json()["steps"]
    assert [step["approvers"] for step in found] == [[{"id": boss.pk, "label": "Boss"}]]
    assert api().get(f"{query}&discount=10").json() == {"steps": []}


def test_it_says_who_would_approve_by_api(desk, team, root, api):
    desk.asks()
    flow(root, {"condition": reaches(amount="120000"), "name": "Large"},
         {"condition": reaches(discount="20"), "approver": "manager_level"})  # fmt: skip
    query = f"approval-flows/preview?resource=customers&transition=activate&submitter_id={team.rep.pk}"
    director, manager = ({"id": user.pk, "label": user.name} for user in (team.director, team.manager))
    large, deep = api().get(f"{query}&amount=120000&discount=18").json()["steps"]
    assert large == {
        "name": "Large", "rule": "any", "condition": "Amount in base currency ≥ ¥120,000", "asked": True,
        "approvers": [director],
    }  # fmt: skip
    assert (deep["asked"], deep["approvers"]) == (False, [])
    found = api().get(f"{query}&amount=1&discount=20").json()["steps"]
    assert [step["approvers"] for step in found] == [[], [manager]]
    assert api().get(f"{query}&amount=lots").status_code == 422
    assert api().get(f"{query}&record_id=999999").status_code == 404
    assert api().get(f"{query}&record_id={team.customer.pk}").status_code == 200
    assert api().get("approval-flows/preview?resource=customers&transition=nonsense").status_code == 404
    assert api(team.rep).get(query).status_code == 403
    assert not Approval.objects.exists()


def test_only_what_may_need_consent_is_tried():
    with pytest.raises(NotFound):
        consent_to("quotes", "send")


# --- the list and the report -----------------------------------------------------------------------------------


def test_the_list_shows_how_far_a_request_is(desk, team, browse):
    desk.asks(team.manager, team.director, amount="5", discount="12")
    approval = desk.activate(team.customer, team.rep)
    mine = browse(team.rep).get("/approvals?view=asked").content.decode()
    assert f"/approvals/{approval.pk}/actions/remind" in mine
    assert mine.index("Manager") < mine.index("Director")
    theirs = browse(team.manager).get("/approvals").content.decode()
    for verb in ("reject", "return", "add-approver"):
        assert f"/approvals/{approval.pk}/actions/{verb}" in theirs


def test_the_report_counts_working_hours(desk, team, root, acting):
    flow(root, {"approver": "manager_level", "name": "Lead"}, {})
    desk.asks()
    monday = datetime(2026, 11, 23, 1, tzinfo=UTC)
    with time_machine.travel(monday, tick=False):
        approval = desk.activate(team.customer, team.rep)
    with time_machine.travel(monday + timedelta(hours=3), tick=False):
        approve_request(approval.pk, actor=acting_as(team.manager), comment="")
    director = acting_as(team.director)
    with time_machine.travel(monday + timedelta(days=1), tick=False):
        result = report_named("approval-times").run({}, director)
        by_person = report_named("approval-times").run({"by": "approver"}, director)
        by_kind = report_named("approval-times").run({"by": "kind", "flow": str(approval.flow_id)}, director)
        none = report_named("approval-times").run({"from": "2026-01-01", "to": "2026-01-02"}, director)
        others = report_named("approval-times").run({}, acting("sales_manager"))
    assert result.rows == [
        ["Test · Step 2", 1, 0, None, None, 1, "6.0"],
        ["Test · Lead", 1, 1, "3.0", "3.0", 0, None],
    ]
    assert str(result.chart.title) == "1 decisions are waited for, most of them at “Test · Step 2”"
    assert [row[0] for row in by_person.rows] == ["Director", "Manager"]
    assert [row[1] for row in by_kind.rows] == [2]
    assert (none.rows, none.chart, others.rows) == ([], None, [])


def test_the_report_says_when_nothing_waits(desk, team):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    approve_request(approval.pk, actor=acting_as(team.manager), comment="")
    result = report_named("approval-times").run({}, acting_as(team.director))
    assert str(result.chart.title) == "No decision is waited for"
    assert result.rows[0][0] == f"{entity_named('customers').label} · Activate · Step 1"


# --- what a dry run must know ----------------------------------------------------------------------------------


def tree(*parts, join="and"):
    return orjson.dumps({join: [dict(zip(("field", "op", "value"), part, strict=True)) for part in parts]}).decode()


def shown(page):
    return re.search(r'name="try-shown" value="([^"]*)"', page)[1].split()


def test_it_asks_what_the_conditions_name(desk, english, root):
    found = flow(
        root,
        {"condition": orjson.loads(tree(("level", "in", ["A"]), ("owner.department", "not", "1")))},
        {"condition": orjson.loads(tree(("facts.amount", "gte", "5"), ("level", "in", ["B"]), ("tags", "has", "x")))},
        {"condition": {"field": "figures.ordered", "op": "gte", "value": "5", "period": "this_year"}},
        {"condition": orjson.loads(tree(("submitter.region", "not", "1")))},
    )
    page = english.get(f"/approval-flows/{found.pk}/edit", headers=ENGLISH).content.decode()
    assert shown(page) == [
        "try-level", "try-owner.department", "try-amount", "try-tags", "try-figures.ordered@this_year",
    ]  # fmt: skip
    assert '<select class="form-select" id="try-level" name="try-level">' in page
    assert 'name="try-owner.department" data-picker-url="/pick/departments"' in page
    assert "(This year)</label>" in page


def test_it_asks_for_the_amount_when_nothing_is_named_and_the_discount_where_authority_decides(desk, english):
    page = english.post("/approval-flows/try", typed() | {"try-shown": ""}).content.decode()
    assert shown(page) == ["try-amount"]
    steps = ({"approver": "discount_authority"}, {"condition": tree(("level", "in", ["A"]))})
    page = english.post("/approval-flows/try", typed(steps=steps) | {"try-shown": "try-amount"}).content.decode()
    assert shown(page) == ["try-discount", "try-level"]


def test_it_asks_anew_only_when_something_else_is_named(desk, english):
    sent = typed(steps=({"condition": tree(("level", "in", ["A"]))},)) | {"try-level": "B"}
    again = english.post("/approval-flows/try", sent | {"try-shown": "try-amount"}).content.decode()
    assert 'hx-swap-oob="true"' in again
    assert '<option value="B" selected>' in again
    assert "try-shown" not in english.post("/approval-flows/try", sent | {"try-shown": "try-level"}).content.decode()


@pytest.mark.parametrize(
    ("condition", "given", "other"),
    [
        (("level", "in", ["A", "B"]), {"try-level": "B"}, {"try-level": "C"}),
        (("owner.department", "exact", "7"), {"try-owner.department": "7"}, {"try-owner.department": "8"}),
        (("tags", "has", "key"), {"try-tags": "key, east"}, {"try-tags": "keys"}),
        (("created_at", "gte", "2026-01-01"), {"try-created_at": "2026-01-01"}, {"try-created_at": "2025-12-31"}),
        (("name", "contains", "acme"), {"try-name": "Acme Ltd"}, {"try-name": "Other"}),
        (("level", "empty", "1"), {}, {"try-level": "A"}),
        (("figures.ordered", "gte", "100"), {"try-figures.ordered": "100"}, {"try-figures.ordered": "99.99"}),
    ],
)
def test_it_tries_an_imagined_record(desk, english, team, condition, given, other):
    desk.asks()
    sent = typed(steps=({"condition": tree(condition)},)) | {"try-submitter": str(team.rep.pk)}
    for answers, asked in ((given, 1), (other, 0)):
        drawn = english.post("/approval-flows/try", sent | answers).content.decode()
        assert (drawn.count("is-asked"), drawn.count("is-left-out")) == (asked, 1 - asked)


def test_it_tries_an_imagined_record_by_api(desk, team, root, api):
    desk.asks()
    levels = orjson.loads(tree(("level", "in", ["A"]), ("facts.amount", "gte", "5")))
    flow(root, {"condition": levels, "name": "Key"})
    query = f"approval-flows/preview?resource=customers&transition=activate&submitter_id={team.rep.pk}&amount=5"
    assert [one["asked"] for one in api().get(f"{query}&level=A").json()["steps"]] == [True]
    assert [one["asked"] for one in api().get(f"{query}&level=B").json()["steps"]] == [False]
    refused = api().get(f"{query}&level=Z")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "level")


def test_it_says_which_answer_is_wrong(desk, english, team):
    sent = typed(steps=({"condition": tree(("level", "in", ["A"]))},)) | {"try-level": "Z"}
    assert "Level: “Z” is not one of the choices." in english.post("/approval-flows/try", sent).content.decode()
