"""Checks a sign-in name and password; a person who has left is turned away."""

from django.contrib.auth.backends import ModelBackend


class PersonBackend(ModelBackend):
    """Passwords only: rights come from grants, not from Django's permissions."""

    def user_can_authenticate(self, user):  # type: ignore[no-untyped-def]
        return user.is_active
