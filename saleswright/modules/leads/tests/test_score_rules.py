"""The rules of the score: points with their reasons, what they may name, and their preview."""

import pytest

from saleswright.kernel.errors import NotFound, ValidationFailed
from saleswright.kernel.models import Job, Region
from saleswright.kernel.records import save_record
from saleswright.modules.leads import actions
from saleswright.modules.leads.models import Lead, ScoreRule
from saleswright.modules.leads.scoring import training
from saleswright.modules.leads.scoring.rules import rule_book, score_terms, value_of
from saleswright.modules.leads.shipped import ship
from saleswright.modules.leads.tests.factories import make_lead

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(root):
    """Save a rule; the shipped ones are out of the way."""
    ScoreRule.objects.all().delete()

    def make(field: str, op: str, value: str, points: int = 30, **values) -> ScoreRule:
        conditions = {"field": field, "op": op, "value": value}
        given = {"label": f"{field} {value}", "points": points, "conditions": conditions, **values}
        return save_record(ScoreRule, given, actor=root)

    return make


def test_points_of_rules_that_hold_add_up_the_greatest_reason_first(rule):
    rule("industry", "exact", "machinery", 20)
    rule("need", "contains", "pump", 35, part="behaviour")
    rule("source", "exact", "web", -10)
    lead = make_lead(industry="machinery", need="forty PUMPS", source="web")
    assert lead.score == 45
    assert [part[1:] for part in lead.score_parts["parts"]] == [
        ["need pump", 35], ["industry machinery", 20], ["source web", -10],
    ]  # fmt: skip


def test_a_score_stays_between_nothing_and_a_hundred(rule):
    rule("phone", "empty", "false", 80)
    rule("company", "empty", "false", 70)
    assert make_lead().score == 100
    ScoreRule.objects.update(points=-5)
    assert make_lead().score == 0


def test_rules_name_custom_fields_and_the_region(root, rule):
    from saleswright.kernel.models import CustomField

    definition = {"resource": "leads", "code": "staff", "kind": "integer", "label_zh": "人数", "label_en": "Staff"}
    save_record(CustomField, definition, actor=root)
    rule("custom.staff", "gte", "50", 40)
    rule("region.name", "exact", "East", 15)
    east = save_record(Region, {"name": "East"}, actor=root)
    assert make_lead(region=east, **{"custom.staff": 60}).score == 55
    assert make_lead(**{"custom.staff": 49}).score == 0


def test_rules_hold_for_a_lead_that_is_not_saved_yet(rule):
    rule("email", "empty", "true", 12)
    assert rule_book().score(value_of(Lead(company="Quay"))).score == 12


def test_a_rule_out_of_use_and_one_that_makes_no_sense_any_more_give_nothing(rule):
    rule("phone", "empty", "false", 30, active=False)
    broken = rule("email", "empty", "true", 30)
    ScoreRule.objects.filter(pk=broken.pk).update(conditions={"field": "custom.gone", "value": "1"})
    rule("company", "empty", "false", 7)
    assert make_lead().score == 7


def test_contacting_and_qualifying_score_anew(root, rule):
    rule("first_contact_at", "empty", "false", 11)
    rule("need_confirmed", "exact", "true", 22)
    lead = make_lead()
    actions.contact_lead(lead.pk, actor=root)
    lead.refresh_from_db()
    assert lead.score == 11
    actions.qualify_lead(lead.pk, actor=root)
    lead.refresh_from_db()
    assert lead.score == 33


@pytest.mark.parametrize("name", ["score", "status", "converted_at", "customer", "pool", "updated_at", "number"])
def test_rules_may_not_name_what_tells_the_outcome(root, name):
    assert name not in score_terms("leads", root)
    assert f"{name}_id" not in score_terms("leads", root)
    assert not any(term.startswith(("figures.", f"{name}.")) for term in score_terms("leads", root))


def test_there_are_no_terms_of_other_records(root):
    with pytest.raises(NotFound):
        score_terms("orders", root)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"conditions": {"field": "score", "op": "gte", "value": "1"}}, "conditions"),
        ({"conditions": {"field": "budget", "op": "gte", "value": "much"}}, "conditions"),
        ({"points": 0}, "points"),
        ({"points": 101}, "points"),
    ],
)
def test_it_refuses_rules_that_make_no_sense(root, values, field):
    given = {"label": "X", "points": 5, "conditions": {"field": "phone", "op": "empty", "value": "false"}, **values}
    count = ScoreRule.objects.count()
    with pytest.raises(ValidationFailed) as refused:
        save_record(ScoreRule, given, actor=root)
    assert refused.value.errors[0].field == field
    assert ScoreRule.objects.count() == count


def test_a_changed_rule_has_all_open_leads_scored_anew(root, rule):
    open_lead, closed = make_lead(), make_lead("disqualified")
    rule("phone", "empty", "false", 44)
    assert Job.objects.filter(kind=training.RESCORE_JOB).count() == 1  # once, however many rules change
    rule("company", "empty", "false", 1)
    assert Job.objects.filter(kind=training.RESCORE_JOB).count() == 1
    assert training.rescore_all(Pieces()) == 1
    open_lead.refresh_from_db()
    closed.refresh_from_db()
    assert (open_lead.score, open_lead.version) == (45, 1)
    assert closed.score == 0
    assert training.rescore_all(Pieces()) == 0


class Pieces:
    """A transaction for each piece, as a job has it."""

    def chunk(self, done, total=None):
        from saleswright.kernel.transactions import atomic

        return atomic()


def test_the_preview_shows_what_a_rule_does_to_open_leads(root, rule, browse):
    one = rule("need", "contains", "pump", 40)
    make_lead(need="pumps")
    make_lead()
    page = browse("administrator", language="en").get(f"/score-rules/{one.pk}/preview/panel").content.decode()
    assert "1 of 2 open leads get these points" in page
    ScoreRule.objects.filter(pk=one.pk).update(conditions={"field": "custom.gone", "value": "1"})
    assert (
        "There is no such field."
        in browse("administrator", language="en").get(f"/score-rules/{one.pk}/preview/panel").content.decode()
    )
    ScoreRule.objects.filter(pk=one.pk).update(conditions={})
    assert (
        "matches nothing"
        in browse("administrator", language="en").get(f"/score-rules/{one.pk}/preview/panel").content.decode()
    )


def test_nobody_sees_rules_without_the_right(rule, browse):
    one = rule("need", "contains", "pump", 40)
    assert browse("sales_representative", language="en").get(f"/score-rules/{one.pk}/preview/panel").status_code in {
        403,
        404,
    }


def test_shipped_rules_add_up_to_a_hundred_and_come_once(db):
    before = ScoreRule.objects.count()
    ship()
    assert ScoreRule.objects.count() == before == 20
    best = {}
    for rule in ScoreRule.objects.all():
        named = str(rule.conditions)
        key = "budget" if "budget'" in named else "source" if "'source'" in named else rule.label
        best[key] = max(best.get(key, 0), rule.points)
    assert sum(best.values()) == 100
