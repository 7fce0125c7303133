"""The shipped roles, one table role x resource x scope (docs/roles.md is made from it), and the working calendar."""

from __future__ import annotations

from dataclasses import asdict

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from saleswright.interface.entity import Entity, all_entities
from saleswright.kernel.access.actors import Scope, access_changed
from saleswright.kernel.clock import now
from saleswright.kernel.models import (
    DataGroup,
    Dictionary,
    DictionaryEntry,
    Grant,
    NumberSeries,
    Role,
    SpecialDay,
    Weekday,
    WorkingDay,
)
from saleswright.kernel.numbering import format_of
from saleswright.kernel.personal import GROUPS
from saleswright.kernel.worktime import USUAL, calendar, written_hours
from saleswright.modules.org.choices import DICTIONARIES
from saleswright.modules.org.public_holidays import announced_days

OWN, DEPARTMENT, TREE, REGION, ALL = Scope
Grants = dict[str, Scope]

#: what is sold and how it moves: scope follows the owner
SALES = (
    "customers", "contacts", "leads", "opportunities", "solutions", "activities", "quotes", "contracts", "orders",
)  # fmt: skip
AFTER_SALES = ("tickets", "callbacks")
SURVEYS = ("surveys", "survey-invitations", "survey-answers")
#: the figures of customers: scope follows the customer's owner
INSIGHT = ("customer-standings", "life-cycle-changes", "customer-grades", "level-overrides", "level-changes",
           "care-duties")  # fmt: skip
#: what is known of the market, kept by those who lead sales
MARKET = (
    "customer-profiles", "profile-criteria", "target-markets", "market-criteria", "market-sizes", "competitors",
    "intelligence", "research-projects",
)  # fmt: skip
#: pools of what nobody has, and the rules that fill and guard them
POOLS = ("pools", "recycle-rules", "claim-limits", "protections")
#: the rules of the lead score, how it is learned, and its versions
SCORE = ("score-rules", "score-setup", "score-versions")
#: how leads come in and who gets them
LEAD_FLOW = ("assignment-rules", "response-limits", "lead-forms", "lead-links", "lead-captures")
#: catalogues that everyone who works here may look up
LOOK_UP = (
    "departments", "regions", "posts", "employees", "product-categories", "products", "price-lists", "pipelines",
    "stages", "stage-criteria", "loss-reasons", "lead-sources", "competitors", "campaigns",
    "discount-authorities", "service-levels",
    "callback-plans", "exchange-rates", "roles", "working-hours", "special-days", "company", "bodies",
    "dictionaries", "state-limits", "visit-rules", "visit-standards", "expense-rules", "industries",
    "customer-profiles", "profile-criteria", "target-markets", "market-criteria", "market-sizes",
)  # fmt: skip

#: those of them that sales operations keep; how rights and the company stand is for administrators
MAINTAINED = tuple(name for name in LOOK_UP if name not in {"roles", "company"})


def every(resources: tuple[str, ...], verb: str, scope: Scope) -> Grants:
    """The same grant on several resources."""
    return {f"{resource}.{verb}": scope for resource in resources}


#: everyone who signs in as a colleague
EVERYONE: Grants = every(LOOK_UP, "view", ALL) | {
    "tasks.*": OWN,
    "comments.*": ALL,
    "attachments.*": ALL,
    "approvals.view": OWN,
    "approvals.approve": OWN,
    "approvals.reject": OWN,
    "approvals.return": OWN,
    "approvals.withdraw": OWN,
    "approvals.add-approver": OWN,
    "approvals.remind": OWN,
    "delegations.*": OWN,
    "approval-tasks.view": OWN,
    "notifications.view": OWN,
    "notifications.read": OWN,
    "saved-views.*": OWN,
    "imports.view": OWN,
    "imports.take-back": OWN,
    "announcements.view": OWN,
    "announcement-receipts.view": OWN,
    "announcement-receipts.read": OWN,
    "announcement-receipts.confirm": OWN,
    "meetings.*": OWN,
    "intelligence.view": ALL,
    "intelligence.create": OWN,
    "intelligence.edit": OWN,
    "intelligence.delete": OWN,
    "research-projects.view": ALL,
}


def sales_person(scope: Scope) -> Grants:
    """Someone who sells, or leads people who do, within the scope."""
    return EVERYONE | every(SALES, "*", scope) | every(("deliveries", "invoices", "receipts"), "view", scope) | {
        "collection-plans.*": scope,
        "pools.view": OWN,
        "lead-forms.view": ALL,
        "lead-links.*": scope,
        "protections.view": scope,
        "protections.create": scope,
        "protections.submit": scope,
        "tickets.view": scope,
        "tickets.create": ALL,
        "callbacks.view": scope,
        "visit-plans.*": scope,
        "customer-expenses.view": scope,
        "customer-expenses.create": scope,
        "customer-expenses.edit": scope,
        "customer-expenses.delete": scope,
        "customer-expenses.submit": scope,
        "customer-expenses.claim": scope,
        "customer-expenses.cancel": scope,
        "work-reports.view": scope,
        "work-reports.create": OWN,
        "work-reports.edit": OWN,
        "work-reports.delete": OWN,
        "work-reports.submit": OWN,
        "work-reports.take-back": OWN,
        "targets.view": scope,
        "merges.*": scope,
        "join-requests.*": OWN,
        **every(INSIGHT, "view", scope),
        "segments.*": scope,
        "segments.view": ALL,
        "care-plans.view": ALL,
        "reports.view": ALL,
        "fields.phone": ALL,
    }  # fmt: skip


def sales_lead(scope: Scope) -> Grants:
    """A manager: also targets and the tasks of the team."""
    found = sales_person(scope) | every((*SURVEYS, "intelligence", "research-projects"), "*", scope)
    return found | {
        "intelligence.view": ALL,
        "research-projects.view": ALL,
        "targets.*": scope,
        "tasks.*": scope,
        "receipts.view": scope,
        "delegations.*": scope,
        "announcements.*": scope,
        "meetings.view": scope,
        "recycle-rules.view": ALL,
        "claim-limits.view": ALL,
        "assignment-rules.view": ALL,
        "response-limits.view": ALL,
        "lead-captures.view": ALL,
        "duplicate-pairs.*": scope,
        "join-requests.*": scope,
        "duplicates.enter": ALL,
        "work-reports.read": scope,
        "customer-expenses.export": scope,
        "expense-budgets.view": ALL,
        "work-reports.export": scope,
        **every(("customer-rules", "grade-rules"), "view", ALL),
        **every(INSIGHT, "export", scope),
    }


READER: Grants = every(
    (*SALES, *INSIGHT, "segments", "deliveries", "invoices", "collection-plans", "receipts"), "view", ALL
)

ROLES: dict[str, tuple[object, Grants]] = {
    "administrator": (_("Administrator"), {"*": ALL}),
    "sales_director": (
        _("Sales director"),
        sales_lead(ALL)
        | every(POOLS, "*", ALL)
        | every(LEAD_FLOW, "*", ALL)
        | every(SCORE, "view", ALL)
        | every(MARKET, "*", ALL)
        | {"price-lists.*": ALL, "fields.cost": ALL, "approvals.view": ALL, "care-plans.*": ALL},
    ),
    "regional_manager": (_("Regional manager"), sales_lead(REGION)),
    "sales_manager": (_("Sales manager"), sales_lead(TREE)),
    "sales_representative": (_("Sales representative"), sales_person(OWN)),
    "sales_operations": (
        _("Sales operations"),
        sales_lead(ALL)
        | every(MAINTAINED, "*", ALL)
        | every(POOLS, "*", ALL)
        | every(SCORE, "*", ALL)
        | every(LEAD_FLOW, "*", ALL)
        | every(MARKET, "*", ALL)
        | {"deliveries.*": ALL, "approvals.view": ALL, "audit.view": ALL, "jobs.view": ALL,
           "announcement-receipts.export": ALL, "duplicate-scans.*": ALL, "customer-rules.*": ALL, "grade-rules.*": ALL,
           "care-plans.*": ALL},
    ),
    "finance": (
        _("Finance"),
        EVERYONE | READER | every(("invoices", "collection-plans", "receipts", "exchange-rates"), "*", ALL)
        | {"orders.create-invoice": ALL, "contracts.export": ALL, "orders.export": ALL, "orders.release": ALL,
           "customers.export": ALL, "reports.view": ALL, "fields.cost": ALL, "fields.phone": ALL, "fields.bank": ALL,
           "customer-expenses.view": ALL, "customer-expenses.reimburse": ALL, "customer-expenses.return-claim": ALL,
           "customer-expenses.export": ALL, "expense-budgets.*": ALL, "expense-rules.*": ALL},
    ),
    "warehouse": (
        _("Warehouse"),
        EVERYONE | {"deliveries.*": ALL, "orders.view": ALL, "orders.create-delivery": ALL, "customers.view": ALL,
                    "contacts.view": ALL, "fields.phone": ALL},
    ),
    "purchasing": (
        _("Purchasing"),
        EVERYONE | {"products.*": ALL, "product-categories.*": ALL, "orders.view": ALL, "customers.view": ALL,
                    "fields.cost": ALL},
    ),
    "service_agent": (
        _("Service agent"),
        EVERYONE | every(AFTER_SALES, "*", ALL)
        | {"customers.view": ALL, "contacts.view": ALL, "orders.view": ALL, "deliveries.view": ALL,
           "activities.*": OWN, "fields.phone": ALL},
    ),
    "service_manager": (
        _("Service manager"),
        EVERYONE | every(AFTER_SALES, "*", ALL) | every(SURVEYS, "*", TREE)
        | {"customers.view": ALL, "contacts.view": ALL, "orders.view": ALL, "deliveries.view": ALL,
           "activities.*": TREE, "fields.phone": ALL, "tasks.*": TREE, "reports.view": ALL,
           "service-levels.*": ALL, "callback-plans.*": ALL},
    ),
    "hr": (
        _("Human resources"),
        EVERYONE | every(("employees", "posts", "departments"), "*", ALL)
        | {"fields.phone": ALL, "announcements.*": ALL, "announcement-receipts.export": ALL},
    ),
    "auditor": (
        _("Auditor"),
        {"*.view": ALL, "*.export": ALL, "fields.*": ALL, "saved-views.*": OWN},
    ),
    "partner": (
        _("Partner"),
        every(("leads", "opportunities"), "view", OWN) | every(("leads", "opportunities"), "create", OWN)
        | every(("leads", "opportunities"), "edit", OWN)
        | {"customers.view": OWN, "contacts.view": OWN, "orders.view": OWN, "products.view": ALL,
           "price-lists.view": ALL, "pipelines.view": ALL, "stages.view": ALL, "saved-views.*": OWN,
           "fields.phone": ALL},
    ),
}  # fmt: skip


SCOPE_MARKS = {
    OWN: "own",
    DEPARTMENT: "department",
    TREE: "department and below",
    REGION: "region and below",
    ALL: "all",
}


def table() -> str:
    """The shipped roles as a Markdown table for each: permission and scope."""
    parts = ["# Shipped roles", "", "Made from `saleswright/modules/org/shipped.py`; a person's roles add up."]
    with override("en"):
        for code, (name, grants) in ROLES.items():
            parts += ["", f"## {name} (`{code}`)", "", "| permission | scope |", "|---|---|"]
            parts += [f"| `{permission}` | {SCOPE_MARKS[scope]} |" for permission, scope in sorted(grants.items())]
    return "\n".join(parts) + "\n"


def ship() -> None:
    """Write what is missing of the shipped roles and the calendar; what was edited is left as it is."""
    ship_roles()
    ship_calendar()
    ship_series()
    ship_data_groups()
    ship_dictionaries()


def ship_roles() -> None:
    """Write the shipped roles where they are missing."""
    at = now()
    present = set(Role.objects.values_list("code", flat=True))
    for code, (name, grants) in ROLES.items():
        if code in present:
            continue
        role = Role.objects.create(code=code, name=str(name), shipped=True, created_at=at, updated_at=at)
        Grant.objects.bulk_create(
            Grant(role=role, permission=permission, scope=scope.value) for permission, scope in grants.items()
        )
    access_changed()


def ship_data_groups() -> None:
    """Write what holds for each group of personal data, where nothing is decided."""
    stamps = {"created_at": now(), "updated_at": now()}
    present = set(DataGroup.objects.values_list("code", flat=True))
    DataGroup.objects.bulk_create(
        DataGroup(code=code, masked=group.masked, months=group.months, **stamps)
        for code, group in GROUPS.items()
        if code not in present
    )


def ship_calendar() -> None:
    """Write the usual week, and the announced holidays of years for which no day is known."""
    stamps = {"created_at": now(), "updated_at": now()}
    if not WorkingDay.objects.exists():
        WorkingDay.objects.bulk_create(
            WorkingDay(weekday=weekday, hours=written_hours(USUAL.get(weekday, ())), **stamps) for weekday in Weekday
        )
    years = {day.year for day in SpecialDay.objects.values_list("day", flat=True)}
    SpecialDay.objects.bulk_create(
        SpecialDay(day=day, name=str(name), works_like=Weekday.MONDAY if works else None, **stamps)
        for day, (name, works) in sorted(announced_days().items())
        if day.year not in years
    )
    calendar.forget()  # type: ignore[attr-defined]


def ship_series() -> None:
    """Write how the numbers of each kind of record look, as far as nothing is said of them."""
    stamps = {"created_at": now(), "updated_at": now()}
    present = set(NumberSeries.objects.values_list("resource", flat=True))
    NumberSeries.objects.bulk_create(
        NumberSeries(resource=entity.name, **asdict(format_of(entity.name)), gapless=is_gapless(entity), **stamps)
        for entity in all_entities()
        if is_numbered(entity) and entity.name not in present
    )


def is_numbered(entity: Entity) -> bool:
    """Whether the records get numbers."""
    return bool(entity.number_field) or any(transition.number for transition in entity.transitions)


def is_gapless(entity: Entity) -> bool:
    """Whether no number is ever missing: it is taken when the document is issued, or can't be deleted."""
    return any(transition.number for transition in entity.transitions) or not entity.deletable


def ship_dictionaries() -> None:
    """Write the dictionaries that are missing."""
    stamps = {"created_at": now(), "updated_at": now()}
    present = set(Dictionary.objects.values_list("code", flat=True))
    for code, (name, entries) in DICTIONARIES.items():
        if code in present:
            continue
        dictionary = Dictionary.objects.create(code=code, name=str(name), **stamps)
        DictionaryEntry.objects.bulk_create(
            DictionaryEntry(dictionary=dictionary, position=place, code=code, label_zh=chinese, label_en=english)
            for place, (code, chinese, english) in enumerate(entries)
        )
