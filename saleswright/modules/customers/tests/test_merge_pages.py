"""The pages of merging: side by side, the result, the way back, and the API."""

from __future__ import annotations

from typing import Any

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.models import Merge
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact, Customer, DuplicatePair

ROOT = system("test")


def customer(name: str, **values: Any) -> Customer:
    return save_record(Customer, {"name": name, **values}, actor=ROOT)


@pytest.fixture
def two(db: None) -> tuple[Customer, Customer]:
    """Two customers that differ in their city; the second has a contact."""
    kept = customer("华东精密", code="K1", city="上海", industry="")
    other = customer("华东精密有限公司", code="K2", city="苏州", tags=["重点"])
    save_record(Contact, {"customer": other.pk, "name": "王伟"}, actor=ROOT)
    return kept, other


class TestPage:
    """Side by side."""

    def test_it_asks_what_to_merge_with(self, two: Any, browse: Any) -> None:
        text = browse().get(f"/customers/{two[0].pk}/merge").content.decode()
        assert "/pick/customers" in text
        assert "keep-city" not in text

    def test_it_shows_both_and_what_moves(self, two: Any, browse: Any) -> None:
        kept, other = two
        text = browse(language="en").get(f"/customers/{kept.pk}/merge?with={other.pk}").content.decode()
        assert f'name="keep-city" value="{kept.pk}" checked' in text
        assert f'name="keep-tags" value="{other.pk}"' in text
        assert "<b>1</b><span>Contacts</span>" in text
        assert f"/customers/{other.pk}/merge?with={kept.pk}" in text

    def test_it_merges_as_chosen_and_shows_the_result(self, two: Any, browse: Any) -> None:
        kept, other = two
        client = browse(language="en")
        sent = {"with": other.pk, "keep-city": other.pk, "keep-name": kept.pk}
        answer = client.post(f"/customers/{kept.pk}/merge", sent)
        merged = Merge.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, f"/merges/{merged.pk}")
        kept.refresh_from_db()
        assert (kept.city, kept.name, kept.tags) == ("苏州", "华东精密", ["重点"])
        assert "Undo the merge" in client.get(f"/merges/{merged.pk}").content.decode()
        assert "Contacts" in client.get(f"/merges/{merged.pk}/moved").content.decode()
        assert "was merged into" in client.get(f"/customers/{kept.pk}/timeline").content.decode()
        assert client.get(f"/customers/{other.pk}?merged=1").status_code == 200
        assert client.post(f"/merges/{merged.pk}/actions/undo").status_code == 302
        kept.refresh_from_db()
        assert (kept.city, kept.tags) == ("上海", [])
        assert "Everything was put back" in client.get(f"/merges/{merged.pk}/moved").content.decode()

    def test_it_says_what_stands_against_it_and_writes_nothing(self, two: Any, browse: Any) -> None:
        kept, other = two
        client = browse(language="en")
        answer = client.post(f"/customers/{kept.pk}/merge", {"keep-city": other.pk})
        assert answer.status_code == 422
        assert "Choose what is merged." in answer.content.decode()
        answer = client.post(f"/customers/{kept.pk}/merge", {"with": other.pk, "keep-nothing": other.pk})
        assert answer.status_code == 422
        assert "There is no such field." in answer.content.decode()
        assert not Merge.objects.exists()

    def test_it_is_closed_to_those_without_the_right(self, two: Any, browse: Any) -> None:
        kept, other = two
        for role in ("service_agent", "auditor"):
            client = browse(role)
            assert client.get(f"/customers/{kept.pk}/merge").status_code == 403
            assert client.post(f"/customers/{kept.pk}/merge", {"with": other.pk}).status_code == 403
        assert browse("sales_representative").get(f"/customers/{kept.pk}/merge").status_code == 404
        assert browse().get("/products/1/merge").status_code == 404
        assert not Merge.objects.exists()

    def test_it_warns_of_different_credit_codes(self, two: Any, browse: Any) -> None:
        kept, other = two
        for one, code in ((kept, "91310000MA1FL00003"), (other, "91310000MA1FL11118")):
            Customer.objects.filter(pk=one.pk).update(credit_code=code)
        text = browse(language="en").get(f"/customers/{kept.pk}/merge?with={other.pk}").content.decode()
        assert "Unified social credit code differs" in text

    def test_a_pair_leads_to_it(self, two: Any, browse: Any) -> None:
        kept, other = two
        stamps = {"created_at": kept.created_at, "updated_at": kept.created_at}
        pair = DuplicatePair.objects.create(first=kept, second=other, likelihood=90, **stamps)
        text = browse().get(f"/duplicate-pairs/{pair.pk}/compare/panel").content.decode()
        assert f"/customers/{kept.pk}/merge?with={other.pk}" in text
        assert f"/customers/{other.pk}/merge?with={kept.pk}" in text
        reader = browse("auditor").get(f"/duplicate-pairs/{pair.pk}/compare/panel").content.decode()
        assert "/merge?with=" not in reader


class TestApi:
    """The same action for programs."""

    def test_it_merges_field_by_field_and_undoes(self, two: Any, api: Any) -> None:
        kept, other = two
        client = api()
        values = [{"field": "city", "record_id": other.pk}]
        answer = client.act("customers", kept.pk, "merge", others=[{"record_id": other.pk}], values=values)
        assert answer.status_code == 200
        assert client.get(f"customers/{kept.pk}").json()["city"] == "苏州"
        link = client.get(f"customers/{other.pk}")["Link"]
        assert link == f'</api/v1/customers/{kept.pk}>; rel="successor-version"'
        assert client.act("merges", answer.json()["id"], "undo").status_code == 200
        assert client.get(f"customers/{kept.pk}").json()["city"] == "上海"

    def test_it_names_bad_input(self, two: Any, api: Any) -> None:
        kept, _other = two
        answer = api().act("customers", kept.pk, "merge", others=[{"record_id": 10**12}])
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "others.0.record_id"
        assert not Merge.objects.exists()
