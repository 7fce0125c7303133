"""People, their place in the company and their rights."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models.base import Record, person


class Department(Record):
    """A node of the department tree."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Parent department"), null=True, blank=True, related_name="children"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Department"), _("Departments")


class Region(Record):
    """A node of the region (sales territory) tree."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Parent region"), null=True, blank=True, related_name="children"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Region"), _("Regions")


class EmploymentState(models.TextChoices):
    """Where an employee stands with the company; who has left cannot sign in."""

    ON_TRIAL = "on_trial", _("On trial")
    ACTIVE = "active", _("Employed")
    ON_LEAVE = "on_leave", _("On leave")
    LEFT = "left", _("Left")


class UserManager(BaseUserManager["User"]):
    """People, by their sign-in name."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username__iexact=username)


class User(AbstractBaseUser, Record):
    """A person who works here: sign-in, place in the company, state of employment."""

    username = models.CharField(_("Sign-in name"), max_length=100, unique=True)
    name = models.CharField(_("Full name"), max_length=100, db_index=True)
    email = models.EmailField(_("E-mail"), blank=True)
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    department = models.ForeignKey(
        Department, models.PROTECT, verbose_name=_("Department"), null=True, blank=True, related_name="people"
    )
    region = models.ForeignKey(
        Region, models.PROTECT, verbose_name=_("Region"), null=True, blank=True, related_name="people"
    )
    manager = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Manager"), null=True, blank=True, related_name="reports"
    )
    state = models.CharField(
        _("State"), max_length=12, choices=EmploymentState.choices, default=EmploymentState.ACTIVE, db_index=True
    )
    hired_on = models.DateField(_("Hired on"), null=True, blank=True)
    left_on = models.DateField(_("Left on"), null=True, blank=True)
    language = models.CharField(_("Language"), max_length=10, blank=True)
    theme = models.CharField(_("Theme"), max_length=10, blank=True)
    roles: models.ManyToManyField[Role, RoleMembership] = models.ManyToManyField(
        "Role", through="RoleMembership", verbose_name=_("Roles"), related_name="people"
    )

    #: the scopes of the token that stands for the person here; everything for the person themselves
    token_scopes: str = "*"

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name"]
    objects: Any = UserManager()

    class Meta:
        verbose_name, verbose_name_plural = _("Employee"), _("Employees")

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.state != EmploymentState.LEFT and self.archived_at is None

    def __str__(self) -> str:
        return self.get_short_name()

    def get_short_name(self) -> str:
        return self.name or self.username


class Role(Record):
    """A named set of grants."""

    code = models.CharField(_("Code"), max_length=40, unique=True)
    name = models.CharField(_("Name"), max_length=100)
    shipped = models.BooleanField(_("Built in"), default=False, editable=False)
    second_factor = models.BooleanField(_("Second factor required"), default=False, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Role"), _("Roles")


class RoleMembership(models.Model):
    """A person holds a role."""

    user = models.ForeignKey(User, models.CASCADE)
    role = models.ForeignKey(Role, models.PROTECT)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "role"), name="kernel_role_once_a_person"),)


class Grant(models.Model):
    """A role may do `permission` (such as `quotes.view` or `*.view`) within `scope`."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="grants")
    permission = models.CharField(max_length=100)
    scope = models.CharField(max_length=20)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("role", "permission"), name="kernel_grant_once_a_role"),)


class AccessVersion(models.Model):
    """One row whose number rises with every change of people, trees, roles or grants.

    `definitions` is another one after every change of the custom fields; 0 as long as there were none.
    """

    number = models.PositiveBigIntegerField(default=1)
    definitions = models.PositiveBigIntegerField(default=0)


class Collaborator(models.Model):
    """A person who sees one record whatever the scope of their roles."""

    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField()
    user = models.ForeignKey(User, models.CASCADE)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("resource", "record_id", "user"), name="kernel_collaborator_once"),
        )
        indexes = (models.Index(fields=("user", "resource", "record_id"), name="kernel_collaborator_of"),)


class SignInMethod(models.TextChoices):
    """How a person proved who they are."""

    PASSWORD = "password", _("Password")
    COMPANY = "company", _("Company account")


class Session(AbstractBaseSession):
    """A session of the pages, with whose it is and from where, so that it can be listed and ended.

    The columns repeat what the data says; the data decides who is signed in.
    """

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    device = models.CharField(_("Device"), max_length=100, blank=True)
    address = models.CharField(_("Address"), max_length=45, blank=True)
    method = models.CharField(_("Signed in by"), max_length=10, choices=SignInMethod.choices, blank=True)
    began_at = models.DateTimeField(_("Signed in"))
    seen_at = models.DateTimeField(_("Last seen"))

    class Meta:
        verbose_name, verbose_name_plural = _("Session"), _("Sessions")

    @classmethod
    def get_session_store_class(cls) -> Any:
        from saleswright.kernel.access.session_store import SessionStore

        return SessionStore

    @property
    def handle(self) -> str:
        """What names the session on pages: its key would let whoever reads it in."""
        return hashlib.sha256(self.session_key.encode()).hexdigest()[:24]


class SecondFactor(models.Model):
    """What a person's authenticator app shares with us (TOTP, RFC 6238), and how often codes were tried."""

    user = models.OneToOneField(User, models.CASCADE, related_name="second_factor")
    secret = models.CharField(max_length=250)  # encrypted
    created_at = models.DateTimeField(_("Created"))
    last_step = models.BigIntegerField(default=0)  # a code works once: the next must be of a later step
    tries = models.PositiveSmallIntegerField(default=0)  # since the last right code
    forgotten_at = models.DateTimeField(null=True)  # when the tries are forgotten


class RecoveryCode(models.Model):
    """A code that stands in for the second factor once; only its digest is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "digest"), name="kernel_recovery_code_once"),)


class ApiToken(models.Model):
    """A bearer token of a person; only its SHA-256 is kept.

    `scopes` are permissions with spaces between (`orders.* customers.view`), `read` or `*`: the token may do what
    both they and the person's rights allow.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(_("Name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.TextField(_("Scopes"), default="*")
    created_at = models.DateTimeField(_("Created"))
    last_used_at = models.DateTimeField(_("Last used"), null=True, blank=True)
    expires_at = models.DateTimeField(_("Expires"), null=True, blank=True)
    ended_at = models.DateTimeField(_("Ended"), null=True, blank=True)
    created_by = person(_("Created by"), null=True)
