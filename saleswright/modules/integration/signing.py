"""The secrets of webhooks, kept encrypted, and the signatures made with them (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from saleswright.kernel.sealing import seal, unseal

PURPOSE = "saleswright.webhooks"
MARK = "whsec_"


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: what follows `whsec_` in base64, else the text itself. Raises ValueError."""
    if not secret.startswith(MARK):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(MARK), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def signature(secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """HMAC-SHA256 over id, time in seconds and body, joined by dots."""
    signed = f"{message_id}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


def sealed(secret: str) -> str:
    """The secret, encrypted with a key made of `SECRET_KEY`."""
    return seal(secret, PURPOSE)


def opened(kept: str) -> str:
    """The secret again. Raises InvalidToken where `SECRET_KEY` is another one by now."""
    return unseal(kept, PURPOSE)
