#!/usr/bin/env python
"""Writes the documents that are made from the declarations: docs/roles.md, docs/permissions.md, docs/states.md."""

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


def states() -> str:
    """The state machine of every kind of record that has one, as Mermaid diagrams in Markdown."""
    from saleswright.kernel.resources import all_resources

    lines = [
        "# States",
        "",
        "Which action moves each kind of record from state to state.",
    ]
    for resource in all_resources():
        arrows = [arrow for transition in resource.transitions for arrow in arrows_of(resource, transition)]
        if resource.state_field and arrows:
            first = resource.model._meta.get_field(resource.state_field).get_default()
            diagram = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *arrows, "```"]
            lines += ["", f"## {resource.name}", "", *diagram]
            if open_ended := [f"`{one.name}`" for one in resource.transitions if one.source and not one.target]:
                lines += ["", f"The record decides where these lead: {', '.join(open_ended)}."]
    return "\n".join(lines) + "\n"


def arrows_of(resource, transition) -> list[str]:
    """A transition's arrows: one from each state that it starts in, by way of the state in which it waits."""
    if not (transition.target or transition.pending):
        return []
    every = [value for value, _label in resource.model._meta.get_field(resource.state_field).flatchoices]
    found = []
    for state in every if transition.source is None else [one for one in every if one in transition.source]:
        if transition.target and transition.target != state:
            found.append(f"    {state} --> {transition.target}: {transition.name}")
        if transition.pending and transition.pending != state:
            found.append(f"    {state} --> {transition.pending}: {transition.name} (waits for consent)")
    return found


def documents() -> dict[str, str]:
    """The text of each document by its path under the project."""
    from saleswright.kernel.custom_fields import as_shipped
    from saleswright.modules.org.shipped import table

    as_shipped()
    return {"docs/roles.md": table(), "docs/permissions.md": permissions(), "docs/states.md": states()}


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
