"""How steps are decided: majorities, going back, further approvers, edge rules of flows, changed records."""

from datetime import timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.ports import ports
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.decisions import approve_request, return_request
from saleswright.modules.work.models import Approval, ApprovalFlow, ApprovalTask, Notification
from saleswright.modules.work.tests.conftest import (
    DONE,
    DRAFT,
    IN_APPROVAL,
    acting_as,
    asked,
    flow,
    reaches,
    state_of,
    tasks,
    those_who_see,
)

pytestmark = pytest.mark.django_db


def decide(verb, approval, user, **arguments):
    return resource_named("approvals").transition(verb)(approval.pk, actor=acting_as(user), **arguments)


@pytest.fixture
def three(person):
    return [person("sales_representative", name=name) for name in ("One", "Two", "Three")]


@pytest.fixture
def majority(desk, team, three):
    desk.asks(tuple(three))
    approval = desk.activate(team.customer, team.rep)
    ApprovalTask.objects.update(rule="majority")
    return approval


# --- majorities ------------------------------------------------------------------------------------------------


def test_more_than_half_suffice(majority, three, team):
    decide("approve", majority, three[0])
    assert state_of(majority) == "pending"
    assert those_who_see(team.customer) == sorted([three[1].pk, three[2].pk])
    decide("approve", majority, three[2])
    assert [state for _step, _who, state in tasks(majority)] == ["approved", "skipped", "approved"]
    assert state_of(team.customer) == DONE
    assert those_who_see(team.customer) == []


def test_a_majority_can_outvote_a_refusal(majority, three, team):
    decide("reject", majority, three[0], comment="no")
    assert (state_of(majority), state_of(team.customer)) == ("pending", IN_APPROVAL)
    decide("approve", majority, three[1])
    decide("approve", majority, three[2])
    assert (state_of(majority), state_of(team.customer)) == ("approved", DONE)


def test_it_ends_once_too_few_are_left_for_a_majority(majority, three, team):
    decide("reject", majority, three[0], comment="no")
    decide("reject", majority, three[1], comment="no")
    assert (state_of(majority), state_of(team.customer)) == ("rejected", DRAFT)
    assert [state for _step, _who, state in tasks(majority)] == ["rejected", "rejected", "skipped"]


def test_a_majority_counts_who_agreed_in_an_earlier_step(desk, team, three):
    desk.asks(three[0], tuple(three))
    approval = desk.activate(team.customer, team.rep)
    ApprovalTask.objects.filter(step=2).update(rule="majority")
    decide("approve", approval, three[0])
    assert tasks(approval)[1:] == [(2, three[0].pk, "skipped"), (2, three[1].pk, "open"), (2, three[2].pk, "open")]
    decide("approve", approval, three[1])
    assert state_of(approval) == "approved"


# --- back to an earlier step -----------------------------------------------------------------------------------


def test_it_goes_back_to_a_step_which_is_asked_anew(desk, team, three):
    desk.asks(three[0], three[1], three[2])
    approval = desk.activate(team.customer, team.rep)
    decide("approve", approval, three[0])
    decide("approve", approval, three[1])
    decide("return", approval, three[2], comment="look again", step=2)
    approval.refresh_from_db()
    assert (approval.state, approval.step, state_of(team.customer)) == ("pending", 2, IN_APPROVAL)
    assert [state for _step, _who, state in tasks(approval)] == ["approved", "open", "waiting"]
    put_aside = ApprovalTask.objects.filter(approval=approval, superseded=True).order_by("step")
    assert list(put_aside.values_list("step", "state", "comment")) == [
        (2, "approved", ""),
        (3, "returned", "look again"),
    ]
    assert those_who_see(team.customer) == [three[1].pk]
    decide("approve", approval, three[1])
    decide("approve", approval, three[2])
    assert state_of(team.customer) == DONE
    assert len(desk.ran) == 1


@pytest.mark.parametrize("step", [0, 2, 3, -1])
def test_it_goes_back_to_an_earlier_step_only(desk, team, three, step):
    desk.asks(three[0], three[1])
    approval = desk.activate(team.customer, team.rep)
    decide("approve", approval, three[0])
    with pytest.raises(ValidationFailed):
        decide("return", approval, three[1], comment="no", step=step)
    assert tasks(approval) == [(1, three[0].pk, "approved"), (2, three[1].pk, "open")]


# --- further approvers -----------------------------------------------------------------------------------------


def test_an_approver_has_somebody_else_asked_next(desk, team, three):
    desk.asks(three[0], three[1])
    approval = desk.activate(team.customer, team.rep)
    decide("add-approver", approval, three[0], person_id=three[2].pk, comment="knows the product")
    assert tasks(approval) == [(1, three[0].pk, "open"), (2, three[2].pk, "waiting"), (3, three[1].pk, "waiting")]
    assert ApprovalTask.objects.get(approver=three[2]).added_by == three[0]
    assert Notification.objects.filter(user=team.rep, text__endswith="knows the product").count() == 1
    for user in (three[0], three[2], three[1]):
        decide("approve", approval, user)
    assert state_of(team.customer) == DONE


@pytest.mark.parametrize("who", ["submitter", "asked", "left"])
def test_it_adds_nobody_who_can_not_decide(desk, team, three, who):
    desk.asks((three[0], three[1]))
    approval = desk.activate(team.customer, team.rep)
    type(three[2]).objects.filter(pk=three[2].pk).update(state="left")
    person = {"submitter": team.rep, "asked": three[1], "left": three[2]}[who]
    with pytest.raises(ValidationFailed):
        decide("add-approver", approval, three[0], person_id=person.pk)
    assert asked(approval) == [(1, three[0].pk), (1, three[1].pk)]


def test_only_who_is_asked_adds_somebody(desk, team, three):
    desk.asks(three[0])
    approval = desk.activate(team.customer, team.rep)
    with pytest.raises(NotAllowed):
        decide("add-approver", approval, team.rep, person_id=three[1].pk)
    assert asked(approval) == [(1, three[0].pk)]


# --- reminders -------------------------------------------------------------------------------------------------


def test_the_submitter_reminds_once_an_hour(desk, team, three):
    desk.asks(tuple(three[:2]))
    approval = desk.activate(team.customer, team.rep)
    at, remind = clock.now(), resource_named("approvals").transition("remind")
    before = Notification.objects.count()
    remind(approval.pk, actor=acting_as(team.rep), at=at)
    assert Notification.objects.count() == before + 2
    with pytest.raises(Conflict):
        remind(approval.pk, actor=acting_as(team.rep), at=at + timedelta(minutes=59))
    assert Notification.objects.count() == before + 2
    remind(approval.pk, actor=acting_as(team.rep), at=at + timedelta(hours=1))
    assert Notification.objects.count() == before + 4


def test_nobody_else_reminds(desk, team, three):
    desk.asks(three[0])
    approval = desk.activate(team.customer, team.rep)
    with pytest.raises(NotAllowed):
        decide("remind", approval, three[0])
    assert ApprovalTask.objects.get().reminded_at is None


def test_the_submitter_sees_other_buttons_than_approvers(desk, team):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)

    def shown(user):
        found = resource_named("approvals").transitions
        return [one.name for one in found if one.availability(approval, acting_as(user)).shown]

    assert shown(team.manager) == ["approve", "reject", "return", "add-approver"]
    assert shown(team.rep) == ["withdraw", "remind"]


# --- edge rules of flows ---------------------------------------------------------------------------------------


def test_a_step_without_anybody_is_left_out_where_the_flow_says_so(desk, team, root):
    flow(root, {"approver": "manager_level", "level": 9}, {}, nobody="pass")
    desk.asks()
    assert asked(desk.activate(team.customer, team.rep)) == [(1, team.director.pk)]


def test_it_runs_at_once_when_every_step_is_left_out(desk, team, root):
    flow(root, {"approver": "manager_level", "level": 9}, nobody="pass")
    desk.asks()
    assert desk.activate(team.customer, team.rep) is None
    assert state_of(team.customer) == DONE


def test_a_named_person_decides_where_nobody_is_found(desk, team, root, three):
    flow(root, {"approver": "manager_level", "level": 9}, nobody="person", nobody_person=three[0].pk)
    desk.asks()
    assert asked(desk.activate(team.customer, team.rep)) == [(1, three[0].pk)]


def test_administrators_decide_where_the_named_person_is_gone(desk, team, root, three, person):
    admin = person("administrator")
    flow(root, {"approver": "manager_level", "level": 9}, nobody="person", nobody_person=three[0].pk)
    type(three[0]).objects.filter(pk=three[0].pk).update(state="left")
    desk.asks()
    assert asked(desk.activate(team.customer, team.rep)) == [(1, admin.pk)]


@pytest.mark.parametrize(("rule", "who"), [("manager", "manager"), ("skip", None), ("allow", "rep")])
def test_submitters_among_the_approvers(desk, team, root, rule, who):
    flow(root, {"approver": "person", "person": team.rep.pk}, {}, own_request=rule)
    desk.asks()
    expected = [] if who is None else [(1, getattr(team, who).pk)]
    assert asked(desk.activate(team.customer, team.rep)) == [*expected, (len(expected) + 1, team.director.pk)]


@pytest.mark.parametrize(("rule", "state"), [("once", "approved"), ("each", "pending")])
def test_the_same_person_in_two_steps(desk, team, root, rule, state):
    flow(root, {}, {}, same_person=rule)
    desk.asks()
    approval = desk.activate(team.customer, team.rep)
    decide("approve", approval, team.director)
    assert state_of(approval) == state
    if rule == "each":
        decide("approve", approval, team.director)
        assert [one for _step, _who, one in tasks(approval)] == ["approved", "approved"]
        assert state_of(team.customer) == DONE


def test_it_asks_the_holders_of_a_post(desk, team, root, three):
    posts = resource_named("posts").model
    post = save_record(posts, {"title": "Controller"}, actor=root)
    post.holdings.create(user=three[1], since=clock.today())
    post.holdings.create(user=three[2], since=clock.today(), until=clock.today())
    flow(root, {"approver": "post", "post": post.pk})
    desk.asks()
    assert asked(desk.activate(team.customer, team.rep)) == [(1, three[1].pk)]


# --- versions --------------------------------------------------------------------------------------------------


def test_a_running_approval_ends_under_the_version_it_began_with(desk, team, root, three):
    found = flow(root, {}, {"approver": "person", "person": three[0].pk})
    desk.asks()
    approval = desk.activate(team.customer, team.rep)
    save_record(
        ApprovalFlow, {}, lines={"steps": [{"approver": "person", "person": three[1].pk}]}, pk=found.pk, actor=root
    )
    assert [one.number for one in found.versions.order_by("number")] == [1, 2]
    decide("approve", approval, team.director)
    decide("approve", approval, three[0])
    approval.refresh_from_db()
    assert (approval.state, approval.flow_version) == ("approved", 1)
    assert state_of(team.customer) == DONE


def test_only_what_is_asked_makes_a_version(root, desk):
    found = flow(root, {})
    save_record(ApprovalFlow, {"name": "Other"}, pk=found.pk, actor=root)
    assert found.versions.count() == 1
    save_record(ApprovalFlow, {"same_person": "each"}, pk=found.pk, actor=root)
    assert found.versions.order_by("number").last().content["same_person"] == "each"


def test_flows_are_refused_whose_steps_can_not_work(root, desk):
    steps = [
        {"approver": "post"}, {"approver": "manager_level", "level": 0},
        {"approver": "role", "role": "sales_director", "condition": {"field": "nonsense", "value": 1}},
    ]  # fmt: skip
    with pytest.raises(ValidationFailed) as refused:
        flow(root, *steps, nobody="person")
    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("nobody_person", "required"), ("steps.0.post", "required"), ("steps.1.level", "range"),
    ]  # fmt: skip
    with pytest.raises(ValidationFailed) as refused:
        flow(root, steps[2])
    assert [(one.field, one.code) for one in refused.value.errors] == [("steps.0.condition", "unknown")]
    assert not ApprovalFlow.objects.filter(resource="customers").exists()


def test_conditions_over_what_one_may_not_see_are_refused(root, desk, person):
    from saleswright.kernel.access.actors import access_changed
    from saleswright.kernel.models import Grant, Role

    role = Role.objects.create(code="drawer", name="Drawer", created_at=clock.now(), updated_at=clock.now())
    Grant.objects.create(role=role, permission="approval-flows.*", scope="all")
    access_changed()
    with pytest.raises(ValidationFailed) as refused:
        flow(acting_as(person("drawer")), {"condition": reaches(amount="1")})
    assert [(one.field, one.code) for one in refused.value.errors] == [("steps.0.condition", "not_allowed")]


# --- records that change ---------------------------------------------------------------------------------------


def change(customer, root):
    save_record(Customer, {"city": "Elsewhere"}, pk=customer.pk, actor=root)
    ports.approval.changed("customers", [customer.pk], actor=root, at=clock.now())


def test_a_change_ends_what_waits(desk, team, root):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    change(team.customer, root)
    assert (state_of(approval), state_of(team.customer)) == ("withdrawn", DRAFT)
    assert those_who_see(team.customer) == []
    assert AuditEntry.objects.filter(resource="approvals", record_id=approval.pk, action="void").count() == 1


def test_a_change_after_approval_invalidates_it(desk, team, root):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    decide("approve", approval, team.manager)
    Approval.objects.update(content_hash=resource_named("customers").content_hash(Customer.objects.get()))
    change(team.customer, root)
    assert (state_of(approval), state_of(team.customer)) == ("withdrawn", DRAFT)
    assert Notification.objects.filter(user=team.rep).order_by("id").last().text.startswith("已撤回：Acme")


def test_what_stayed_as_it_was_stays_approved(desk, team, root):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    ports.approval.changed("customers", [team.customer.pk], actor=root, at=clock.now())
    assert (state_of(approval), state_of(team.customer)) == ("pending", IN_APPROVAL)


def test_a_record_that_went_on_keeps_its_state(desk, team, root):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    decide("approve", approval, team.manager)
    Customer.objects.update(life_cycle="lost")
    change(team.customer, root)
    assert (state_of(approval), state_of(team.customer)) == ("approved", "lost")


def test_records_that_need_no_consent_are_passed_over(root, django_assert_num_queries):
    with django_assert_num_queries(0):
        ports.approval.changed("contacts", [1], actor=root, at=clock.now())


def test_flows_for_unknown_kinds_of_record_are_refused(root):
    with pytest.raises(ValidationFailed) as refused:
        flow(root, {}, resource="nonsense")
    assert [(one.field, one.code) for one in refused.value.errors] == [("transition", "choice")]
    assert not ApprovalFlow.objects.filter(resource="nonsense").exists()


def test_its_transitions_are_declared():
    assert [one.name for one in resource_named("approvals").transitions] == [
        "approve", "reject", "return", "add-approver", "withdraw", "remind",
    ]  # fmt: skip


# --- back to a step by its name --------------------------------------------------------------------------------


@pytest.fixture
def two_steps(desk, team, root):
    """A request that has come to its second step."""
    desk.asks()
    first = {"approver": "person", "person": team.manager.pk, "name": "主管"}
    flow(root, first, {"name": "总监"})
    approval = desk.activate(team.customer, team.rep)
    approve_request(approval.pk, actor=acting_as(team.manager))
    return approval


@pytest.mark.parametrize("step", ["主管", "1", 1, " 主管 "])
def test_it_goes_back_to_a_step_by_name_or_number(two_steps, team, step):
    return_request(two_steps.pk, actor=acting_as(team.director), comment="Once more", step=step)
    assert tasks(two_steps) == [(1, team.manager.pk, "open"), (2, team.director.pk, "waiting")]


@pytest.mark.parametrize("step", ["总监", "2", 2, 0, "-1", "Nobody"])
def test_it_refuses_a_step_that_was_not_asked_before(two_steps, team, step):
    with pytest.raises(ValidationFailed) as refused:
        return_request(two_steps.pk, actor=acting_as(team.director), comment="Once more", step=step)
    assert refused.value.errors[0].field == "step"
    assert tasks(two_steps) == [(1, team.manager.pk, "approved"), (2, team.director.pk, "open")]


def test_it_offers_the_earlier_steps_by_name(two_steps, team, browse):
    url = f"/approvals/{two_steps.pk}/actions/return"
    client = browse(team.director, language="en")
    dialog = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert '<option value="1">主管 · Manager</option>' in dialog
    assert "总监 ·" not in dialog
    client.post(url, {"comment": "Once more", "step": "1"})
    assert tasks(two_steps)[0] == (1, team.manager.pk, "open")


def test_it_takes_names_and_numbers_by_api(two_steps, team, api):
    answer = api(team.director).act("approvals", two_steps.pk, "return", comment="Once more", step="主管")
    assert answer.status_code == 200
    approve_request(two_steps.pk, actor=acting_as(team.manager))
    assert api(team.director).act("approvals", two_steps.pk, "return", comment="Again", step=1).status_code == 200
    assert tasks(two_steps)[0] == (1, team.manager.pk, "open")
