"""People and structure: trees without rings, posts with history, leaving."""

from datetime import UTC, date, datetime

import pytest
from django.db import models

from saleswright.interface.models import SavedView
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.access.tokens import create_token, user_for_token
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import Department, OwnedRecord, User
from saleswright.kernel.records import archive_record, save_record
from saleswright.kernel.resources import all_resources
from saleswright.modules.customers.public import Customer
from saleswright.modules.org.actions import leave_company
from saleswright.modules.org.models import Post, PostHolding

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def refused(model: type[models.Model], values: dict, root, pk: int | None = None) -> list[tuple[str, str]]:
    before = list(model.objects.order_by("pk").values())
    with pytest.raises(ValidationFailed) as failure:
        save_record(model, values, pk=pk, actor=root)
    assert list(model.objects.order_by("pk").values()) == before
    return [(error.field, error.code) for error in failure.value.errors]


def test_a_branch_is_not_moved_below_itself(root):
    top = save_record(Department, {"name": "Top"}, actor=root)
    middle = save_record(Department, {"name": "Middle", "parent": top.pk}, actor=root)
    leaf = save_record(Department, {"name": "Leaf", "parent": middle.pk}, actor=root)
    for parent in (top, middle, leaf):
        assert refused(Department, {"parent": parent.pk}, root, top.pk) == [("parent", "invalid")]
    assert save_record(Department, {"parent": top.pk}, pk=leaf.pk, actor=root).parent_id == top.pk


def test_nobody_manages_themselves_or_their_managers(root, person):
    top = person()
    middle = person(manager=top)
    low = person(manager=middle)
    assert refused(User, {"manager": top.pk}, root, top.pk)[0] == ("manager", "invalid")
    assert refused(User, {"manager": low.pk}, root, top.pk) == [("manager", "invalid")]


def test_leaving_lies_after_hiring(root, person):
    user = person(hired_on=date(2026, 5, 1))
    assert refused(User, {"left_on": date(2026, 4, 30)}, root, user.pk) == [("left_on", "order")]


@pytest.mark.parametrize(("field", "value", "code"), [
    ("password", "short", "invalid"), ("password", "password123", "invalid"), ("password", 5, "invalid"),
    ("roles", ["emperor"], "not_found"), ("roles", 5, "invalid"), ("post_ids", [10**9], "not_found"),
    ("post_ids", "x", "invalid"), ("email", "nobody", "invalid"),
])  # fmt: skip
def test_a_bad_value_is_refused(root, field, value, code):
    found = refused(User, {"username": "n", "name": "N", field: value}, root)
    assert set(found) == {(field, code)}


def test_a_sign_in_name_is_taken_once(root, person):
    user = person()
    assert refused(User, {"username": user.username, "name": "N"}, root) == [("username", "duplicate")]


def test_posts_that_end_stay_as_history(root, person):
    seller, trainer = (save_record(Post, {"title": title}, actor=root) for title in ("Seller", "Trainer"))
    user = person()
    save_record(User, {"post_ids": [seller.pk, trainer.pk]}, pk=user.pk, actor=root, at=AT)
    save_record(User, {"post_ids": [trainer.pk]}, pk=user.pk, actor=root, at=AT)
    day = date(2026, 11, 23)
    rows = PostHolding.objects.filter(user=user).order_by("id").values_list("post__title", "main", "since", "until")
    assert list(rows) == [("Seller", True, day, day), ("Trainer", False, day, day), ("Trainer", True, day, None)]


def test_who_owns_something_does_not_leave(root, person):
    user = person("sales_representative")
    customer = save_record(Customer, {"name": "A", "owner": user.pk}, actor=root)
    with pytest.raises(Conflict):
        leave_company(user.pk, actor=root)
    assert User.objects.get(pk=user.pk).state == "active"
    archive_record(Customer, customer.pk, actor=root)
    assert leave_company(user.pk, actor=root).state == "left"


def test_ones_own_saved_views_need_no_successor(root, person):
    user = person("sales_representative")
    save_record(SavedView, {"name": "Mine", "resource": "customers"}, actor=actor_for(user, origin="test"))
    assert leave_company(user.pk, actor=root).state == "left"


@pytest.mark.parametrize(("given", "day"), [({}, date(2026, 11, 23)), ({"left_on": "2026-11-30"}, date(2026, 11, 30))])
def test_leaving_ends_sign_in_and_tokens(root, person, given, day):
    user = person("sales_representative")
    token = create_token(user, name="t", days=1, actor=root)
    assert user_for_token(token) == user
    left = leave_company(user.pk, actor=root, at=AT, **given)
    assert (left.left_on, left.is_active) == (day, False)
    assert user_for_token(token) is None


def test_records_of_every_kind_follow_their_owner(root, person):
    east, west = (save_record(Department, {"name": n}, actor=root) for n in ("East", "West"))
    user = person(department=east)
    save_record(Customer, {"name": "A", "owner": user.pk}, actor=root)
    save_record(User, {"department": west.pk}, pk=user.pk, actor=root)
    assert Customer.objects.get().department_id == west.pk
    assert {r.name for r in all_resources() if issubclass(r.model, OwnedRecord)} >= {"customers", "saved-views"}
