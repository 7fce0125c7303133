"""Departments, regions, posts and employees as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Attached, Calendar, Entity, Exchange, Related, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel import dictionaries, masks, state_limits
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.models import (
    Company,
    CustomChoice,
    CustomField,
    DataGroup,
    Department,
    Dictionary,
    DictionaryEntry,
    ExchangeRate,
    NumberSeries,
    Region,
    Role,
    SpecialDay,
    StateLimit,
    User,
    WorkingDay,
)
from saleswright.kernel.personal import Basis, Personal, settings_of_groups
from saleswright.kernel.resources import Lines, Masked
from saleswright.modules.org import actions, custom, grants, queries
from saleswright.modules.org.models import Body, BodyMember, Post


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
class BodyEntity(Entity):
    """Standing groups 组织 with members, duties and a chair."""

    name, model = "bodies", Body
    icon = "users-group"
    search = ("name",)
    columns = ("name", "chair", "duties", "updated_at")
    sortable = ("name",)
    filters = ("name", "chair")
    form = (Section(_("Body"), ("name", "chair", "duties")),)
    lines = (Lines("members", BodyMember, "body", _("Members"), ("member", "duty"), required=False),)
    exchange = Exchange(key="name", fields=("name", "chair__username", "duties"))

    def prepare(self, batch: Any) -> None:
        actions.check_bodies(batch)


@register
class EmployeeEntity(Entity):
    """People who work here."""

    name, model = "employees", User
    label, label_plural = _("Employee"), _("Employees")
    icon = "users"
    search = ("name", "username", "email", "phone")
    secret = {"phone": Masked("phone", masks.phone)}
    personal_data = {
        "name": Personal("employees", _("To name who did what"), Basis.LABOUR, "name"),
        "username": Personal("employees", _("To sign in, and to say who did what"), Basis.LABOUR, "kept"),
        "email": Personal("employees", _("To write to colleagues"), Basis.LABOUR),
        "phone": Personal("employees", _("To call colleagues"), Basis.LABOUR),
        "hired_on": Personal("employees", _("Labour records"), Basis.DUTY, "kept"),
        "left_on": Personal("employees", _("Labour records"), Basis.DUTY, "kept"),
    }
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
        Attached(
            "roles",
            _("Roles"),
            queries.role_codes_of,
            {"type": "array", "items": {"type": "string"}},
            names=queries.role_names,
        ),
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
        grants.check_powers(batch)

    def saved(self, batch: Any) -> None:
        actions.follow_people(batch)

    def put_away(self, record: Any, actor: Actor) -> None:
        grants.follow_person_put_away(record)

    def before_delete(self, record: Any, actor: Actor) -> None:
        grants.before_person_delete(record)


@register
class RoleEntity(Entity):
    """The roles that people can hold; the rights of the shipped ones are one table (docs/roles.md)."""

    name, model = "roles", Role
    icon = "shield-check"
    search = ("name", "code")
    columns = ("name", "code", "shipped", "updated_at")
    sortable = ("code",)
    filters = ("code",)
    form = (Section(_("Role"), ("name", "code")),)
    detail = (Section(_("Role"), ("name", "code", "shipped")),)
    extra = (grants.GRANTS,)
    attached = (
        Attached(
            "grants", _("Rights"), queries.grants_of, {"type": "object", "additionalProperties": {"type": "string"}},
            default=dict, detail_only=True,
        ),
    )  # fmt: skip
    transitions = (grants.copy_role, grants.reset_role)
    panels = ("/roles/{pk}/rights",)

    def prepare(self, batch: Any) -> None:
        grants.check_roles(batch)

    def saved(self, batch: Any) -> None:
        actions.rights_changed()

    def put_away(self, record: Any, actor: Actor) -> None:
        grants.follow_role_put_away(record, actor)

    def before_delete(self, record: Any, actor: Actor) -> None:
        grants.before_role_delete(record, actor)


@register
class ExchangeRateEntity(Entity):
    """What a foreign currency is worth, from a day on."""

    name, model = "exchange-rates", ExchangeRate
    icon = "arrows-exchange"
    columns = ("currency", "valid_from", "rate")
    filters = ("currency",)
    empty_text = _("No rates yet. Enter one for each foreign currency, or import a list: currency, valid from, rate.")
    form = (Section(_("Rate"), ("currency", "valid_from", "rate")),)
    exchange = Exchange(key="currency,valid_from")

    def prepare(self, batch: Any) -> None:
        actions.check_rates(batch)


class Standing(Entity):
    """What every installation has from the start: it is changed, never made, deleted or put away."""

    creatable = deletable = archivable = False

    def put_away(self, record: Any, actor: Actor) -> None:
        actions.refuse_putting_away()


@register
class CompanyEntity(Standing):
    """The company itself."""

    name, model = "company", Company
    icon = "building-skyscraper"
    columns = ("name", "credit_code", "time_zone", "currency")
    form = (
        Section(_("Company"), ("name", "address", "phone")),
        Section(_("Invoicing"), ("credit_code", "bank", "bank_account")),
        Section(_("Time and money"), ("time_zone", "currency", "fiscal_year_start")),
        Section(_("Approvals"), ("approver_of_last_resort",)),
    )
    not_personal = ("address", "phone", "bank", "bank_account")
    shown = (Shown("time_zone", names=queries.time_zones),)

    def prepare(self, batch: Any) -> None:
        actions.check_company(batch)

    def saved(self, batch: Any) -> None:
        actions.follow_company()


@register
class NumberSeriesEntity(Standing):
    """How numbers look; a changed series goes on counting, so that no number comes twice."""

    name, model = "number-series", NumberSeries
    icon = "list-numbers"
    columns = ("resource", "prefix", "date_format", "digits", "gapless")
    ordering = "resource"
    sortable = ("resource",)
    filters = ("resource",)
    form = (Section(_("Numbers"), ("prefix", "date_format", "digits")),)
    detail = (Section(_("Numbers"), ("resource", "prefix", "date_format", "digits", "gapless")),)
    shown = (Shown("resource", names=queries.resource_names),)
    attached = (Attached("next_number", _("Next number"), queries.next_numbers_of, {"type": "string"}, default=str),)

    def prepare(self, batch: Any) -> None:
        actions.check_series(batch)

    def label_of(self, record: NumberSeries) -> str:
        return str(queries.resource_names().get(record.resource, record.resource))


@register
class WorkingHoursEntity(Standing):
    """When the company works on each day of the week."""

    name, model = "working-hours", WorkingDay
    icon = "clock"
    columns = ("weekday", "hours", "updated_at")
    sortable = ("weekday",)
    filters = ("weekday",)
    ordering = "weekday"
    form = (Section(_("Working hours"), ("hours",)),)
    detail = (Section(_("Working hours"), ("weekday", "hours")),)
    cleaners = {"hours": actions.clean_hours}

    def saved(self, batch: Any) -> None:
        actions.check_week()
        actions.follow_calendar()


@register
class SpecialDayEntity(Entity):
    """Public holidays and the days made up for them."""

    name, model = "special-days", SpecialDay
    icon = "calendar-event"
    search = ("name",)
    columns = ("day", "name", "works_like")
    sortable = ("day",)
    filters = ("day",)
    ordering = "-day"
    form = (Section(_("Day"), ("day", "name", "works_like")),)
    calendar = Calendar(by="day", title="name")
    exchange = Exchange(key="day")

    def saved(self, batch: Any) -> None:
        actions.follow_calendar()

    def put_away(self, record: Any, actor: Actor) -> None:
        actions.follow_calendar()


@register
class DictionaryEntity(Standing):
    """The choices of fields: codes with their labels, in their order."""

    name, model = "dictionaries", Dictionary
    icon = "list-check"
    search = ("name", "code")
    columns = ("name", "code", "closed", "updated_at")
    sortable = ("code",)
    filters = ("code",)
    form = (Section(_("Dictionary"), ("name", "closed")),)
    detail = (Section(_("Dictionary"), ("name", "code", "closed")),)
    lines = (
        Lines(
            "entries", DictionaryEntry, "dictionary", _("Choices"), ("code", "label_zh", "label_en", "active"),
            required=False,
        ),
    )  # fmt: skip

    def prepare(self, batch: Any) -> None:
        actions.check_dictionaries(batch)

    def saved(self, batch: Any) -> None:
        actions.forget_at_once(dictionaries.shelf)


@register
class StateLimitEntity(Entity):
    """How long records may stay in a state."""

    name, model = "state-limits", StateLimit
    icon = "hourglass"
    columns = ("resource", "state", "minutes", "tell_owner", "escalation_minutes")
    filters = ("resource",)
    form = (
        Section(_("State"), ("resource", "state", "minutes")),
        Section(_("When it is over"), ("tell_owner", "escalation_minutes")),
    )
    shown = (Shown("resource", names=queries.stateful_names), Shown("state", names=queries.state_names))

    def prepare(self, batch: Any) -> None:
        actions.check_limits(batch)

    def saved(self, batch: Any) -> None:
        actions.forget_at_once(state_limits.limits)

    def put_away(self, record: Any, actor: Actor) -> None:
        actions.forget_at_once(state_limits.limits)

    def label_of(self, record: StateLimit) -> str:
        resource = queries.stateful_names().get(record.resource, record.resource)
        return f"{resource} · {queries.state_names().get(record.state, record.state)}"


@register
class CustomFieldEntity(Entity):
    """Fields that the company adds to its kinds of record."""

    name, model = "custom-fields", CustomField
    icon = "forms"
    search = ("label_zh", "label_en", "code")
    columns = ("label_zh", "resource", "code", "kind", "required", "right", "indexed")
    sortable = ("resource",)
    filters = ("resource",)
    ordering = "resource"
    form = (
        Section(_("Field"), ("resource", "code", "kind", "target", "label_zh", "label_en", "help", "position")),
        Section(_("Rules"), ("required", "unique", "default", "minimum", "maximum", "right", "searchable")),
    )
    detail = (
        Section(_("Field"), ("resource", "code", "kind", "target", "label_en", "help", "position")),
        Section(_("Rules"), ("required", "unique", "default", "minimum", "maximum", "right", "searchable", "indexed")),
    )
    lines = (
        Lines(
            "choices", CustomChoice, "field", _("Choices"), ("code", "label_zh", "label_en", "active"), required=False
        ),
    )
    shown = (Shown("resource", names=custom.extensible), Shown("target", names=custom.extensible))

    def prepare(self, batch: Any) -> None:
        custom.check_fields(batch)

    def saved(self, batch: Any) -> None:
        custom.follow_fields(batch)

    def put_away(self, record: Any, actor: Actor) -> None:
        custom.follow_putting_away(record)

    def before_delete(self, record: Any, actor: Actor) -> None:
        custom.before_delete(record, actor)


@register
class DataGroupEntity(Standing):
    """What the company decides for each group of personal data: masked or not, kept for how long."""

    name, model = "data-groups", DataGroup
    icon = "lock"
    columns = ("code", "masked", "months")
    ordering = "code"
    sortable = filters = ("code",)
    form = (Section(_("Personal data"), ("masked", "months")),)
    detail = (Section(_("Personal data"), ("code", "masked", "months")),)
    shown = (Shown("code", names=queries.data_groups),)

    def saved(self, batch: Any) -> None:
        actions.forget_at_once(settings_of_groups)

    def label_of(self, record: DataGroup) -> str:
        return str(queries.data_groups().get(record.code, record.code))


choose_from("currencies", "exchange-rates", "currency")
choose_from("currencies", "company", "currency")
