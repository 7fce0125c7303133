"""The one path of plain edits: validation, rights, duplicates, insert or update, audit, events, search.

`save_record(x)` is `save_records([x])`; a thousand rows cost as many statements as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import HOLDER, fetch, is_within_reach, owner_within, visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.bulk import insert_many, insert_records, update_row
from saleswright.kernel.cleaning import Clean, error_code
from saleswright.kernel.columns import (
    HIDDEN_VALUES,
    HISTORY_STAMPS,
    STAMPS,
    attname_of,
    attnames,
    diff,
    line_snapshot,
    model_cleaners,
    references,
    required_fields,
    snapshot,
    unique_sets,
)
from saleswright.kernel.custom_fields import expanded, fields_of
from saleswright.kernel.custom_writes import (
    changed_references,
    check_unique_custom,
    complete_custom,
    set_custom,
    taken_at_once,
)
from saleswright.kernel.dictionaries import check_choices
from saleswright.kernel.drafts import Batch, Draft, LineDraft, Saved
from saleswright.kernel.errors import Conflict, Stale, Text, ValidationFailed
from saleswright.kernel.events import Occasion
from saleswright.kernel.masks import Mask, is_masked
from saleswright.kernel.merging.names import merged_into, survivors
from saleswright.kernel.models import Collaborator, OutboxEvent, Record, User
from saleswright.kernel.numbering import take_numbers
from saleswright.kernel.past_holders import note_changes
from saleswright.kernel.ports import ports
from saleswright.kernel.reading import read_records, read_values
from saleswright.kernel.resources import Lines, Resource, all_resources, has_resource, resource_of
from saleswright.kernel.search import forget_record, index_records
from saleswright.kernel.transactions import atomic


def save_record(
    model: type[Any],
    values: Mapping[str, Any],
    *,
    actor: Actor,
    pk: int | None = None,
    lines: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    version: int | None = None,
    at: datetime | None = None,
    history: bool = False,
) -> Any:
    """Create a record, or change record `pk`, and return it.

    Raises ValidationFailed, NotAllowed, NotFound, Conflict (its state forbids editing) or Stale.
    """
    draft = Draft(
        dict(values), pk=pk, version=version, lines={k: [dict(r) for r in rows] for k, rows in (lines or {}).items()}
    )
    save_records(model, [draft], actor=actor, at=at, history=history)
    return draft.record


def save_records(
    model: type[Any],
    drafts: Sequence[Draft],
    *,
    actor: Actor,
    at: datetime | None = None,
    skip_bad: bool = False,
    history: bool = False,
) -> Saved:
    """Save many records of one kind in one transaction with a constant number of statements.

    With `skip_bad` the good ones are saved and the others come back with their errors; otherwise any error
    raises ValidationFailed and nothing is written. `history` allows states and dates of the past (imports).
    """
    resource = resource_of(model)
    batch = Batch(resource, list(drafts), actor, at or clock.now(), history)
    with atomic():
        _open(batch, skip_bad)
        _fill(batch)
        _own(batch)
        check_choices(batch)
        resource.prepare(batch)
        _check_references(batch)
        _follow_merged(batch)
        _check_unique(batch)
        check_unique_custom(batch)
        bad = [draft for draft in batch.drafts if draft.errors]
        if bad and not skip_bad:
            raise ValidationFailed([error for draft in bad for error in draft.errors])
        batch.drafts = batch.good
        try:
            _write(batch)
        except IntegrityError as error:
            raise taken_at_once(error, resource.name) or error from None
        resource.saved(batch)
    return Saved(batch.drafts, bad)


# --- before the write ------------------------------------------------------------------------------------------


def _open(batch: Batch, skip_bad: bool) -> None:
    """Check the permission and make or lock the records."""
    resource, actor = batch.resource, batch.actor
    if any(draft.fresh for draft in batch.drafts):
        actor.require(f"{resource.name}.create")
    changed = {draft.pk: draft for draft in batch.drafts if draft.pk is not None}
    found: dict[int, Any] = {}
    if changed:
        actor.require(f"{resource.name}.edit")
        rows = resource.model._default_manager.filter(pk__in=list(changed))
        list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
        found = visible(rows, actor, "edit").in_bulk()
    for draft in batch.drafts:
        if draft.fresh:
            draft.record = resource.model()
            continue
        draft.record = found.get(draft.pk)  # type: ignore[arg-type]
        if draft.record is None:
            if len(batch.drafts) == 1:
                fetch(resource.model, draft.pk, actor=actor, action="edit")
            draft.record = resource.model()
            draft.error("id", "not_found", _("There is no such record."))
            continue
        draft.before = snapshot(draft.record)
        if draft.version is not None and draft.version != draft.record.version:
            raise Stale
        if draft.record.archived_at is not None:
            refusal: Text | None = _("The record is archived. Restore it first.")
        else:
            refusal = resource.edit_refusal(draft.record)
        if refusal and not skip_bad:
            raise Conflict(refusal)
        if refusal:
            draft.error("", "conflict", refusal)
    if changed:
        _open_lines(batch)


def _open_lines(batch: Batch) -> None:
    """Read the present lines of the documents that get new ones."""
    for spec in batch.resource.lines:
        owners = {draft.pk: draft for draft in batch.drafts if draft.pk is not None and spec.name in draft.lines}
        if not owners:
            continue
        rows = spec.model._default_manager.filter(**{f"{spec.parent}__in": list(owners)}).order_by("position", "id")
        for row in rows:
            draft = owners[getattr(row, f"{spec.parent}_id")]
            draft.line_drafts.setdefault(spec.name, []).append(LineDraft({}, -1, row, fresh=False))
            draft.lines_before.setdefault(spec.name, []).append(line_snapshot(spec, row))


def _fill(batch: Batch) -> None:
    """Clean every given value and set it; for new records also the fields that were not given."""
    resource = batch.resource
    cleaners = model_cleaners(resource.model) | resource.cleaners
    customs, secrets = {one.name: one for one in fields_of(resource.name)}, resource.secrets
    closed = frozenset({resource.state_field, resource.number_field, *resource.history_fields} - {""})
    stamps = STAMPS - HISTORY_STAMPS if batch.history else STAMPS
    for draft in batch.drafts:
        if draft.errors:
            continue
        record = draft.record
        for name, value in draft.values.items():
            if name in resource.extras:
                _set_extra(draft, resource.extras[name].clean, name, value)
                continue
            clean = cleaners.get(name)
            right, mask = secrets.get(name), resource.mask_of(name)
            if name in customs and not (right and not batch.actor.sees(right)):
                set_custom(draft, customs[name], value)
            elif (clean is None and name not in customs) or name in stamps or name == "custom":
                draft.error(name, "unknown", _("There is no such field."))
            elif name in closed and not batch.history and name != resource.number_field:
                draft.error(name, "read_only", _("This field can't be set."))
            elif mask is not None and _is_unchanged(draft, name, value, mask):
                continue  # the masked text came back: nothing was typed
            elif right and not batch.actor.sees(right):
                draft.error(name, "not_allowed", _("You may not set this field."))
            elif mask is not None and is_masked(value):
                draft.error(name, "invalid", _("This is what is shown of a hidden value. Enter the whole one."))
            else:
                _set(draft, name, cleaners[name], value, record)
        complete_custom(batch, draft, customs.values())
        if draft.fresh:
            for name in required_fields(resource.model):
                if name not in draft.values and name not in closed and name not in resource.extras:
                    _set(draft, name, cleaners[name], getattr(record, name, None), record)
        for extra in resource.extra:
            if draft.fresh and extra.required and extra.name not in draft.values:
                draft.error(extra.name, "required", _("This field is required."))
        for spec in resource.lines:
            _fill_lines(batch, draft, spec)


def _is_unchanged(draft: Draft, name: str, value: Any, mask: Mask) -> bool:
    """Whether the value is what the mask shows of the present one."""
    present = getattr(draft.record, name)
    return not draft.fresh and bool(present) and is_masked(value) and value == mask(str(present))


def _set_extra(draft: Draft, clean: Clean, name: str, value: Any) -> None:
    try:
        draft.extras[name] = clean(value)
    except ValidationError as problem:
        for one in problem.error_list:
            draft.error(name, error_code(one), " ".join(one.messages))


def _set(draft: Draft, name: str, clean: Clean, value: Any, record: models.Model, prefix: str = "") -> None:
    try:
        setattr(record, attname_of(type(record), name), clean(value))
    except ValidationError as problem:
        for one in problem.error_list:
            draft.error(prefix + name, error_code(one), " ".join(one.messages))


def _fill_lines(batch: Batch, draft: Draft, spec: Lines) -> None:
    if spec.name not in draft.lines:
        if draft.fresh and spec.required:
            draft.error(spec.name, "required", _("Add at least one line."))
        return
    present = {line.record.pk: line for line in draft.line_drafts.get(spec.name, [])}
    cleaners = model_cleaners(spec.model)
    allowed = {*spec.fields, *(spec.history_fields if batch.history else ())}
    lines: list[LineDraft] = []
    for index, given in enumerate(draft.lines[spec.name]):
        values = dict(given)
        line_id = values.pop("id", None)
        line = present.pop(line_id, None) if isinstance(line_id, int) else None
        if line_id is not None and line is None:
            draft.error(f"{spec.name}.{index}.id", "not_found", _("There is no such line."))
            continue
        line = line or LineDraft({}, index, spec.model())
        line.values, line.index = values, index
        line.record.position = index
        for name, value in values.items():
            if name not in allowed:
                draft.error(f"{spec.name}.{index}.{name}", "unknown", _("There is no such field."))
            else:
                _set(draft, name, cleaners[name], value, line.record, f"{spec.name}.{index}.")
        if line.fresh:
            for name in required_fields(spec.model):
                if name in allowed and name not in values:
                    _set(draft, name, cleaners[name], None, line.record, f"{spec.name}.{index}.")
        lines.append(line)
    if not lines and spec.required and not draft.errors:
        draft.error(spec.name, "required", _("Add at least one line."))
    draft.line_drafts[spec.name] = lines
    draft.removed_lines[spec.name] = list(present)


def _own(batch: Batch) -> None:
    """Give new records an owner and every record the department of its owner; refuse owners out of scope."""
    if not batch.resource.owned:
        return
    actor = batch.actor
    for draft in batch.drafts:
        if draft.fresh and draft.record.owner_id is None and "owner" not in draft.values and actor.kind != "system":
            draft.record.owner_id = actor.user_id
    given = [draft for draft in batch.good if draft.fresh or draft.before["owner_id"] != draft.record.owner_id]
    if since := batch.resource.held_since:
        for draft in given:
            first = draft.record.created_at if draft.fresh else None  # of imported history
            setattr(draft.record, since, (first or batch.at) if draft.record.owner_id else None)
    others = {draft.record.owner_id for draft in given} - {None, actor.user_id}
    people = User.objects.in_bulk(others) if others else {}
    for draft in given:
        record = draft.record
        if record.owner_id is not None and record.owner_id == actor.user_id:
            record.department_id = actor.access.department_id  # one's own records are within every scope
            continue
        owner = people.get(record.owner_id)
        if record.owner_id and owner is None:
            draft.error("owner", "not_found", _("There is no such person."))
            continue
        if owner is not None:
            record.department_id = owner.department_id
        scopes = actor.scopes(f"{batch.resource.name}.{'create' if draft.fresh else 'edit'}")
        if not owner_within(actor, scopes, owner):
            draft.error("owner", "not_allowed", _("You may not give records to this person."))


def _check_references(batch: Batch) -> None:
    """Every referenced record must exist, be visible to the actor and not be archived (one query a target)."""
    wanted: dict[type[models.Model], set[int]] = {}
    uses: list[tuple[Draft, str, type[models.Model], int]] = []

    def note(draft: Draft, record: models.Model, names: Iterable[str], prefix: str, before: Mapping[str, Any]) -> None:
        for name in names:
            reference = references(type(record)).get(name)
            if reference is None:
                continue
            value = getattr(record, f"{name}_id")
            if value is not None and before.get(f"{name}_id") != value:
                wanted.setdefault(reference, set()).add(value)
                uses.append((draft, prefix + name, reference, value))

    for draft in batch.drafts:
        if draft.errors:
            continue
        note(draft, draft.record, references(batch.resource.model), "", draft.before)
        for custom, value in changed_references(draft, batch.resource.name):
            wanted.setdefault(custom.target, set()).add(value)
            uses.append((draft, custom.name, custom.target, value))
        for spec in batch.resource.lines:
            for line in draft.line_drafts.get(spec.name, ()):
                note(draft, line.record, spec.fields, f"{spec.name}.{line.index}.", {})
    allowed = {model: _allowed(batch, model, ids) for model, ids in wanted.items()}
    for draft, name, model, value in uses:
        if value not in allowed[model] and not any(error.field == name for error in draft.errors):
            draft.error(name, "not_found", _("There is no such record."))


def _follow_merged(batch: Batch) -> None:
    """What is written about a record that is merged at this moment is about the one that it lives on in."""
    if not {"resource", "record_id"} <= set(attnames(batch.resource.model)):
        return
    wanted: dict[str, dict[int, list[Any]]] = {}
    for draft in batch.good:
        record = draft.record
        if record.record_id and (draft.fresh or draft.before["record_id"] != record.record_id):
            wanted.setdefault(record.resource, {}).setdefault(record.record_id, []).append(record)
    for name, records in wanted.items():
        target = next((one for one in all_resources() if one.name == name and one.merges is not None), None)
        if target is None:
            continue
        rows = read_values(target.model, ["id", "archived_at"], "id", sorted(records), order=("id",), lock="share")
        away = [pk for pk, archived_at in rows if archived_at is not None]
        for pk, survivor_id in survivors(name, away).items() if away else ():
            for record in records[pk]:
                record.record_id = survivor_id


def _allowed(batch: Batch, model: type[models.Model], ids: set[int]) -> set[int]:
    """Which of the records may be referred to."""
    names = [name for name in ("id", "archived_at", *HOLDER) if name in attnames(model)]
    # nobody can merge it from here on, so that what is written doesn't point to a record that is none any more
    lock: bool | Literal["share"] = "share" if has_resource(model) and resource_of(model).merges is not None else False
    order = ("id",) if lock else ()
    rows = [dict(zip(names, row, strict=True)) for row in read_values(model, names, "id", ids, order=order, lock=lock)]
    if issubclass(model, Record) and not batch.history:
        rows = [row for row in rows if row["archived_at"] is None]
    found = {row["id"] for row in rows}
    if not has_resource(model):
        return found
    sure = {row["id"] for row in rows if is_within_reach(model, batch.actor, "view", *map(row.get, HOLDER))}
    rest = model._default_manager.filter(pk__in=found - sure)
    return sure | set(visible(rest, batch.actor).values_list("pk", flat=True))


def _check_unique(batch: Batch) -> None:
    """Refuse values that must be unique and are taken, in the database or twice in the batch."""
    for fields in unique_sets(batch.resource.model):
        attnames = [attname_of(batch.resource.model, name) for name in fields]
        keys: dict[tuple[Any, ...], list[Draft]] = {}
        for draft in batch.drafts:
            key = tuple(getattr(draft.record, attname) for attname in attnames)
            if draft.errors or any(part is None or part == "" for part in key):
                continue
            if draft.fresh or any(draft.before.get(a) != v for a, v in zip(attnames, key, strict=True)):
                keys.setdefault(key, []).append(draft)
        if not keys:
            continue
        first = {f"{attnames[0]}__in": {key[0] for key in keys}}
        taken = {
            tuple(row[1:]): row[0]
            for row in batch.resource.model._default_manager.filter(**first).values_list("pk", *attnames)
        }
        for key, drafts in keys.items():
            for place, draft in enumerate(drafts):
                if place or taken.get(key, draft.pk) != draft.pk:
                    draft.error(fields[-1], "duplicate", _("“%(value)s” exists already.") % {"value": key[-1]})


# --- the write -------------------------------------------------------------------------------------------------


def _write(batch: Batch) -> None:
    fresh = [draft for draft in batch.drafts if draft.fresh]
    old = [draft for draft in batch.drafts if not draft.fresh]
    model = batch.resource.model
    for draft in fresh:
        stamp(draft.record, batch.actor, batch.at, fresh=True)
    changed = [draft for draft in old if _is_changed(draft)]
    if fresh:
        insert_records([draft.record for draft in fresh])
    if changed:
        _update(batch, changed)
    for spec in batch.resource.lines:
        _write_lines(spec, fresh + changed)
    for extra in batch.resource.extras.values():
        if given := [(d.record, d.extras[extra.name]) for d in fresh + changed if extra.name in d.extras]:
            extra.save(given, batch)
    if not fresh and not changed:
        return
    blank = snapshot(model())
    audit = [
        AuditLine(batch.resource.name, draft.record.pk, _label(batch, draft), *_changes(batch, draft, blank))
        for draft in fresh + changed
    ]
    record_audit(audit, actor=batch.actor, at=batch.at)
    announce(batch.resource, [(d.record.pk, "created" if d.fresh else "changed") for d in fresh + changed], batch)
    if changed and not batch.history:
        ports.approval.changed(batch.resource.name, [d.record.pk for d in changed], actor=batch.actor, at=batch.at)
    _number(batch, fresh)
    index_records(batch.resource, [draft.record for draft in fresh], fresh=True)
    index_records(batch.resource, [draft.record for draft in changed])


def _is_changed(draft: Draft) -> bool:
    return bool(draft.lines) or bool(draft.extras) or snapshot(draft.record) != draft.before


def _update(batch: Batch, changed: list[Draft]) -> None:
    model = batch.resource.model
    for draft in changed:
        stamp(draft.record, batch.actor, batch.at)
    if not batch.history:
        note_changes(batch.resource, [(draft.record, draft.before) for draft in changed], batch.at)
    if len(changed) == 1:
        draft = changed[0]
        now = snapshot(draft.record)
        values = {name: value for name, value in now.items() if draft.before[name] != value}
        if not update_row(draft.record, values, version=draft.before["version"]):
            raise Stale
        return
    fields = {
        name for draft in changed for name, value in snapshot(draft.record).items() if draft.before[name] != value
    }
    by_attname = {f.attname: f.name for f in model._meta.concrete_fields}
    model._default_manager.bulk_update(
        [draft.record for draft in changed], [by_attname[name] for name in fields], batch_size=200
    )


def _write_lines(spec: Lines, drafts: list[Draft]) -> None:
    manager = spec.model._default_manager
    fresh: list[Any] = []
    old: list[Any] = []
    removed = []
    for draft in drafts:
        removed += draft.removed_lines.get(spec.name, [])
        for line in draft.line_drafts.get(spec.name, ()):
            if spec.name in draft.lines or line.fresh:
                setattr(line.record, f"{spec.parent}_id", draft.record.pk)
                (fresh if line.fresh else old).append(line.record)
    if removed:
        manager.filter(pk__in=removed).delete()
    if fresh:
        insert_records(fresh)
    if old:
        names = [f.name for f in spec.model._meta.concrete_fields if not f.primary_key and f.name != spec.parent]
        manager.bulk_update(old, names, batch_size=200)


def _number(batch: Batch, fresh: list[Draft]) -> None:
    """Take the numbers last: their counter stays locked until the transaction ends."""
    name = batch.resource.number_field
    blank = [draft for draft in fresh if name and not getattr(draft.record, name)]
    if not blank:
        return
    by_day: dict[date, list[Any]] = {}
    for draft in blank:
        by_day.setdefault(clock.local_date(draft.record.created_at), []).append(draft.record)
    for day, records in sorted(by_day.items()):
        for record, number in zip(records, free_numbers(batch.resource, name, len(records), day), strict=True):
            setattr(record, name, number)
    if len(blank) == 1:
        record = blank[0].record
        update_row(record, {name: getattr(record, name)}, version=record.version)
    else:
        batch.resource.model._default_manager.bulk_update([draft.record for draft in blank], [name], batch_size=500)


def free_numbers(resource: Resource, name: str, count: int, on: date) -> list[str]:
    """The next numbers for the field `name` that no record bears already, typed or imported."""

    def borne(numbers: list[str]) -> set[str]:
        return {number for (number,) in read_values(resource.model, [name], name, numbers)}

    return take_numbers(resource.name, count, on=on, borne=borne)


def stamp(record: Any, actor: Actor, at: datetime, *, fresh: bool = False) -> None:
    """Note who wrote the record and when, and raise its version."""
    if fresh:
        record.created_at = record.created_at or at
        record.created_by_id = record.created_by_id or actor.user_id
        record.version = 1
    else:
        record.version += 1
    record.updated_at, record.updated_by_id = record.created_at if fresh else at, actor.user_id


def _label(batch: Batch, draft: Draft) -> str:
    return batch.resource.label_of(draft.record)[:200]


def _is_secret(resource: Resource, name: str) -> bool:
    """Whether what is written under this name is never shown, not in the audit either."""
    return name in HIDDEN_VALUES or bool(resource.extras[name].schema.get("writeOnly"))


def _changes(batch: Batch, draft: Draft, blank: dict[str, Any]) -> tuple[str, dict[str, list[Any]]]:
    now, unaudited = snapshot(draft.record), batch.resource.unaudited
    if draft.fresh:
        changes = {n: [None, v] for n, v in now.items() if n not in unaudited and v != blank[n]}
    else:
        changes = diff(draft.before, now, unaudited)
    changes = expanded(changes, batch.resource.name)
    for spec in batch.resource.lines:
        if spec.name in draft.lines:
            before = draft.lines_before.get(spec.name, [])
            after = [line_snapshot(spec, line.record) for line in draft.line_drafts[spec.name]]
            if before != after:
                changes[spec.name] = [before, after]
    extras = draft.extras.items()
    changes |= {name: [None, "***" if _is_secret(batch.resource, name) else value] for name, value in extras}
    action = ("imported" if batch.history else "created") if draft.fresh else "changed"
    return action, changes


def announce(resource: Resource, happened: Sequence[tuple[int, str]], batch: Any) -> None:
    """Put what happened to records into the outbox: `quotes.created`, `quotes.changed`, `quotes.send`."""
    names = ("name", "resource", "record_id", "payload", "at", "actor_id")
    rows = [
        (f"{resource.name}.{what}", resource.name, pk, {"record_id": pk}, batch.at, batch.actor.user_id)
        for pk, what in happened
    ]
    insert_many(OutboxEvent, names, rows)


# --- deleting and archiving ------------------------------------------------------------------------------------


def delete_record(model: type[Any], pk: int, *, actor: Actor, version: int | None = None) -> None:
    """Delete a draft, or a record that nothing refers to.

    Raises Conflict when it is more than a draft or something refers to it: then it can be archived.
    """
    resource = resource_of(model)
    with atomic():
        record = locked(model, pk, actor=actor, action="delete", version=version)
        if refusal := resource.edit_refusal(record):
            raise Conflict(refusal)
        _refuse_merged(resource, pk)
        label, changes = resource.label_of(record)[:200], expanded(last_words(resource, record), resource.name)
        resource.before_delete(record, actor)
        try:
            for spec in resource.lines:
                lines = spec.model._default_manager.filter(**{spec.parent: pk}).order_by("position", "id")
                changes[spec.name] = [[line_snapshot(spec, line) for line in lines], []]
                lines.delete()
            record.delete()
        except (ProtectedError, RestrictedError):
            raise Conflict(_("Other records refer to it. Archive it instead."), code="referred_to") from None
        Collaborator.objects.filter(resource=resource.name, record_id=pk).delete()
        forget_record(resource, pk)
        happened = Occasion(actor, clock.now())
        line = AuditLine(resource.name, pk, label, "deleted", changes)
        record_audit([line], actor=actor, at=happened.at)
        announce(resource, [(pk, "deleted")], happened)


def _refuse_merged(resource: Resource, pk: int) -> None:
    """A record that lives on in another one comes back by undoing the merge only."""
    if merged_into(resource, pk) is not None:
        raise Conflict(_("The record has been merged into another one. Undo the merge instead."))


def last_words(resource: Resource, record: Any) -> dict[str, Any]:
    """What a record held, for the audit of its end."""
    blank = snapshot(type(record)())
    held = {name: value for name, value in snapshot(record).items() if value != blank[name]}
    return diff(held, dict.fromkeys(held), resource.unaudited)


def archive_record(
    model: type[Any], pk: int, *, actor: Actor, version: int | None = None, restore: bool = False
) -> Any:
    """Put a record away, or back with `restore`. Raises Conflict when it is (not) archived already."""
    resource = resource_of(model)
    with atomic():
        record = locked(model, pk, actor=actor, action="archive", version=version)
        if restore and record.archived_at is None:
            raise Conflict(_("The record is not archived."))
        if restore:
            _refuse_merged(resource, pk)
        if not restore and record.archived_at is not None:
            raise Conflict(_("The record is archived already."))
        before, at = snapshot(record), clock.now()
        record.archived_at = None if restore else at
        stamp(record, actor, at)
        write_changes(resource, record, before, "restored" if restore else "archived", actor=actor, at=at)
        resource.put_away(record, actor)
    return record


def locked(model: type[Any], pk: int, *, actor: Actor, action: str, version: int | None = None) -> Any:
    """The record, locked until the transaction ends, if the actor may do `action` with it.

    Raises as `fetch`, and Stale if it isn't of the version that the caller read.
    """
    # the lock is taken on the bare row: scopes with subqueries and unions can't be locked
    found = read_records(model, [pk], lock=True)
    holder = (getattr(found[0], name, None) for name in HOLDER) if found else ()
    within_reach = found and is_within_reach(model, actor, action, *holder)
    record = found[0] if within_reach else fetch(model, pk, actor=actor, action=action)
    if version is not None and version != record.version:
        raise Stale
    return record


def write_changes(
    resource: Resource, record: Any, before: dict[str, Any], action: str, *, actor: Actor, at: datetime
) -> None:
    """Store what an action changed on a stamped record, with audit, event and search.

    Raises Stale when somebody else was faster.
    """
    values = store_changes(resource, record, before, action, actor=actor, at=at)
    announce(resource, [(record.pk, action)], Occasion(actor, at))
    if touches_search(resource, values):
        index_records(resource, [record])


def store_changes(
    resource: Resource, record: Any, before: dict[str, Any], action: str, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Store what an action changed on a stamped record, with audit; the new values by attribute name.

    Raises Stale when somebody else was faster.
    """
    after = snapshot(record)
    values = {name: value for name, value in after.items() if before[name] != value}
    note_changes(resource, [(record, before)], at)
    if not update_row(record, values, version=before["version"]):
        raise Stale
    changes = expanded(diff(before, after, resource.unaudited), resource.name)
    line = AuditLine(resource.name, record.pk, resource.label_of(record)[:200], action, changes)
    record_audit([line], actor=actor, at=at)
    return values


def touches_search(resource: Resource, values: Mapping[str, Any]) -> bool:
    """Whether the new values change how the record is found, or by whom."""
    if "custom" in values and any(one.searchable for one in fields_of(resource.name)):
        return True
    return any(name in values for name in (*resource.search, *HOLDER))


__all__ = [
    "STAMPS",
    "Batch",
    "Draft",
    "LineDraft",
    "Saved",
    "announce",
    "archive_record",
    "attname_of",
    "delete_record",
    "diff",
    "free_numbers",
    "last_words",
    "line_snapshot",
    "locked",
    "model_cleaners",
    "required_fields",
    "save_record",
    "save_records",
    "snapshot",
    "stamp",
    "store_changes",
    "touches_search",
    "write_changes",
]
