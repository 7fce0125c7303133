"""What is checked when leads are written, and every change of their state."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel.conditions import leaves
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, Region
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.customers.models import Customer
from saleswright.modules.leads import actions, duplicates
from saleswright.modules.leads.models import Lead, LeadSource, ScoreRule
from saleswright.modules.leads.shipped import SOURCES, ship
from saleswright.modules.leads.states import LeadStatus
from saleswright.modules.leads.tests.factories import make_lead

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def errors_of(response):
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


# --- writing ---------------------------------------------------------------------------------------------------


def test_it_numbers_a_lead_names_it_and_gives_it_to_its_maker(api):
    client = api("sales_representative")
    body = client.post("leads", {"company": "上海港湾机械有限公司", "phone": "021-5888 1234", "source": "web"}).json()
    assert body["number"].startswith("LD-")
    assert (body["title"], body["status"], body["source"]) == ("上海港湾机械有限公司", "new", "web")
    assert body["owner"]["id"] == client.user.pk


def test_it_is_named_after_the_contact_person_without_a_company(api):
    body = api().post("leads", {"contact_name": "Han Mei", "email": "han@example.com"}).json()
    assert body["title"] == "Han Mei"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"phone": "13800138000"}, [("company", "required")]),
        ({"company": "Quay"}, [("phone", "required")]),
        ({}, [("company", "required"), ("phone", "required")]),
        ({"company": "Quay", "email": "no address"}, [("email", "invalid")]),
        ({"company": "Quay", "phone": "1", "budget": "-1"}, [("budget", "range")]),
    ],
)
def test_it_refuses_a_lead_that_nobody_could_reach(api, body, errors):
    response = api().post("leads", body)
    assert response.status_code == 422
    assert errors_of(response) == errors
    assert not Lead.objects.exists()


def test_it_reads_a_source_by_code_or_name_and_keeps_an_unknown_one(root):
    LeadSource.objects.filter(code="exhibition").update(name="展会")
    assert make_lead(source="展会").source == "exhibition"
    assert make_lead(source="WEB").source == "web"
    assert make_lead(source="Radio").source == "Radio"


def test_it_ships_every_kind_of_source_once(db):
    LeadSource.objects.filter(code="web").update(name="官网")
    ship()
    assert set(LeadSource.objects.values_list("code", flat=True)) == {code for code, _name, _kind in SOURCES}
    assert LeadSource.objects.get(code="web").name == "官网"


def said(*points: tuple[str, int]) -> list[str]:
    """Reasons as they stand beside a score: the labels of the rules over these fields, with their points."""
    shipped = ScoreRule.objects.all()
    rules = {(name, rule.points): rule.label for rule in shipped for name, _period in leaves(rule.conditions)}
    return [f"{rules[name, number]} +{number}" for name, number in points]


def test_it_scores_what_is_known_with_the_reasons(api):
    client = api()
    bare = client.post("leads", {"contact_name": "Han Mei", "phone": "13900000000"}).json()
    assert bare["score"] == 15
    reasons = client.get(f"leads/{bare['id']}").json()["score_reasons"]
    assert reasons == said(("phone", 10), ("contact_name", 5))
    rich = client.patch(f"leads/{bare['id']}", {"budget": "100000.00", "source": "referral"}).json()
    assert rich["score"] == 50
    assert rich["score_reasons"][:2] == said(("budget", 20), ("source", 15))


@pytest.mark.parametrize(
    ("budget", "points"), [("0.01", 10), ("9999.99", 10), ("10000", 15), ("99999.99", 15), ("100000", 20), (None, 0)]
)
def test_it_scores_a_budget_by_its_size(root, budget, points):
    lead = make_lead(budget=budget)
    by_label = {label: number for _pk, label, number in lead.score_parts["parts"]}
    rules = [rule for rule in ScoreRule.objects.all() if leaves(rule.conditions)[0][0] == "budget"]
    assert sum(by_label.get(rule.label, 0) for rule in rules) == points
    assert lead.score == 25 + points


def test_it_scores_a_hundred_when_everything_is_known(root):
    region = save_record(Region, {"name": "East"}, actor=root)
    lead = make_lead(
        email="li@example.com", industry="machinery", region=region, need="pumps", budget=Decimal(200_000),
        source="referral", need_confirmed=True, budget_confirmed=True, authority_confirmed=True, time_confirmed=True,
    )  # fmt: skip
    assert lead.score == 100


def test_it_shows_similar_leads_and_customers_and_links_only_those_in_sight(root, person, acting):
    other = person("sales_representative", name="Wang Wei")
    lead = make_lead(company="上海港湾机械有限公司", phone="13800000001", owner=other)
    customer = save_record(Customer, {"name": "上海港湾机械股份有限公司", "owner": other.pk}, actor=root)
    given = {"company": "港湾机械", "phone": "+86 138 0000 0001", "email": ""}
    assert duplicates.similar_leads(given, acting("sales_representative")) == [
        ("上海港湾机械有限公司 · New · Wang Wei", "", f"/join-requests/ask/leads/{lead.pk}"),
        ("上海港湾机械股份有限公司 · Wang Wei", "", f"/join-requests/ask/customers/{customer.pk}"),
    ]
    assert [one.url[:7] for one in duplicates.similar_leads(given, acting("sales_director"))] == ["/leads/", "/custom"]


def test_it_finds_a_similar_lead_by_mail_and_not_itself(root):
    lead = make_lead(email="Li@Example.com")
    make_lead(phone="13700000000")
    values = {"company": "Other", "email": "li@example.com"}
    assert len(duplicates.similar_leads(values, root)) == 1
    assert duplicates.similar_leads({**values, "id": str(lead.pk)}, root) == []
    assert duplicates.similar_leads({}, root) == []


def test_it_refuses_to_change_or_delete_a_converted_lead(api):
    lead = make_lead("converted")
    client = api()
    assert client.patch(f"leads/{lead.pk}", {"need": "more"}).status_code == 409
    assert client.delete(f"leads/{lead.pk}").status_code == 409
    lead.refresh_from_db()
    assert lead.need == ""


def test_it_writes_twenty_leads_with_as_many_queries_as_three(root):
    def queries_for(count):
        drafts = [Draft({"company": f"Row {n}", "phone": f"1380000{n:04}", "source": "web"}) for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            save_records(Lead, drafts, actor=root)
        return len(captured)

    queries_for(1)
    assert queries_for(20) == queries_for(3)


# --- states ----------------------------------------------------------------------------------------------------

TRANSITIONS = {
    "assign": (actions.assign_lead, {"new", "contacted", "qualified"}),
    "contact": (actions.contact_lead, {"new"}),
    "qualify": (actions.qualify_lead, {"contacted"}),
    "disqualify": (actions.disqualify_lead, {"new", "contacted", "qualified"}),
    "reopen": (actions.reopen_lead, {"disqualified"}),
}
TARGETS = {"contact": "contacted", "qualify": "qualified", "disqualify": "disqualified", "reopen": "new"}


@pytest.mark.parametrize("state", LeadStatus.values)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_it_changes_state_only_from_the_right_ones(root, person, name, state):
    change, sources = TRANSITIONS[name]
    lead = make_lead(state)
    arguments = {"assign": {"owner_id": person().pk}, "disqualify": {"reason": "no need"}}.get(name, {})
    before = Lead.objects.values().get(pk=lead.pk)
    if state in sources:
        change(lead.pk, actor=root, at=AT, **arguments)
        lead.refresh_from_db()
        assert lead.status == TARGETS.get(name, state)
        assert lead.version == before["version"] + 1
        assert AuditEntry.objects.filter(resource="leads", record_id=lead.pk, action=name).count() == 1
    else:
        with pytest.raises(Conflict):
            change(lead.pk, actor=root, at=AT, **arguments)
        assert Lead.objects.values().get(pk=lead.pk) == before


def test_it_keeps_the_first_time_of_contact(root):
    lead = make_lead()
    actions.contact_lead(lead.pk, actor=root, at=AT)
    actions.disqualify_lead(lead.pk, actor=root, at=AT, reason="no answer")
    actions.reopen_lead(lead.pk, actor=root, at=datetime(2026, 11, 21, tzinfo=UTC))
    lead.refresh_from_db()
    assert (lead.status, lead.first_contact_at, lead.disqualified_because) == ("contacted", AT, "")


def test_it_keeps_why_a_lead_was_put_aside(root):
    lead = make_lead("qualified")
    actions.disqualify_lead(lead.pk, actor=root, at=AT, reason="bought elsewhere")
    lead.refresh_from_db()
    assert lead.disqualified_because == "bought elsewhere"


@pytest.mark.parametrize("arguments", [{}, {"reason": ""}, {"reason": "   "}])
def test_it_refuses_to_put_a_lead_aside_without_a_reason(root, arguments):
    lead = make_lead()
    with pytest.raises(ValidationFailed) as refused:
        actions.disqualify_lead(lead.pk, actor=root, at=AT, **arguments)
    assert [(e.field, e.code) for e in refused.value.errors] == [("reason", "required")]
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("new", 1)


def test_it_confirms_the_checklist_on_qualifying_and_scores_anew(root):
    lead = make_lead("contacted")
    actions.qualify_lead(lead.pk, actor=root, at=AT)
    lead.refresh_from_db()
    assert all(getattr(lead, field) for field, _label in actions.CHECKLIST.values())
    assert lead.score == 25 + 16


def test_it_names_the_parts_of_the_checklist_that_are_missing(api):
    lead = make_lead("contacted", need_confirmed=True)
    response = api().act("leads", lead.pk, "qualify", need=False, budget=False, time=False)
    assert response.status_code == 409
    assert response.json()["detail"] == "Not confirmed yet: Budget, Time of purchase."
    lead.refresh_from_db()
    assert (lead.status, lead.budget_confirmed, lead.version) == ("contacted", False, 1)


def test_it_gives_a_lead_and_its_department_to_another_owner(root, person):
    lead, owner = make_lead(), person("sales_representative")
    actions.assign_lead(lead.pk, actor=root, at=AT, owner_id=owner.pk)
    lead.refresh_from_db()
    assert (lead.owner_id, lead.department_id) == (owner.pk, owner.department_id)


def test_it_refuses_an_owner_outside_the_scope(acting, person):
    owner = person("sales_representative")
    lead = make_lead(owner=owner)
    with pytest.raises(ValidationFailed):
        actions.assign_lead(lead.pk, actor=acting(owner), at=AT, owner_id=person("sales_representative").pk)
    lead.refresh_from_db()
    assert lead.owner_id == owner.pk


def test_it_hides_other_peoples_leads(acting, person):
    lead = make_lead(owner=person("sales_representative"))
    with pytest.raises(NotFound):
        actions.contact_lead(lead.pk, actor=acting("sales_representative"), at=AT)
    with pytest.raises(NotAllowed):
        actions.contact_lead(lead.pk, actor=acting("auditor"), at=AT)
    lead.refresh_from_db()
    assert lead.status == "new"


def test_it_refuses_to_set_the_state_by_hand(api):
    lead = make_lead()
    response = api().patch(f"leads/{lead.pk}", {"status": "qualified"})
    assert errors_of(response) == [("status", "read_only")]
    lead.refresh_from_db()
    assert lead.status == "new"
