"""Says which texts lack a complete Chinese translation; exit status 1 when any does.

A text fails when the .po file does not have it, has it empty or fuzzy, or names other placeholders.
"""

from __future__ import annotations

import sys

from babel.messages.catalog import Message

from translation_catalog import (
    PO_FILE,
    ROOT,
    extract,
    is_translated,
    key_of,
    messages_of,
    placeholders_differ,
    read_translations,
)


def faults() -> list[str]:
    """One line for each text that is not translated as it must be."""
    translated = {key_of(message): message for message in messages_of(read_translations())}
    lines = []
    for message in messages_of(extract()):
        entry = translated.get(key_of(message))
        if fault := _fault_of(message, entry):
            where = message.locations[0][0] if message.locations else "?"
            lines.append(f"{fault:12} {where}: {key_of(message)[0]!r}")
    return sorted(lines)


def _fault_of(message: Message, entry: Message | None) -> str | None:
    if entry is None or entry.pluralizable != message.pluralizable:
        return "missing"
    if not is_translated(entry):
        return "empty"
    if entry.fuzzy:
        return "fuzzy"
    if placeholders_differ(entry):
        return "placeholders"
    return None


def main() -> int:
    """Print the faults."""
    lines = faults()
    if lines:
        print("\n".join(lines))
        print(f"{len(lines)} texts need attention in {PO_FILE.relative_to(ROOT)} (make translations)")
        return 1
    print("Translations are complete.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
