"""What the company sets up itself, gathered on one page: kinds of record by name, and pages of modules' own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Entity, all_entities
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text


@dataclass(frozen=True, slots=True)
class Setting:
    """Something to set up: where, under which right, and what it is good for."""

    name: str
    help: Text
    label: Text = ""
    icon: str = ""
    url: str = ""
    permission: str = ""


@dataclass(slots=True)
class Area:
    """Settings that belong together."""

    name: str
    label: Text
    settings: list[Setting]


AREAS = [
    Area("company", _("Company"), [
        Setting("company", _("Name, address, tax data, time zone, base currency, fiscal year")),
        Setting("working-hours", _("The hours of each day of the week, in which time limits run")),
        Setting("special-days", _("Public holidays and the days made up for them")),
        Setting("exchange-rates", _("What foreign currencies are worth, from a day on")),
        Setting("number-series", _("Prefix, date part and digits of the numbers of each kind of record")),
    ]),
    Area("people", _("People and rights"), [
        Setting("employees", _("Who works here, with sign-in, manager and roles")),
        Setting("roles", _("Who may see and do what, kind of record by kind of record")),
        Setting("departments", _("The department tree")),
        Setting("regions", _("The tree of sales territories")),
        Setting("posts", _("Posts and what their holders answer for")),
        Setting("bodies", _("Standing groups with a chair, members and duties")),
        Setting(
            "account-people", _("Second factor, open sessions and tokens of everybody"),
            _("How people sign in"), "shield", "/account/people", "admin.manage",
        ),
    ]),
    Area("lists", _("Lists and fields"), [
        Setting("dictionaries", _("The choices of fields such as industry, unit and currency")),
        Setting("industries", _("The industries of GB/T 4754, to which finer ones may be imported")),
        Setting("lead-sources", _("Where leads come from")),
        Setting("loss-reasons", _("Why deals are lost")),
        Setting("product-categories", _("The category tree of the products")),
        Setting("custom-fields", _("Fields of your own on any kind of record")),
    ]),
    Area("process", _("Processes"), [
        Setting("approval-flows", _("Who approves what, step by step")),
        Setting("state-limits", _("How long a record may stay in a state, and who is told")),
        Setting("pipelines", _("Ways of selling")),
        Setting("stages", _("The stages of each pipeline, with probability and time limit")),
        Setting("discount-authorities", _("How much discount each role may give")),
        Setting("service-levels", _("How fast tickets are answered and solved")),
        Setting("callback-plans", _("When customers are called back")),
    ]),
    Area("technical", _("Technical"), [
        Setting(
            "imports", _("Which files were taken over by whom, with what was created, changed and refused"),
            _("Imports"), "file-import", "/imports", "audit.view",
        ),
    ]),
]  # fmt: skip


def add_setting(area: str, *settings: Setting) -> None:
    """A module adds to an area. Raises KeyError for an area that there is not."""
    {one.name: one for one in AREAS}[area].settings.extend(settings)


def areas_found(actor: Actor, words: str) -> list[Area]:
    """The areas with what the actor may set up, cut to the settings whose name or help holds every word."""
    wanted = words.casefold().split()
    found = [
        Area(area.name, area.label, [one for one in area.settings if _says(one, wanted)]) for area in areas_for(actor)
    ]
    return [area for area in found if area.settings]


def _says(setting: Setting, words: Sequence[str]) -> bool:
    text = f"{setting.label} {setting.help}".casefold()
    return all(word in text for word in words)


def areas_for(actor: Actor) -> list[Area]:
    """The areas with what the actor may set up; records that one may only read are not settings of one's own."""
    entities = {entity.name: entity for entity in all_entities()}
    found = [Area(area.name, area.label, _usable(area.settings, entities, actor)) for area in AREAS]
    return [area for area in found if area.settings]


def _usable(settings: Sequence[Setting], entities: dict[str, Entity], actor: Actor) -> list[Setting]:
    found = []
    for one in settings:
        entity = entities.get(one.name)
        if entity is None and not one.url:
            continue
        if actor.may(one.permission or f"{one.name}.edit"):
            found.append(one if entity is None else _of(entity, one))
    return found


def _of(entity: Entity, setting: Setting) -> Setting:
    return Setting(entity.name, setting.help, entity.label_plural, entity.icon, entity.url())
