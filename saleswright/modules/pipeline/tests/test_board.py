"""The board of opportunities: cards of those that stay in their stage for too long say so."""

from datetime import timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.models import User
from saleswright.modules.pipeline.models import Opportunity, Stage
from saleswright.modules.pipeline.tests.factories import make_opportunity, stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(browse, person):
    user = person("administrator")
    User.objects.filter(pk=user.pk).update(language="en")
    return browse(User.objects.get(pk=user.pk))


def cards(text):
    """What stands on each card, by id."""
    return {int(part.partition('"')[0]): part for part in text.split('data-card="')[1:]}


@pytest.mark.parametrize(("days", "flagged"), [(4, True), (3, False)])
def test_it_flags_those_that_are_stuck(client, days, flagged):
    limited = stage("new")
    Stage.objects.filter(pk=limited.pk).update(time_limit_days=3)
    deal, fresh = make_opportunity(), make_opportunity()
    Opportunity.objects.filter(pk=deal.pk).update(stage_since=clock.today() - timedelta(days=days))
    found = cards(client.get("/opportunities/board").content.decode())
    assert ("Stuck in its stage" in found[deal.pk]) is flagged
    assert "Stuck in its stage" not in found[fresh.pk]


def test_it_reads_all_flags_at_once(client, django_assert_max_num_queries):
    for _number in range(12):
        make_opportunity()
    client.get("/opportunities/board")
    with django_assert_max_num_queries(20):
        client.get("/opportunities/board")
