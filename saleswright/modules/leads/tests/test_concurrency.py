"""What happens at the same moment, on PostgreSQL."""

from __future__ import annotations

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.kernel.tests.threads import at_once, needs_row_locks
from saleswright.modules.leads.flow import assigning, capturing
from saleswright.modules.leads.models import AssignmentRule, AssignmentTurn, Lead, LeadCapture, LeadForm, LeadLink
from saleswright.modules.leads.tests.factories import make_lead

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _on_postgres():
    needs_row_locks()


def test_it_gives_nobody_more_than_the_cap_and_everybody_their_turn(person):
    ann, ben = person("sales_representative"), person("sales_representative")
    members = [{"member": ann.pk, "most_open": 3}, {"member": ben.pk, "most_open": 3}]
    rule = save_record(AssignmentRule, {"name": "Turns"}, lines={"members": members}, actor=system("test"))
    ids = [make_lead().pk for _number in range(8)]
    results = at_once([lambda pk=pk: assigning.assign([pk], actor=system("test"), at=clock.now()) for pk in ids])
    assert sum(one.given for one in results) == 6
    assert sum(one.pooled for one in results) == 2
    assert [Lead.objects.filter(owner=one).count() for one in (ann, ben)] == [3, 3]
    assert sorted(AssignmentTurn.objects.filter(rule=rule).values_list("given", flat=True)) == [3, 3]


def test_it_takes_one_page_once_and_counts_every_visit():
    form = save_record(
        LeadForm, {"name": "Form", "title": "T", "consent_text": "C"},
        lines={"questions": [{"field": "company"}, {"field": "phone"}]}, actor=system("test"),
    )  # fmt: skip
    link = save_record(LeadLink, {"name": "Stand", "form": form.pk}, actor=system("test"))
    at = clock.now()
    ticket = capturing.new_ticket(form, at - 2 * capturing.QUICKEST)
    sent = capturing.Sent({"company": "Quay", "phone": "1"}, True, ticket)
    made = at_once([lambda: (capturing.capture(form, sent, at=at),) for _time in range(4)])
    assert sum(one is not None for (one,) in made) == 1
    assert (Lead.objects.count(), LeadCapture.objects.count()) == (1, 1)
    at_once([lambda: (capturing.visit(link, at),) for _time in range(6)])
    link.refresh_from_db()
    assert (link.visits, link.days.get().visits) == (6, 6)
