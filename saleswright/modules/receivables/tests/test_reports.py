"""Ageing and DSO: computed a second time, from the plain courses of invoices, for many days."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from saleswright.interface.reports import report_named
from saleswright.kernel.errors import NotAllowed, ValidationFailed
from saleswright.modules.receivables.actions import receipts, reversal
from saleswright.modules.receivables.models import Allocation
from saleswright.modules.receivables.reports import BUCKETS, bucket_of
from saleswright.modules.receivables.tests.factories import ROOT, history_invoice, issued, make_customer, receive

NAMES = [name for name, _label in BUCKETS]


def run(name, actor=ROOT, **parameters):
    return report_named(name).run({key: str(value) for key, value in parameters.items()}, actor).as_json()["rows"]


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(-5, "not_due"), (0, "not_due"), (1, "d1_30"), (30, "d1_30"), (31, "d31_60"), (60, "d31_60"), (61, "d61_90"),
     (90, "d61_90"), (91, "d91_180"), (180, "d91_180"), (181, "d181_365"), (365, "d181_365"), (366, "over_365")],
)  # fmt: skip
def test_each_day_has_its_bucket(days, bucket):
    due = date(2026, 1, 1)
    assert NAMES[bucket_of(due, due + timedelta(days=days))] == bucket


def expected_bucket(days):
    for limit, name in (
        (0, "not_due"),
        (30, "d1_30"),
        (60, "d31_60"),
        (90, "d61_90"),
        (180, "d91_180"),
        (365, "d181_365"),
    ):
        if days <= limit:
            return name
    return "over_365"


@pytest.mark.django_db
def test_ageing_agrees_with_plain_arithmetic_on_any_day(person):
    dice = random.Random(7)
    owners = [person("sales_representative"), person("sales_representative")]
    customers = [make_customer(owner=owners[place % 2].pk) for place in range(4)]
    course = []  # (customer, due, [(day, change of the balance)])
    for place in range(40):
        customer = customers[place % 4]
        issued_on = date(2024, 1, 1) + timedelta(days=dice.randrange(600))
        due = issued_on + timedelta(days=dice.choice([0, 15, 30, 60]))
        total = Decimal(dice.randrange(1, 500_000)) / 100
        invoice = history_invoice(customer, str(total), issued_on, due_on=due)
        moves, left = [(issued_on, total)], total
        for _ in range(dice.randrange(3)):
            part = min(left, Decimal(dice.randrange(1, 300_000)) / 100)
            if part:
                on = issued_on + timedelta(days=dice.randrange(-10, 400))
                rows = [{"invoice_id": invoice.pk, "amount": part}]
                receive(customer, str(part), received_on=on, allocations=rows)
                moves.append((max(on, issued_on), -part))
                left -= part
        course.append((customer, due, moves))
    for day in [date(2023, 12, 31), *(date(2024, 1, 1) + timedelta(days=97 * step) for step in range(12))]:
        expected = {}
        for customer, due, moves in course:
            open_amount = sum((change for on, change in moves if on <= day), Decimal(0))
            if open_amount:
                row = expected.setdefault(customer.name, dict.fromkeys([*NAMES, "total"], Decimal(0)))
                row[expected_bucket((day - due).days)] += open_amount
                row["total"] += open_amount
        found = {row.pop("group"): row for row in run("ageing", as_of=day)}
        assert found == expected
        whole = sum((row["total"] for row in expected.values()), Decimal(0))
        by_owner = {row["group"]: row["total"] for row in run("ageing", as_of=day, by="owner")}
        assert sum(by_owner.values(), Decimal(0)) == whole
        totals = [
            c for _customer, _due, moves in course for on, c in moves[:1] if timedelta(0) <= day - on < timedelta(90)
        ]
        row = run("dso", as_of=day)[0]
        assert (row["receivable"], row["invoiced_90"]) == (whole, sum(totals))
        assert row["dso"] == (round(whole * 90 / sum(totals), 2) if totals else None)


@pytest.mark.django_db
class TestAgeing:
    def test_a_red_letter_takes_away_from_its_day_on(self):
        invoice = issued(make_customer(), "100", issued_on=date(2026, 1, 1), due_on=date(2026, 1, 31))
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x")
        assert run("ageing") == []
        before = run("ageing", as_of="2026-02-10")
        assert [(row["d1_30"], row["total"]) for row in before] == [(100, 100)]

    def test_an_allocation_taken_back_counts_again_from_its_day_on(self):
        customer = make_customer()
        issued(customer, "100", issued_on=date(2026, 1, 1))
        receipt = receive(customer, "100", received_on=date(2026, 1, 10))
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        assert run("ageing", as_of="2026-01-09")[0]["total"] == 100
        assert run("ageing", as_of="2026-01-10") == []
        receipts.unallocate_receipt(receipt.pk, actor=ROOT, allocation_id=Allocation.objects.get().pk)
        assert run("ageing", as_of="2026-01-10") == []
        assert run("ageing")[0]["total"] == 100

    def test_everyone_sees_their_own(self, person, acting):
        one, two = person("sales_representative"), person("sales_representative")
        for owner in (one, two):
            issued(make_customer(owner=owner.pk), "100")
        assert [row["group"] for row in run("ageing", acting(one), by="owner")] == [one.name]
        assert run("dso", acting(one))[0]["receivable"] == 100
        assert run("dso", acting("finance"))[0]["receivable"] == 200
        with pytest.raises(NotAllowed):
            run("ageing", acting("warehouse"))

    def test_it_is_filtered(self):
        one, two = make_customer(), make_customer()
        issued(one, "100")
        issued(two, "50")
        assert [row["total"] for row in run("ageing", customer_id=two.pk)] == [50]
        assert run("dso", customer_id=one.pk)[0]["receivable"] == 100
        with pytest.raises(ValidationFailed):
            run("ageing", by="colour")

    def test_its_picture_says_how_much_is_overdue(self):
        issued(make_customer(), "75", issued_on=date(2026, 1, 1), due_on=date(2026, 1, 10))
        issued(make_customer(), "25", issued_on=date(2026, 1, 1), due_on=date(2026, 2, 10))
        chart = report_named("ageing").run({"as_of": "2026-01-20"}, ROOT).chart
        assert "75.0" in str(chart.title)
        assert [row[1] for row in chart.rows] == ["25.00", "75.00", "0.00", "0.00", "0.00", "0.00", "0.00"]


@pytest.mark.django_db
def test_dso_is_the_formula():
    customer = make_customer()
    for number, (total, on) in enumerate(
        (("300", date(2026, 3, 1)), ("100", date(2026, 1, 1)), ("50", date(2025, 12, 2)))
    ):
        history_invoice(customer, total, on, number=f"X{number}")
    row = run("dso", as_of="2026-03-31")[0]
    assert row == {"receivable": Decimal(450), "invoiced_90": Decimal(400), "dso": Decimal("101.25")}
