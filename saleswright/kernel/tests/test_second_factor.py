"""The second factor."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import time_machine

from saleswright.kernel.access import second_factor
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.errors import Conflict, NotAllowed, TooMany, ValidationFailed
from saleswright.kernel.models import AuditEntry, RecoveryCode, Role, SecondFactor, User

NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ROOT = system("test")


@pytest.fixture(autouse=True)
def now():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def user(db):
    return User.objects.create(username="li", name="李雷", created_at=NOON, updated_at=NOON)


def code(seconds=0):
    """What the app shows, so many seconds from now."""
    return pyotp.TOTP(SECRET).at(datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.fixture
def codes(user, now):
    """The recovery codes of the person, who set up the second factor a minute ago."""
    made = second_factor.enrol(user, SECRET, code(), ROOT)
    now.shift(timedelta(minutes=1))
    return made


def noted():
    return list(AuditEntry.objects.filter(resource="employees").order_by("id").values_list("action", flat=True))


def test_its_codes_are_those_of_the_standard():
    # RFC 6238, appendix B: the last six digits of the first value for SHA-1
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert second_factor._step_of(secret, "287082", datetime.fromtimestamp(59, UTC)) == 1


def test_it_is_set_up_by_a_code_of_the_app(user):
    assert second_factor.is_enrolled(user) is False
    codes = second_factor.enrol(user, SECRET, f"{code()[:3]} {code()[3:]}", ROOT)
    assert second_factor.is_enrolled(user) is True
    assert len(set(codes)) == 10
    assert second_factor.codes_left(user) == 10
    assert noted() == ["second_factor_on"]


def test_it_is_not_set_up_by_a_wrong_code(user):
    with pytest.raises(ValidationFailed):
        second_factor.enrol(user, SECRET, code(300), ROOT)
    assert (SecondFactor.objects.count(), RecoveryCode.objects.count(), noted()) == (0, 0, [])


def test_it_is_set_up_once(user, codes):
    with pytest.raises(Conflict):
        second_factor.enrol(user, SECRET, code(), ROOT)
    assert SecondFactor.objects.count() == 1
    assert second_factor.accepts(user, codes[0], ROOT)


def test_it_keeps_neither_the_secret_nor_the_codes(user, codes):
    kept = [SecondFactor.objects.get().secret, *RecoveryCode.objects.values_list("digest", flat=True)]
    assert SECRET not in str(kept)
    assert not any(one in str(kept) or second_factor.plain(one) in str(kept) for one in codes)


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_clocks_may_differ_by_a_step(user, codes, seconds):
    assert second_factor.accepts(user, code(seconds), ROOT)


@pytest.mark.parametrize("wrong", ["", "000000", "１２", "é", "aaaaa-aaaaa"])
def test_a_wrong_code_is_refused_and_noted(user, codes, wrong):
    assert not second_factor.accepts(user, wrong, ROOT)
    assert noted() == ["second_factor_on", "second_factor_refused"]
    assert AuditEntry.objects.latest("id").actor_id is None


def test_a_code_of_long_ago_is_refused(user, codes):
    assert not second_factor.accepts(user, code(-60), ROOT)


def test_full_width_digits_are_digits(user, codes):
    assert second_factor.accepts(user, "".join(chr(ord(digit) + 0xFEE0) for digit in code()), ROOT)


def test_a_code_works_once(user, codes, now):
    assert second_factor.accepts(user, code(), ROOT)
    assert not second_factor.accepts(user, code(), ROOT)
    now.shift(timedelta(seconds=30))
    assert second_factor.accepts(user, code(), ROOT)


def test_each_recovery_code_works_once(user, codes):
    assert [second_factor.accepts(user, one, ROOT) for one in codes] == [True] * 10
    assert not second_factor.accepts(user, codes[0].upper(), ROOT)
    assert second_factor.codes_left(user) == 0
    assert noted().count("recovery_code_used") == 10


def test_a_recovery_code_is_its_persons_own(user, codes):
    other = User.objects.create(username="han", name="韩梅梅", created_at=NOON, updated_at=NOON)
    second_factor.enrol(other, SECRET, code(), ROOT)
    assert not second_factor.accepts(other, codes[0], ROOT)


def test_after_five_wrong_codes_the_right_one_has_to_wait(user, codes, now):
    for _ in range(5):
        assert not second_factor.accepts(user, "000000", ROOT)
    with pytest.raises(TooMany) as refused:
        second_factor.accepts(user, codes[0], ROOT)
    assert refused.value.extra["retry_after"] == 901
    assert second_factor.codes_left(user) == 10
    now.shift(timedelta(minutes=15))
    assert second_factor.accepts(user, codes[0], ROOT)
    assert (SecondFactor.objects.get().tries, SecondFactor.objects.get().forgotten_at) == (0, None)


def test_nobody_without_a_second_factor_is_let_in_by_one(user):
    assert not second_factor.accepts(user, code(), ROOT)


def test_with_another_secret_key_no_code_works(user, codes, settings):
    settings.SECRET_KEY = "another"
    assert not second_factor.accepts(user, code(), ROOT)
    assert not second_factor.accepts(user, codes[0], ROOT)


def test_new_recovery_codes_put_the_old_ones_out_of_use(user, codes):
    made = second_factor.renew_codes(user, code(), ROOT)
    assert second_factor.codes_left(user) == 10
    assert not second_factor.accepts(user, codes[0], ROOT)
    assert second_factor.accepts(user, made[0], ROOT)


def test_a_wrong_code_renews_nothing(user, codes):
    with pytest.raises(ValidationFailed):
        second_factor.renew_codes(user, "000000", ROOT)
    assert second_factor.accepts(user, codes[0], ROOT)


def test_it_is_switched_off_by_a_code(user, codes):
    second_factor.remove(user, code(), ROOT)
    assert (SecondFactor.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    assert noted() == ["second_factor_on", "second_factor_off"]


def test_it_is_not_switched_off_by_a_wrong_code(user, codes):
    with pytest.raises(ValidationFailed):
        second_factor.remove(user, "000000", ROOT)
    assert second_factor.is_enrolled(user)


def test_who_needs_it_cannot_switch_it_off(person):
    user = person("finance")
    second_factor.require_for({Role.objects.get(code="finance").pk}, ROOT)
    second_factor.enrol(user, SECRET, code(), ROOT)
    with pytest.raises(Conflict):
        second_factor.remove(user, code(30), ROOT)
    assert second_factor.is_enrolled(user)


def test_an_administrator_takes_it_away(person, user, codes):
    second_factor.reset(user, actor_for(person("administrator"), origin="test"))
    assert not second_factor.is_enrolled(user)
    with pytest.raises(Conflict):
        second_factor.reset(user, ROOT)
    assert noted().count("second_factor_reset") == 1


def test_nobody_else_takes_it_away(person, user, codes):
    with pytest.raises(NotAllowed):
        second_factor.reset(user, actor_for(person("hr"), origin="test"))
    assert second_factor.is_enrolled(user)


def test_roles_require_it(person):
    manager, seller = person("sales_manager"), person("sales_representative")
    role = Role.objects.get(code="sales_manager")
    second_factor.require_for({role.pk}, ROOT)
    assert (second_factor.is_required(manager), second_factor.is_required(seller)) == (True, False)
    entry = AuditEntry.objects.get(resource="roles")
    assert (entry.record_id, entry.action, entry.changes) == (role.pk, "changed", {"second_factor": [False, True]})
    second_factor.require_for(set(), ROOT)
    assert second_factor.is_required(manager) is False
    assert AuditEntry.objects.filter(resource="roles").count() == 2


def test_only_an_administrator_says_which_roles(person):
    with pytest.raises(NotAllowed):
        second_factor.require_for({Role.objects.get(code="finance").pk}, actor_for(person("hr"), origin="test"))
    assert not Role.objects.filter(second_factor=True).exists()
