"""The `saleswright` command."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from saleswright import cli
from saleswright.kernel.access.actors import system
from saleswright.kernel.access.tokens import user_for_token
from saleswright.kernel.audit import AuditLine, record_audit, seal
from saleswright.kernel.models import ApiToken, AuditEntry, SecondFactor, User

AT = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def user(db):
    return User.objects.create(username="li", name="李雷", created_at=AT, updated_at=AT)


def test_it_prints_a_token_alone(user):
    result = run("token", "create", "li", "--days", 3)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.fullmatch(r"sw_\S{40}\n", result.stdout)
    assert user_for_token(result.stdout.strip()) == user
    assert ApiToken.objects.get().expires_at is not None


def test_it_makes_a_token_with_scopes(user):
    result = run("token", "create", "li", "--scope", "read", "--scope", "*")
    assert (result.exit_code, result.stderr) == (0, "")
    assert ApiToken.objects.get().scopes == "read *"


def test_it_takes_a_second_factor_away(user):
    SecondFactor.objects.create(user=user, secret="x", created_at=AT)
    assert run("reset-second-factor", "li").exit_code == 0
    assert not SecondFactor.objects.exists()
    assert AuditEntry.objects.get().action == "second_factor_reset"


def test_it_makes_no_token_for_nobody(user):
    result = run("token", "create", "han")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "han" in result.stderr
    assert not ApiToken.objects.exists()


def test_it_wants_a_password_for_the_administrator(db):
    result = run("init", "--admin", "root")
    assert result.exit_code == 2
    assert "--password-file" in result.stderr
    assert not User.objects.exists()


def wait_until(done: Callable[[], bool]) -> None:
    """The server's own housekeeping may for a moment be the oldest transaction, below which is sealed."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_it_finds_nothing_wrong_with_a_sound_installation(user):
    record_audit([AuditLine("users", user.pk, "李雷", "create")], actor=system("test"), at=AT)
    wait_until(lambda: run("doctor", "--audit").exit_code == 0 and AuditEntry.objects.get().sequence == 1)
    result = run("doctor", "--audit")
    assert (result.exit_code, result.stderr) == (0, "")


def test_it_reports_a_changed_audit_and_fails(user):
    record_audit([AuditLine("users", user.pk, "李雷", "create")], actor=system("test"), at=AT)
    wait_until(lambda: seal() == 1)
    AuditEntry.objects.update(label="韩梅梅")
    result = run("doctor", "--audit")
    assert result.exit_code == 1
    assert result.stderr.startswith("BAD")


def test_it_refuses_a_file_that_is_not_there(db, tmp_path):
    assert run("restore", tmp_path / "none.zip").exit_code == 2


@pytest.mark.parametrize("command", ["init", "demo", "serve", "worker", "import", "export", "backup", "restore"])
def test_it_explains_each_command(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout
