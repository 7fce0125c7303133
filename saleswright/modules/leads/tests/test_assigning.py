"""Who gets leads by rules: ways, limits, absences, fairness, and what happens when nobody is free."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from saleswright.interface.conditions import row, say
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry, Department, PastHolding
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.kernel.resources import resource_named
from saleswright.modules.leads.flow import assigning
from saleswright.modules.leads.flow.desks import Candidate, Desk, Load, terms
from saleswright.modules.leads.models import AssignmentRule, AssignmentTurn, Lead
from saleswright.modules.leads.queries import source_names
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.org.models import Post, PostHolding
from saleswright.modules.pool.models import Claim, ClaimLimit, Pool
from saleswright.modules.work.models import Notification

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _reasons_in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def seller(person):
    """Makes sellers who are told things in English."""

    def make(state="active", **values):
        made = person("sales_representative", language="en", **values)
        return now_is(made, state)

    return make


def now_is(user, state):
    """The person's employment is in that state."""
    type(user).objects.filter(pk=user.pk).update(state=state)
    return user


def make_rule(name, *members, conditions=None, **values):
    """A rule for these people, or lines."""
    lines = [one if isinstance(one, dict) else {"member": one.pk} for one in members]
    given = {"name": name, "conditions": conditions or {}, **values}
    return save_record(AssignmentRule, given, actor=system("test"), lines={"members": lines})


def make_leads(count, **values):
    return [make_lead(**values).pk for _number in range(count)]


def assign(ids):
    return assigning.assign(ids, actor=system("test"), at=clock.now())


def owners(ids):
    return list(Lead.objects.filter(pk__in=ids).order_by("pk").values_list("owner_id", flat=True))


def open_leads(user, count):
    return make_leads(count, owner=user)


def why_not(rule):
    desk = Desk(rule, Load(), clock.now(), lock=False)
    return {one.user.pk: desk.refusal(one) for one in desk.people}


# --- ways ------------------------------------------------------------------------------------------------------


def test_it_gives_leads_in_turn_and_goes_on_where_it_stopped(seller):
    ann, ben, cleo = seller(), seller(), seller()
    make_rule("Turns", ann, ben, cleo)
    ids = make_leads(4)
    assert assign(ids) == assigning.Done(given=4)
    assert owners(ids) == [ann.pk, ben.pk, cleo.pk, ann.pk]
    more = make_leads(2)
    assign(more)
    assert owners(more) == [ben.pk, cleo.pk]


def test_it_gives_by_shares(seller):
    ann, ben = seller(), seller()
    make_rule("Shares", {"member": ann.pk, "weight": 3}, {"member": ben.pk, "weight": 1})
    ids = make_leads(8)
    assign(ids)
    assert sorted(owners(ids).count(one.pk) for one in (ann, ben)) == [2, 6]


def test_it_gives_to_whoever_has_fewest_open_leads(seller):
    ann, ben = seller(), seller()
    open_leads(ann, 3)
    open_leads(ben, 1)
    make_rule("Load", ann, ben, way="load")
    ids = make_leads(3)
    assign(ids)
    assert owners(ids) == [ben.pk, ben.pk, ann.pk]


def test_it_gives_the_best_leads_to_whoever_converts_most(seller):
    ann, ben = seller(), seller()
    for owner, status in ((ann, "disqualified"), (ann, "disqualified"), (ben, "converted"), (ben, "converted")):
        make_lead(status, owner=owner)
    Lead.objects.update(score=50)
    make_rule("Score", ann, ben, way="score")
    ids = make_leads(2)
    Lead.objects.filter(pk=ids[0]).update(score=10)
    Lead.objects.filter(pk=ids[1]).update(score=90)
    assign(ids)
    assert owners(ids) == [ann.pk, ben.pk]


def test_it_gives_to_the_first_of_the_list_who_is_free(seller):
    ann, ben = seller(), seller()
    make_rule("Fixed", {"member": ann.pk, "most_open": 2}, ben, way="fixed")
    ids = make_leads(3)
    assign(ids)
    assert owners(ids) == [ann.pk, ann.pk, ben.pk]


def test_it_says_why_on_the_lead_in_the_audit_and_to_the_owner(seller):
    ann = seller()
    make_rule("East in turn", ann)
    lead = make_lead(company="Quay Ltd")
    assign([lead.pk])
    lead.refresh_from_db()
    assert lead.assigned_because == "Rule “East in turn”: In turn"
    assert assigning.reasons_of([lead.pk], system("test")) == {lead.pk: lead.assigned_because}
    entry = AuditEntry.objects.get(resource="leads", record_id=lead.pk, action="assign")
    assert entry.changes["assigned_because"] == ["", lead.assigned_because]
    notice = Notification.objects.get(user=ann)
    assert (notice.text, notice.kind) == ("Assigned to you by rule: Quay Ltd", "assignment")


def test_it_tells_of_many_leads_once(seller):
    ann = seller()
    make_rule("Turns", ann)
    assign(make_leads(5))
    assert [one.text for one in Notification.objects.filter(user=ann)] == ["Leads assigned to you by rule: 5"]


def test_it_forgets_the_reason_with_the_owner(seller, root):
    ann, ben = seller(), seller()
    make_rule("Turns", ann)
    lead = make_lead()
    assign([lead.pk])
    save_record(Lead, {"owner": ben.pk}, pk=lead.pk, actor=root)
    assert assigning.reasons_of([lead.pk], root) == {}


# --- which leads -----------------------------------------------------------------------------------------------


def test_it_asks_the_rules_in_their_order(seller):
    ann, ben = seller(), seller()
    make_rule("Rest", ben, position=9)
    make_rule("Web", ann, position=1, conditions={"field": "source", "op": "in", "value": ["web"]})
    web, fair = make_lead(source="web"), make_lead(source="exhibition")
    assign([web.pk, fair.pk])
    assert owners([web.pk, fair.pk]) == [ann.pk, ben.pk]


def test_it_leaves_what_no_rule_fits_as_it_is(seller):
    make_rule("Web", seller(), conditions={"field": "source", "op": "in", "value": ["web"]})
    lead = make_lead(source="partner")
    assert assign([lead.pk]) == assigning.Done(left=1)
    assert owners([lead.pk]) == [None]
    assert not AuditEntry.objects.filter(record_id=lead.pk, action="assign").exists()


def test_it_passes_over_rules_out_of_force_and_those_that_name_lost_fields(seller):
    ann, ben = seller(), seller()
    make_rule("Off", ann, active=False, position=1)
    broken = make_rule("Broken", ann, position=2)
    AssignmentRule.objects.filter(pk=broken.pk).update(conditions={"field": "custom.gone", "op": "exact", "value": "1"})
    make_rule("Rest", ben, position=3)
    lead = make_lead()
    assign([lead.pk])
    assert owners([lead.pk]) == [ben.pk]


def test_it_gives_nothing_that_is_decided_or_put_away(seller):
    make_rule("Turns", seller())
    done, gone = make_lead("disqualified"), make_lead()
    Lead.objects.filter(pk=gone.pk).update(archived_at=clock.now())
    assert assign([done.pk, gone.pk]) == assigning.Done(left=2)
    assert owners([done.pk, gone.pk]) == [None, None]


def test_it_takes_leads_out_of_a_pool_and_notes_it(seller, root):
    ann = seller()
    make_rule("Turns", ann)
    pool = Pool.objects.get(resource="leads")
    lead = make_lead(pool=pool)
    assign([lead.pk])
    lead.refresh_from_db()
    assert (lead.owner_id, lead.pool_id, lead.pool_reason) == (ann.pk, None, "")
    assert Claim.objects.get().user_id == ann.pk


# --- who -------------------------------------------------------------------------------------------------------


def test_it_passes_over_people_on_trial_on_leave_away_or_without_the_right(seller, person):
    trial, leave = seller(state="on_trial"), seller(state="on_leave")
    away, clerk, gone, free = seller(), person("warehouse"), seller(), seller()
    today = clock.today()
    absences = resource_named("delegations").model
    save_record(
        absences,
        {"owner": away.pk, "delegate": free.pk, "start_on": today, "end_on": today + timedelta(days=2)},
        actor=system("test"),
    )
    rule = make_rule("Turns", trial, leave, away, clerk, gone, free)
    now_is(gone, "left")
    found = why_not(rule)
    assert found[trial.pk] == "is on trial"
    assert found[leave.pk] == "is on leave"
    assert found[away.pk] == f"is away until {today + timedelta(days=2)}"
    assert found[clerk.pk] == "may not work on leads"
    assert found[free.pk] == ""
    assert gone.pk not in found
    ids = make_leads(3)
    assign(ids)
    assert owners(ids) == [free.pk] * 3


def test_it_does_not_flood_whoever_comes_back(seller):
    ann, ben = seller(), seller()
    rule = make_rule("Turns", ann, ben)
    now_is(ben, "on_leave")
    assign(make_leads(10))
    now_is(ben, "active")
    ids = make_leads(4)
    assign(ids)
    assert owners(ids).count(ben.pk) == 2
    assert AssignmentTurn.objects.get(rule=rule, user=ann).given == 12


def test_it_never_gives_more_than_the_cap_then_asks_the_next_rule_then_the_pool(seller):
    ann, ben = seller(), seller()
    make_rule("First", ann, most_open=2, position=1)
    make_rule("Second", ben, most_open=1, position=2)
    ids = make_leads(5)
    assert assign(ids) == assigning.Done(given=3, pooled=2)
    assert owners(ids) == [ann.pk, ann.pk, ben.pk, None, None]
    last = Lead.objects.get(pk=ids[-1])
    assert last.pool_reason == "Nobody of the rule “First”, nor of those after it, was free"
    assert why_not(AssignmentRule.objects.get(name="First"))[ann.pk] == "has 2 of at most 2 open leads"


def test_it_counts_what_rules_before_gave_against_the_cap(seller):
    ann = seller()
    make_rule("Web", ann, most_open=2, position=1, conditions={"field": "source", "op": "in", "value": ["web"]})
    make_rule("Rest", ann, most_open=2, position=2)
    ids = make_leads(2, source="web") + make_leads(1, source="partner")
    assert assign(ids) == assigning.Done(given=2, pooled=1)


def test_it_keeps_the_claim_limit_where_it_holds_for_managers_too(seller):
    ann, ben = seller(), seller()
    ClaimLimit.objects.create(
        resource="leads", most_held=1, assigned_count=True, created_at=clock.now(), updated_at=clock.now()
    )
    make_rule("Turns", ann, ben, most_open=5)
    ids = make_leads(3)
    assert assign(ids) == assigning.Done(given=2, pooled=1)


def test_it_means_departments_with_those_below_and_holders_of_posts(seller, root):
    east = save_record(Department, {"name": "East"}, actor=root)
    shanghai = save_record(Department, {"name": "Shanghai", "parent": east.pk}, actor=root)
    ann, ben, cleo, dan = seller(department=east), seller(department=shanghai), seller(), seller()
    post = save_record(Post, {"title": "Key accounts"}, actor=root)
    PostHolding.objects.create(user=cleo, post=post, since=clock.today())
    PostHolding.objects.create(user=dan, post=post, since=clock.today(), until=clock.today())
    rule = make_rule(
        "All", {"department": east.pk, "most_open": 9}, {"post": post.pk}, {"member": ann.pk, "most_open": 3},
        most_open=5,
    )  # fmt: skip
    desk = Desk(rule, Load(), clock.now(), lock=False)
    assert {one.user.pk: one.most for one in desk.people} == {ann.pk: 3, ben.pk: 9, cleo.pk: 5}


def dealt(weights, parts):
    """How many leads each gets by turns when they come in such parts."""
    people = [
        Candidate(user=SimpleNamespace(pk=place), place=place, weight=weight, most=None)
        for place, weight in enumerate(weights)
    ]
    desk = object.__new__(Desk)
    desk.rule, desk.people, desk.at, desk.load = AssignmentRule(), people, clock.now(), Load()
    desk.load._open = dict.fromkeys(range(len(weights)), 0)
    for count in parts:
        for _lead in range(count):
            desk.take(50)
    return [one.given for one in people]


PARTS = st.lists(st.integers(1, 9), max_size=6)


@given(people=st.integers(1, 7), parts=PARTS)
def test_it_never_gives_anybody_two_more_than_another(people, parts):
    given_to = dealt([1] * people, parts)
    assert sum(given_to) == sum(parts)
    assert max(given_to) - min(given_to) <= 1


@given(weights=st.lists(st.integers(1, 10), min_size=1, max_size=5), parts=PARTS)
def test_it_keeps_everybody_close_to_their_share(weights, parts):
    for got, weight in zip(dealt(weights, parts), weights, strict=True):
        assert abs(got - sum(parts) * weight / sum(weights)) < len(weights)


def test_it_gives_a_hundred_with_as_many_queries_as_two(seller):
    make_rule("Turns", seller(), seller())

    def queries(count):
        drafts = [Draft({"company": f"Quay {n} {count}", "phone": "1"}) for n in range(count)]
        made = [one.record.pk for one in save_records(Lead, drafts, actor=system("test")).good]
        with CaptureQueriesContext(connection) as captured:
            assign(made)
        return len(captured)

    queries(2)
    few = queries(8)
    assert queries(100) == few


# --- on capture ------------------------------------------------------------------------------------------------


def test_it_assigns_what_programs_enter_without_naming_an_owner(seller, api):
    ann = seller()
    make_rule("Turns", ann)
    body = api("administrator").post("leads", {"company": "Quay", "phone": "1"}).json()
    assert (body["owner"]["id"], body["assignment"]) == (ann.pk, "Rule “Turns”: In turn")
    assert not PastHolding.objects.filter(resource="leads", record_id=body["id"]).exists()


def test_it_leaves_an_owner_who_is_named(seller, api):
    ann, client = seller(), api("administrator")
    make_rule("Turns", ann)
    body = client.post("leads", {"company": "Quay", "phone": "1", "owner_id": client.user.pk}).json()
    assert body["owner"]["id"] == client.user.pk


def test_it_gives_programs_back_what_no_rule_fits(seller, api):
    make_rule("Web", seller(), conditions={"field": "source", "op": "in", "value": ["web"]})
    client = api("administrator")
    body = client.post("leads", {"company": "Quay", "phone": "1", "source": "partner"}).json()
    assert (body["owner"]["id"], body["assignment"]) == (client.user.pk, "No rule fits")


def test_it_leaves_what_is_typed_in_with_its_maker_unless_the_rule_says_otherwise(seller, acting):
    ann, maker = seller(), acting("administrator")
    rule = make_rule("Turns", ann)
    mine = save_record(Lead, {"company": "Quay", "phone": "1"}, actor=maker)
    assert mine.owner_id == maker.user_id
    save_record(AssignmentRule, {"by_hand": True}, pk=rule.pk, actor=system("test"))
    theirs = save_record(Lead, {"company": "Quay 2", "phone": "2"}, actor=maker)
    assert theirs.owner_id == ann.pk


def test_it_gives_away_what_is_typed_into_the_form_and_shows_the_list_then(seller, browse):
    ann, typist = seller(), seller()
    make_rule("Turns", ann, by_hand=True)
    sent = {"company": "Quay", "phone": "1", "owner": typist.pk}
    response = browse(typist).post("/leads/new", sent)
    assert (response.status_code, response["Location"]) == (302, "/leads")
    assert Lead.objects.get().owner_id == ann.pk


def test_it_tells_programs_the_number_alone_of_what_went_out_of_their_sight(seller, api):
    ann, client = seller(), api("sales_representative")
    make_rule("Turns", ann)
    response = client.post("leads", {"company": "Quay", "phone": "1"})
    assert (response.status_code, response.json()) == (201, {"id": Lead.objects.get(owner=ann).pk})


def test_it_assigns_an_import_set_wise(seller, acting):
    ann, ben, maker = seller(), seller(), acting("administrator").via("import")
    make_rule("Turns", ann, ben)
    drafts = [Draft({"company": f"Quay {n}", "phone": str(n)}) for n in range(6)]
    made = [one.record for one in save_records(Lead, drafts, actor=maker).good]
    assert [one.owner_id for one in made] == [ann.pk, ben.pk] * 3
    assert Lead.objects.filter(pk__in=[one.pk for one in made], owner=ann).count() == 3


# --- by button -------------------------------------------------------------------------------------------------


def test_it_is_given_by_its_button(seller, api):
    ann = seller()
    make_rule("Turns", ann)
    lead = make_lead()
    response = api("administrator").act("leads", lead.pk, "assign-by-rules")
    assert response.status_code == 200
    lead.refresh_from_db()
    assert (lead.owner_id, lead.assigned_because) == (ann.pk, "Rule “Turns”: In turn")


def test_it_refuses_when_nobody_is_free_and_changes_nothing(seller, api):
    make_rule("Turns", seller(state="on_leave"))
    lead = make_lead()
    response = api("administrator").act("leads", lead.pk, "assign-by-rules")
    assert (response.status_code, response.json()["detail"]) == (409, "No rule fits, or nobody is free.")
    assert owners([lead.pk]) == [None]


def test_it_takes_nothing_away_that_was_answered(seller, api):
    make_rule("Turns", seller())
    lead = make_lead(owner=seller())
    Lead.objects.filter(pk=lead.pk).update(responded_at=clock.now())
    response = api("administrator").act("leads", lead.pk, "assign-by-rules")
    assert (response.status_code, response.json()["detail"]) == (409, "Somebody has answered it already.")


def test_it_foresees_without_giving(seller, browse, api):
    ann = seller(name="Ann Foreseen")
    make_rule("Turns", ann)
    lead = make_lead(company="Quay Foreseen")
    page = browse("administrator").get("/lead-assignment").content.decode()
    assert "Quay Foreseen" in page
    assert "Ann Foreseen" in page
    items = api("administrator").get(f"lead-assignment?ids={lead.pk}").json()["items"]
    assert items[0]["owner"] == {"id": ann.pk, "label": "Ann Foreseen"}
    assert owners([lead.pk]) == [None]
    assert not AssignmentTurn.objects.exists()


def test_it_gives_the_ticked_leads_after_a_look(seller, browse):
    ann = seller(name="Ann Ticked")
    make_rule("Turns", ann)
    ids, client = make_leads(2), browse("administrator")
    shown = client.post("/leads/bulk/assign-by-rules", {"id": ids})
    assert "Ann Ticked" in shown.content.decode()
    assert owners(ids) == [None, None]
    assert client.post("/leads/bulk/assign-by-rules", {"id": ids, "confirm": "1"}).status_code == 302
    assert owners(ids) == [ann.pk, ann.pk]


def test_it_asks_the_right_before_it_shows_or_gives(seller, browse, api):
    make_rule("Turns", seller())
    ids, client = make_leads(1), browse("warehouse")
    assert client.get("/lead-assignment").status_code == 403
    assert client.post("/leads/bulk/assign-by-rules", {"id": ids, "confirm": "1"}).status_code == 403
    assert api("warehouse").get("lead-assignment").status_code == 403
    assert owners(ids) == [None]


def test_it_refuses_ids_that_are_none(api):
    assert api("administrator").get("lead-assignment?ids=1,x").status_code == 422


# --- rules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "lines", "field"),
    [
        ({}, [{"weight": 2}], "members.0.member_id"),
        ({"conditions": {"field": "nothing", "op": "exact", "value": "1"}}, None, "conditions"),
        ({}, [], "members"),
    ],
)
def test_it_refuses_rules_that_make_no_sense(seller, api, values, lines, field):
    members = [{"member_id": seller().pk}] if lines is None else lines
    response = api("administrator").post("assignment-rules", {"name": "Rule", "members": members, **values})
    assert response.status_code == 422
    assert field in [one["field"] for one in response.json()["errors"]]
    assert not AssignmentRule.objects.exists()


def test_it_shows_on_the_rule_who_is_free_and_why_not(seller, browse):
    rule = make_rule("Turns", seller(name="Ann Free"), seller(name="Ben Away", state="on_leave"))
    panel = browse("administrator", language="en").get(f"/assignment-rules/{rule.pk}/people/panel").content.decode()
    assert "is free" in panel
    assert "is on leave" in panel


def test_its_conditions_are_chosen_and_said_by_the_names_of_sources():
    tree = {"field": "source", "op": "in", "value": ["web", "radio"]}
    name = str(source_names()["web"])
    assert say(tree, terms()) == f"Source is one of “{name}”, “radio”"
    shown = row(terms(), "source", "exact", "web,radio")
    assert [str(one.value) for one in shown.options if one.selected] == ["web", "radio"]
    assert (shown.control, shown.many) == ("choice", True)
    assert row(terms(), "source", "contains", "eb").control == "text"
