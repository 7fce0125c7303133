"""Two approvers at the same moment."""

import threading

import pytest
from django.db import connection, connections

from saleswright.config.setup import ship_defaults
from saleswright.kernel.errors import DomainError
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work.actions.decisions import approve_request, reject_request
from saleswright.modules.work.models import ApprovalTask
from saleswright.modules.work.tests.conftest import DONE, DRAFT, acting_as, state_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _shipped(db):
    ship_defaults()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks")
@pytest.mark.parametrize("second", [approve_request, reject_request])
def test_it_counts_one_of_two_decisions(desk, team, second):
    desk.asks((team.manager, team.director))
    approval = desk.activate(team.customer, team.rep)
    start, outcomes = threading.Barrier(2), []

    def decide(transition, user):
        start.wait()
        try:
            run_atomic(lambda: transition(approval.pk, actor=acting_as(user), comment="now"))
            outcomes.append("done")
        except DomainError as refused:
            outcomes.append(refused.status)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=decide, args=(approve_request, team.manager)),
        threading.Thread(target=decide, args=(second, team.director)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes, key=str) == [409, "done"]
    assert state_of(approval) in {"approved", "rejected"}
    assert state_of(team.customer) == (DONE if approval.state == "approved" else DRAFT)
    assert len(desk.ran) == (1 if approval.state == "approved" else 0)
    states = sorted(ApprovalTask.objects.filter(approval=approval).values_list("state", flat=True))
    assert states in (["approved", "skipped"], ["rejected", "skipped"])
