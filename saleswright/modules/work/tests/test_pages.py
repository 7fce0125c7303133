"""The pages around approvals, notices, remarks and files, and the timeline."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from saleswright.interface import timeline
from saleswright.interface.entity import entity_named
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.decisions import return_request
from saleswright.modules.work.models import Attachment, Comment, Follower, Notification
from saleswright.modules.work.tests.conftest import DONE, acting_as, state_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def told(record, user, **more):
    record.refresh_from_db()
    return timeline.entries(entity_named("customers"), record, acting_as(user), **more)


# --- approvals and notices -------------------------------------------------------------------------------------


def test_it_lists_and_takes_decisions(desk, team, browse):
    desk.asks(team.manager, amount="1200")
    approval = desk.activate(team.customer, team.rep)
    client = browse(team.manager)
    assert client.get("/counts").json() == {"approvals": 1, "notifications": 1}
    assert "Acme" in client.get("/approvals").content.decode()
    assert "Acme" in browse(team.rep).get("/approvals?view=asked").content.decode()
    assert "Acme" not in browse(team.rep).get("/approvals").content.decode()
    response = client.post(f"/approvals/{approval.pk}/approve")
    assert (response.status_code, response["Location"]) == (302, "/approvals")
    assert state_of(team.customer) == DONE
    assert "Acme" in client.get("/approvals?view=decided").content.decode()
    assert client.get("/counts").json()["approvals"] == 0


def test_it_refuses_decisions_of_others(desk, team, browse):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    assert browse(team.rep).post(f"/approvals/{approval.pk}/approve").status_code == 403
    assert browse("finance").post(f"/approvals/{approval.pk}/approve").status_code == 404
    assert browse(team.manager).post(f"/approvals/{approval.pk}/reject").status_code == 422
    assert state_of(approval) == "pending"


def test_it_opens_and_reads_notices(desk, team, browse):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    notice, client = Notification.objects.get(user=team.manager), browse(team.manager)
    assert client.get("/notifications").status_code == 200
    assert browse(team.rep).post(f"/notifications/{notice.pk}/open").status_code == 404
    assert client.post(f"/notifications/{notice.pk}/open")["Location"] == f"/approvals/{approval.pk}"
    assert client.get("/counts").json()["notifications"] == 0
    Notification.objects.update(read_at=None)
    client.post("/notifications/read")
    assert client.get("/counts").json()["notifications"] == 0


# --- remarks, files, following ---------------------------------------------------------------------------------


def test_it_takes_remarks_files_and_followers(team, browse):
    client, base = browse(team.rep), f"/customers/{team.customer.pk}"
    said = client.post(f"{base}/comments", {"text": "Hello"}, headers={"HX-Request": "true"})
    assert (said.status_code, said["Location"]) == (303, f"{base}/timeline")
    assert client.post(f"{base}/attachments", {"file": SimpleUploadedFile("a.txt", b"x")})["Location"] == base
    assert client.post(f"{base}/follow").status_code == 303
    assert [Comment.objects.count(), Attachment.objects.count(), Follower.objects.count()] == [1, 1, 1]
    shown = client.get(f"{base}/timeline").content.decode()
    assert "Hello" in shown
    assert "a.txt" in shown
    for path in ("comments", "attachments", "follow"):
        assert browse(team.manager).post(f"{base}/{path}", {"text": "x"}).status_code == 404
    assert client.post(f"/comments/{Comment.objects.get().pk}/comments", {"text": "x"}).status_code == 404
    assert [Comment.objects.count(), Attachment.objects.count(), Follower.objects.count()] == [1, 1, 1]


# --- the timeline ----------------------------------------------------------------------------------------------


def test_it_tells_changes_in_words(team, root):
    values = {"level": "A", "parent": None, "city": "Wuxi", "bank_account": "1234"}
    group = save_record(Customer, {"name": "Group", "owner": team.rep.pk}, actor=root)
    save_record(Customer, values | {"parent": group.pk}, pk=team.customer.pk, actor=root)
    entry = told(team.customer, team.rep)[0]
    assert entry.kind == "change"
    shown = {str(label): (old, new) for label, old, new in entry.changes}
    level = str(dict(Customer._meta.get_field("level").flatchoices)["A"])
    names = ("level", "parent", "city", "bank_account")
    labels = {name: str(Customer._meta.get_field(name).verbose_name) for name in names}
    assert shown == {
        labels["level"]: ("", level),
        labels["parent"]: ("", "Group"),
        labels["city"]: ("", "Wuxi"),
        labels["bank_account"]: ("", "****"),
    }


def test_it_names_no_record_that_the_reader_does_not_see(team, root):
    hidden = save_record(Customer, {"name": "Hidden"}, actor=root)
    save_record(Customer, {"parent": hidden.pk}, pk=team.customer.pk, actor=root)
    assert [new for _label, _old, new in told(team.customer, team.rep)[0].changes] == [f"#{hidden.pk}"]


def test_it_merges_remarks_and_decisions_newest_first(desk, team, root):
    values = {"resource": "customers", "record_id": team.customer.pk, "text": "First"}
    save_record(Comment, values, actor=acting_as(team.rep))
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    return_request(approval.pk, actor=acting_as(team.manager), comment="Too cheap")
    found = told(team.customer, team.rep)
    kinds = [entry.kind for entry in found]
    assert sorted(kinds[:2]) == ["approval", "transition"]
    assert kinds[2:] == ["transition", "comment", "change"]
    decision = next(entry for entry in found if entry.kind == "approval")
    assert decision.who == "Manager"
    assert decision.text.endswith("Too cheap")
    assert "Activate" in str(found[2].text)


def test_it_tells_fifty_at_a_time(team, root):
    for number in range(51):
        save_record(Customer, {"city": f"City {number}"}, pk=team.customer.pk, actor=root)
    entity, actor = entity_named("customers"), acting_as(team.rep)
    newest = timeline.happenings(entity, team.customer, actor)
    assert len(newest) == 50
    assert newest[0][1].changes[0][2] == "City 50"
    older = timeline.happenings(entity, team.customer, actor, before=newest[-1][0])
    assert [one.changes[0][2] for _at, one in older[:1]] == ["City 0"]
    assert len(older) == 2
