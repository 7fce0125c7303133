#!/usr/bin/env python
"""Writes the documents that are made from the declarations: docs/roles.md and docs/permissions.md."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def permissions() -> str:
    """Every permission code, by resource, as Markdown."""
    from saleswright.kernel.resources import all_permissions

    groups: dict[str, list[str]] = {}
    for code in all_permissions():
        resource, _dot, verb = code.partition(".")
        groups.setdefault(resource, []).append(verb)
    lines = [
        "# Permissions",
        "",
        "A grant names one of these codes, `<resource>.*`, `*.<verb>` or `*`, and a scope.",
        "",
    ]
    lines += ["| resource | verbs |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{verb}`' for verb in verbs)} |" for name, verbs in groups.items()]
    return "\n".join(lines) + "\n"


def documents() -> dict[str, str]:
    """The text of each document by its path under the project."""
    from saleswright.modules.org.shipped import table

    return {"docs/roles.md": table(), "docs/permissions.md": permissions()}


def main() -> None:
    """Write them all."""
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    django.setup()
    for path, text in documents().items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
