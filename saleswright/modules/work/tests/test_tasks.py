"""Tasks, their recurrence and reminders."""

from datetime import UTC, datetime, timedelta

import pytest

from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.tasks import cancel_task, complete_task, next_due, remind, reopen_task
from saleswright.modules.work.models import Notification, Task
from saleswright.modules.work.states import Recurrence, TaskState
from saleswright.modules.work.tests.conftest import acting_as, state_of

pytestmark = pytest.mark.django_db
NINE = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 9:00 in Shanghai
ALLOWED = {("open", "complete"), ("open", "cancel"), ("done", "reopen"), ("cancelled", "reopen")}
VERBS = {"complete": (complete_task, "done"), "cancel": (cancel_task, "cancelled"), "reopen": (reopen_task, "open")}


@pytest.fixture
def rep(person):
    return person("sales_representative")


def make(user, **values):
    return save_record(Task, {"title": "Call", **values}, actor=acting_as(user))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", TaskState.values)
def test_it_changes_state_only_where_allowed(rep, verb, state):
    task = make(rep)
    Task.objects.filter(pk=task.pk).update(state=state)
    transition, target = VERBS[verb]
    if (state, verb) in ALLOWED:
        transition(task.pk, actor=acting_as(rep), at=NINE)
        assert state_of(task) == target
        assert task.done_at == (NINE if verb == "complete" else None)
    else:
        with pytest.raises(Conflict):
            transition(task.pk, actor=acting_as(rep))
        assert state_of(task) == state


@pytest.mark.parametrize(
    ("recurrence", "start", "after", "expected"),
    [
        ("daily", NINE, NINE, NINE + timedelta(days=1)),
        ("daily", NINE, NINE + timedelta(days=9, hours=1), NINE + timedelta(days=10)),
        ("weekly", NINE, NINE, NINE + timedelta(days=7)),
        ("monthly", datetime(2026, 1, 31, 1, tzinfo=UTC), NINE.replace(month=2, day=1), NINE.replace(month=2, day=28)),
        ("monthly", datetime(2026, 1, 31, 1, tzinfo=UTC), NINE.replace(month=3, day=1), NINE.replace(month=3, day=31)),
    ],
)
def test_it_knows_the_next_time(db, recurrence, start, after, expected):
    assert next_due(start, Recurrence(recurrence), after=after) == expected


def test_it_makes_the_next_one_when_completed(rep):
    task = make(rep, due_at=NINE, recurrence="weekly", remind_at=NINE - timedelta(hours=1))
    complete_task(task.pk, actor=acting_as(rep), at=NINE)
    following = Task.objects.get(state="open")
    assert following.due_at == NINE + timedelta(days=7)
    assert following.remind_at == NINE + timedelta(days=7, hours=-1)
    assert (following.title, following.owner_id, following.recurrence) == ("Call", rep.pk, "weekly")
    assert following.series_start == NINE
    assert not Notification.objects.exists()


def test_it_makes_no_second_next_one_after_reopening(rep):
    task = make(rep, due_at=NINE, recurrence="daily")
    complete_task(task.pk, actor=acting_as(rep), at=NINE)
    reopen_task(task.pk, actor=acting_as(rep), at=NINE)
    complete_task(task.pk, actor=acting_as(rep), at=NINE)
    assert Task.objects.count() == 2


def test_it_needs_a_due_time_to_repeat(rep):
    with pytest.raises(ValidationFailed) as refused:
        make(rep, recurrence="daily")
    assert [(e.field, e.code) for e in refused.value.errors] == [("due_at", "required")]
    assert not Task.objects.exists()


def test_it_changes_and_deletes_open_tasks_only(rep):
    task = make(rep)
    complete_task(task.pk, actor=acting_as(rep))
    with pytest.raises(Conflict):
        save_record(Task, {"title": "Other"}, pk=task.pk, actor=acting_as(rep))
    with pytest.raises(Conflict):
        delete_record(Task, task.pk, actor=acting_as(rep))
    task.refresh_from_db()
    assert task.title == "Call"


def test_it_refers_only_to_records_that_one_sees(rep, root):
    hidden = save_record(Customer, {"name": "Hidden"}, actor=root)
    for values, field in (
        ({"resource": "customers", "record_id": hidden.pk}, "record_id"),
        ({"resource": "nothing", "record_id": 1}, "resource"),
        ({"resource": "comments", "record_id": 1}, "resource"),
        ({"resource": "customers"}, "record_id"),
    ):
        with pytest.raises(ValidationFailed) as refused:
            make(rep, **values)
        assert [error.field for error in refused.value.errors] == [field]
    assert not Task.objects.exists()


def test_it_names_its_record_only_to_those_who_see_it(rep, root, api):
    mine = save_record(Customer, {"name": "Mine", "owner": rep.pk}, actor=root)
    task = make(rep, resource="customers", record_id=mine.pk)
    assert api(rep).get(f"tasks/{task.pk}").json()["subject"]["label"] == "Mine"
    Customer.objects.filter(pk=mine.pk).update(owner=None)
    shown = api(rep).get(f"tasks/{task.pk}").json()["subject"]
    assert shown == {"resource": "customers", "id": mine.pk, "label": None}


def test_it_reminds_once(rep):
    due = make(rep, due_at=NINE)
    early = make(rep, due_at=NINE + timedelta(days=1), remind_at=NINE - timedelta(hours=1))
    make(rep, due_at=NINE + timedelta(days=1))
    done = make(rep, due_at=NINE - timedelta(days=1))
    complete_task(done.pk, actor=acting_as(rep))
    assert remind(NINE) == 2
    assert remind(NINE) == 0
    told = Notification.objects.filter(user=rep, resource="tasks").values_list("record_id", flat=True)
    assert sorted(told) == [due.pk, early.pk]


def test_it_reminds_again_of_a_new_time(rep):
    task = make(rep, due_at=NINE)
    remind(NINE)
    save_record(Task, {"due_at": NINE + timedelta(hours=1)}, pk=task.pk, actor=acting_as(rep))
    assert remind(NINE) == 0
    assert remind(NINE + timedelta(hours=1)) == 1


def test_it_tells_who_gets_a_task(person, rep):
    manager = person("sales_director")
    task = save_record(Task, {"title": "Visit", "owner": rep.pk}, actor=acting_as(manager))
    make(rep)
    assert list(Notification.objects.values_list("user", "record_id")) == [(rep.pk, task.pk)]
