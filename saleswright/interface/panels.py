"""Panels of a record seen as a whole: modules add what they know of it, the page puts them together.

A panel is asked only for people with its right and cuts what it reads by `visible`, as everything does. Together the
panels of a page have about a dozen statements: each takes one, whatever the number of rows behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotFound, Text

Place = Literal["top", "main", "side"]
#: (record, actor, language) -> what the template shows as `data`; None: there is nothing to show
Load = Callable[[Any, Actor, str], Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the page of a record: what it is called, the right it needs, and how it is read and drawn.

    `template` gets `record`, `panel` and `data`. Lower orders come first within their place. What is `lazy` is asked
    for by itself once the page stands, so that a long history keeps nobody waiting.
    """

    name: str
    label: Text
    permission: str
    load: Load
    template: str
    place: Place = "main"
    order: int = 50
    icon: str = ""
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A panel with what it has to show; nothing yet of a lazy one."""

    panel: Panel
    data: Any


_panels: dict[str, list[Panel]] = {}


def add_panel(resource: str, panel: Panel) -> None:
    """A module adds a panel to the records of a resource. Raises ValueError if its name is taken."""
    if any(one.name == panel.name for one in _panels.setdefault(resource, [])):
        raise ValueError(f"there are two panels {panel.name!r} of {resource}")
    _panels[resource].append(panel)


def panels_of(resource: str, record: Any, actor: Actor, language: str) -> dict[Place, list[Drawn]]:
    """The panels that the actor may see and that have something to show, by place; lazy ones without data."""
    found: dict[Place, list[Drawn]] = {"top": [], "main": [], "side": []}
    for panel in sorted(_panels.get(resource, ()), key=lambda one: one.order):
        if not actor.may(panel.permission):
            continue
        data = None if panel.lazy else panel.load(record, actor, language)
        if panel.lazy or data is not None:
            found[panel.place].append(Drawn(panel, data))
    return found


def panel_of(resource: str, name: str, record: Any, actor: Actor, language: str) -> Drawn:
    """One panel by name. Raises NotFound for one that there is not, NotAllowed without its right."""
    for panel in _panels.get(resource, ()):
        if panel.name == name:
            actor.require(panel.permission)
            return Drawn(panel, panel.load(record, actor, language))
    raise NotFound
