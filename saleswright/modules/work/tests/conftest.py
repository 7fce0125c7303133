"""A transition of customers that needs consent, as the modules above declare them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.access.collaborators import collaborators_of
from saleswright.kernel.models import User
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.records import save_record
from saleswright.kernel.transitions import Arg, Transition
from saleswright.modules.customers.entities import CustomerEntity
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.models import Approval, ApprovalFlow, ApprovalTask
from saleswright.modules.work.tests.channels import post  # noqa: F401  fixture

DRAFT, IN_APPROVAL, DONE = "prospect", "dormant", "active"


@dataclass
class Desk:
    """Customers are activated with consent; `need` says whose, `refuse` makes the guard refuse."""

    need: ApprovalNeed | None = None
    refuse: str | None = None
    ran: list[dict[str, Any]] = field(default_factory=list)
    transition: Transition | None = None

    def activate(self, customer: Customer, who: Actor | User, **arguments: Any) -> Approval | None:
        """Ask for activation; answers the pending approval, if there is one."""
        actor = who if isinstance(who, Actor) else actor_for(who, origin="test")
        assert self.transition is not None
        self.transition(customer.pk, actor=actor, **arguments)
        return Approval.objects.filter(record_id=customer.pk, state="pending").first()

    def asks(self, *steps: Any, amount: str = "0", discount: str = "0") -> None:
        """Consent of these people is needed, a tuple of whom any one suffices for each step."""
        approvers = tuple(tuple(u.pk for u in (step if isinstance(step, tuple) else (step,))) for step in steps)
        self.need = ApprovalNeed("test", {"amount": Decimal(amount), "discount": Decimal(discount)}, approvers)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The transition `customers.activate`: prospect, in approval (dormant), active."""
    desk = Desk()

    def body(customer: Customer, *, actor: Actor, at: Any, note: str | None) -> None:
        desk.ran.append({"actor": actor, "note": note})
        customer.short_name = note or ""

    desk.transition = Transition(
        "customers", "activate", "Activate", body, frozenset({DRAFT}), DONE, IN_APPROVAL,
        guards=(lambda _customer: desk.refuse,), args=(Arg("note", "Note", required=False),),
        approval=lambda _customer, _actor, _args: desk.need,
    )  # fmt: skip
    monkeypatch.setattr(CustomerEntity, "state_field", "life_cycle")
    monkeypatch.setattr(CustomerEntity, "transitions", (*CustomerEntity.transitions, desk.transition))
    return desk


@pytest.fixture
def team(person: Callable[..., User], root: Actor) -> SimpleNamespace:
    """A representative below a manager below a director, and a customer of the representative."""
    director = person("sales_director", name="Director")
    manager = person("sales_representative", name="Manager", manager=director)
    rep = person("sales_representative", name="Rep", manager=manager)
    customer = save_record(Customer, {"name": "Acme", "owner": rep.pk}, actor=root)
    return SimpleNamespace(director=director, manager=manager, rep=rep, customer=customer)


def acting_as(user: User) -> Actor:
    """The actor that a person is."""
    return actor_for(user, origin="test")


def state_of(record: Any) -> str:
    """The state of an approval or of the test's customer, as the database has it."""
    record.refresh_from_db()
    return record.life_cycle if isinstance(record, Customer) else record.state


def those_who_see(customer: Customer) -> list[int]:
    """The collaborators of a customer."""
    return sorted(one["id"] for one in collaborators_of("customers", [customer.pk]).get(customer.pk, []))


def flow(root: Actor, *steps: dict[str, Any], **values: Any) -> ApprovalFlow:
    """A flow of these steps for the test's transition; steps are decided by the director unless they say else."""
    lines = [{"approver": "role", "role": "sales_director", **step} for step in steps]
    given = {"name": "Test", "resource": "customers", "transition": "activate", **values}
    return save_record(ApprovalFlow, given, lines={"steps": lines}, actor=root)


def reaches(**limits: str) -> dict[str, Any]:
    """The condition that facts reach these limits."""
    return {"and": [{"field": f"facts.{name}", "op": "gte", "value": limit} for name, limit in limits.items()]}


def asked(approval: Approval) -> list[tuple[int, int]]:
    """(step, person) of the parts that count."""
    tasks = ApprovalTask.objects.filter(approval=approval, superseded=False).order_by("step", "id")
    return list(tasks.values_list("step", "approver"))


def tasks(approval: Approval) -> list[tuple[int, int, str]]:
    """(step, person, state) of the parts that count."""
    rows = ApprovalTask.objects.filter(approval=approval, superseded=False).order_by("step", "id")
    return list(rows.values_list("step", "approver", "state"))
