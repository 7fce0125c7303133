"""Single values: what is taken, as what, and with which code the rest is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import models

from saleswright.kernel.cleaning import cleaner, error_code
from saleswright.kernel.errors import FIELD_CODES
from saleswright.kernel.models import User

TEXT = models.CharField(max_length=5)
BLANK = models.CharField(max_length=5, blank=True)
NULL = models.CharField(max_length=5, null=True, blank=True)
MAIL = models.EmailField(blank=True)
DAY = models.DateField()
TIME = models.DateTimeField(null=True)
YES = models.BooleanField(default=False)
NUMBER = models.PositiveSmallIntegerField()
CHOICE = models.CharField(max_length=5, choices=[("a", "A"), ("b", "B")])
LIST = models.JSONField(default=list, blank=True)
PERSON = models.ForeignKey(User, models.PROTECT, null=True)
MUST = models.ForeignKey(User, models.PROTECT)
for field in (TEXT, BLANK, NULL, MAIL, DAY, TIME, YES, NUMBER, CHOICE, LIST, PERSON, MUST):
    field.set_attributes_from_name("field")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "clean"),
    [
        (TEXT, " ab ", "ab"), (BLANK, None, ""), (BLANK, "  ", ""), (NULL, "", None),
        (MAIL, "a@example.com", "a@example.com"),
        (DAY, "2026-11-23", date(2026, 11, 23)), (DAY, datetime(2026, 11, 23, 5, tzinfo=UTC), date(2026, 11, 23)),
        (TIME, "2026-11-23T14:30:00+08:00", datetime(2026, 11, 23, 6, 30, tzinfo=UTC)),
        (TIME, "2026-11-23 14:30", datetime(2026, 11, 23, 6, 30, tzinfo=UTC)),
        (TIME, date(2026, 11, 23), datetime(2026, 11, 22, 16, 0, tzinfo=UTC)),
        (TIME, "", None), (YES, True, True), (YES, "", False), (NUMBER, "7", 7), (NUMBER, 7.0, 7),
        (CHOICE, "a", "a"), (LIST, ["x"], ["x"]), (LIST, None, []),
        (PERSON, "12", 12), (PERSON, 12, 12), (PERSON, "", None), (PERSON, User(pk=3), 3),
    ],
)  # fmt: skip
def test_it_takes(field, value, clean):
    assert cleaner(field)(value) == clean


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (TEXT, "", "required"), (TEXT, "  ", "required"), (TEXT, None, "required"), (TEXT, "abcdef", "too_long"),
        (TEXT, 5, "invalid"), (TEXT, ["a"], "invalid"), (TEXT, "a\x00", "invalid"), (MAIL, "nobody", "invalid"),
        (DAY, "", "required"), (DAY, "2026-02-30", "invalid"), (DAY, "soon", "invalid"), (DAY, 5, "invalid"),
        (TIME, "soon", "invalid"), (TIME, "0001-01-01T00:00:00", "invalid"), (TIME, "9999-12-31", "invalid"),
        (YES, 1, "invalid"), (YES, [], "invalid"), (YES, "perhaps", "invalid"),
        (NUMBER, True, "invalid"), (NUMBER, 1.5, "invalid"), (NUMBER, Decimal("1.5"), "invalid"),
        (NUMBER, "-1", "range"), (NUMBER, 2**70, "range"), (NUMBER, "x", "invalid"), (NUMBER, None, "required"),
        (CHOICE, "c", "choice"), (CHOICE, "", "required"), (CHOICE, ["a"], "choice"),
        (PERSON, True, "not_found"), (PERSON, "x", "not_found"), (PERSON, 2**63, "not_found"),
        (PERSON, "²", "not_found"), (PERSON, 1.5, "not_found"), (MUST, None, "required"),
    ],
)  # fmt: skip
def test_it_refuses(field, value, code):
    with pytest.raises(ValidationError) as failure:
        cleaner(field)(value)
    assert [error_code(error) for error in failure.value.error_list] == [code]


@pytest.mark.parametrize("code", sorted(FIELD_CODES))
def test_our_own_codes_stay_what_they_are(code):
    assert error_code(ValidationError("no", code=code)) == code


def test_an_unknown_code_is_an_invalid_value():
    assert error_code(ValidationError("no", code="strange")) == "invalid"
    assert error_code(ValidationError("no")) == "invalid"
