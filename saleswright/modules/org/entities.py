"""Departments, regions, posts and employees as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Attached, Entity, Exchange, Related, Section, register
from saleswright.kernel.models import Department, ExchangeRate, Region, Role, User
from saleswright.modules.org import actions, queries
from saleswright.modules.org.models import Post


class Tree(Entity):
    """What departments and regions have in common."""

    icon = "sitemap"
    search = ("name",)
    columns = ("name", "parent", "updated_at")
    sortable = ("name",)
    filters = ("name", "parent")
    form = (Section(_("Place in the tree"), ("name", "parent")),)
    exchange = Exchange(key="name", fields=("name", "parent__name"))

    def prepare(self, batch: Any) -> None:
        actions.check_tree(batch)

    def saved(self, batch: Any) -> None:
        actions.rights_changed()


@register
class DepartmentEntity(Tree):
    """The department tree."""

    name, model = "departments", Department
    related = (Related("employees", "department"), Related("departments", "parent"))


@register
class RegionEntity(Tree):
    """The tree of sales territories."""

    name, model = "regions", Region
    icon = "map-pin"
    related = (Related("employees", "region"), Related("regions", "parent"))


@register
class PostEntity(Entity):
    """Posts 岗位."""

    name, model = "posts", Post
    icon = "id-badge"
    search = ("title",)
    columns = ("title", "responsibilities")
    sortable = ("title",)
    filters = ("title",)
    form = (Section(_("Post"), ("title", "responsibilities", "permissions", "steps")),)
    exchange = Exchange(key="title")


@register
class EmployeeEntity(Entity):
    """People who work here."""

    name, model = "employees", User
    label, label_plural = _("Employee"), _("Employees")
    icon = "users"
    search = ("name", "username", "email", "phone")
    secret = {"phone": "phone"}
    state_field = "state"
    columns = ("name", "username", "department", "region", "manager", "state")
    sortable = ("name", "username")
    filters = ("department", "region", "manager", "state", "username", "name")
    form = (
        Section(_("Person"), ("name", "username", "password", "email", "phone")),
        Section(_("Place in the company"), ("department", "region", "manager", "roles", "post_ids")),
        Section(_("Employment"), ("hired_on", "left_on")),
    )
    private = ("theme",)
    extra = (actions.PASSWORD, actions.ROLES, actions.POSTS)
    attached = (
        Attached("roles", _("Roles"), queries.role_codes_of, {"type": "array", "items": {"type": "string"}}),
        Attached(
            "posts", _("Posts"), queries.posts_of, {"type": "array", "items": {"$ref": "#/components/schemas/Ref"}}
        ),
    )
    transitions = (actions.confirm_employee, actions.start_leave, actions.end_leave, actions.leave_company)
    related = (Related("employees", "manager", label=_("Direct reports")),)
    exchange = Exchange(
        key="username",
        fields=("username", "name", "email", "phone", "department__name", "region__name", "manager__username",
                "hired_on", "left_on", "state", "roles", "password"),
        synonyms={"name": ("sales_agent", "姓名")},
    )  # fmt: skip
    history_fields = ("state",)
    cleaners = {"username": actions.clean_username}

    def prepare(self, batch: Any) -> None:
        actions.check_employees(batch)

    def saved(self, batch: Any) -> None:
        actions.follow_people(batch)


@register
class RoleEntity(Entity):
    """The roles that people can hold; their grants are one table (docs/roles.md)."""

    name, model = "roles", Role
    icon = "shield-check"
    search = ("name", "code")
    columns = ("name", "code")
    sortable = ("code",)
    filters = ("code",)
    form = (Section(_("Role"), ("name", "code")),)
    creatable = editable = deletable = False


@register
class ExchangeRateEntity(Entity):
    """What a foreign currency is worth, from a day on."""

    name, model = "exchange-rates", ExchangeRate
    icon = "arrows-exchange"
    columns = ("currency", "valid_from", "rate")
    filters = ("currency",)
    form = (Section(_("Rate"), ("currency", "valid_from", "rate")),)
    exchange = Exchange(key="currency")

    def prepare(self, batch: Any) -> None:
        actions.check_rates(batch)
