"""Several people with the same link at the same moment: one of them answers."""

from __future__ import annotations

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict
from saleswright.kernel.tests.threads import at_once, needs_row_locks
from saleswright.modules.market.models import SurveyAnswer, SurveyReply
from saleswright.modules.market.surveys.answering import Door, new_ticket, take_answer
from saleswright.modules.market.tests.test_surveys import make_invitation, make_survey

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _row_locks():
    needs_row_locks()


@pytest.mark.parametrize("invited", [True, False])
def test_one_of_several_answers(invited):
    survey = make_survey(anybody=True)
    door = Door(survey, make_invitation(survey) if invited else None)
    ticket = new_ticket(survey, clock.now())
    found = at_once([lambda: take_answer(door, {"buys": ["no"]}, ticket, at=clock.now())] * 4)
    assert sum(isinstance(one, SurveyAnswer) for one in found) == 1
    assert sum(isinstance(one, Conflict) for one in found) == 3
    assert (SurveyAnswer.objects.count(), SurveyReply.objects.count()) == (1, 1)


def test_two_at_once_make_one_task_of_a_conclusion():
    from saleswright.kernel.access.actors import system
    from saleswright.kernel.models import User
    from saleswright.kernel.records import save_record
    from saleswright.kernel.resources import resource_named
    from saleswright.modules.market.tests.test_research import make_project
    from saleswright.modules.work.public import Task

    owner = save_record(User, {"username": "owner", "name": "Owner"}, actor=system("test"))
    project = make_project("done", owner=owner)
    make = resource_named("research-projects").transition("make-tasks")
    found = at_once([lambda: make(project.pk, actor=system("test"))] * 4)
    assert sum(isinstance(one, Conflict) for one in found) == 3
    assert Task.objects.count() == 2


def test_two_digests_at_once_tell_once():
    from saleswright.modules.market.intelligence.actions import send_digest
    from saleswright.modules.market.tests.test_intelligence import MONDAY, SUNDAY, make_piece

    make_piece("verified", SUNDAY)
    found = at_once([lambda: send_digest(MONDAY)] * 4)
    assert sorted(one["pieces"] for one in found) == [0, 0, 0, 1]
