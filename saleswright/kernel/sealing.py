"""Secrets that must be read again, such as of webhooks and bots, kept encrypted with a key made of `SECRET_KEY`."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

__all__ = ["InvalidToken", "seal", "unseal"]


def seal(secret: str, purpose: str) -> str:
    """The secret, encrypted; `purpose` (`saleswright.webhooks`) keeps the secrets of different things apart."""
    return _lock(purpose).encrypt(secret.encode()).decode()


def unseal(kept: str, purpose: str) -> str:
    """The secret again. Raises InvalidToken where `SECRET_KEY` is another one by now."""
    return _lock(purpose).decrypt(kept.encode()).decode()


def _lock(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(salted_hmac(purpose, "", algorithm="sha256").digest()))
