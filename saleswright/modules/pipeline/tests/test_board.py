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


@pytest.mark.parametrize(("days", "flagged"), [(1, True), (0, False)])
def test_it_flags_those_that_are_stuck(client, days, flagged):
    deal, fresh = make_opportunity(), make_opportunity()
    Opportunity.objects.filter(pk=deal.pk).update(stage_due_on=clock.today() - timedelta(days=days))
    found = cards(client.get("/opportunities/board").content.decode())
    assert ("Stuck in its stage" in found[deal.pk]) is flagged
    assert "Stuck in its stage" not in found[fresh.pk]


def test_it_reads_all_flags_at_once(client, django_assert_max_num_queries):
    for _number in range(12):
        make_opportunity()
    client.get("/opportunities/board")
    with django_assert_max_num_queries(20):
        client.get("/opportunities/board")


def test_it_says_both_that_it_is_stuck_and_that_its_next_step_is_overdue(client):
    deal = make_opportunity(next_step="call", next_step_at=clock.now() - timedelta(hours=1))
    assert "Next step overdue" in cards(client.get("/opportunities/board").content.decode())[deal.pk]
    Opportunity.objects.filter(pk=deal.pk).update(stage_due_on=clock.today() - timedelta(days=1))
    card = cards(client.get("/opportunities/board").content.decode())[deal.pk]
    assert "Stuck in its stage · Next step overdue" in card


def totals(client, **given):
    return client.get("/opportunities/board/totals", given).json()


def test_it_has_right_totals_right_after_a_drop(client):
    deal, first, second = make_opportunity(amount="100"), stage("new"), stage("needs")
    assert totals(client)[str(first.pk)]["count"] == "1"
    answer = client.post("/opportunities/board/drop", {"card": deal.pk, "column": second.pk})
    assert answer.status_code == 204
    found = totals(client, fresh="1")
    assert (found[str(first.pk)], found[str(second.pk)]["count"]) == (
        {"count": "0", "amount": "", "weighted": ""}, "1",
    )  # fmt: skip
    assert found[str(second.pk)]["weighted"] == "¥30"


def test_it_says_what_is_missing_when_a_drop_is_refused(client):
    Stage.objects.filter(name="new").update(exit_requires=["expected_close"])
    deal = make_opportunity()
    answer = client.post(
        "/opportunities/board/drop", {"card": deal.pk, "column": stage("needs").pk}, HTTP_HX_REQUEST="true"
    )
    assert answer.status_code == 409
    assert "fill in: Expected close" in answer.content.decode()
    deal.refresh_from_db()
    assert deal.stage.name == "new"


def test_it_shows_how_full_a_limited_column_is(client):
    Stage.objects.filter(name="new").update(most_deals=2)
    make_opportunity()
    key = str(stage("new").pk)
    assert (totals(client, fresh="1")[key]["room"], totals(client, fresh="1")[key]["full"]) == ("1 / 2", False)
    make_opportunity()
    assert (totals(client, fresh="1")[key]["room"], totals(client, fresh="1")[key]["full"]) == ("2 / 2", True)
    assert "is-full" in client.get("/opportunities/board").content.decode()
