"""Who an employee is to the company's identity provider."""

import pytest

from saleswright.kernel.access.company_account import employee_for, is_strong
from saleswright.kernel.models import EmploymentState, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(person):
    return person(username="lilei", email="lilei@example.com")


def test_a_claim_names_an_employee_whatever_the_case(user):
    assert employee_for({"sub": "1", "preferred_username": " LiLei "}) == user


@pytest.mark.parametrize("value", [None, "", "  ", "han", 7, ["lilei"], "li%", "lilei\x00"])
def test_a_claim_that_names_nobody_makes_nobody(user, value):
    before = User.objects.count()
    assert employee_for({"sub": "1", "preferred_username": value}) is None
    assert employee_for({"sub": "lilei"}) is None
    assert User.objects.count() == before


@pytest.mark.parametrize("change", [{"state": EmploymentState.LEFT}, {"archived_at": "2026-01-01T00:00:00Z"}])
def test_who_has_left_is_nobody(user, change):
    User.objects.filter(pk=user.pk).update(**change)
    assert employee_for({"preferred_username": "lilei"}) is None


@pytest.fixture
def by_email(settings):
    settings.OIDC_CLAIM = settings.OIDC_FIELD = "email"


@pytest.mark.parametrize(
    ("verified", "found"), [({}, True), ({"email_verified": True}, True), ({"email_verified": False}, False),
                            ({"email_verified": "no"}, False)]
)  # fmt: skip
def test_an_unverified_address_does_not_count(user, by_email, verified, found):
    assert (employee_for({"email": "lilei@example.com", **verified}) == user) is found


def test_an_address_of_two_people_names_neither(user, by_email, person):
    person(email="LiLei@example.com")
    assert employee_for({"email": "lilei@example.com"}) is None


@pytest.mark.parametrize(
    ("claims", "strong"),
    [({"amr": ["pwd", "mfa"]}, True), ({"amr": ["pwd"]}, False), ({"amr": "mfa"}, False), ({}, False)],
)
def test_it_knows_what_is_more_than_a_password(claims, strong):
    assert is_strong(claims) is strong
