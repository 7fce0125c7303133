"""The standard tests of an entity: subclass `EntityTestCase` in a module's `tests/test_entities.py`."""

from __future__ import annotations

import io
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.entity import Entity, entity_named
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry, User
from saleswright.kernel.records import save_record

ALL_RIGHTS = "administrator"


@pytest.mark.django_db
class EntityTestCase:
    """List, read, add, change, refuse, hide, audit, export and the query budget of one entity.

    `values()` answers a valid JSON body for creating one (make what it refers to by `self.make`), `change` a
    valid PATCH; entities that can't be created by hand override `create`.
    """

    resource: ClassVar[str]
    change: ClassVar[dict[str, Any]] = {}
    #: database queries that the list of 3 and of 30 records may take, signing in included
    budget: ClassVar[int] = 12

    def values(self) -> dict[str, Any]:
        """A valid JSON body for a new record."""
        raise NotImplementedError

    @property
    def entity(self) -> Entity:
        return entity_named(self.resource)

    def make(self, model: Any, **values: Any) -> Any:
        """Save a record as the system, references as records or ids."""
        lines = {name: values.pop(name) for name in list(values) if isinstance(values[name], list) and values[name]
                 and isinstance(values[name][0], dict)}  # fmt: skip
        plain = {k: v.pk if hasattr(v, "pk") else v for k, v in values.items()}
        return save_record(model, plain, lines=lines, actor=system("test"))

    def create(self, client: Any) -> dict[str, Any]:
        """Create a record by API and return it."""
        response = client.post(self.resource, self.values())
        assert response.status_code == 201, response.content.decode()
        return response.json()

    def test_it_declares_no_unknown_field(self) -> None:
        assert self.entity.check() == []

    def test_it_is_created_read_and_listed(self, api: Any) -> None:
        client = api(ALL_RIGHTS)
        record = self.create(client)
        assert client.get(f"{self.resource}/{record['id']}").json() == record
        listed = client.get(self.resource + "?limit=200").json()["items"]
        assert record["id"] in [one["id"] for one in listed]

    def test_it_is_changed_with_its_version_and_audited(self, api: Any) -> None:
        if not self.change:
            pytest.skip("nothing of it is changed by hand")
        client = api(ALL_RIGHTS)
        record = self.create(client)
        path = f"{self.resource}/{record['id']}"
        before = client.get(path)["ETag"]
        response = client.patch(path, self.change, If_Match=before)
        assert response.status_code == 200, response.content.decode()
        assert client.patch(path, self.change, If_Match=before).status_code == 412
        entries = AuditEntry.objects.filter(resource=self.resource, record_id=record["id"])
        assert "changed" in entries.values_list("action", flat=True)

    def test_it_refuses_unknown_fields(self, api: Any) -> None:
        if not self.entity.creatable:
            pytest.skip("not created by hand")
        client, body = api(ALL_RIGHTS), {**self.values(), "no_such_field": 1}
        count = self.entity.model.objects.count()
        response = client.post(self.resource, body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "no_such_field"
        assert self.entity.model.objects.count() == count

    def test_it_is_hidden_from_people_without_rights(self, api: Any) -> None:
        record = self.create(api(ALL_RIGHTS))
        stranger = api(User.objects.get(pk=self.make_stranger()))
        assert stranger.get(f"{self.resource}/{record['id']}").status_code in {403, 404}
        assert stranger.get(self.resource).status_code == 403 or stranger.get(self.resource).json()["items"] == []
        refused = {403, 404, 405}  # 405 is what everybody gets
        assert stranger.patch(f"{self.resource}/{record['id']}", self.change).status_code in refused
        assert stranger.delete(f"{self.resource}/{record['id']}").status_code in refused

    def make_stranger(self) -> int:
        """A person without any role."""
        number = User.objects.count() + 1
        return self.make(User, username=f"stranger{number}", name="Stranger").pk

    def test_it_lists_many_with_as_many_queries_as_few(self, api: Any) -> None:
        client = api(ALL_RIGHTS)
        for _ in range(3):
            self.create(client)
        few = self._queries(client)
        for _ in range(5):
            self.create(client)
        assert self._queries(client) == few
        assert few <= self.budget

    def _queries(self, client: Any) -> int:
        client.get(self.resource)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(self.resource).status_code == 200
        return len(captured)

    def test_its_pages_open(self, api: Any, browse: Any) -> None:
        record = self.create(api(ALL_RIGHTS))
        client = browse(ALL_RIGHTS)
        paths = [self.entity.url(), self.entity.url(record["id"])]
        paths += [self.entity.url() + "/new"] if self.entity.creatable else []
        paths += [self.entity.url() + "/board"] if self.entity.board else []
        paths += [self.entity.url() + "/calendar"] if self.entity.calendar else []
        for path in paths:
            assert client.get(path).status_code == 200, path

    def test_it_is_exported(self, api: Any, browse: Any) -> None:
        if self.entity.exchange is None:
            pytest.skip("not exchanged")
        self.create(api(ALL_RIGHTS))
        response = browse(ALL_RIGHTS).get(self.entity.url() + "/export?format=csv")
        text = io.BytesIO(b"".join(response)).getvalue().decode("utf-8-sig")
        assert len(text.strip().splitlines()) == 1 + self.entity.model.objects.filter(archived_at=None).count()
