"""Requests about personal data and data past its retention by page, API and file."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.privacy.models import RetentionItem

serial = itertools.count(1)


class TestSubjectRequests(EntityTestCase):
    """What people ask about their data."""

    resource = "subject-requests"
    change = {"details": "Again"}

    def values(self):
        return {"kind": "access", "subject_name": "Wang", "received_on": "2026-11-02"}

    def test_it_is_due_after_fifteen_working_days(self, api):
        assert self.create(api())["due_on"] == "2026-11-23"

    def test_it_is_not_received_tomorrow(self, api):
        response = api().post("subject-requests", {**self.values(), "received_on": "2990-01-01"})
        assert [(e["field"], e["code"]) for e in response.json()["errors"]] == [("received_on", "range")]

    def test_the_auditor_reads_it_and_changes_nothing(self, api):
        pk = self.create(api())["id"]
        client = api("auditor")
        assert client.get(f"subject-requests/{pk}").status_code == 200
        assert client.patch(f"subject-requests/{pk}", self.change).status_code == 403
        assert client.act("subject-requests", pk, "check-identity", how="x").status_code == 403


class TestRetentionItems(EntityTestCase):
    """Data past its retention."""

    resource = "retention-items"

    def create(self, client):
        values = {"resource": "leads", "record_id": next(serial), "group": "leads", "since": clock.today()}
        pk = save_record(RetentionItem, values, actor=system("test")).pk
        return client.get(f"retention-items/{pk}").json()
