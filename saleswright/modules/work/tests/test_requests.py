"""Who is asked for consent."""

from decimal import Decimal

import pytest

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import Collaborator, Company, Role, RoleMembership
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.planning import active_flow, plan, set_discount_authority, steps_of
from saleswright.modules.work.models import Approval, ApprovalFlow, ApprovalStep, ApprovalTask, Notification
from saleswright.modules.work.shipped import ship
from saleswright.modules.work.terms import Subject
from saleswright.modules.work.tests.conftest import (
    DONE,
    DRAFT,
    IN_APPROVAL,
    acting_as,
    asked,
    flow,
    reaches,
    state_of,
    those_who_see,
)

pytestmark = pytest.mark.django_db


def test_it_runs_at_once_when_nobody_need_be_asked(desk, team):
    desk.asks()
    assert desk.activate(team.customer, team.rep, note="x") is None
    assert state_of(team.customer) == DONE
    assert [run["note"] for run in desk.ran] == ["x"]
    assert not Approval.objects.exists()


def test_it_keeps_the_request_and_its_content(desk, team):
    desk.asks(team.manager, amount="1200.50", discount="12")
    approval = desk.activate(team.customer, team.rep, note="x")
    assert state_of(team.customer) == IN_APPROVAL
    assert desk.ran == []
    assert approval.requested_by == team.rep
    assert approval.from_state == DRAFT
    assert approval.arguments == {"note": "x"}
    assert approval.facts == {"amount": "1200.50", "discount": "12"}
    assert approval.subject_label == "Acme"
    assert approval.reason == "test"
    assert asked(approval) == [(1, team.manager.pk)]


def test_it_tells_the_approver_and_shows_the_subject(desk, team):
    desk.asks(team.manager, team.director)
    approval = desk.activate(team.customer, team.rep)
    notes = Notification.objects.filter(resource="approvals", record_id=approval.pk)
    assert list(notes.values_list("user", flat=True)) == [team.manager.pk]
    assert those_who_see(team.customer) == [team.manager.pk]


@pytest.mark.parametrize("origin", ["import", "import customers.csv"])
def test_it_asks_nobody_for_imports(desk, team, origin):
    desk.asks(team.manager)
    assert desk.activate(team.customer, actor_for(team.rep, origin=origin)) is None
    assert state_of(team.customer) == DONE


def test_it_asks_nobody_for_the_system(desk, team, root):
    desk.asks(team.manager)
    assert desk.activate(team.customer, root) is None
    assert state_of(team.customer) == DONE


def test_it_asks_the_submitters_manager_instead_of_the_submitter(desk, team):
    desk.asks(team.rep)
    assert asked(desk.activate(team.customer, team.rep)) == [(1, team.manager.pk)]


def test_it_leaves_the_submitter_out_among_others(desk, team):
    desk.asks((team.rep, team.director))
    assert asked(desk.activate(team.customer, team.rep)) == [(1, team.director.pk)]


def test_it_asks_the_approver_of_last_resort_when_nobody_is_found(desk, team, person):
    someone = person(name="Resort")
    Company.objects.update(approver_of_last_resort=someone)
    forget_everything()
    desk.need = ApprovalNeed("test", {}, ((),))
    assert asked(desk.activate(team.customer, team.rep)) == [(1, someone.pk)]


def test_it_asks_the_administrators_when_no_last_resort_is_named(desk, team, person):
    first, second = person("administrator"), person("administrator")
    desk.need = ApprovalNeed("test", {}, ((),))
    assert asked(desk.activate(team.customer, team.rep)) == [(1, first.pk), (1, second.pk)]


def test_it_asks_an_only_administrator_himself(desk, team, person):
    only = person("administrator")
    desk.need = ApprovalNeed("test", {}, ((),))
    assert asked(desk.activate(team.customer, only)) == [(1, only.pk)]


def test_it_refuses_when_there_is_nobody_at_all(desk, team):
    desk.need = ApprovalNeed("test", {}, ((),))
    with pytest.raises(Conflict):
        desk.activate(team.customer, team.rep)
    assert state_of(team.customer) == DRAFT
    assert not Approval.objects.exists()


def test_it_passes_over_people_who_have_left(desk, team, root):
    type(team.manager).objects.filter(pk=team.manager.pk).update(state="left")
    desk.asks((team.manager, team.director))
    assert asked(desk.activate(team.customer, team.rep)) == [(1, team.director.pk)]


def test_it_refuses_a_second_request_for_the_same(desk, team, root):
    desk.asks(team.manager)
    desk.transition.pending = None
    desk.activate(team.customer, team.rep)
    with pytest.raises(Conflict):
        desk.activate(team.customer, team.rep)
    assert Approval.objects.count() == 1


# --- flows -----------------------------------------------------------------------------------------------------


def test_it_follows_the_steps_of_the_flow_whose_limits_are_reached(desk, team, root):
    found = flow(
        root,
        {"condition": reaches(amount="100")},
        {"condition": reaches(discount="20"), "approver": "person", "person": team.manager.pk},
        {"approver": "manager_level", "level": 2},
    )
    desk.asks(team.manager, amount="100", discount="19.99")
    approval = desk.activate(team.customer, team.rep)
    assert asked(approval) == [(1, team.manager.pk), (2, team.director.pk), (3, team.director.pk)]
    assert (approval.flow, approval.flow_version) == (found, 1)


def test_it_ends_under_the_steps_it_began_with(desk, team, root):
    found = flow(root, {})
    desk.asks()
    approval = desk.activate(team.customer, team.rep)
    save_record(ApprovalFlow, {"active": False}, pk=found.pk, actor=root)
    assert asked(approval) == [(1, team.director.pk)]
    assert approval.flow_version == 1


@pytest.mark.parametrize(
    ("condition", "facts", "expected"),
    [
        (None, {}, True),
        (reaches(amount="500000"), {"amount": Decimal("499999.99")}, False),
        (reaches(amount="500000"), {"amount": Decimal("500000")}, True),
        (reaches(amount="1"), {}, False),
        (reaches(discount="10"), {"discount": "10"}, True),
        (reaches(amount="1", discount="10"), {"amount": 5, "discount": 9}, False),
        ({"field": "level", "op": "in", "value": ["A"]}, {}, True),
        ({"field": "level", "op": "in", "value": ["B"]}, {}, False),
        ({"field": "owner.name", "value": "Rep"}, {}, True),
        ({"field": "submitter.manager", "op": "empty", "value": False}, {}, True),
        ({"field": "submitter.department", "op": "empty", "value": False}, {}, False),
        ({"or": []}, {}, False),
    ],
)
def test_it_asks_where_the_condition_holds(team, condition, facts, expected):
    Customer.objects.filter(pk=team.customer.pk).update(level="A")
    assert Subject("customers", team.rep, facts, team.customer.pk).meets(condition) is expected


def test_it_asks_the_manager_with_enough_discount_authority(desk, team, root, monkeypatch):
    from saleswright.modules.work.actions import planning

    monkeypatch.setattr(planning, "_authorities", [])
    set_discount_authority(lambda managers, facts: managers[1] if facts["discount"] > 20 else managers[0])
    found = flow(root, {"approver": "discount_authority"})
    subject = Subject("customers", team.rep, {"discount": Decimal(21)})
    steps = plan(ApprovalNeed("", subject.facts), found, steps_of(found), subject)
    assert [step.approvers for step in steps] == [(team.director.pk,)]


def test_it_uses_the_youngest_active_flow(desk, root):
    assert active_flow("customers", "activate") is None
    found = flow(root, {})
    assert active_flow("customers", "activate") == found


def test_it_refuses_flows_that_can_not_work(desk, root):
    flow(root, {})
    values = {"name": "Second", "resource": "customers", "transition": "activate"}
    with pytest.raises(ValidationFailed) as refused:
        save_record(
            ApprovalFlow,
            values,
            lines={"steps": [{"approver": "role", "role": "nobody"}, {"approver": "person"}]},
            actor=root,
        )
    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("active", "duplicate"),
        ("steps.0.role", "not_found"),
        ("steps.1.person", "required"),
    ]
    lines = {"steps": [{"approver": "manager_level"}]}
    with pytest.raises(ValidationFailed) as refused:
        save_record(ApprovalFlow, values | {"transition": "assign"}, lines=lines, actor=root)
    assert [(one.field, one.code) for one in refused.value.errors] == [("transition", "choice")]
    assert ApprovalFlow.objects.filter(resource="customers").count() == 1


def test_it_ships_the_flow_of_large_contracts_once():
    ship()
    step = ApprovalStep.objects.get(flow__resource="contracts", flow__transition="submit")
    assert (step.condition, step.approver, step.role) == (reaches(amount="500000"), "role", "sales_director")


def test_it_asks_all_holders_of_a_role_once(desk, team, person, root):
    other = person("sales_director", "sales_manager")
    RoleMembership.objects.create(user=other, role=Role.objects.get(code="finance"))
    flow(root, {})
    desk.asks()
    assert asked(desk.activate(team.customer, team.rep)) == [(1, team.director.pk), (1, other.pk)]


def test_it_leaves_collaborators_who_were_there_before(desk, team):
    Collaborator.objects.create(resource="customers", record_id=team.customer.pk, user=team.manager)
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    assert not ApprovalTask.objects.get(approval=approval).gave_access
    assert acting_as(team.manager).user_id in those_who_see(team.customer)
