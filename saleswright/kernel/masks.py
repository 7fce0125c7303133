"""How much of a protected value people see who may not read it, or have not asked to: `138****5678`, `z***@firm.com`.

A mask turns a stored text into the shown one. What it shows never equals the stored text, and contains HIDDEN, so that
a masked text is known as one when it is sent back.
"""

from __future__ import annotations

from collections.abc import Callable

Mask = Callable[[str], str]
HIDDEN = "*"


def phone(text: str) -> str:
    """The area or network in front and the last four digits; of short numbers the last two; of shorter ones nothing."""
    count = sum(character.isdigit() for character in text)
    if count < 5:
        return "****"
    tail = 4 if count >= 8 else 2
    head = min(max(count - 8, 0), 5)
    shown, place = [], 0
    for character in text:
        place += character.isdigit()
        kept = not character.isdigit() or place <= head or place > count - tail
        shown.append(character if kept else "*")
    return "".join(shown)


def email(text: str) -> str:
    """The first letter and the domain."""
    name, at, domain = text.rpartition("@")
    return f"{name[:1]}***@{domain}" if at and name else "***"


def last_four(text: str) -> str:
    """The last four characters of an account, card or identity number; of short ones nothing."""
    plain = "".join(text.split())
    return f"****{plain[-4:]}" if len(plain) >= 8 else "****"


def is_masked(value: object) -> bool:
    """Whether a value looks like what a mask shows."""
    return isinstance(value, str) and HIDDEN in value
