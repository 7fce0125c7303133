"""Connections, linked accounts and runs by page and API, and the buttons of a connection's page."""

import itertools

import pytest

from saleswright.integrations.workplace.actions import sync
from saleswright.integrations.workplace.models import Connection, ExternalAccount, SyncRun, Ticket
from saleswright.integrations.workplace.secrets import opened
from saleswright.integrations.workplace.tests.fakes import KEY, SECRET, TOKEN
from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry, Job, User
from saleswright.kernel.records import save_record

serial = itertools.count(1)
ROOT = system("test")
pytestmark = pytest.mark.django_db


class TestConnections(EntityTestCase):
    """Two from the start, changed only."""

    resource = "workplaces"
    change = {"corp_id": "ww0000000000000000"}

    def create(self, client):
        return client.get(f"workplaces/{Connection.objects.get(provider='wecom').pk}").json()

    def test_it_is_neither_made_nor_put_away(self, api):
        client = api()
        pk = self.create(client)["id"]
        assert client.post("workplaces", {}).status_code == 405
        assert client.delete(f"workplaces/{pk}").status_code == 405
        assert client.act("workplaces", pk, "archive").status_code in {404, 409}
        assert Connection.objects.filter(archived_at=None).count() == 2

    def test_it_keeps_secrets_to_itself(self, api, browse):
        client = api()
        pk = self.create(client)["id"]
        values = {"secret": SECRET, "callback_token": TOKEN, "callback_key": KEY}
        assert client.patch(f"workplaces/{pk}", values).status_code == 200
        kept = Connection.objects.get(pk=pk)
        assert opened(kept.secret) == SECRET
        shown = [
            client.get(f"workplaces/{pk}").content.decode(),
            client.get(f"workplaces/{pk}/history").content.decode(),
            str(list(AuditEntry.objects.values_list("changes", flat=True))),
            browse().get(f"/workplaces/{pk}").content.decode(),
            browse().get(f"/workplaces/{pk}/edit").content.decode(),
            browse().get(f"/workplaces/{pk}/set-up").content.decode(),
        ]
        for secret in (SECRET, TOKEN, KEY, kept.secret):
            assert not [text for text in shown if secret in text]
        assert client.patch(f"workplaces/{pk}", {"secret": "", "agent_id": "1"}).status_code == 200
        assert Connection.objects.get(pk=pk).secret == kept.secret

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"site": "crm.example.com"}, "site"),
            ({"site": "https://crm.example.com/path"}, "site"),
            ({"site": "https://[crm"}, "site"),
            ({"departments": "10,x"}, "departments"),
            ({"secret": " spaces "}, "secret"),
            ({"secret": "密"}, "secret"),
            ({"secret": 5}, "secret"),
            ({"callback_key": "short"}, "callback_key"),
            ({"active": True, "corp_id": "c", "agent_id": "1", "secret": "s"}, "site"),
            ({"active": True, "site": "https://crm.example.com", "corp_id": "c", "agent_id": "1"}, "secret"),
        ],
    )
    def test_it_refuses_what_can_t_work(self, api, values, field):
        client = api()
        pk = self.create(client)["id"]
        response = client.patch(f"workplaces/{pk}", values)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]
        assert not Connection.objects.get(pk=pk).active

    @pytest.mark.parametrize("role", ["sales_director", "sales_operations", "sales_representative"])
    def test_others_change_nothing(self, api, role):
        pk = Connection.objects.get(provider="wecom").pk
        assert api(role).patch(f"workplaces/{pk}", {"site": "https://crm.example.com"}).status_code in {403, 404}
        assert Connection.objects.get(pk=pk).site == ""


class TestAccounts(EntityTestCase):
    """Links by hand."""

    resource = "linked-accounts"

    def values(self):
        number = next(serial)
        user = self.make(User, username=f"linked{number}", name=f"Linked {number}")
        return {"provider": "wecom", "external_id": f"id-{number}", "user_id": user.pk}

    def test_each_account_and_each_person_is_linked_once(self, api):
        client, values = api(), self.values()
        assert client.post(self.resource, values).status_code == 201
        assert client.post(self.resource, {**self.values(), "external_id": values["external_id"]}).status_code == 422
        assert client.post(self.resource, {**self.values(), "user_id": values["user_id"]}).status_code == 422
        assert client.post(self.resource, {**values, "provider": "dingtalk"}).status_code == 201
        assert ExternalAccount.objects.count() == 2

    def test_nobody_who_has_left_is_linked(self, api):
        values = self.values()
        User.objects.filter(pk=values["user_id"]).update(state="left")
        assert api().post(self.resource, values).status_code == 422
        assert not ExternalAccount.objects.exists()


class TestRuns(EntityTestCase):
    """Made by runs alone."""

    resource = "staff-syncs"

    def create(self, client):
        connection = Connection.objects.get(provider="wecom")
        made = sync._end(sync._begin(connection, "full", None), "done", [], "")
        return client.get(f"staff-syncs/{made.pk}").json()


# --- the buttons -------------------------------------------------------------------------------------------------


def test_the_page_tells_where_the_program_reaches_us(office, connection, browse):
    text = browse().get(f"/workplaces/{connection.pk}/set-up").content.decode()
    for path in ("/callbacks/", "/side-bar/"):
        assert f"https://crm.example.com{path}{office.provider}" in text


def test_the_connection_is_tried_out(office, connection, browse):
    client = browse()
    url = f"/workplaces/{connection.pk}/test"
    assert client.post(url).status_code == 302
    assert AuditEntry.objects.filter(resource="workplaces", action="test").count() == 1
    assert ("/v1.0/card/callbacks/register" in office.asked) == (office.provider == "dingtalk")
    office.failures = ["500", "500"]
    client.post(url)
    Connection.objects.filter(pk=connection.pk).update(secret="")
    client.post(url)
    assert AuditEntry.objects.filter(resource="workplaces", action="test").count() == 1
    assert browse("sales_manager").post(url).status_code in {403, 404}


def test_runs_are_started_and_shown(office, connection, browse, person):
    mine = person(name="王芳")
    client = browse()
    for kind in ("preview", "full"):
        assert client.post(f"/workplaces/{connection.pk}/runs/{kind}").status_code == 302
    assert client.post(f"/workplaces/{connection.pk}/runs/part").status_code == 404
    assert Job.objects.filter(kind="workplace.sync").count() == 2
    assert 'hx-trigger="every 2s"' in client.get(f"/workplaces/{connection.pk}/set-up").content.decode()
    run = sync.run(connection, "full")
    text = client.get(f"/staff-syncs/{run.pk}/lines").content.decode()
    assert f'<option value="{mine.pk}" selected>' in text
    assert "13800000002" not in text
    values = {"run": run.pk, "external_id": "wang", "person": mine.pk}
    assert client.post(f"/workplaces/{connection.pk}/decide", values)["Location"] == f"/staff-syncs/{run.pk}"
    assert ExternalAccount.objects.get(external_id="wang").user == mine
    assert f'<option value="{mine.pk}" selected>' not in client.get(f"/staff-syncs/{run.pk}/lines").content.decode()
    assert client.post(f"/workplaces/{connection.pk}/decide", values).status_code == 302
    assert client.post(f"/workplaces/{connection.pk}/decide", {"external_id": "x"}).status_code == 302
    assert ExternalAccount.objects.filter(external_id="x").count() == 0


def test_no_run_is_started_that_can_t_be_done(office, connection, browse):
    client = browse()
    save_record(Connection, {"active": False}, pk=connection.pk, actor=ROOT)
    client.post(f"/workplaces/{connection.pk}/runs/full")
    save_record(Connection, {"departments": ""}, pk=connection.pk, actor=ROOT)
    client.post(f"/workplaces/{connection.pk}/runs/preview")
    assert not Job.objects.filter(kind="workplace.sync").exists()
    assert browse("sales_manager").post(f"/workplaces/{connection.pk}/runs/preview").status_code in {403, 404}
    assert not SyncRun.objects.exists()


def test_another_application_gets_tokens_of_its_own(office, connection):
    Ticket.objects.create(connection=connection, kind="app", value="old")
    save_record(Connection, {"agent_id": "77"}, pk=connection.pk, actor=ROOT)
    assert not Ticket.objects.exists()
    Ticket.objects.create(connection=connection, kind="app", value="old")
    save_record(Connection, {"secret": "another-secret"}, pk=connection.pk, actor=ROOT)
    assert not Ticket.objects.exists()
