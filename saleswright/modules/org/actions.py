"""What changes people and the structure they stand in."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from itertools import chain, count
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.db.transaction import on_commit
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.fields import spec_of
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, access_changed, below
from saleswright.kernel.company import base_currency, company
from saleswright.kernel.dictionaries import is_used
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.hand_over import move_records
from saleswright.kernel.models import (
    ApiToken,
    DictionaryEntry,
    EmploymentState,
    ExchangeRate,
    NumberSeries,
    OwnedRecord,
    Role,
    RoleMembership,
    User,
    WorkingDay,
)
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Extra, all_resources
from saleswright.kernel.text import pinyin_of
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.worktime import calendar, read_hours, written_hours
from saleswright.modules.org import queries
from saleswright.modules.org.grants import is_not_the_last_administrator
from saleswright.modules.org.models import Post, PostHolding

USERNAME, WORKING_HOURS = spec_of(User, "username"), spec_of(WorkingDay, "hours")
WORKING = (EmploymentState.ON_TRIAL, EmploymentState.ACTIVE, EmploymentState.ON_LEAVE)


def rights_changed() -> None:
    """Every change of people or trees may change rights: profiles are read anew at once."""
    access_changed()


def check_tree(batch: Batch) -> None:
    """Refuse a parent that lies below the node itself."""
    moved = [draft for draft in batch.good if not draft.fresh and draft.changed("parent")]
    if not moved:
        return
    parents = dict(batch.resource.model.objects.values_list("id", "parent_id"))
    for draft in moved:
        if draft.record.parent_id in below(parents, draft.record.pk):
            draft.error("parent", "invalid", _("A branch can't be moved below itself."))


def check_rates(batch: Batch) -> None:
    """Currencies are three capital letters, and the base currency needs no rate."""
    for draft in batch.good:
        rate = draft.record
        rate.currency = rate.currency.upper()
        if not is_currency(rate.currency):
            draft.error("currency", "invalid", _("A currency has three letters, such as CNY."))
        elif rate.currency == base_currency():
            draft.error("currency", "invalid", _("The base currency is always worth 1."))


# --- the company ------------------------------------------------------------------------------------------------


def check_company(batch: Batch) -> None:
    """A time zone that exists, an approver who works here, and one base currency once there are amounts in it."""
    for draft in batch.good:
        record = draft.record
        record.currency = record.currency.upper()
        if record.time_zone not in queries.time_zones():
            draft.error("time_zone", "choice", _("This is not one of the choices."))
        if not is_currency(record.currency):
            draft.error("currency", "invalid", _("A currency has three letters, such as CNY."))
        elif draft.changed("currency") and has_amounts():
            draft.error("currency", "not_allowed", _("There are amounts in the base currency already."))
        approver = User.objects.filter(pk=record.approver_of_last_resort_id).first()
        if approver is not None and not approver.is_active:
            draft.error("approver_of_last_resort", "invalid", _("This person doesn't work here any more."))


def follow_company() -> None:
    """The profile, and with it the time zone of the calendar, holds at once."""
    forget_at_once(company)
    forget_at_once(calendar)


def has_amounts() -> bool:
    """Whether anything is valued in the base currency: a rate, or any amount of money of any record."""
    return ExchangeRate.objects.exists() or any(
        _holds_money(resource.model) for resource in all_resources() if not resource.amounts_are_limits
    )


def _holds_money(model: type[Any]) -> bool:
    condition = Q()
    for field in model._meta.concrete_fields:
        if isinstance(field, MoneyField):
            condition |= Q(**{f"{field.name}__isnull": False}) & ~Q(**{field.name: 0})
    return bool(condition) and model._default_manager.filter(condition).exists()


def is_currency(code: str) -> bool:
    """Whether it looks like a code of ISO 4217."""
    return len(code) == 3 and code.isascii() and code.isalpha()


def check_series(batch: Batch) -> None:
    """No two kinds of record have numbers that look the same."""
    used = {prefix.upper(): pk for pk, prefix in NumberSeries.objects.values_list("pk", "prefix")}
    for draft in batch.good:
        if used.get(draft.record.prefix.upper(), draft.record.pk) != draft.record.pk:
            draft.error("prefix", "duplicate", _("Another kind of record has this prefix."))


def check_dictionaries(batch: Batch) -> None:
    """Codes stand once in their dictionary, and those that records hold are neither taken out nor renamed."""
    for draft in batch.good:
        if "entries" not in draft.lines:
            continue
        before = dict(DictionaryEntry.objects.filter(dictionary_id=draft.record.pk).values_list("id", "code"))
        seen: set[str] = set()
        for line in draft.line_drafts["entries"]:
            place, entry = f"entries.{line.index}.code", line.record
            if entry.code.casefold() in seen:
                draft.error(place, "duplicate", _("“%(value)s” exists already.") % {"value": entry.code})
            seen.add(entry.code.casefold())
            old = before.pop(entry.pk, entry.code)
            if old != entry.code and is_used(draft.record.code, old):
                draft.error(place, "not_allowed", _("Records hold the code “%(code)s”.") % {"code": old})
        for code in before.values():
            if is_used(draft.record.code, code):
                text = _("Records hold the code “%(code)s”. It can only be taken off offer.")
                draft.error("entries", "not_allowed", text % {"code": code})


def check_limits(batch: Batch) -> None:
    """A state of a kind of record that has states, and an escalation that doesn't come before the limit."""
    known = {resource.name: resource for resource in queries.stateful()}
    for draft in batch.good:
        limit = draft.record
        if limit.resource not in known:
            draft.error("resource", "choice", _("This is not one of the choices."))
        elif limit.state not in (states := queries.states_of(known[limit.resource])):
            names = _(", ").join(f"{label} ({code})" for code, label in states.items())
            draft.error("state", "choice", _("The states of these records are: %(names)s") % {"names": names})
        if limit.escalation_minutes is not None and limit.escalation_minutes < limit.minutes:
            draft.error("escalation_minutes", "range", _("The manager is not told before the limit."))


def refuse_putting_away() -> None:
    """What every installation has once stays. Raises Conflict."""
    raise Conflict(_("This can be changed only."))


# --- working time -----------------------------------------------------------------------------------------------


def clean_hours(value: Any) -> str:
    """Working hours in one way of writing. Raises ValidationError."""
    text = WORKING_HOURS.clean(value)
    try:
        return written_hours(read_hours(text))
    except ValueError as error:
        raise ValidationError(str(error), code="invalid") from None


def check_week() -> None:
    """Refuse a week without any working hours: no limit would ever be reached."""
    if not WorkingDay.objects.exclude(hours="").exists():
        raise ValidationFailed.of("hours", "required", _("The company must work on some day of the week."))


def follow_calendar() -> None:
    """Limits are counted by the new calendar at once."""
    forget_at_once(calendar)


def forget_at_once(kept: Any) -> None:
    """Drop what this process keeps, for this transaction and for those that begin after it."""
    kept.forget()
    on_commit(kept.forget)


# --- people -----------------------------------------------------------------------------------------------------


def check_bodies(batch: Batch) -> None:
    """Nobody is twice a member of the same body."""
    for draft in batch.good:
        seen: set[int] = set()
        for line in draft.line_drafts.get("members", ()):
            if line.record.member_id in seen:
                draft.error(f"members.{line.index}.member", "duplicate", _("This person is a member already."))
            seen.add(line.record.member_id)


def check_employees(batch: Batch) -> None:
    """Files may leave out sign-in names, nobody is their own manager, leaving lies after hiring."""
    _name_people(batch)
    for draft in batch.good:
        user = draft.record
        if draft.fresh and not user.password:
            user.set_unusable_password()
        if user.manager_id and user.manager_id == user.pk:
            draft.error("manager", "invalid", _("Nobody is their own manager."))
        if user.hired_on and user.left_on and user.left_on < user.hired_on:
            draft.error("left_on", "order", _("The end lies before the start."))
    _refuse_rings(batch)


def clean_username(value: Any) -> str:
    """A sign-in name, or "" for none; `check_employees` says who needs one."""
    return "" if value in (None, "") else USERNAME.clean(value)


def _name_people(batch: Batch) -> None:
    """Who comes from a file without a sign-in name gets one made of the name: Moses Frase is moses.frase, 李雷 lilei.

    Where that is taken, a number follows.
    """
    nameless = [draft for draft in batch.good if not draft.record.username]
    for draft in nameless:
        if draft.row is None or not draft.fresh:
            draft.error("username", "required", _("This field is required."))
    nameless = [draft for draft in nameless if not draft.errors]
    if not nameless:
        return
    taken = {name.lower() for name in User.objects.values_list("username", flat=True)}
    taken |= {draft.record.username.lower() for draft in batch.drafts}
    for draft in nameless:
        name = sign_in_name(draft.record.name)
        choices = (f"{name}{number}" if number else name for number in chain([0], count(2)))
        draft.record.username = next(choice for choice in choices if choice not in taken)
        taken.add(draft.record.username)


def sign_in_name(name: str) -> str:
    """A sign-in name for a person: Latin words joined by dots, Chinese in pinyin."""
    words = (unicodedata.normalize("NFKD", pinyin_of(word)) for word in name.split())
    plain = (re.sub("[^a-z0-9-]", "", word) for word in words)
    return ".".join(word for word in plain if word)[:90] or "user"


def _refuse_rings(batch: Batch) -> None:
    changed = [d for d in batch.good if not d.fresh and d.changed("manager") and d.record.manager_id]
    if not changed:
        return
    managers = dict(User.objects.values_list("id", "manager_id"))
    for draft in changed:
        if draft.record.manager_id in below(managers, draft.record.pk):
            draft.error("manager", "invalid", _("The manager reports to this person."))


def follow_people(batch: Batch) -> None:
    """Rights are read anew, and the records of who moved to another department or region go along.

    Their past figures stay with the department and region of their date.
    """
    access_changed()
    moved = [d for d in batch.drafts if not d.fresh and (d.changed("department") or d.changed("region"))]
    if moved:
        people = {draft.record.pk: draft.record for draft in moved}
        regions = {draft.record.pk: draft.before["region_id"] for draft in moved}
        move_records(people, regions, batch.at, note=not batch.history)


# --- what is written with a person besides columns -------------------------------------------------------------


def _clean_password(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise ValidationError(_("Enter text."), code="invalid")
    validate_password(value)
    return make_password(value)


def _save_passwords(given: list[tuple[Any, str | None]], batch: Batch) -> None:
    for user, password in given:
        if password:
            User.objects.filter(pk=user.pk).update(password=password)


def _clean_roles(value: Any) -> list[int]:
    codes = value.replace("，", ",").split(",") if isinstance(value, str) else value or []
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise ValidationError(_("Give a list of role codes."), code="invalid")
    codes = [code.strip() for code in codes if code.strip()]
    found = dict(Role.objects.filter(archived_at=None, code__in=codes).values_list("code", "id"))
    if unknown := [code for code in codes if code not in found]:
        raise ValidationError(_("There is no role “%s”.") % unknown[0], code="not_found")
    return sorted(set(found.values()))


def _save_roles(given: list[tuple[Any, list[int]]], batch: Batch) -> None:
    RoleMembership.objects.filter(user_id__in=[user.pk for user, _ids in given]).delete()
    RoleMembership.objects.bulk_create(
        RoleMembership(user_id=user.pk, role_id=role_id) for user, ids in given for role_id in ids
    )


def _clean_posts(value: Any) -> list[int]:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in value):
        raise ValidationError(_("Give a list of ids."), code="invalid")
    ids = list(dict.fromkeys(value))
    if Post.objects.filter(pk__in=[i for i in ids if 0 < i < 2**63], archived_at=None).count() != len(ids):
        raise ValidationError(_("There is no such post."), code="not_found")
    return ids


def _save_posts(given: list[tuple[Any, list[int]]], batch: Batch) -> None:
    """The first is the main post; posts no longer named end today and stay as history."""
    day = clock.local_date(batch.at)
    for user, ids in given:
        held = {holding.post_id: holding for holding in PostHolding.objects.filter(user=user, until=None)}
        for post_id, holding in held.items():
            wanted = post_id in ids
            if not wanted or holding.main != (post_id == ids[0]):
                holding.until = max(day, holding.since)
                holding.save(update_fields=["until"])
        PostHolding.objects.bulk_create(
            PostHolding(user=user, post_id=post_id, main=place == 0, since=day)
            for place, post_id in enumerate(ids)
            if post_id not in held or held[post_id].until is not None
        )


PASSWORD = Extra(
    "password", gettext_lazy("Password"), _clean_password, _save_passwords, {"type": "string", "writeOnly": True}
)
ROLES = Extra(
    "roles", gettext_lazy("Roles"), _clean_roles, _save_roles, {"type": "array", "items": {"type": "string"}},
    choices=lambda: list(Role.objects.filter(archived_at=None).values_list("code", "name")),
    read=queries.role_codes_of,
)  # fmt: skip
POSTS = Extra(
    "post_ids", gettext_lazy("Posts"), _clean_posts, _save_posts, {"type": "array", "items": {"type": "integer"}},
    to="posts",
    read=lambda ids: {pk: [post["id"] for post in held] for pk, held in queries.posts_of(ids).items()},
)  # fmt: skip


# --- states of employment --------------------------------------------------------------------------------------


def owns_nothing(user: User) -> Text | None:
    """Who leaves must first have handed over what they own."""
    for resource in all_resources():
        if issubclass(resource.model, OwnedRecord) and not resource.personal:
            count = resource.model._default_manager.filter(owner_id=user.pk, archived_at=None).count()
            if count:
                text = _("%(count)d records (%(what)s) must be handed over first.")
                return text % {"count": count, "what": resource.label_plural}
    return None


@transition(
    "employees", "confirm", label=gettext_lazy("Confirm after trial"),
    source=[EmploymentState.ON_TRIAL], target=EmploymentState.ACTIVE, style="success",
)  # fmt: skip
def confirm_employee(user: User, *, actor: Actor, at: datetime) -> None:
    """The trial period is passed."""


@transition(
    "employees", "start-leave", label=gettext_lazy("Start leave"),
    source=[EmploymentState.ACTIVE, EmploymentState.ON_TRIAL], target=EmploymentState.ON_LEAVE,
)  # fmt: skip
def start_leave(user: User, *, actor: Actor, at: datetime) -> None:
    """The person is away for a longer time."""


@transition(
    "employees", "end-leave", label=gettext_lazy("End leave"),
    source=[EmploymentState.ON_LEAVE], target=EmploymentState.ACTIVE,
)  # fmt: skip
def end_leave(user: User, *, actor: Actor, at: datetime) -> None:
    """The person is back."""


@transition(
    "employees", "leave", label=gettext_lazy("Leave the company"), source=WORKING, target=EmploymentState.LEFT,
    guards=(owns_nothing, is_not_the_last_administrator), style="danger",
    args=(Arg("left_on", gettext_lazy("Last day"), "date", required=False),),
)  # fmt: skip
def leave_company(user: User, *, actor: Actor, at: datetime, left_on: date | None) -> None:
    """The person leaves: sign-in and tokens end at once."""
    user.left_on = left_on or clock.local_date(at)
    ApiToken.objects.filter(user=user, ended_at=None).update(ended_at=at)
    access_changed()
