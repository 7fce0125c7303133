"""Measures: defined once, cut by rights, period and dimensions."""

from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest
from django.db.models import Count

from saleswright.kernel import metrics
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import NotFound
from saleswright.kernel.metrics import Metric, add_metric, all_metrics, measure, measure_by, metric_named
from saleswright.kernel.records import Draft, save_records
from saleswright.modules.customers.public import Contact, Customer

pytestmark = pytest.mark.django_db
NEW = Metric(
    "test.new-customers", "New customers", "count", "Customers by day of creation", "customers",
    Customer.objects.all, Count("id"), "created_at", dimensions={"owner": "owner", "level": "level"}, moment=True,
)  # fmt: skip
BIRTHDAYS = Metric(
    "test.birthdays", "Birthdays", "count", "Contacts by birthday", "customers",
    Contact.objects.all, Count("id"), "birthday", scope="customer", dimensions={"owner": "customer__owner"},
)  # fmt: skip


@pytest.fixture
def world(root, person):
    one, other = person("sales_representative"), person("sales_representative")
    moments = [
        (one, "A", datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)),  # still October in Shanghai
        (one, "A", datetime(2026, 10, 31, 16, 0, tzinfo=UTC)),  # November's first moment
        (other, "B", datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)),  # November's last second
        (other, "A", datetime(2026, 11, 30, 16, 0, tzinfo=UTC)),  # December
    ]
    drafts = [Draft({"name": "N", "owner": o.pk, "level": level, "created_at": at}) for o, level, at in moments]
    customers = [d.record for d in save_records(Customer, drafts, actor=root, history=True).good]
    contacts = [
        Draft({"name": "C", "customer": c.pk, "birthday": date(2026, 11, n + 1)}) for n, c in enumerate(customers)
    ]
    save_records(Contact, contacts, actor=root)
    return one, other


NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))


def test_a_period_is_that_of_the_companys_days(world, root):
    assert measure(NEW, root, NOVEMBER) == 2
    assert measure(NEW, root) == 4
    assert measure(NEW, root, Period(date(2020, 1, 1), date(2020, 1, 31))) == D(0)


def test_a_date_is_compared_as_a_date(world, root):
    assert measure(BIRTHDAYS, root, Period(date(2026, 11, 2), date(2026, 11, 3))) == 2


def test_dimensions_group_and_filter(world, root):
    one, other = world
    assert measure_by(NEW, "owner", root) == {one.pk: 2, other.pk: 2}
    assert measure_by(NEW, "level", root, NOVEMBER) == {"A": 1, "B": 1}
    assert measure(NEW, root, level="A") == 3
    assert measure(NEW, root, level=["A", "B"], owner=other.pk) == 2


def test_it_is_cut_by_rights_also_through_the_record_that_decides(world, acting):
    one, _other = world
    actor = actor_for(one, origin="test")
    assert measure(NEW, actor) == 2
    assert measure_by(BIRTHDAYS, "owner", actor) == {one.pk: 2}
    assert measure(BIRTHDAYS, acting("hr")) == 0


def test_an_unknown_dimension_is_a_mistake(root):
    with pytest.raises(KeyError):
        measure_by(NEW, "colour", root)


def test_a_name_stands_for_one_measure(monkeypatch):
    monkeypatch.setattr(metrics, "_metrics", {})
    assert add_metric(NEW) is metric_named("test.new-customers")
    assert all_metrics() == [NEW]
    with pytest.raises(ValueError, match="twice"):
        add_metric(NEW)
    with pytest.raises(NotFound):
        metric_named("nothing")
