"""The left navigation and what else surrounds every page."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from saleswright.interface.administration import areas_for
from saleswright.interface.entity import Entity, all_entities
from saleswright.interface.presentation import NavItem, Shell
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotSignedIn, Text


@dataclass(frozen=True, slots=True)
class Group:
    """A seed of the daily work, with the kinds of record that belong to it; a board-first kind ends in `/board`."""

    name: str
    label: Text
    icon: str
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a module's own in a group of the navigation, for those with the right."""

    label: Text
    icon: str
    url: str
    permission: str


_pages: dict[str, list[Page]] = {}


def add_page(group: str, page: Page) -> None:
    """A module adds a page to a group, behind its kinds of record."""
    _pages.setdefault(group, []).append(page)


GROUPS = (
    Group(
        "market", gettext_lazy("Market"), "speakerphone",
        (
            "campaigns", "competitors", "surveys", "research-projects", "intelligence", "target-markets",
            "market-sizes", "customer-profiles",
        ),
    ),
    Group(
        "leads", gettext_lazy("Leads"), "user-search",
        ("leads", "lead-links", "lead-forms", "lead-captures", "lead-sources"),
    ),
    Group(
        "customers", gettext_lazy("Customers"), "building",
        (
            "customers", "contacts", "segments", "customer-standings", "customer-grades", "care-plans", "care-duties",
            "customer-expenses", "duplicate-pairs", "duplicate-scans",
        ),
    ),
    Group(
        "opportunities", gettext_lazy("Opportunities"), "layout-kanban",
        (
            "opportunities", "solutions", "activities", "visit-plans", "pipelines", "stages", "stage-criteria",
            "loss-reasons",
        ),
    ),
    Group("quotes", gettext_lazy("Quotes"), "file-dollar", ("quotes",)),
    Group("orders", gettext_lazy("Contracts and orders"), "contract", ("contracts", "orders", "deliveries")),
    Group("collection", gettext_lazy("Collection"), "cash", ("invoices", "collection-plans", "receipts")),
    Group("service", gettext_lazy("Service"), "headset", ("tickets", "callbacks", "service-levels", "callback-plans")),
    Group(
        "catalog", gettext_lazy("Products and prices"), "box",
        ("products", "product-categories", "price-lists", "discount-authorities"),
    ),
    Group("targets", gettext_lazy("Targets"), "target", ("targets",)),
    Group(
        "team",
        gettext_lazy("Team"),
        "users",
        ("announcements", "meetings", "work-reports", "employees", "delegations", "departments", "regions", "posts"),
    ),
)  # fmt: skip


def shell_for(request: HttpRequest) -> Shell | None:
    """The shell around a signed-in person's pages; None for nobody."""
    try:
        actor: Actor = request.actor  # type: ignore[attr-defined]
        actor.scopes("")
    except (AttributeError, NotSignedIn):
        return None
    user = request.user
    language = get_language() or "zh-hans"
    return Shell(
        product="销匠" if language.startswith("zh") else "Saleswright",
        navigation=navigation(actor, request.path),
        create=_create(actor),
        person=actor.name,
        person_detail=getattr(user.department, "name", "") if user.is_authenticated and user.department_id else "",
        language=language,
        theme=request.COOKIES.get("theme", "auto"),
        search_url="/search",
        counts_url="/counts",
        approvals_url="/approvals",
        notifications_url="/notifications",
        sign_out_url="/sign-out",
        profile_url=f"/employees/{actor.user_id}",
        messages=get_messages(request),
    )


def navigation(actor: Actor, path: str) -> list[NavItem]:
    """The navigation of a person: only what they may use."""
    entities = {entity.name: entity for entity in all_entities()}
    here = path.strip("/").split("/")[0]
    items = [NavItem(_("My work"), "home", "/", path == "/")]
    shown = {name for group in GROUPS for name in group.resources}
    for group in GROUPS:
        usable = [entities[n] for n in group.resources if n in entities and actor.may(f"{n}.view")]
        if usable:
            pages = [page for page in _pages.get(group.name, ()) if actor.may(page.permission)]
            items.append(_group(group, usable, pages, here))
    if actor.may("reports.view"):
        items.append(NavItem(_("Analysis"), "chart-bar", "/reports", here == "reports"))
    if areas := areas_for(actor):
        settings = {one.name for area in areas for one in area.settings} - shown
        items.append(NavItem(_("Settings"), "settings", "/settings", here == "settings" or here in settings))
    return items


def is_setting(name: str, actor: Actor) -> bool:
    """Whether the actor comes to these records by the settings: they are no entry of the navigation."""
    if any(name in group.resources for group in GROUPS):
        return False
    return any(one.name == name for area in areas_for(actor) for one in area.settings)


def _group(group: Group, usable: list[Entity], pages: list[Page], here: str) -> NavItem:
    children = [NavItem(e.label_plural, e.icon, _start(e), e.name == here) for e in usable]
    children += [NavItem(page.label, page.icon, page.url, page.url.strip("/") == here) for page in pages]
    active = any(child.active for child in children)
    if len(children) == 1:
        return NavItem(children[0].label, group.icon, children[0].url, active)
    return NavItem(group.label, group.icon, children[0].url, active, children=children)


def _start(entity: Entity) -> str:
    """Pipelines open as a board, everything else as a list."""
    return entity.url() + ("/board" if entity.board is not None and entity.board.move else "")


def _create(actor: Actor) -> list[NavItem]:
    wanted = ("leads", "customers", "contacts", "opportunities", "activities", "quotes", "orders", "tickets", "tasks")
    entities = {entity.name: entity for entity in all_entities()}
    return [
        NavItem(entities[n].label, entities[n].icon, f"/{n}/new")
        for n in wanted
        if n in entities and actor.may(f"{n}.create")
    ]
