"""The shipped roles: one table role x resource x scope (docs/roles.md is made from it)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from saleswright.kernel.access.actors import Scope, access_changed
from saleswright.kernel.clock import now
from saleswright.kernel.models import Grant, Role

OWN, DEPARTMENT, TREE, REGION, ALL = Scope
Grants = dict[str, Scope]

#: what is sold and how it moves: scope follows the owner
SALES = ("customers", "contacts", "leads", "opportunities", "activities", "quotes", "contracts", "orders")
AFTER_SALES = ("tickets", "callbacks")
#: catalogues that everyone who works here may look up
LOOK_UP = (
    "departments", "regions", "posts", "employees", "product-categories", "products", "price-lists", "pipelines",
    "stages", "loss-reasons", "lead-sources", "competitors", "campaigns", "discount-authorities", "service-levels",
    "callback-plans", "exchange-rates", "roles",
)  # fmt: skip


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
    "approval-tasks.view": OWN,
    "notifications.view": OWN,
    "notifications.read": OWN,
    "saved-views.*": OWN,
}


def sales_person(scope: Scope) -> Grants:
    """Someone who sells, or leads people who do, within the scope."""
    return EVERYONE | every(SALES, "*", scope) | every(("deliveries", "invoices", "receipts"), "view", scope) | {
        "collection-plans.*": scope,
        "tickets.view": scope,
        "tickets.create": ALL,
        "callbacks.view": scope,
        "targets.view": scope,
        "reports.view": ALL,
        "fields.phone": ALL,
    }  # fmt: skip


def sales_lead(scope: Scope) -> Grants:
    """A manager: also targets and the tasks of the team."""
    return sales_person(scope) | {"targets.*": scope, "tasks.*": scope, "receipts.view": scope}


READER: Grants = every((*SALES, "deliveries", "invoices", "collection-plans", "receipts"), "view", ALL)

ROLES: dict[str, tuple[object, Grants]] = {
    "administrator": (_("Administrator"), {"*": ALL}),
    "sales_director": (
        _("Sales director"),
        sales_lead(ALL) | {"price-lists.*": ALL, "fields.cost": ALL, "approvals.view": ALL},
    ),
    "regional_manager": (_("Regional manager"), sales_lead(REGION)),
    "sales_manager": (_("Sales manager"), sales_lead(TREE)),
    "sales_representative": (_("Sales representative"), sales_person(OWN)),
    "sales_operations": (
        _("Sales operations"),
        sales_lead(ALL)
        | every(LOOK_UP, "*", ALL)
        | {"deliveries.*": ALL, "approvals.view": ALL, "audit.view": ALL, "jobs.view": ALL},
    ),
    "finance": (
        _("Finance"),
        EVERYONE | READER | every(("invoices", "collection-plans", "receipts", "exchange-rates"), "*", ALL)
        | {"orders.create-invoice": ALL, "contracts.export": ALL, "orders.export": ALL, "orders.release": ALL,
           "customers.export": ALL, "reports.view": ALL, "fields.cost": ALL, "fields.phone": ALL, "fields.bank": ALL},
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
        EVERYONE | every(AFTER_SALES, "*", ALL)
        | {"customers.view": ALL, "contacts.view": ALL, "orders.view": ALL, "deliveries.view": ALL,
           "activities.*": TREE, "fields.phone": ALL, "tasks.*": TREE, "reports.view": ALL,
           "service-levels.*": ALL, "callback-plans.*": ALL},
    ),
    "hr": (
        _("Human resources"),
        EVERYONE | every(("employees", "posts", "departments"), "*", ALL) | {"fields.phone": ALL},
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
           "price-lists.view": ALL, "pipelines.view": ALL, "stages.view": ALL, "saved-views.*": OWN},
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
    """Write the shipped roles where they are missing; roles that were edited are left as they are."""
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
