"""The texts of the source and their translations, as Babel catalogs.

Used by `check_translations.py` and `merge_translations.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
LOCALE = "zh_Hans"
PO_FILE = ROOT / "locale" / LOCALE / "LC_MESSAGES" / "django.po"
SOURCE_FOLDERS = ("saleswright", "templates")

KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[#0+-]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa]|%\(\w+\)|\{\w*(?:[.!:][^{}]*)?\}")

MessageKey = tuple[str, str | None]
"""The English text (the singular of a plural pair) and its context."""


def key_of(message: Message) -> MessageKey:
    """What tells one message from another."""
    return (message.id if isinstance(message.id, str) else message.id[0], message.context)


def messages_of(catalog: Catalog) -> Iterator[Message]:
    """Every message but the header."""
    return (message for message in catalog if message.id)


def extract() -> Catalog:
    """All texts that the source marks for translation, untranslated."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    catalog = Catalog(
        locale=LOCALE,
        domain="django",
        project="Saleswright",
        version="1",
        msgid_bugs_address="see CONTRIBUTING.md",
        charset="utf-8",
        fuzzy=False,
    )
    found = extract_from_dir(
        ROOT,
        methods,
        options,
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
        directory_filter=_is_source,
    )
    for filename, _line, message_id, comments, context in found:
        path = Path(filename)
        name = path.relative_to(ROOT) if path.is_absolute() else path
        catalog.add(message_id, locations=[(name.as_posix(), 1)], auto_comments=comments, context=context)
    return catalog


def _is_source(folder: str) -> bool:
    parts = Path(folder).resolve().relative_to(ROOT).parts
    return not parts or (parts[0] in SOURCE_FOLDERS and not parts[-1].startswith((".", "__pycache__")))


def read_translations() -> Catalog:
    """The translations that the repository holds; an empty catalog where there is no file yet."""
    if not PO_FILE.exists():
        return Catalog(locale=LOCALE, domain="django")
    with PO_FILE.open("rb") as file:
        return read_po(file, locale=LOCALE, domain="django", abort_invalid=True)


def placeholders(text: str) -> Counter[str]:
    """The `%(name)s`, `%s` and `{name}` of a text, each with how often it stands there."""
    return Counter(PLACEHOLDER.findall(text.replace("%%", "")))


def translations_of(message: Message) -> tuple[str, ...]:
    """The translation, one text for each plural form; empty texts where there is none."""
    return tuple(message.string) if isinstance(message.string, list | tuple) else (message.string or "",)


def placeholders_differ(message: Message) -> bool:
    """Whether a translation names other placeholders than its English text (for a plural, the plural's)."""
    expected = placeholders(message.id if isinstance(message.id, str) else message.id[1])
    return any(text and placeholders(text) != expected for text in translations_of(message))


def is_translated(message: Message) -> bool:
    """Whether every form of the message has a text of its own."""
    return all(text.strip() for text in translations_of(message))
