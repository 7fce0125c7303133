"""Numbers of records and documents: prefix, date part and sequence, such as `SO-202611-000123`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.db.models import F

from saleswright.kernel.models import Counter, NumberSeries
from saleswright.kernel.reading import read_values

DEFAULT_PREFIX = {
    "assets": "AS",
    "campaigns": "CM",
    "collection-plans": "CP",
    "complaints": "CO",
    "contracts": "CT",
    "customers": "C",
    "deliveries": "DN",
    "invoices": "INV",
    "leads": "LD",
    "opportunities": "OP",
    "orders": "SO",
    "partners": "P",
    "products": "PR",
    "promotions": "PM",
    "purchase-orders": "PO",
    "quotes": "QU",
    "receipts": "RC",
    "repairs": "RP",
    "returns": "RT",
    "stock-counts": "SC",
    "suppliers": "S",
    "subject-requests": "DR",
    "tickets": "TK",
}
WITHOUT_DATE = {"customers", "partners", "products", "suppliers"}


@dataclass(frozen=True, slots=True)
class Format:
    """How the numbers of a resource look: `PREFIX-DATE-000123`, or `PREFIX000123` without a date part."""

    prefix: str
    date_format: str = "%Y%m"
    digits: int = 6

    def date_part(self, on: date) -> str:
        return on.strftime(self.date_format) if self.date_format else ""

    def number(self, date_part: str, sequence: int) -> str:
        middle = f"-{date_part}-" if date_part else ""
        return f"{self.prefix}{middle}{sequence:0{self.digits}d}"


def format_of(resource: str) -> Format:
    """The format that the company set for the resource's numbers, or the one shipped."""
    if kept := read_values(NumberSeries, ("prefix", "date_format", "digits"), "resource", [resource]):
        return Format(*kept[0])
    prefix = DEFAULT_PREFIX.get(resource, resource[:2].upper())
    return Format(prefix, "" if resource in WITHOUT_DATE else "%Y%m")


def next_numbers(formats: Mapping[str, Format], on: date) -> dict[str, str]:
    """The number that each resource would take next, as far as no record bears it already."""
    series = {resource: _series(resource, form, on) for resource, form in formats.items()}
    last = dict(Counter.objects.filter(series__in=series.values()).values_list("series", "last"))
    return {
        resource: form.number(form.date_part(on), last.get(series[resource], 0) + 1)
        for resource, form in formats.items()
    }


def _series(resource: str, form: Format, on: date) -> str:
    """The counter of the resource on that day. It doesn't know the prefix: a new one goes on where the old one was."""
    return f"{resource}:{form.date_part(on)}"


def take_numbers(
    resource: str, count: int, *, on: date, borne: Callable[[list[str]], set[str]] = lambda _numbers: set()
) -> list[str]:
    """Take the next `count` numbers of the resource's series for the day `on`, passing over those `borne` already.

    Taken in the transaction that issues the documents they are without gaps: a rollback gives them back. The
    series stays locked until the end of that transaction, so this should be the last thing before it. Raises
    ValueError for a negative count.
    """
    if count < 0:
        raise ValueError("count must not be negative")
    if count == 0:
        return []
    form = format_of(resource)
    date_part = form.date_part(on)
    series, found, step = _series(resource, form, on), list[str](), count
    while len(found) < count:
        last = _advance(series, step)
        numbers = [form.number(date_part, sequence) for sequence in range(last - step + 1, last + 1)]
        used = borne(numbers)
        free = [number for number in numbers if number not in used][: count - len(found)]
        found += free
        if len(found) == count and (rest := step - 1 - numbers.index(free[-1])):
            Counter.objects.filter(series=series).update(last=F("last") - rest)
        step *= 2
    return found


def _advance(series: str, step: int) -> int:
    """Move the series' counter and keep it locked; returns where it stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_counter (series, last) VALUES (%s, %s) "
            "ON CONFLICT (series) DO UPDATE SET last = kernel_counter.last + excluded.last RETURNING last",
            [series, step],
        )
        return cursor.fetchone()[0]
