"""Brings locale/zh_Hans/LC_MESSAGES/django.po up to date with the source.

Texts that the source no longer has are dropped. Translations are kept, and taken from var/i18n/*.tsv where those
give one: lines of `English text<TAB>Chinese text[<TAB>context]`, with newline, tab and backslash escaped as in C.
Prints the texts that are still without a translation, and conflicts and unknown texts of the .tsv files.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import write_po

from translation_catalog import (
    LOCALE,
    PO_FILE,
    ROOT,
    MessageKey,
    extract,
    is_translated,
    key_of,
    messages_of,
    placeholders_differ,
    read_translations,
    translations_of,
)

TSV_FOLDER = ROOT / "var" / "i18n"
ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
HEADER = "# Chinese (simplified) translations of Saleswright.\n# Updated by `make translations`; edit the texts freely."


def unescape(text: str) -> str:
    r"""The text with \n, \t and \\ replaced; any other backslash stays."""
    result, characters = [], iter(text)
    for character in characters:
        if character != "\\":
            result.append(character)
            continue
        following = next(characters, "")
        result.append(ESCAPES.get(following, "\\" + following))
    return "".join(result)


def read_tsv(paths: list[Path]) -> tuple[dict[MessageKey, str], list[str]]:
    """The translations of the files, the first one of each text, and complaints about lines and conflicts."""
    texts: dict[MessageKey, str] = {}
    complaints = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = [unescape(field) for field in line.split("\t")]
            if len(fields) not in (2, 3) or not fields[1].strip():
                complaints.append(f"{path.name}:{number}: not `English<TAB>Chinese[<TAB>context]`: {line!r}")
                continue
            key = (fields[0], fields[2] if len(fields) == 3 else None)
            if texts.setdefault(key, fields[1]) != fields[1]:
                complaints.append(f"{path.name}:{number}: {key[0]!r} is already {texts[key]!r}, not {fields[1]!r}")
    return texts, complaints


def translate(catalog: Catalog, old: Catalog, texts: dict[MessageKey, str]) -> set[MessageKey]:
    """Fill the catalog from `texts`, else from the old catalog; answers the keys of `texts` that were used."""
    kept = {key_of(message): message for message in messages_of(old) if not message.fuzzy}
    used = set()
    for message in messages_of(catalog):
        key = _key_in(texts, message)
        if key is not None:
            _set_text(message, (texts[key],))
            used.add(key)
        elif (entry := kept.get(key_of(message))) and is_translated(entry):
            _set_text(message, translations_of(entry))
    return used


def _key_in(texts: dict[MessageKey, str], message: Message) -> MessageKey | None:
    """The key under which a .tsv file gives the message: by its singular or its plural text."""
    ids = (message.id,) if isinstance(message.id, str) else message.id
    return next((key for text in ids if (key := (text, message.context)) in texts), None)


def _set_text(message: Message, forms: tuple[str, ...]) -> None:
    """Chinese has one plural form."""
    message.string = (forms[0],) if message.pluralizable else forms[0]


def write(catalog: Catalog, old: Catalog) -> None:
    """Write the .po file, sorted and without line numbers or a new date, so that a difference shows texts alone."""
    catalog.creation_date = catalog.revision_date = old.creation_date
    catalog.header_comment = HEADER
    catalog.last_translator = catalog.language_team = LOCALE
    PO_FILE.parent.mkdir(parents=True, exist_ok=True)
    with PO_FILE.open("wb") as file:
        write_po(file, catalog, width=0, sort_output=True, include_lineno=False)


def main() -> int:
    """Merge and report; what is missing is no error here but in `check_translations.py`."""
    texts, complaints = read_tsv(sorted(TSV_FOLDER.glob("*.tsv")))
    catalog, old = extract(), read_translations()
    used = translate(catalog, old, texts)
    write(catalog, old)

    messages = list(messages_of(catalog))
    missing = [message for message in messages if not is_translated(message)]
    differing = [message for message in messages if placeholders_differ(message)]
    for complaint in complaints:
        print(complaint)
    for text, _context in sorted(texts.keys() - used, key=str):
        print(f"unknown      {text!r}")
    for message in missing:
        print(f"missing      {message.locations[0][0]}: {key_of(message)[0]!r}")
    for message in differing:
        print(f"placeholders {key_of(message)[0]!r}: {translations_of(message)}")
    print(f"{len(messages)} texts, {len(missing)} without a translation, {len(differing)} with other placeholders")
    return 0


if __name__ == "__main__":
    sys.exit(main())
