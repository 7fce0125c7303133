"""Solutions: answers to needs, in revisions, reviewed by a post, with recommended products."""

from __future__ import annotations

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.catalog.models import ProductCategory
from saleswright.modules.org.models import Post, PostHolding
from saleswright.modules.pipeline.actions.solutions import revise_solution, submit_solution
from saleswright.modules.pipeline.models import Opportunity, Pipeline, Solution
from saleswright.modules.pipeline.recommend import recommended
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, make_product
from saleswright.modules.work.models import Approval, ApprovalTask

pytestmark = pytest.mark.django_db


def make_solution(deal=None, lines=None, **values):
    deal = deal or make_opportunity()
    lines = [{"need": "quiet", "answer": "62 dB"}] if lines is None else lines
    given = {"opportunity": deal.pk, **values}
    return save_record(Solution, given, lines={"lines": lines}, actor=system("test"))


def status(solution):
    return Solution.objects.values_list("status", flat=True).get(pk=solution.pk)


@pytest.fixture
def reviewer(person, root):
    """Somebody elsewhere who holds the post that reviews solutions."""
    post, user = save_record(Post, {"title": "Presales"}, actor=root), person("sales_representative")
    PostHolding.objects.create(user=user, post=post, since="2026-01-01")
    Pipeline.objects.update(review_post=post)
    return user


def test_it_numbers_the_solutions_of_each_deal():
    deal, other = make_opportunity(name="Robots"), make_opportunity()
    made = [make_solution(deal), make_solution(deal, title="Plan B"), make_solution(other)]
    assert [(one.title, one.revision) for one in made[:2]] == [("Robots", 1), ("Plan B", 2)]
    assert made[2].revision == 1


def test_it_begins_with_the_needs_of_the_deal(browse, person, root):
    deal = make_opportunity(needs=["quiet", "fast"])
    user = person("administrator")
    User.objects.filter(pk=user.pk).update(language="en")
    text = browse(User.objects.get(pk=user.pk)).get(f"/solutions/new?opportunity={deal.pk}").content.decode()
    assert 'value="quiet"' in text
    assert 'value="fast"' in text


def test_it_stays_with_its_deal(api):
    solution = make_solution()
    answer = api().patch(f"solutions/{solution.pk}", {"opportunity_id": make_opportunity().pk})
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("opportunity_id", "read_only")]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "There is no line yet."),
        ([{"need": "quiet"}, {"need": "fast", "answer": "yes"}], "No answer yet to: quiet"),
        ([{"need": "quiet", "answer": "yes"}], "No answer yet to: fast"),
    ],
)
def test_it_is_not_submitted_before_every_need_has_an_answer(root, lines, sentence):
    deal = make_opportunity(needs=["quiet", "fast"])
    solution = make_solution(deal, lines)
    with pytest.raises(Conflict) as refused:
        submit_solution(solution.pk, actor=root)
    assert (str(refused.value), status(solution)) == (sentence, "draft")


def test_it_waits_for_a_holder_of_the_reviewing_post_who_sees_it_meanwhile(api, acting, person, reviewer):
    owner = person("sales_representative")
    solution = make_solution(make_opportunity(owner=owner))
    submit_solution(solution.pk, actor=acting(owner))
    assert status(solution) == "in_review"
    assert list(ApprovalTask.objects.values_list("approver_id", flat=True)) == [reviewer.pk]
    client = api(reviewer)
    assert client.get(f"solutions/{solution.pk}").status_code == 200
    assert client.act("approvals", Approval.objects.get().pk, "approve").status_code == 200
    assert status(solution) == "approved"


def test_it_asks_the_manager_where_the_post_is_the_submitters_own(acting, person, reviewer):
    manager = person("sales_manager")
    User.objects.filter(pk=reviewer.pk).update(manager=manager)
    solution = make_solution(make_opportunity(owner=reviewer))
    submit_solution(solution.pk, actor=acting(User.objects.get(pk=reviewer.pk)))
    assert list(ApprovalTask.objects.values_list("approver_id", flat=True)) == [manager.pk]


def test_it_replaces_the_one_in_force_and_cannot_be_changed_any_more(root, api):
    deal = make_opportunity()
    first = make_solution(deal, [{"need": "quiet", "answer": "62 dB", "product": make_product().pk, "quantity": 2}])
    submit_solution(first.pk, actor=root)
    assert status(first) == "approved"
    second = Solution.objects.get(pk=revise_solution(first.pk, actor=root)["id"])
    copied = second.lines.get()
    assert (second.revision, second.status, copied.answer, copied.quantity) == (2, "draft", "62 dB", 2)
    assert status(first) == "approved"
    submit_solution(second.pk, actor=root)
    assert (status(first), status(second)) == ("replaced", "approved")
    assert api().patch(f"solutions/{second.pk}", {"summary": "x"}).status_code == 409


def test_it_is_not_put_into_force_for_a_closed_deal(root):
    deal = make_opportunity()
    solution = make_solution(deal)
    Opportunity.objects.filter(pk=deal.pk).update(status="lost", closed_on="2026-11-01", opened_on=None)
    with pytest.raises(Conflict):
        submit_solution(solution.pk, actor=root)
    assert status(solution) == "draft"


def test_it_is_seen_by_who_sees_the_deal(api, person):
    owner = person("sales_representative")
    solution = make_solution(make_opportunity(owner=owner))
    assert api(owner).get(f"solutions/{solution.pk}").status_code == 200
    other = api("sales_representative")
    assert other.get(f"solutions/{solution.pk}").status_code == 404
    assert other.act("solutions", solution.pk, "submit").status_code == 404


# --- quotes ----------------------------------------------------------------------------------------------------


def test_it_becomes_a_quote_with_a_line_for_each_product(api, root):
    deal = make_opportunity(customer=make_customer())
    pump, hose = make_product(list_price="80"), make_product(list_price="5")
    solution = make_solution(deal, [
        {"need": "quiet", "answer": "yes", "product": pump.pk, "quantity": 3},
        {"need": "cheap", "answer": "yes", "product": hose.pk, "unit_price": "4"},
        {"need": "soon", "answer": "in June"},
    ])  # fmt: skip
    submit_solution(solution.pk, actor=root)
    client = api()
    made = client.act("solutions", solution.pk, "create-quote")
    assert made.status_code == 200, made.content.decode()
    quote = client.get(f"quotes/{made.json()['id']}").json()
    lines = [(one["product"]["id"], one["quantity"], one["unit_price"]) for one in quote["lines"]]
    assert lines == [(pump.pk, "3", "80.00"), (hose.pk, "1", "4.00")]
    assert (quote["customer"]["id"], quote["opportunity"]["id"], quote["status"]) == (
        deal.customer_id, deal.pk, "draft",
    )  # fmt: skip


def test_it_becomes_no_quote_without_a_product_or_a_customer(api, root):
    bare, lonely = make_solution(), make_solution(lines=[{"need": "a", "answer": "b", "product": make_product().pk}])
    quotes = resource_named("quotes").model.objects
    for solution in (bare, lonely):
        submit_solution(solution.pk, actor=root)
        assert api().act("solutions", solution.pk, "create-quote").status_code == 409
    assert not quotes.exists()


# --- recommendations -------------------------------------------------------------------------------------------


def names(needs, chosen, root):
    return [(one.name, one.reasons) for one in recommended(needs, chosen, root)]


def test_it_recommends_what_a_need_names(root):
    category = save_record(ProductCategory, {"name": "Palletiser"}, actor=root)
    pump = make_product(name="Silent Pump")
    make_product(name="PX-9", category=category)
    make_product(name="Hose")
    make_product(name="Old silent pump", life_cycle="discontinued")
    needs = ["a silent pump for the hall", "one palletiser"]
    assert names(needs, [], root) == [
        ("PX-9", ["The need “one palletiser” names “Palletiser”."]),
        ("Silent Pump", ["The need “a silent pump for the hall” names “Silent Pump”."]),
    ]
    assert [name for name, _why in names(needs, [pump.pk], root)] == ["PX-9"]


def test_it_recommends_what_was_sold_together_with_what_is_chosen(root):
    robot, gripper, fence = make_product(name="Robot"), make_product(name="Gripper"), make_product(name="Fence")
    customer = make_customer()
    for products in ((robot, gripper), (robot, gripper), (robot, fence)):
        lines = [{"product": one.pk, "quantity": 1} for one in products]
        make_opportunity(history=True, status="won", customer=customer, closed_on="2026-01-01", lines=lines)
    make_opportunity(lines=[{"product": robot.pk, "quantity": 1}, {"product": fence.pk, "quantity": 1}])
    assert names([], [robot.pk], root) == [("Gripper", ["Sold together with “Robot” in 2 won deals."])]


def test_it_shows_recommendations_with_a_draft_only(browse, person, root):
    user = person("administrator")
    make_product(name="Silencer")
    solution = make_solution(lines=[{"need": "a silencer", "answer": "yes"}])
    client = browse(user)
    assert "Silencer" in client.get(f"/solutions/{solution.pk}/recommended").content.decode()
    submit_solution(solution.pk, actor=root)
    assert "Silencer" not in client.get(f"/solutions/{solution.pk}/recommended").content.decode()
