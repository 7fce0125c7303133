"""The envelope in which both programs put their callbacks (developer.work.weixin.qq.com/document/path/90968).

SHA-1 over token, time, nonce and ciphertext, sorted; AES-256-CBC, its IV the first half of the key, padded to 32
bytes: 16 random bytes, the length in 4 bytes, the message, the receiver's id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from saleswright.integrations.workplace.adapter import PATIENCE, Forged

BLOCK = 32


def key_of(encoding_key: str) -> bytes:
    """The key that 43 characters stand for. Raises ValueError."""
    if len(encoding_key) != 43 or not encoding_key.isalnum() or not encoding_key.isascii():
        raise ValueError("43 letters and digits")
    # the last character carries two bits too many, which the programs do not care about
    key = base64.b64decode(encoding_key + "=")
    if len(key) != 32:
        raise ValueError("32 bytes")
    return key


def signature(token: str, timestamp: str, nonce: str, ciphertext: str) -> str:
    """What the program signs with."""
    joined = "".join(sorted((token, timestamp, nonce, ciphertext)))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def check_time(timestamp: str, now: float) -> None:
    """Refuse what was sent too long ago, or will be. Raises Forged. Seconds or, with 13 digits, milliseconds."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 13:
        raise Forged("no time")
    seconds = int(timestamp) / (1000 if len(timestamp) > 11 else 1)
    if abs(now - seconds) > PATIENCE:
        raise Forged("too old")


def opened(
    token: str,
    encoding_key: str,
    receivers: tuple[str, ...],
    given: str,
    timestamp: str,
    nonce: str,
    ciphertext: str,
    now: float,
) -> str:
    """The message in the envelope. Raises Forged."""
    if not hmac.compare_digest(signature(token, timestamp, nonce, ciphertext).encode(), given.encode()):
        raise Forged("wrong signature")
    check_time(timestamp, now)
    try:
        key = key_of(encoding_key)
        plain = _decrypted(key, base64.b64decode(ciphertext, validate=True))
        size = int.from_bytes(plain[16:20], "big")
        message, found = plain[20 : 20 + size].decode(), plain[20 + size :].decode()
    except (ValueError, binascii.Error) as fault:
        raise Forged("not encrypted with our key") from fault
    if len(plain) < 20 + size or found not in receivers:
        raise Forged("meant for somebody else")
    return message


def _decrypted(key: bytes, sealed: bytes) -> bytes:
    if not sealed or len(sealed) % 16:
        raise ValueError("no whole blocks")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    count = padded[-1]
    if not 1 <= count <= BLOCK or padded[-count:] != bytes([count]) * count:
        raise ValueError("wrong padding")
    return padded[:-count]


def sealed(encoding_key: str, receiver: str, message: str) -> str:
    """A message as ciphertext."""
    key, text = key_of(encoding_key), message.encode()
    plain = secrets.token_bytes(16) + len(text).to_bytes(4, "big") + text + receiver.encode()
    count = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()).decode()
