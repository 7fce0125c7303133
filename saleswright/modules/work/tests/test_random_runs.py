"""Whatever flow is drawn and whoever decides what: runs end, no step is skipped, decisions stay, changes invalidate."""

import itertools
from types import SimpleNamespace

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.models import AuditEntry, User
from saleswright.kernel.ports import ApprovalNeed, ports
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transitions import Transition
from saleswright.modules.customers.entities import CustomerEntity
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.requests import enough
from saleswright.modules.work.models import Approval, ApprovalFlow, ApprovalTask, Delegation
from saleswright.modules.work.states import StepState

ROOT = system("test")
PEOPLE, ROUNDS = 4, 40
serial = itertools.count(1)
who = st.integers(0, PEOPLE - 1)
steps = st.fixed_dictionaries(
    {
        "approver": st.just("person") | st.just("role") | st.just("manager_level"),
        "person": who,
        "level": st.integers(1, 3),
        "rule": st.sampled_from(("any", "all", "majority")),
        "limit": st.none() | st.sampled_from((50, 150)),
    }
)
flows = st.fixed_dictionaries(
    {
        "steps": st.lists(steps, max_size=4),
        "same_person": st.sampled_from(("once", "each")),
        "own_request": st.sampled_from(("manager", "skip", "allow")),
        "nobody": st.sampled_from(("pass", "administrator")),
    }
)
moves = st.lists(
    st.tuples(st.sampled_from(("approve", "approve", "approve", "reject", "return", "back", "add", "change")), who),
    max_size=8,
)
DONE = {StepState.APPROVED, StepState.SKIPPED}


class Runs(TestCase):
    """Random flows, submissions and decisions."""

    @settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @given(flows, st.sampled_from((0, 100, 200)), who, moves, st.none() | st.tuples(who, who))
    def test_every_run_ends_as_it_should(self, plan, amount, submitter, moves, absence):
        company = self._company()
        self._flow(plan, company.people)
        if absence and absence[0] != absence[1]:
            self._absent(*(company.people[one] for one in absence))
        rep = company.people[submitter]
        customer = save_record(Customer, {"name": f"C{next(serial)}", "owner": rep.pk}, actor=ROOT)
        self.need = ApprovalNeed("test", {"amount": amount})
        states, transitions = CustomerEntity.state_field, CustomerEntity.transitions
        CustomerEntity.state_field = "life_cycle"
        CustomerEntity.transitions = (*transitions, self._activate())
        try:
            resource_named("customers").transition("activate")(customer.pk, actor=actor_for(rep, origin="test"))
            self._run(customer, moves, company)
        finally:
            CustomerEntity.state_field, CustomerEntity.transitions = states, transitions

    def _company(self):
        top = None
        people = []
        for number in range(PEOPLE):
            values = {"username": f"r{next(serial)}", "name": f"P{number}", "roles": ["administrator"]}
            top = save_record(User, values | {"manager": top.pk if top and number != 2 else None}, actor=ROOT)
            people.append(top)
        return SimpleNamespace(people=people)

    def _flow(self, plan, people):
        lines = [
            {
                "approver": step["approver"], "role": "administrator", "person": people[step["person"]].pk,
                "level": step["level"], "rule": step["rule"],
                "condition": {"field": "facts.amount", "op": "gte", "value": step["limit"]} if step["limit"] else {},
            }
            for step in plan["steps"]
        ]  # fmt: skip
        ApprovalFlow.objects.filter(resource="customers").delete()
        flow = ApprovalFlow(
            name="Random", resource="customers", transition="activate", created_at=clock.now(), updated_at=clock.now(),
            **{name: plan[name] for name in ("same_person", "own_request", "nobody")},
        )  # fmt: skip
        flow.save()
        for position, line in enumerate(lines):
            flow.steps.create(position=position, **{("person_id" if n == "person" else n): v for n, v in line.items()})

    def _absent(self, owner, delegate):
        values = {"owner": owner.pk, "delegate": delegate.pk, "start_on": clock.today(), "end_on": clock.today()}
        save_record(Delegation, values, actor=ROOT)

    def _activate(self):
        return Transition(
            "customers", "activate", "Activate", lambda record, *, actor, at: None, frozenset({"prospect"}), "active",
            "dormant", approval=lambda record, actor, arguments: self.need,
        )  # fmt: skip

    def _run(self, customer, moves, company):
        approval = Approval.objects.filter(record_id=customer.pk).first()
        if approval is None:
            assert Customer.objects.get(pk=customer.pk).life_cycle == "active"
            return
        decided = self._decided(approval)
        for verb, index in [*moves, *([("approve", 0)] * ROUNDS)]:
            approval.refresh_from_db()
            if approval.state != "pending":
                break
            self._move(verb, approval, customer, company.people[index])
            now = self._decided(approval)
            assert decided.items() <= now.items()  # what somebody decided is never forgotten
            decided = now
        self._check_end(approval, customer, decided)

    def _decided(self, approval):
        tasks = ApprovalTask.objects.filter(approval=approval).exclude(decided_at=None)
        return dict(tasks.values_list("pk", "state"))

    def _move(self, verb, approval, customer, other):
        task = ApprovalTask.objects.filter(approval=approval, state="open", superseded=False).order_by("id").first()
        assert task is not None, "a pending request asks somebody"
        actor, found = actor_for(task.approver, origin="test"), resource_named("approvals")
        before = AuditEntry.objects.filter(resource="approvals", record_id=approval.pk).count()
        match verb:
            case "approve":
                found.transition("approve")(approval.pk, actor=actor)
            case "reject" | "return":
                found.transition(verb)(approval.pk, actor=actor, comment="no")
            case "back" if approval.step > 1:
                found.transition("return")(approval.pk, actor=actor, comment="again", step=approval.step - 1)
            case "add" if self._can_add(approval, other):
                found.transition("add-approver")(approval.pk, actor=actor, person_id=other.pk)
            case "change":
                save_record(Customer, {"city": f"City {next(serial)}"}, pk=customer.pk, actor=ROOT)
                ports.approval.changed("customers", [customer.pk], actor=ROOT, at=clock.now())
            case _:
                return
        assert AuditEntry.objects.filter(resource="approvals", record_id=approval.pk).count() > before

    def _can_add(self, approval, other):
        known = ApprovalTask.objects.filter(
            approval=approval, approver=other, superseded=False, state__in=("open", "approved")
        )
        return approval.requested_by_id != other.pk and not known.exists()

    def _check_end(self, approval, customer, decided):
        customer.refresh_from_db()
        approval.refresh_from_db()
        assert approval.state != "pending", "every run ends"
        assert customer.life_cycle == ("active" if approval.state == "approved" else "prospect")
        if approval.state == "approved":
            parts = list(ApprovalTask.objects.filter(approval=approval, superseded=False))
            for number in {part.step for part in parts}:
                step = [part for part in parts if part.step == number]
                agreed = [part for part in step if part.state in DONE]
                assert enough(step[0].rule, len(agreed), len(step)), "no step is skipped"
                assert any(part.state == StepState.APPROVED or self._agreed_before(part) for part in step)
            save_record(Customer, {"city": "Changed"}, pk=customer.pk, actor=ROOT)
            ports.approval.changed("customers", [customer.pk], actor=ROOT, at=clock.now())
            customer.refresh_from_db()
            approval.refresh_from_db()
            assert (approval.state, customer.life_cycle) == ("withdrawn", "prospect")
        assert self._decided(approval) == decided

    def _agreed_before(self, part):
        earlier = ApprovalTask.objects.filter(approval=part.approval, superseded=False, step__lt=part.step)
        return earlier.filter(approver=part.approver, state=StepState.APPROVED).exists()
