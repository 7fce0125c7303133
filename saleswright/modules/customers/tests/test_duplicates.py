"""The search for customers that are there twice."""

import threading

import pytest

from saleswright.kernel import jobs
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, Job, JobState
from saleswright.kernel.pulse import Pulse
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.customers import duplicates
from saleswright.modules.customers.models import Contact, Customer, DuplicatePair, DuplicateScan

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(root):
    """Save a customer, with a phone if one is given."""

    def save(name: str, mobile: str = "", **values):
        customer = save_record(Customer, {"name": name, **values}, actor=root)
        if mobile:
            save_record(Contact, {"customer": customer.pk, "name": "W", "mobile": mobile}, actor=root)
        return customer

    return save


def scan(root, stop: threading.Event | None = None) -> DuplicateScan:
    """A search, done by a worker."""
    made = save_record(DuplicateScan, {}, actor=root)
    work(stop)
    made.refresh_from_db()
    return made


def work(stop: threading.Event | None = None) -> None:
    job = jobs.claim("w1")
    jobs.run(job, pulse=Pulse(job, lease=jobs.LEASE, stop=stop))


def pairs() -> list[tuple]:
    return list(DuplicatePair.objects.order_by("pk").values_list("first_id", "second_id", "reasons", "status"))


def test_a_search_lists_likely_pairs_with_reasons(root, make):
    a, b = make("上海华沛精密科技有限公司", "13800001234"), make("华沛精密科技", "+86 138-0000-1234")
    make("北京玖隆物流有限公司")
    done = scan(root)
    assert (done.status, done.percent, done.customers, done.found, done.fresh) == ("done", 100, 3, 1, 1)
    assert pairs() == [(a.pk, b.pk, ["same_phone", "same_brand", "place_missing"], "open")]
    assert DuplicatePair.objects.get().likelihood >= 99
    assert Job.objects.get(kind=duplicates.SCAN_JOB).result == {"customers": 3, "found": 1, "fresh": 1}


def test_searching_again_changes_nothing(root, make):
    make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    scan(root)
    before = list(DuplicatePair.objects.values())
    again = scan(root)
    assert (again.found, again.fresh) == (1, 0)
    assert list(DuplicatePair.objects.values()) == before


def test_what_is_not_the_same_stays_so(root, make):
    a, b = make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    scan(root)
    pair = DuplicatePair.objects.get()
    duplicates.dismiss_pair(pair.pk, actor=root)
    make("北京玖隆物流有限公司")
    scan(root)
    assert pairs() == [(a.pk, b.pk, ["same_name"], "dismissed")]
    assert AuditEntry.objects.filter(resource="duplicate-pairs", record_id=pair.pk, action="dismiss").exists()
    with pytest.raises(Conflict):
        duplicates.dismiss_pair(pair.pk, actor=root)
    duplicates.reopen_pair(pair.pk, actor=root)
    assert pairs()[0][3] == "open"


def test_open_pairs_follow_their_customers(root, make):
    a, b = make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    c, d = make("宁波玖隆锦物流有限公司"), make("宁波市玖隆锦物流有限公司")
    e, f = make("大连德沃兹食品有限公司"), make("大连市德沃兹食品有限公司")
    scan(root)
    assert [pair[:2] for pair in pairs()] == [(a.pk, b.pk), (c.pk, d.pk), (e.pk, f.pk)]
    save_record(Customer, {"name": "上海华沛精密科支有限公司"}, pk=b.pk, actor=root)
    archive_record(Customer, d.pk, actor=root)
    f.delete()
    scan(root)
    assert pairs() == [(a.pk, b.pk, ["slip_in_trade"], "open")]


def test_a_second_search_waits_for_the_first(root):
    first = save_record(DuplicateScan, {}, actor=root)
    with pytest.raises(ValidationFailed):
        save_record(DuplicateScan, {}, actor=root)
    assert duplicates.start_nightly(system("test")) is None
    assert list(DuplicateScan.objects.values_list("pk", flat=True)) == [first.pk]


def test_a_search_whose_job_died_is_given_up(root, make):
    make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    first = save_record(DuplicateScan, {}, actor=root)
    Job.objects.filter(kind=duplicates.SCAN_JOB).update(state=JobState.FAILED)
    second = duplicates.start_nightly(system("test"))
    assert list(DuplicateScan.objects.order_by("pk").values_list("pk", "status")) == [
        (first.pk, "failed"),
        (second, "running"),
    ]


def test_a_waiting_search_is_cancelled(root, make):
    make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    made = save_record(DuplicateScan, {}, actor=root)
    duplicates.cancel_scan(made.pk, actor=root)
    made.refresh_from_db()
    assert (made.status, Job.objects.get(kind=duplicates.SCAN_JOB).state) == ("cancelled", JobState.CANCELLED)
    assert pairs() == []


def test_a_running_search_stops_when_cancelled(root, make, monkeypatch):
    make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    made = save_record(DuplicateScan, {}, actor=root)
    rows = duplicates._rows()

    def cancelled_meanwhile():
        duplicates.cancel_scan(made.pk, actor=root)
        return rows

    monkeypatch.setattr(duplicates, "_rows", cancelled_meanwhile)
    work()
    made.refresh_from_db()
    assert (made.status, Job.objects.get(kind=duplicates.SCAN_JOB).state) == ("cancelled", JobState.CANCELLED)
    assert pairs() == []


def test_an_interrupted_search_is_taken_up_again(root, make):
    make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    stop = threading.Event()
    stop.set()
    made = scan(root, stop)
    assert (made.status, len(pairs())) == ("running", 0)
    work()
    made.refresh_from_db()
    assert (made.status, len(pairs())) == ("done", 1)


def test_a_search_that_breaks_says_so(root, monkeypatch):
    monkeypatch.setattr(duplicates, "likely_pairs", lambda rows, progress: 1 / 0)
    assert scan(root).status == "failed"
    assert Job.objects.get(kind=duplicates.SCAN_JOB).state == JobState.FAILED


def test_a_finished_search_is_not_cancelled(root):
    done = scan(root)
    with pytest.raises(Conflict):
        duplicates.cancel_scan(done.pk, actor=root)
    done.refresh_from_db()
    assert done.status == "done"


def test_nothing_is_started_where_nothing_can_be_compared(make):
    make("上海华沛精密科技有限公司")
    assert duplicates.start_nightly(system("test")) is None
    assert not DuplicateScan.objects.exists()


def test_every_night_one_is_started(make):
    make("上海华沛精密科技有限公司"), make("上海市华沛精密科技有限公司")
    work_of = jobs.kinds()["customers.nightly_duplicates"]
    job = jobs.enqueue(work_of.name)
    jobs.run(jobs.claim("w1"), pulse=Pulse(job, lease=jobs.LEASE))
    assert DuplicateScan.objects.get().status == "running"


def test_a_pair_is_seen_by_those_who_see_both(root, make, acting):
    manager, seller = acting("sales_manager"), acting("sales_representative")
    a = make("上海华沛精密科技有限公司", owner=manager.user_id)
    b = make("上海市华沛精密科技有限公司", owner=seller.user_id)
    scan(root)
    pair = DuplicatePair.objects.get()
    with pytest.raises(NotFound):
        duplicates.dismiss_pair(pair.pk, actor=manager)
    assert pairs()[0][3] == "open"
    save_record(Customer, {"owner": manager.user_id}, pk=b.pk, actor=root)
    duplicates.dismiss_pair(pair.pk, actor=manager)
    assert pairs() == [(a.pk, b.pk, ["same_name"], "dismissed")]


def test_every_reason_has_words(root):
    from saleswright.kernel.matching import scoring

    said = set(scoring.compare.__doc__.split("Reasons:")[1].replace(".", "").replace(",", " ").split())
    assert said == set(duplicates.reasons())
