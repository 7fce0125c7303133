"""The staff sync: previewed, written through the actions, idempotent, never deleting, conflicts left to a person."""

from datetime import timedelta

import pytest

from saleswright.integrations.workplace.actions import sync
from saleswright.integrations.workplace.choices import RunState
from saleswright.integrations.workplace.jobs import daily
from saleswright.integrations.workplace.models import Connection, ExternalAccount, ExternalDepartment, SyncRun
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Busy, Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, Department, Job, User
from saleswright.kernel.records import save_record
from saleswright.kernel.worker import Worker
from saleswright.modules.customers.public import Customer

pytestmark = pytest.mark.django_db
ROOT = system("test")


def changed(connection, **values):
    """The connection with other settings."""
    save_record(Connection, values, pk=connection.pk, actor=ROOT)
    return Connection.objects.get(pk=connection.pk)


def lines_of(run):
    return sorted((line["what"], line["action"], line["id"]) for line in run.lines)


def people():
    """What there is of the people of the program: name, phone, e-mail, department, manager."""
    rows = User.objects.filter(pk__in=ExternalAccount.objects.values("user"))
    return {
        user.name: (
            user.phone,
            user.email,
            user.department and user.department.name,
            user.manager and user.manager.name,
        )
        for user in rows
    }


@pytest.fixture
def everything(office):
    """All three as they are to be here; DingTalk's managers are those of the departments."""
    return {
        "李经理": ("13800000001", "lead@example.com", "销售部", None),
        "王芳": ("13800000002", "wang@example.com", "华东区", "李经理"),
        "赵敏": ("13800000003", "zhao@example.com", "华东区", "王芳" if office.provider == "wecom" else "李经理"),
    }


def test_it_says_what_it_would_do_and_writes_nothing(office, connection):
    before = (User.objects.count(), Department.objects.count(), AuditEntry.objects.count())
    run = sync.run(connection, "preview")
    assert run.counts == {"create": 5}
    assert lines_of(run) == [
        ("department", "create", "10"), ("department", "create", "11"), ("employee", "create", "lead"),
        ("employee", "create", "wang"), ("employee", "create", "zhao"),
    ]  # fmt: skip
    assert (User.objects.count(), Department.objects.count(), AuditEntry.objects.count()) == before
    assert not ExternalAccount.objects.exists()
    assert "13800000002" not in str(run.lines)


def test_it_takes_over_the_chosen_departments_and_the_people_in_them(office, connection, everything):
    run = sync.run(connection, "full")
    assert (run.state, run.counts) == ("done", {"create": 5})
    assert people() == everything
    assert Department.objects.get(name="华东区").parent.name == "销售部"
    assert not Department.objects.filter(name__in=["财务部", "总公司"]).exists()
    assert not User.objects.filter(name="钱会计").exists()
    made = User.objects.get(name="王芳")
    assert made.username == "wangfang"
    assert not made.has_usable_password()
    entry = AuditEntry.objects.get(resource="employees", record_id=made.pk, action="created")
    assert entry.origin == f"workplace:{office.provider}"


def test_it_changes_nothing_the_second_time(office, connection):
    sync.run(connection, "full")
    count = AuditEntry.objects.count()
    assert sync.run(connection, "full").lines == []
    assert AuditEntry.objects.count() == count


def test_it_takes_changes_over(office, connection):
    sync.run(connection, "full")
    office.department("11", "华东大区", "10")
    office.person("wang", "王芳芳", "10", "13900000002", "", manager="")
    run = sync.run(connection, "full")
    assert lines_of(run) == [("department", "change", "11"), ("employee", "change", "wang")]
    assert people()["王芳芳"] == ("13900000002", "wang@example.com", "销售部", "李经理")
    assert people()["赵敏"][2] == "华东大区"


def test_it_moves_a_department_below_another(office, connection):
    sync.run(connection, "full")
    office.department("12", "上海", "11")
    sync.run(connection, "full")
    office.department("12", "上海", "10")
    assert lines_of(sync.run(connection, "full")) == [("department", "change", "12")]
    assert Department.objects.get(name="上海").parent.name == "销售部"


def test_it_links_who_is_here_already_by_the_chosen_field(office, connection, person):
    mine = person("sales_representative", name="小王", phone="138-0000-0002")
    run = sync.run(connection, "full")
    assert ("employee", "link", "wang") in lines_of(run)
    mine.refresh_from_db()
    assert (mine.name, mine.email, mine.department.name) == ("王芳", "wang@example.com", "华东区")
    assert list(mine.roles.values_list("code", flat=True)) == ["sales_representative"]
    assert ExternalAccount.objects.get(user=mine).external_id == "wang"


@pytest.mark.parametrize(
    ("by", "values"), [("email", {"email": "WANG@example.com"}), ("username", {"username": "wang"})]
)
def test_it_recognises_people_by_other_fields(office, connection, person, by, values):
    mine = person(name="王芳", **values)
    sync.run(changed(connection, match_by=by), "full")
    assert ExternalAccount.objects.get(external_id="wang").user == mine
    if by == "username":
        assert User.objects.get(name="赵敏").username == "zhao"


def test_it_adopts_a_department_of_the_same_name(office, connection):
    own = save_record(Department, {"name": "华东区"}, actor=ROOT)
    run = sync.run(connection, "full")
    assert ("department", "link", "11") in lines_of(run)
    own.refresh_from_db()
    assert own.parent.name == "销售部"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"name": "王芳", "phone": ""}, "same name"),
        ({"name": "小王", "phone": "13800000002", "state": "left"}, "have left"),
    ],
)
def test_it_leaves_to_a_person_who_somebody_is(office, connection, person, values, why):
    state = values.get("state", "")
    mine = person(**{name: value for name, value in values.items() if name != "state"})
    if state:
        User.objects.filter(pk=mine.pk).update(state=state)
    run = sync.run(connection, "full")
    line = next(line for line in run.lines if line["id"] == "wang")
    assert (line["action"], line["pk"]) == ("conflict", mine.pk)
    assert why in line["detail"]
    assert not ExternalAccount.objects.filter(external_id="wang").exists()
    assert User.objects.filter(name="王芳").count() == (1 if values["name"] == "王芳" else 0)


def test_it_leaves_two_with_the_same_mobile_to_a_person(office, connection):
    office.person("twin", "王芳二", "11", "13800000002")
    run = sync.run(connection, "full")
    assert {line["id"] for line in run.lines if line["action"] == "conflict"} == {"wang", "twin"}
    assert sorted(people()) == ["李经理", "赵敏"]


def test_it_leaves_two_here_with_the_same_mobile_to_a_person(office, connection, person):
    person(phone="13800000002")
    person(phone="138 0000 0002")
    run = sync.run(connection, "full")
    assert [line["id"] for line in run.lines if line["action"] == "conflict"] == ["wang"]


def test_it_leaves_two_departments_of_one_name_to_a_person(office, connection):
    office.department("12", "华东区", "10")
    run = sync.run(connection, "full")
    assert [(line["id"], line["action"]) for line in run.lines if line["what"] == "department"] == [
        ("10", "create"), ("11", "create"), ("12", "conflict"),
    ]  # fmt: skip
    office.department("12", "", "10")
    assert [line["action"] for line in sync.run(connection, "full").lines] == ["conflict"]


def test_what_is_refused_becomes_a_conflict_and_the_rest_is_done(office, connection, everything):
    office.people["wang"]["email"] = "no address"
    run = sync.run(connection, "full")
    line = next(line for line in run.lines if line["id"] == "wang")
    assert line["action"] == "conflict"
    assert sorted(people()) == ["李经理", "赵敏"]
    office.people["wang"]["email"] = "wang@example.com"
    sync.run(connection, "full")
    sync.run(connection, "full")  # whose manager she is found her only now
    assert people() == everything


def test_managers_in_a_ring_are_refused(office, connection):
    office.people["lead"]["manager"] = "wang"
    office.people["wang"]["manager"] = "lead"
    office.departments["1"]["managers"] = ["wang"]
    save_record(Connection, {"departments": "1"}, pk=connection.pk, actor=ROOT)
    connection.refresh_from_db()
    run = sync.run(connection, "full")
    assert run.counts["conflict"] == 1
    assert len(people()) == 4


# --- people who are no longer there ------------------------------------------------------------------------------


def test_it_proposes_that_somebody_leaves_and_does_nothing(office, connection):
    sync.run(connection, "full")
    del office.people["zhao"]
    run = sync.run(connection, "full")
    assert lines_of(run) == [("employee", "leave", "zhao")]
    assert User.objects.get(name="赵敏").state == "active"


def test_it_marks_as_left_who_owns_nothing(office, connection):
    sync.run(connection, "full")
    del office.people["zhao"]
    assert lines_of(sync.run(changed(connection, missing="leave"), "full")) == [("employee", "left", "zhao")]
    assert User.objects.get(name="赵敏").state == "left"
    assert sync.run(connection, "full").lines == []


def test_it_only_proposes_while_somebody_owns_records(office, connection):
    sync.run(connection, "full")
    gone = User.objects.get(name="赵敏")
    save_record(Customer, {"name": "华为", "owner": gone.pk}, actor=ROOT)
    del office.people["zhao"]
    run = sync.run(changed(connection, missing="leave"), "full")
    assert lines_of(run) == [("employee", "leave", "zhao")]
    assert "must be handed over" in run.lines[0]["detail"]
    gone.refresh_from_db()
    assert gone.state == "active"


def test_it_can_leave_the_missing_alone(office, connection):
    sync.run(connection, "full")
    del office.people["zhao"]
    assert sync.run(changed(connection, missing="ignore"), "full").lines == []


def test_who_has_moved_out_of_the_chosen_departments_is_left_alone(office, connection, everything):
    sync.run(connection, "full")
    office.people["zhao"]["department"] = "20"
    assert sync.run(changed(connection, missing="leave"), "full").lines == []
    assert people() == everything


def test_it_believes_no_program_that_shows_nobody(office, connection, everything):
    sync.run(connection, "full")
    office.people.clear()
    with pytest.raises(Conflict):
        sync.run(changed(connection, missing="leave"), "full")
    assert SyncRun.objects.latest("id").state == "failed"
    assert set(User.objects.filter(name__in=everything).values_list("state", flat=True)) == {"active"}


# --- parts and runs ----------------------------------------------------------------------------------------------


def test_it_takes_over_one_person_alone(office, connection):
    sync.run(connection, "full")
    office.people["zhao"]["name"], office.people["wang"]["name"] = "赵敏敏", "王芳芳"
    office.person("new", "新人", "11", "13800000005")
    run = sync.run(connection, "part", people=["zhao", "new", "money", "nobody"])
    assert lines_of(run) == [("employee", "change", "zhao"), ("employee", "create", "new")]
    assert "王芳" in people()
    assert people()["新人"] == ("13800000005", "", "华东区", "李经理")


def test_a_part_notices_that_somebody_is_gone(office, connection):
    sync.run(connection, "full")
    del office.people["zhao"]
    assert lines_of(sync.run(connection, "part", people=["zhao"])) == [("employee", "leave", "zhao")]


@pytest.mark.parametrize("failure", ["busy", "500"])
def test_a_run_that_can_t_be_done_now_is_tried_again(office, connection, failure, everything):
    sync.ask_for_run(connection, "full")
    office.failures = ["", failure]
    Worker("w").run_job(None)
    assert Job.objects.get(kind="workplace.sync").state == "queued"
    assert SyncRun.objects.get().state == "failed"
    assert not ExternalAccount.objects.exists()
    Job.objects.filter(kind="workplace.sync").update(run_at=clock.now() - timedelta(seconds=1))
    Worker("w").run_job(None)
    assert Job.objects.get(kind="workplace.sync").state == "done"
    assert people() == everything


@pytest.mark.parametrize("departments", ["", "99"])
def test_a_run_without_departments_fails_for_good(office, connection, departments):
    with pytest.raises(Conflict):
        sync.run(changed(connection, departments=departments), "full")
    assert SyncRun.objects.get().problem != ""
    assert not Department.objects.filter(name="销售部").exists()


def test_one_run_at_a_time_and_a_dead_one_is_forgotten(office, connection):
    at = clock.now()
    other = SyncRun.objects.create(connection=connection, kind="full", created_at=at, updated_at=at)
    with pytest.raises(Busy):
        sync.run(connection, "full")
    assert not ExternalAccount.objects.exists()
    SyncRun.objects.update(created_at=at - timedelta(hours=2))
    assert sync.run(connection, "full").state == "done"
    other.refresh_from_db()
    assert other.state == RunState.FAILED


def test_it_runs_daily_where_it_is_switched_on(office, connection, everything):
    assert daily(None) == {"runs": 0}
    changed(connection, daily=True)
    assert daily(None) == {"runs": 1}
    assert daily(None) == {"runs": 1}
    assert Job.objects.filter(kind="workplace.sync").count() == 1
    Worker("w").run_job(None)
    assert people() == everything


def test_nothing_is_taken_over_while_it_is_switched_off(office, connection):
    sync.ask_for_run(connection, "full")
    changed(connection, active=False)
    Worker("w").run_job(None)
    assert Job.objects.get(kind="workplace.sync").state == "done"
    assert not SyncRun.objects.exists()


# --- callbacks ---------------------------------------------------------------------------------------------------


def test_a_change_over_there_brings_a_run_for_that_part(office, connection, client):
    sync.run(connection, "full")
    office.people["zhao"]["name"] = "赵敏敏"
    for _retry in range(3):
        assert office.tell(client, ["zhao"]).status_code == 200
    assert Job.objects.filter(kind="workplace.sync").count() == 1
    Worker("w").run_job(None)
    run = SyncRun.objects.latest("id")
    assert (run.kind, lines_of(run)) == ("part", [("employee", "change", "zhao")])


def test_a_changed_department_brings_a_whole_run(office, connection, client):
    assert office.tell(client, department="11").status_code == 200
    assert Job.objects.get(kind="workplace.sync").arguments["kind"] == "full"


@pytest.mark.parametrize("tampered", [{"forged": True}, {"at": 1_700_000_000}])
def test_a_forged_or_old_callback_is_refused(office, connection, client, tampered):
    assert office.tell(client, ["zhao"], **tampered).status_code == 403
    assert not Job.objects.filter(kind="workplace.sync").exists()


def test_nonsense_is_refused(office, connection, client):
    for body in ("", "<xml", "{}", "[]", "<!DOCTYPE a><xml/>", "\xff"):
        assert client.post(office.path, body, content_type="text/plain").status_code == 403
    assert client.get(office.path).status_code == 403
    assert client.post(office.path, "x" * 70_000, content_type="text/plain").status_code == 413
    assert client.put(office.path).status_code == 405


def test_callbacks_find_nobody_while_it_is_switched_off(office, connection, client):
    changed(connection, active=False)
    assert office.tell(client, ["zhao"]).status_code == 404


# --- decisions ---------------------------------------------------------------------------------------------------


def test_somebody_decides_that_it_is_the_same_person(office, connection, person, acting):
    mine = person(name="王芳")
    sync.run(connection, "full")
    sync.decide(connection, "wang", mine.pk, actor=acting("administrator"))
    assert ("employee", "change", "wang") in lines_of(sync.run(connection, "full"))
    mine.refresh_from_db()
    assert mine.phone == "13800000002"


def test_somebody_decides_that_it_is_a_new_person(office, connection, person, acting):
    mine = person(name="王芳")
    sync.run(connection, "full")
    made = sync.decide(connection, "wang", None, actor=acting("administrator"))
    assert made.pk != mine.pk
    assert (made.name, made.department.name) == ("王芳", "华东区")
    # whose manager she is finds her now
    assert lines_of(sync.run(connection, "full")) == [("employee", "change", "zhao")][: office.provider == "wecom"]
    assert sync.run(connection, "full").lines == []


def test_decisions_are_refused_where_they_make_no_sense(office, connection, person, acting):
    sync.run(connection, "full")
    root, linked, other = acting("administrator"), User.objects.get(name="王芳"), person(name="别人")
    count = ExternalAccount.objects.count()
    with pytest.raises(ValidationFailed):
        sync.decide(connection, "wang", other.pk, actor=root)
    with pytest.raises(ValidationFailed):
        sync.decide(connection, "fresh", linked.pk, actor=root)
    for external_id in ("wang", "money", "nobody"):
        with pytest.raises(Conflict):
            sync.decide(connection, external_id, None, actor=root)
    with pytest.raises(NotFound):
        sync.decide(connection, "fresh", 0, actor=root)
    with pytest.raises(NotAllowed):
        sync.decide(connection, "fresh", other.pk, actor=acting("sales_manager"))
    office.failures = ["500"]
    with pytest.raises(Conflict):
        sync.decide(connection, "zhao", None, actor=root)
    assert ExternalAccount.objects.count() == count
    assert ExternalDepartment.objects.count() == 2
