"""Who an employee is to the company's identity provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from saleswright.kernel.models import User

#: ways of the provider to prove who it is that are more than a password (RFC 8176)
STRONG = frozenset({"mfa", "otp", "hwk", "swk", "sc", "fpt", "face", "iris", "retina"})


def employee_for(claims: Mapping[str, Any]) -> User | None:
    """The one employee who works here and whom the claim of the settings names; nobody is ever made of claims.

    An e-mail address counts only where the provider does not say that it is unverified.
    """
    value = claims.get(settings.OIDC_CLAIM)
    if not isinstance(value, str) or not value.strip() or "\x00" in value:
        return None
    if settings.OIDC_CLAIM == "email" and claims.get("email_verified", True) is not True:
        return None
    found = User.objects.filter(**{f"{settings.OIDC_FIELD}__iexact": value.strip()})[:2]
    return found[0] if len(found) == 1 and found[0].is_active else None


def is_strong(claims: Mapping[str, Any]) -> bool:
    """Whether the provider says that it asked for more than a password."""
    methods = claims.get("amr")
    return isinstance(methods, list) and not STRONG.isdisjoint(map(str, methods))
