"""A sentence that is said to people of different languages: kept as its English source and what fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, override

from saleswright.kernel.errors import Text

MARK = "\u2063t:"
"""Before an argument that is itself a text to be translated."""


@dataclass(frozen=True, slots=True)
class Words:
    """`said(_("%(who)s asks: %(what)s"), who=…, what=…)`: `str()` gives it in the language that is active."""

    text: Text
    about: Mapping[str, Any]

    def __str__(self) -> str:
        return (
            str(self.text) % {name: str(value) for name, value in self.about.items()} if self.about else str(self.text)
        )


def said(text: Text, /, **about: Any) -> Words:
    """The sentence, from a gettext_lazy text with named places and what fills them (which may be lazy texts too)."""
    return Words(text, about)


def kept_words(words: Words | Text) -> tuple[str, dict[str, str]]:
    """Source text and arguments, to be kept as columns; ("", {}) for a plain text, which has one language."""
    if not isinstance(words, Words):
        return ("", {}) if not isinstance(words, Promise) else (_source(words), {})
    return _source(words.text), {name: _kept(value) for name, value in words.about.items()}


def read_words(source: str, arguments: Mapping[str, str], otherwise: str) -> str:
    """The sentence in the language that is active; `otherwise` for what was kept without a source."""
    if not source:
        return otherwise
    filled = {name: gettext(v.removeprefix(MARK)) if v.startswith(MARK) else v for name, v in arguments.items()}
    text = gettext(source)
    try:
        return text % filled if filled else text
    except (KeyError, ValueError, TypeError):  # the text of another version
        return otherwise


def _source(text: Any) -> str:
    with override(None):  # without a language, a lazy text is its source
        return str(text)


def _kept(value: Any) -> str:
    return MARK + _source(value) if isinstance(value, Promise) else str(value)
