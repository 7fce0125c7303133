"""What a write does with custom fields: clean, complete, and check against what is there.

The object of a record is replaced, never changed in place: the snapshot from before shares it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from saleswright.kernel.cleaning import error_code
from saleswright.kernel.custom_fields import CHOOSING, REFERRING, CustomDefinition, fields_of, index_name
from saleswright.kernel.custom_making import making_now, name_within
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import ValidationFailed


def set_custom(draft: Draft, one: CustomDefinition, given: Any, named: str = "") -> None:
    """Clean the value and put it into the record; nothing takes the field out. Refusals call the field `named`."""
    named = named or one.name
    held = draft.record.custom or {}
    try:
        value = one.clean(given)
        stored = None if value is None else one.store(value)
        _check_offered(one, stored, held.get(one.code))
    except ValidationError as problem:
        for error in problem.error_list:
            draft.error(named, error_code(error), " ".join(error.messages))
        return
    if stored is None and one.required:
        draft.error(named, "required", _("This field is required."))
        return
    rest = {code: other for code, other in held.items() if code != one.code}
    draft.record.custom = rest if stored is None else rest | {one.code: stored}


def _check_offered(one: CustomDefinition, stored: Any, held: Any) -> None:
    """A choice that is no longer offered stays where it is, but is not chosen anew."""
    if one.kind not in CHOOSING or stored is None:
        return
    before = held if isinstance(held, list) else [held]
    for code in stored if isinstance(stored, list) else [stored]:
        if not one.labels[code].active and code not in before:
            shown = {"value": one.labels[code].label}
            raise ValidationError(_("“%(value)s” is not one of the choices.") % shown, code="invalid_choice")


def complete_custom(batch: Batch, draft: Draft, fields: Iterable[CustomDefinition]) -> None:
    """Give a new record the defaults of fields that were not given, and ask for the required ones.

    History may lack what was not required when it happened, nobody is asked for what they may not set, and a job has
    nobody to ask.
    """
    if not draft.fresh or batch.history:
        return
    now = making_now()
    held = now.held.get(batch.resource.name, {})
    for one in fields:
        if one.name in draft.values:
            continue
        sets, named = not one.right or batch.actor.sees(one.right), now.name_of(one)
        if sets and now.given.get(name_within(one)) is not None:
            set_custom(draft, one, now.given[name_within(one)], named)
        elif one.code in held and not one.unique:
            draft.record.custom = {**(draft.record.custom or {}), one.code: held[one.code]}
        elif one.default_text or (one.required and sets and batch.actor.kind != "system"):
            set_custom(draft, one, one.default(), named)


def changed_references(draft: Draft, resource: str) -> Iterator[tuple[CustomDefinition, int]]:
    """The records that custom fields of the draft refer to anew."""
    before = draft.before.get("custom") or {}
    for one in fields_of(resource):
        if one.kind in REFERRING:
            value = draft.record.custom.get(one.code)
            if value is not None and value != before.get(one.code):
                yield one, value


def check_unique_custom(batch: Batch) -> None:
    """Refuse values of unique fields that are taken, in the database or twice in the batch: one query a field."""
    for one in fields_of(batch.resource.name):
        if not one.unique:
            continue
        keys: dict[Any, list[Draft]] = {}
        for draft in batch.good:
            value = draft.record.custom.get(one.code)
            if value is not None and value != (draft.before.get("custom") or {}).get(one.code):
                keys.setdefault(value, []).append(draft)
        if not keys:
            continue
        rows = batch.resource.model._default_manager.filter(**{f"{one.attname}__in": list(keys)})
        taken = {held: pk for pk, held in rows.values_list("pk", one.attname)}
        for value, drafts in keys.items():
            for place, draft in enumerate(drafts):
                if place or taken.get(value, draft.pk) != draft.pk:
                    draft.error(
                        making_now().name_of(one), "duplicate", _("“%(value)s” exists already.") % {"value": value}
                    )


def taken_at_once(error: IntegrityError, resource: str) -> ValidationFailed | None:
    """The refusal of a unique value that somebody else wrote at the same moment; None if it was another rule."""
    for one in fields_of(resource):
        if one.unique and index_name(one, unique=True) in str(error):
            return ValidationFailed.of(making_now().name_of(one), "duplicate", _("This value exists already."))
    return None
