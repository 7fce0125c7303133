"""Two serving processes on one PostgreSQL database: of people who do the same at once exactly one succeeds."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from itertools import cycle

import pytest

from tests.journeys.installation import PASSWORD, Answer, Caller, Installation, installed

pytestmark = [pytest.mark.installation, pytest.mark.postgres]
ROUNDS = 5
INVOICES, THREADS = 20, 4
CONFIRMED = ("need_confirmed", "budget_confirmed", "authority_confirmed", "time_confirmed")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed("postgresql", tmp_path_factory.mktemp("two")) as found:
        yield found


@pytest.fixture(scope="module")
def urls(installation: Installation) -> Iterator[list[str]]:
    """Two servers, the first of them with two web processes and the worker."""
    with installation.serving("--workers", "2") as one, installation.serving("--workers", "1", "--no-worker") as other:
        yield [one.url, other.url]


@pytest.fixture(scope="module")
def root(installation: Installation, urls: list[str]) -> Caller:
    return Caller(urls[0], installation.token())


@pytest.fixture(scope="module")
def product(root: Caller) -> int:
    return root.made("products", {"name": "P", "unit": "pc", "list_price": "1000", "tax_rate": "13"})["id"]


@pytest.fixture(scope="module")
def manager(root: Caller) -> int:
    values = {"username": "manager", "name": "Manager", "roles": ["sales_manager"], "password": PASSWORD}
    return root.made("employees", values)["id"]


@pytest.fixture(scope="module")
def rep(root: Caller, manager: int) -> None:
    values = {"username": "rep", "name": "Rep", "roles": ["sales_representative"], "manager_id": manager}
    root.made("employees", values)


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """The answers of requests that are sent at the same moment."""
    barrier, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int) -> None:
        barrier.wait()
        answers[place] = calls[place]()  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers  # type: ignore[return-value]


def test_one_of_two_converts_a_lead(installation: Installation, urls: list[str], root: Caller) -> None:
    callers = [Caller(url, root.token) for url in urls]
    for number in range(ROUNDS):
        values = {"company": f"Company {number}", "contact_name": "Wang", "phone": f"1380000{number:04}"}
        lead = root.made("leads", values | dict.fromkeys(CONFIRMED, True))["id"]
        for verb in ("contact", "qualify"):
            assert root.act("leads", lead, verb).status == 200
        answers = at_once(*(partial(caller.act, "leads", lead, "convert", opportunity=True) for caller in callers))
        assert sorted(answer.status for answer in answers) in ([200, 409], [200, 412])
    for table in ("customers_customer", "customers_contact", "pipeline_opportunity"):
        assert installation.value(f"SELECT count(*) FROM {table}") == ROUNDS


def test_one_of_two_approves_a_step(
    installation: Installation, urls: list[str], root: Caller, product: int, manager: int, rep: None
) -> None:
    seller = Caller(urls[0], installation.token("rep"))
    deciders = [Caller(url, installation.token("manager")) for url in urls]
    customer = seller.made("customers", {"name": "Buyer"})["id"]
    lines = [{"product_id": product, "quantity": "1", "discount_percent": "18"}]
    terms = {"customer_id": customer, "valid_until": str(date.today() + timedelta(days=30)), "lines": lines}
    for _round in range(ROUNDS):
        quote = seller.made("quotes", terms)["id"]
        assert seller.act("quotes", quote, "submit").json()["status"] == "in_approval"
        (waiting,) = deciders[0].get("/api/v1/approvals?state=pending").json()["items"]
        answers = at_once(*(partial(decider.act, "approvals", waiting["id"], "approve") for decider in deciders))
        assert sorted(answer.status for answer in answers) in ([200, 403], [200, 409], [200, 412])
        assert seller.get(f"/api/v1/quotes/{quote}").json()["status"] == "approved"
    noted = "SELECT count(*) FROM kernel_auditentry WHERE resource = 'approvals' AND action = 'approve'"
    assert installation.value(noted) == ROUNDS


def test_invoices_that_are_issued_at_once_have_numbers_without_gaps(
    installation: Installation, urls: list[str], root: Caller, product: int
) -> None:
    customer = root.made("customers", {"name": "Payer"})["id"]
    line = {"product_id": product, "quantity": "1"}
    drafts = []
    for _number in range(INVOICES):
        order = root.made("orders", {"customer_id": customer, "lines": [line]})["id"]
        lines = root.act("orders", order, "confirm").json()["lines"]
        body = {"customer_id": customer, "order_id": order}
        wanted = [{"order_line_id": one["id"], "quantity": "1"} for one in lines]
        drafts.append(root.made("invoices", body | {"lines": wanted})["id"])
    callers = [Caller(url, root.token) for url, _number in zip(cycle(urls), range(THREADS), strict=False)]

    def issue(place: int) -> Answer:
        for invoice in drafts[place::THREADS]:
            answer = callers[place].act("invoices", invoice, "issue")
            assert answer.status == 200, answer.text
        return answer

    at_once(*(partial(issue, place) for place in range(THREADS)))
    numbers = installation.rows("SELECT number FROM receivables_invoice ORDER BY number")
    assert [int(number[-6:]) for (number,) in numbers] == list(range(1, INVOICES + 1))


def test_every_request_gets_its_own_answer(urls: list[str], root: Caller, product: int) -> None:
    """Web processes must not share a connection: their answers would be mixed up."""
    made = [root.made("departments", {"name": f"D{number}"}) for number in range(8)]

    def read(place: int) -> Answer:
        caller, one = Caller(urls[0], root.token), made[place]
        for _number in range(15):
            answer = caller.get(f"/api/v1/departments/{one['id']}")
            assert (answer.status, answer.json()["name"]) == (200, one["name"])
        return answer

    answers = at_once(*(partial(read, place) for place in range(len(made))))
    assert Counter(answer.status for answer in answers if answer) == {200: len(made)}
