"""What was heard in a visit becomes intelligence, and both pages lead to each other."""

from datetime import UTC, datetime

import pytest

from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.market.public import Competitor, Intelligence
from saleswright.modules.pipeline.public import Activity

pytestmark = pytest.mark.django_db


@pytest.fixture
def visit(root, person):
    seller = person("sales_representative", language="en")
    customer = save_record(Customer, {"name": "Acme", "owner": seller.pk}, actor=root)
    values = {"kind": "visit", "subject": "Yearly talk", "customer": customer.pk, "owner": seller.pk}
    one = save_record(Activity, values, actor=root)
    Activity.objects.filter(pk=one.pk).update(status="done", done_at=datetime(2026, 2, 3, 17, tzinfo=UTC))
    one.refresh_from_db()
    return one


@pytest.fixture
def rival(root):
    return save_record(Competitor, {"name": "Rival"}, actor=root)


def note(client, visit, **values):
    given = {"topic": "competitor", "title": "Cuts prices", "content": "A tenth off since May.", **values}
    return client.act("activities", visit.pk, "note-intelligence", **given)


def test_it_is_noted_with_the_visit_as_its_source(api, visit, rival):
    response = note(api(visit.owner), visit, competitor_id=rival.pk)
    assert response.status_code == 200, response.content
    one = Intelligence.objects.get()
    assert response.json()["id"] == one.pk
    assert (one.source_kind, one.source, one.customer, one.visit_id) == (
        "visit", "Yearly talk", visit.customer, visit.pk,
    )  # fmt: skip
    assert (str(one.observed_on), one.owner, one.status) == ("2026-02-04", visit.owner, "new")


def test_it_names_what_it_is_about(api, visit):
    response = note(api(visit.owner), visit)
    assert response.status_code == 422
    assert not Intelligence.objects.exists()


def test_nothing_is_heard_before_the_visit(api, visit, rival):
    Activity.objects.update(status="planned")
    assert note(api(visit.owner), visit, competitor_id=rival.pk).status_code == 409
    assert not Intelligence.objects.exists()


def test_others_note_nothing_in_it(api, visit, rival):
    assert note(api("sales_representative"), visit, competitor_id=rival.pk).status_code == 404
    assert not Intelligence.objects.exists()


def test_both_pages_lead_to_each_other(api, browse, visit, rival):
    pk = note(api(visit.owner), visit, competitor_id=rival.pk).json()["id"]
    client = browse(visit.owner)
    assert f'href="/intelligence/{pk}"' in client.get(f"/activities/{visit.pk}/heard/panel").content.decode()
    assert f'href="/activities/{visit.pk}"' in client.get(f"/intelligence/{pk}/heard/panel").content.decode()
    stranger = browse("sales_representative")
    assert stranger.get(f"/activities/{visit.pk}/heard/panel").status_code == 404
    assert "Yearly talk" not in stranger.get(f"/intelligence/{pk}/heard/panel").content.decode()
