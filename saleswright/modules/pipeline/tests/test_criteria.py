"""What a stage asks for before it is left: activities, documents, conditions, and how people are led to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record
from saleswright.modules.pipeline import criteria
from saleswright.modules.pipeline.actions.opportunities import move_opportunity
from saleswright.modules.pipeline.models import Activity, Opportunity, Stage, StageChange, StageCriterion
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, stage
from saleswright.modules.work.models import Attachment, Notification

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def ask(kind, **values):
    return save_record(StageCriterion, {"stage": stage("new").pk, "kind": kind, **values}, actor=system("test"))


def done(deal, kind="visit", at=None, **values):
    given = {"kind": kind, "subject": "Talk", "opportunity": deal.pk, "done_at": at or clock.now(), **values}
    return save_record(Activity, given, actor=system("test"))


def attach(deal, name):
    now = clock.now()
    return Attachment.objects.create(
        resource="opportunities", record_id=deal.pk, name=name, content_type="x", size=1, sha256="0" * 64,
        created_at=now, updated_at=now,
    )  # fmt: skip


def lacking(deal):
    return [(one.kind, one.text) for one in criteria.missing(Opportunity.objects.get(pk=deal.pk))]


def test_it_counts_activities_of_the_kind_done_in_the_stage(root):
    ask("activity", activity_kind="visit", count=2)
    deal = make_opportunity(customer=make_customer())
    done(deal)
    done(deal, "call")
    assert lacking(deal) == [("activity", "Do and note: Visit (1 of 2)")]
    with pytest.raises(Conflict) as refused:
        move_opportunity(deal.pk, actor=root, stage_id=stage("needs").pk)
    assert "Do and note: Visit (1 of 2)" in str(refused.value)
    deal.refresh_from_db()
    assert deal.stage.name == "new"
    done(deal)
    move_opportunity(deal.pk, actor=root, stage_id=stage("needs").pk)
    deal.refresh_from_db()
    assert deal.stage.name == "needs"


def test_it_does_not_count_what_was_done_before_the_stage_or_is_only_planned():
    ask("activity", activity_kind="visit")
    deal = make_opportunity(customer=make_customer())
    StageChange.objects.filter(opportunity=deal).update(at=AT)
    done(deal, at=AT - timedelta(seconds=1))
    save_record(
        Activity,
        {"kind": "visit", "subject": "Later", "opportunity": deal.pk, "planned_at": AT + timedelta(days=1)},
        actor=system("test"),
    )
    assert lacking(deal) == [("activity", "Do and note: Visit")]
    done(deal, at=AT)
    assert lacking(deal) == []


def test_it_takes_any_activity_where_no_kind_is_said():
    ask("activity", title="Talk to them")
    deal = make_opportunity(customer=make_customer())
    assert lacking(deal) == [("activity", "Talk to them")]
    done(deal, "message")
    assert lacking(deal) == []


@pytest.mark.parametrize(
    ("asked", "file", "met", "text"),
    [
        ({"document_name": "需求"}, "客户需求表.xlsx", True, "Attach the file “需求”"),
        ({"document_name": "需求"}, "报价.xlsx", False, "Attach the file “需求”"),
        ({"document_group": "pdf"}, "plan.PDF", True, "Attach a file: PDF and OFD"),
        ({"document_group": "pdf"}, "plan.xlsx", False, "Attach a file: PDF and OFD"),
        ({"document_name": "plan", "document_group": "pdf"}, "PLAN.pdf", True, "Attach the file “plan” (PDF and OFD)"),
        (
            {"document_name": "plan", "document_group": "pdf"},
            "other.pdf",
            False,
            "Attach the file “plan” (PDF and OFD)",
        ),
    ],
)
def test_it_asks_for_a_file_by_name_and_kind(asked, file, met, text):
    ask("document", **asked)
    deal = make_opportunity()
    assert lacking(deal) == [("document", text)]
    attach(deal, file)
    assert (lacking(deal) == []) is met


def test_it_does_not_count_a_file_that_was_put_away_or_is_another_deals():
    ask("document", document_name="plan")
    deal, other = make_opportunity(), make_opportunity()
    attach(other, "plan.pdf")
    Attachment.objects.filter(pk=attach(deal, "plan.pdf").pk).update(archived_at=AT)
    assert lacking(deal) == [("document", "Attach the file “plan”")]


def test_it_asks_that_a_condition_holds():
    condition = {"and": [{"field": "amount", "op": "gte", "value": "1000"}, {"field": "customer.level", "value": "A"}]}
    ask("condition", condition=condition)
    good = make_opportunity(amount="1000", customer=make_customer(level="A"))
    small = make_opportunity(amount="999.99", customer=make_customer(level="A"))
    found = criteria.checks_of([good, small])
    assert [one.met for one in found[good.pk]] == [True]
    [check] = found[small.pk]
    assert (check.met, "Amount ≥" in check.text) == (False, True)


def test_it_never_holds_a_condition_that_names_what_is_no_more():
    one = ask("condition", condition={"field": "amount", "op": "gte", "value": "1"})
    StageCriterion.objects.filter(pk=one.pk).update(condition={"field": "gone", "value": "1"})
    assert lacking(make_opportunity(amount="5")) == [("condition", "A condition that can't be read any more")]


def test_it_is_content_with_lines_where_a_field_is_asked_for(root):
    Stage.objects.filter(name="new").update(exit_requires=["needs", "contact"])
    deal = make_opportunity()
    assert [text for _kind, text in lacking(deal)] == ["Fill in: Needs", "Fill in: Contact"]
    save_record(Opportunity, {}, pk=deal.pk, lines={"need_lines": [{"need": "quiet"}]}, actor=root)
    assert [text for _kind, text in lacking(deal)] == ["Fill in: Contact"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "document"}, "document_name"),
        ({"kind": "condition"}, "condition"),
        ({"kind": "condition", "condition": {"field": "nonsense", "value": "1"}}, "condition"),
        ({"kind": "activity", "count": 0}, "count"),
    ],
)
def test_it_refuses_a_criterion_that_asks_for_nothing(values, field):
    with pytest.raises(ValidationFailed) as refused:
        ask(**values)
    assert [one.field for one in refused.value.errors] == [field]
    assert not StageCriterion.objects.exists()


def test_it_forgets_what_belongs_to_another_kind_of_criterion():
    one = ask("document", document_name="plan", activity_kind="visit", count=3, condition={"field": "x", "value": "1"})
    assert (one.activity_kind, one.count, one.condition) == ("", 1, {})


def test_it_asks_nothing_of_deals_that_go_back_or_stand_elsewhere(root):
    ask("document", document_name="plan")
    deal = make_opportunity(stage=stage("needs"))
    assert lacking(deal) == []
    move_opportunity(deal.pk, actor=root, stage_id=stage("new").pk, reason="too early")
    deal.refresh_from_db()
    assert deal.stage.name == "new"


def test_it_reads_many_deals_with_as_many_statements_as_few(django_assert_num_queries):
    ask("activity", activity_kind="visit")
    ask("document", document_name="plan")
    ask("condition", condition={"field": "amount", "op": "gte", "value": "1"})
    deals = [make_opportunity() for _n in range(8)]
    criteria.checks_of(deals[:2])
    with django_assert_num_queries(6):
        criteria.checks_of(deals)


def test_it_tells_programs_what_is_missing(api):
    ask("document", document_name="plan", title="The plan")
    deal = make_opportunity()
    body = api().get(f"opportunities/{deal.pk}").json()
    assert body["missing"] == [{"kind": "document", "text": "The plan", "met": False}]


# --- the panel -------------------------------------------------------------------------------------------------


@pytest.fixture
def client(browse, person):
    user = person("administrator")
    User.objects.filter(pk=user.pk).update(language="en")
    return browse(User.objects.get(pk=user.pk))


def test_it_leads_to_what_is_missing_and_offers_the_next_stage_when_all_is_there(client):
    ask("activity", activity_kind="visit")
    ask("document", document_name="plan")
    Stage.objects.filter(name="new").update(exit_requires=["expected_close"])
    deal = make_opportunity(customer=make_customer())
    text = client.get(f"/opportunities/{deal.pk}/progress").content.decode()
    assert "3 things are missing to go on" in text
    assert f"/activities/new?opportunity={deal.pk}&amp;customer={deal.customer_id}&amp;kind=visit" in text
    assert f"/opportunities/{deal.pk}/edit#id_expected_close" in text
    assert 'href="#files"' in text
    assert "Move to" not in text
    activity = done(deal)
    attach(deal, "plan.pdf")
    assert client.get(f"/activities/{activity.pk}/proposal").content.decode().strip() == ""
    save_record(Opportunity, {"expected_close": "2027-01-01"}, pk=deal.pk, actor=system("test"))
    assert "Move to “需求确认”" in client.get(f"/opportunities/{deal.pk}/progress").content.decode()
    offered = client.get(f"/activities/{activity.pk}/proposal").content.decode()
    assert f'action="/opportunities/{deal.pk}/actions/move"' in offered
    assert f'name="stage_id" value="{stage("needs").pk}"' in offered


def test_it_offers_no_way_on_from_the_last_stage_or_a_closed_deal(client):
    last = make_opportunity(stage=stage("closing"))
    lost = make_opportunity(history=True, status="lost", closed_on="2026-01-01")
    for deal in (last, lost):
        assert "Move to" not in client.get(f"/opportunities/{deal.pk}/progress").content.decode()


def test_it_shows_the_panel_only_with_the_deal(browse, person):
    deal = make_opportunity(owner=person("sales_representative"))
    activity = done(deal, customer=make_customer().pk, owner=person("sales_representative").pk)
    other = browse(person("sales_representative"))
    assert other.get(f"/opportunities/{deal.pk}/progress").status_code == 404
    assert other.get(f"/activities/{activity.pk}/proposal").status_code == 404


def test_it_proposes_nothing_for_an_activity_without_a_deal(client):
    given = {"kind": "call", "subject": "Hello", "customer": make_customer().pk}
    activity = save_record(Activity, given, actor=system("test"))
    assert client.get(f"/activities/{activity.pk}/proposal").content.decode().strip() == ""


def test_it_shows_the_guidance_and_files_of_the_stage(client):
    new = stage("new")
    Stage.objects.filter(pk=new.pk).update(guidance="Know who decides.", scripts="Who else is asked?")
    now = clock.now()
    file = Attachment.objects.create(
        resource="stages", record_id=new.pk, name="checklist.pdf", content_type="x", size=1, sha256="0" * 64,
        created_at=now, updated_at=now,
    )  # fmt: skip
    text = client.get(f"/opportunities/{make_opportunity().pk}/progress").content.decode()
    assert "Know who decides." in text
    assert "Who else is asked?" in text
    assert f'href="/attachments/{file.pk}"' in text


# --- who answers for a stage -----------------------------------------------------------------------------------


def test_it_tells_the_holders_of_the_post_who_may_see_the_deal(root, person):
    from saleswright.modules.org.models import Post, PostHolding

    post = save_record(Post, {"title": "Presales"}, actor=root)
    sees, blind, left = person("sales_director"), person("sales_representative"), person("sales_director")
    for one in (sees, blind, left):
        PostHolding.objects.create(user=one, post=post, since="2026-01-01")
    User.objects.filter(pk=left.pk).update(state="left")
    Stage.objects.filter(name="needs").update(post=post)
    deal = make_opportunity(owner=person("sales_representative"))
    move_opportunity(deal.pk, actor=root, stage_id=stage("needs").pk)
    told = Notification.objects.filter(resource="opportunities", record_id=deal.pk, kind="stage")
    assert list(told.values_list("user_id", flat=True)) == [sees.pk]


def test_it_does_not_tell_who_moves_it(acting, person, root):
    from saleswright.modules.org.models import Post, PostHolding

    post, mover = save_record(Post, {"title": "Presales"}, actor=root), person("sales_director")
    PostHolding.objects.create(user=mover, post=post, since="2026-01-01")
    Stage.objects.filter(name="needs").update(post=post)
    deal = make_opportunity()
    move_opportunity(deal.pk, actor=acting(mover), stage_id=stage("needs").pk)
    assert not Notification.objects.filter(kind="stage").exists()
