"""Takes the rows of a file into the records of an entity: validated, complete or not at all, in bounded memory.

Rows are read, resolved and saved a thousand at a time through `save_records`, so an import obeys the rules of
every other write. Rows that refer to records made further down in the same file wait until these exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.entity import entity_named
from saleswright.interface.exchange.errors import MappingError
from saleswright.interface.exchange.intake import CHUNK_ROWS, Intake, Item, Reference
from saleswright.interface.exchange.mapping import Mapping
from saleswright.interface.exchange.outcome import MAX_ERRORS, AlikeRow, Failures, ImportOutcome
from saleswright.interface.exchange.plan import Plan, plan_import
from saleswright.interface.exchange.readers import open_table
from saleswright.interface.exchange.references import References
from saleswright.interface.exchange.slots import AUTHORSHIP, Slot, reader_of, slots_of
from saleswright.interface.exchange.table import Table
from saleswright.interface.models import ImportRun
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.custom_column import is_custom
from saleswright.kernel.errors import Busy, DomainError, FieldError, NotAllowed
from saleswright.kernel.merging.names import survivors
from saleswright.kernel.records import attname_of, model_cleaners, save_record, save_records
from saleswright.kernel.resources import resource_of
from saleswright.kernel.search import expect_many, settle, settling
from saleswright.kernel.transactions import atomic

Mode = Literal["create", "update", "upsert"]
OnError = Literal["stop", "skip"]
AlikeChoice = Literal["create", "skip", "update"]
Progress = Callable[[int, int | None], None]

SETTLE_FROM_ROWS = 1000
"""After so many rows the search index is put in order at once instead of by whoever writes next."""
SETTLING_FROM_ROWS = 10_000
"""From about so many rows on it is put in order while they are written, too."""


LED_ON = "led_on"
"""Mark of a record that was found by the key of one merged into it."""


class ImportCancelled(DomainError):
    """Somebody stopped the import; the rows of the unfinished transaction are not taken."""

    code = "cancelled"
    status = 409
    title = gettext_lazy("The import was stopped")


class _Undo(Exception):
    """Ends a transaction without writing anything."""


def run_import(
    entity_name: str,
    path: Path,
    *,
    actor: Actor,
    mapping: Mapping | None = None,
    exact: bool = False,
    mode: Mode = "upsert",
    key: str | None = None,
    on_error: OnError = "stop",
    errors_path: Path | None = None,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    name: str = "",
    token: str = "",
    alike: AlikeChoice | None = None,
    alike_rows: MappingOf[int, AlikeChoice] | None = None,
) -> ImportOutcome:
    """Take the file at `path`, which the user calls `name`, into the records of an entity.

    The mapping's columns are matched first and the others by their headers, unless only those are `exact`ly meant.
    `mode` says which records are written: new ones, existing ones or both, told apart by the field `key`, or by
    several with commas between them.
    Empty cells leave a field as it is; defaults go into new records only. With `on_error="stop"` either all rows
    are taken or none, with `"skip"` the good ones; all bad rows are named in either case. `progress(done, total)`
    and `cancelled()` are called about every thousand rows. What was taken is kept as a past import, with the `token` of
    the upload that holds its errors.

    With `alike` new records are compared with those that are there: a row that is likely one of them is created all
    the same, left out, or changes that one where the actor sees it; `alike_rows` says it for single lines.

    Raises NotFound, NotAllowed, ReadError, MappingError, ImportCancelled.
    """
    entity = entity_named(entity_name)
    mapping = mapping or Mapping()
    actor.require(f"{entity.name}.import")
    table = open_table(path, mapping=mapping.file, name=name or path.name)
    names = [part.strip() for part in (key or "").split(",") if part.strip()]
    plan = plan_import(entity, table.headers, actor=actor, mapping=mapping, key=names, exact=exact)
    if mode == "update" and not plan.key:
        raise MappingError(
            "unknown_key",
            gettext_lazy("The file has no column for “{key}”, by which records are found"),
            key=plan.key_text,
        )
    outcome = ImportOutcome(dry_run=dry_run, headers=table.headers)
    columns = {slot.name: table.headers[index] for index, slot in plan.matched}
    with Failures(outcome, errors_path, table.headers, columns) as failures:
        importer = Importer(plan, actor, mode, outcome, failures, progress, cancelled)
        importer.alike, importer.alike_rows = alike, alike_rows or {}
        with (
            settling() if table.estimated_rows >= SETTLING_FROM_ROWS else nullcontext(),
            _all_or_nothing() if dry_run or on_error == "stop" else nullcontext(),
        ):
            importer.take(table)
            if on_error == "stop" and outcome.failed:
                outcome.created = outcome.updated = 0
            if outcome.created or outcome.updated:
                importer.record(name or path.name, token)
            if on_error != "stop" or not outcome.failed:
                importer.tell_made()
            if dry_run or (on_error == "stop" and outcome.failed):
                raise _Undo
        if importer.took_nothing():
            importer.keep_run(name or path.name, token)
    if outcome.rows >= SETTLE_FROM_ROWS:
        settle()
    return outcome


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """One transaction, which `_Undo` rolls back silently."""
    try:
        with atomic():
            yield
    except _Undo:
        pass


class Importer:
    """One run of an import."""

    def __init__(
        self,
        plan: Plan,
        actor: Actor,
        mode: Mode,
        outcome: ImportOutcome,
        failures: Failures,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        self._entity, self._model, self._plan = plan.entity, plan.entity.model, plan
        self._actor, self._mode, self._at = actor, mode, clock.now()
        self._outcome, self._failures = outcome, failures
        self._progress, self._cancelled = progress, cancelled
        self._references = References(actor, self._model)
        self._lines = frozenset(lines.name for lines in self._entity.lines)
        self._past = self._past_fields()
        self._cleaners = model_cleaners(self._model)
        self._defaults = self._read_defaults()
        self._waiting: list[Item] = []
        #: what becomes of rows that are likely there already; None: nobody looks
        self.alike: AlikeChoice | None = None
        self.alike_rows: MappingOf[int, AlikeChoice] = {}

    def take(self, table: Table) -> None:
        """Take all rows; those that refer to other rows of the file when these have been taken."""
        plan = self._plan
        if plan.unmatched:
            self._outcome.notes.append(_("Columns left out: %(names)s") % {"names": ", ".join(plan.unmatched)})
        if not plan.key and self._mode == "upsert":
            note = _("The file has no column for “%(key)s”: every row becomes a new record.")
            self._outcome.notes.append(note % {"key": plan.key_text})
        grouped = any(slot.group for _index, slot in plan.matched)
        intake = Intake(plan.matched, plan.mapping, plan.key, grouped)
        for items in intake.chunks(table.rows, table.estimated_rows):
            self._take_chunk(items)
            self._outcome.rows += sum(len(item.rows) for item in items)
            self._progress(self._outcome.rows, max(table.estimated_rows, self._outcome.rows))
            if self._cancelled():
                raise ImportCancelled
        self._take_waiting()
        self._progress(self._outcome.rows, self._outcome.rows)

    def took_nothing(self) -> bool:
        """Whether the file was meant to be taken, but all its rows were refused."""
        outcome = self._outcome
        return bool(outcome.failed) and not (outcome.dry_run or outcome.created or outcome.updated)

    def keep_run(self, file_name: str, token: str) -> None:
        """Add to the past imports what came of the file."""
        outcome, who = self._outcome, self._actor.trusted_with("imports.create")
        values = {name: getattr(outcome, name) for name in ("rows", "created", "updated", "failed")}
        values |= {"resource": self._entity.name, "file_name": file_name[:200], "taken_at": self._at, "token": token}
        save_record(ImportRun, values | {"owner": self._actor.user_id}, actor=who, at=self._at)

    def record(self, file_name: str, token: str) -> None:
        """Write into the audit and into the past imports that a file was taken."""
        self.keep_run(file_name, token)
        counts = {name: [None, getattr(self._outcome, name)] for name in ("rows", "created", "updated", "failed")}
        line = AuditLine(self._entity.name, None, file_name, "import", counts)
        record_audit([line], actor=self._actor, at=self._at)

    def tell_made(self) -> None:
        """Note how many records were made because rows referred to them."""
        made = (f"{resource_of(target).label_plural} {count}" for target, count in self._references.made.items())
        if names := ", ".join(made):
            self._outcome.notes.append(_("Made because rows refer to them: %(names)s") % {"names": names})

    # --- preparation -------------------------------------------------------------------------------------------

    def _past_fields(self) -> dict[str, Any]:
        """Fields that only history brings along, with the value that a new record has anyway."""
        names = dict.fromkeys((self._entity.state_field, *self._entity.history_fields, *AUTHORSHIP))
        fields = {name: self._model._meta.get_field(name) for name in names if name}
        return {name: field.get_default() if field.has_default() else None for name, field in fields.items()}

    def _read_defaults(self) -> dict[str, tuple[Slot, Any]]:
        """The mapping's defaults as values. Raises MappingError for one that can't be used."""
        slots = slots_of(self._entity, self._actor)
        found: dict[str, tuple[Slot, Any]] = {}
        for name, given in self._plan.mapping.defaults.items():
            slot, problem = slots[name], ""
            try:
                value = reader_of(slot)(given)
            except ValidationError as error:
                problem = " ".join(error.messages)
            else:
                if slot.is_reference:
                    value = self._references.find(slot, {value})[value]
                if isinstance(value, FieldError):
                    problem = str(value.message)
            if problem:
                raise MappingError(
                    "bad_default", gettext_lazy("The default of “{field}”: {problem}"), field=name, problem=problem
                )
            found[name] = (slot, value)
        return found

    # --- a chunk -----------------------------------------------------------------------------------------------

    def _take_chunk(self, items: list[Item]) -> None:
        with atomic():
            expect_many()
            for wave in _waves(items):
                self._take_wave(wave)

    def _take_waiting(self) -> None:
        """Take the rows that waited for others, as long as there are any that can go on."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            rest = iter(waiting)
            while chunk := list(islice(rest, CHUNK_ROWS)):
                self._take_chunk(chunk)
            if len(self._waiting) == len(waiting) and not self._make_awaited():
                self._refuse_waiting()

    def _make_awaited(self) -> bool:
        """Make what rows still wait for, if the mapping says so and no waiting row is that record; whether any was."""
        create, made = self._plan.mapping.create, False
        open_ones = [reference for item in self._waiting for reference in item.references]
        for name, field in create.items():
            own = {item.values.get(field) for item in self._waiting}
            wanted = [one for one in open_ones if one.slot.name == name and one.text not in own]
            if wanted:
                with atomic():
                    results = self._references.make(wanted[0].slot, field, _first_lines(wanted), self._at)
                made = made or any(not isinstance(result, FieldError) for result in results.values())
        return made

    def _refuse_waiting(self) -> None:
        """What still waits refers to a row that failed or doesn't exist, or in a ring to itself."""
        for item in self._waiting:
            for reference in item.references:
                message = _("There is no “%(value)s”, or its own row fails or leads back to this one.")
                item.fail(reference.slot.name, message % {"value": reference.text}, reference.row)
        self._failures.add(self._waiting)
        self._waiting = []

    def _take_wave(self, items: list[Item]) -> None:
        """Take items of which no two mean the same record."""
        ready = [item for item in self._resolve(items) if not item.errors]
        for part in self._apart(ready):
            self._find_existing(part)
            good = [item for item in part if not item.errors and not item.skipped]
            self._refuse_rings(good)
            for turn in _turns(good):
                for history in (False, True):
                    self._save([item for item in turn if item.history is history and not item.errors])
        self._failures.add([item for item in items if item.errors])

    def _apart(self, items: list[Item]) -> Iterator[list[Item]]:
        """The items divided again where their keys have references: two texts may have meant the same record."""
        if any(slot.is_reference for slot in self._plan.key):
            for item in items:
                if item.key is not None:
                    item.key = tuple(item.values[slot.field] for slot in self._plan.key)
        return _waves(items)

    def _resolve(self, items: list[Item]) -> list[Item]:
        """Put ids for the texts of references; items that refer to records yet to come are put to wait."""
        wanted: dict[str, tuple[Slot, set[str]]] = {}
        for item in items:
            for reference in item.references:
                wanted.setdefault(reference.slot.name, (reference.slot, set()))[1].add(reference.text)
        found = {name: self._references.find(slot, texts) for name, (slot, texts) in wanted.items()}
        self._make_missing(items, found)
        ready = []
        for item in items:
            open_references = []
            for reference in item.references:
                result = found[reference.slot.name][reference.text]
                if not isinstance(result, FieldError):
                    reference.values[reference.slot.field] = result
                elif _is_missing(result) and self._may_come(reference.slot):
                    open_references.append(reference)
                else:
                    item.fail(reference.slot.name, result.message, reference.row)
            item.references = open_references
            if open_references and not item.errors:
                self._waiting.append(item)
            else:
                ready.append(item)
        return ready

    def _make_missing(self, items: list[Item], found: dict[str, dict[str, int | FieldError]]) -> None:
        """Make the records that good rows refer to and that are missing, where the mapping says so."""
        for name, field in self._plan.mapping.create.items():
            results = found.get(name, {})
            missing = [
                reference
                for item in items
                if not item.errors
                for reference in item.references
                if reference.slot.name == name and _is_missing(results[reference.text])
            ]
            if missing and not self._may_come(missing[0].slot):
                results |= self._references.make(missing[0].slot, field, _first_lines(missing), self._at)

    def _may_come(self, slot: Slot) -> bool:
        """Whether the file may hold the record that is referred to."""
        return slot.spec is not None and slot.spec.target is self._model

    def _find_existing(self, items: list[Item]) -> None:
        """Tell which items mean records that exist, refuse what the mode forbids, and fill new ones up."""
        keys = {item.key for item in items if item.key is not None}
        existing = self._existing(keys) if keys else {}
        fresh: list[Item] = []
        for item in items:
            present = existing.get(item.key, []) if item.key is not None else []
            shown = {"value": item.key_text}
            if len(present) > 1:
                item.fail(self._plan.key[0].name, _("“%(value)s” stands for several records.") % shown)
            elif present and self._mode == "create":
                item.fail(self._plan.key[0].name, _("“%(value)s” exists already.") % shown)
            elif not present and self._mode == "update":
                message = _("There is no “%(value)s”.") % shown if item.key else _("The key is missing.")
                item.fail(self._plan.key[0].name, message)
            elif present:
                self._keep_past(item, present[0])
            else:
                fresh.append(item)
        if self.alike is not None:
            self._settle_alike(fresh)
        for item in fresh:
            if item.pk is None and not item.skipped:
                self._fill_new(item)

    def _settle_alike(self, items: list[Item]) -> None:
        """Tell which new records are likely there already, and do with them what was chosen."""
        if self._entity.alike is None or not items:
            return
        found = self._entity.alike([item.values for item in items], self._actor)
        changed: dict[int, list[Item]] = {}
        for item, one in zip(items, found, strict=True):
            if one is None:
                continue
            line = item.rows[0].line
            choice = self.alike_rows.get(line, self.alike or "create")
            if choice == "update" and (not one.seen or self._mode == "create"):
                choice = "skip"
            self._outcome.likely += 1
            if len(self._outcome.alike) < MAX_ERRORS:
                name = next((str(item.values[n]) for n in self._entity.search if item.values.get(n)), "")
                row = AlikeRow(line, name, one.record_id, one.label, one.percent, one.seen, choice)
                self._outcome.alike.append(row)
            if choice == "skip":
                item.skipped = True
                self._outcome.skipped += len(item.rows)
            elif choice == "update":
                changed.setdefault(one.record_id, []).append(item)
        if changed:
            past = [attname_of(self._model, name) for name in self._past]
            for row in self._model._default_manager.filter(pk__in=list(changed)).values("pk", *past):
                for item in changed[row["pk"]]:
                    self._keep_past(item, {**row, LED_ON: True})

    def _existing(self, keys: set[tuple[Any, ...]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
        """The records with these keys; with keys that several may share only those in use and in sight."""
        specs = [spec for slot in self._plan.key if (spec := slot.spec) is not None]
        asked = {
            f"{spec.attname}__in": set(values) for spec, values in zip(specs, zip(*keys, strict=True), strict=True)
        }
        rows = self._model._default_manager.filter(**asked)
        if not any(spec.field.unique for spec in specs):
            rows = visible(rows.filter(archived_at=None), self._actor)
        found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        past = [attname_of(self._model, name) for name in self._past]
        for row in rows.order_by().values("pk", *(spec.attname for spec in specs), *past):
            found.setdefault(tuple(row[spec.attname] for spec in specs), []).append(row)
        self._lead_on(found, past)
        return found

    def _lead_on(self, found: dict[tuple[Any, ...], list[dict[str, Any]]], past: list[str]) -> None:
        """The key of a merged record means the one that it lives on in."""
        if self._entity.merges is None:
            return
        heirs = survivors(self._entity.name, [row["pk"] for rows in found.values() for row in rows])
        if heirs:
            rows = self._model._default_manager.filter(pk__in=set(heirs.values())).values("pk", *past)
            kept = {row["pk"]: {**row, LED_ON: True} for row in rows}
            for key, held in found.items():
                found[key] = [kept.get(heirs.get(row["pk"], 0), row) for row in held]

    def _keep_past(self, item: Item, row: dict[str, Any]) -> None:
        """A record that exists keeps its author; its state changes by its actions only."""
        item.pk = row["pk"]
        if LED_ON in row:  # the record keeps its own key
            for slot in self._plan.key:
                item.values.pop(slot.field, None)
        for name in self._past:
            if name not in item.values:
                continue
            value = item.values.pop(name)
            if name not in AUTHORSHIP and not self._is_same(name, value, row[attname_of(self._model, name)]):
                item.fail(name, _("An import sets this on new records only; later it changes by actions."))

    def _is_same(self, name: str, value: Any, present: Any) -> bool:
        try:
            return self._cleaners[name](value) == present
        except ValidationError:
            return False

    def _fill_new(self, item: Item) -> None:
        """Put defaults where nothing was given, and tell whether the record is history."""
        for slot, value in self._defaults.values():
            for values in item.groups.get(slot.group, ()) if slot.group else (item.values,):
                values.setdefault(slot.field, value)
        past = {name: item.values[name] for name in self._past if name in item.values}
        created_at = past.get("created_at")
        if created_at is not None and self._lies_ahead(created_at):
            item.fail("created_at", _("This lies in the future."))
        item.history = any(not self._is_same(name, value, self._past[name]) for name, value in past.items())
        if not item.history:
            for name in past:
                del item.values[name]

    def _lies_ahead(self, moment: Any) -> bool:
        try:
            return self._cleaners["created_at"](moment) > self._at
        except ValidationError:
            return False  # the save says what is wrong with it

    def _refuse_rings(self, items: list[Item]) -> None:
        """Refuse changes that together would make records stand below themselves."""
        own = {
            slot.field
            for _index, slot in self._plan.matched
            if slot.is_reference and self._may_come(slot) and not is_custom(slot.field)
        }
        for name in own:
            changed = {item.pk: item for item in items if item.pk and item.values.get(name)}
            above = {pk: item.values[name] for pk, item in changed.items()}
            column = attname_of(self._model, name)
            while unknown := set(above.values()) - above.keys() - {None}:
                above |= dict(self._model._default_manager.filter(pk__in=unknown).values_list("pk", column))
            for pk, item in changed.items():
                if _leads_back(above, pk):
                    item.fail(name, _("The record would stand below itself."))

    def _save(self, items: list[Item]) -> None:
        """Save what is good; what only the database or a rule over the whole refuses is found by halving."""
        if not items:
            return
        drafts = [item.draft(self._lines) for item in items]
        try:
            save_records(self._model, drafts, actor=self._actor, at=self._at, skip_bad=True, history=items[0].history)
        except (Busy, NotAllowed):
            raise
        except (DomainError, IntegrityError, DataError) as error:
            if len(items) > 1:
                self._save(items[: len(items) // 2])
                self._save(items[len(items) // 2 :])
            elif isinstance(error, DomainError):
                items[0].fail("", error)
            else:
                items[0].fail("", _("The database refuses the values."))
            return
        for item, draft in zip(items, drafts, strict=True):
            if draft.errors:
                item.take_errors(draft)
            elif item.pk is None:
                self._outcome.created += 1
            else:
                self._outcome.updated += 1


def _waves(items: list[Item]) -> Iterator[list[Item]]:
    """The items, so divided that no two of a wave have the same key; the order of those that have is kept."""
    waves: list[list[Item]] = []
    uses: dict[Any, int] = {}
    for item in items:
        place = 0
        if item.key is not None:
            place = uses.get(item.key, 0)
            uses[item.key] = place + 1
        if place == len(waves):
            waves.append([])
        waves[place].append(item)
    return iter(waves)


def _turns(items: list[Item]) -> Iterator[list[Item]]:
    """The items, so divided that no two of a turn change the same record: two keys may lead to it after a merge."""
    turns: list[list[Item]] = [[]]
    uses: Counter[int] = Counter()
    for item in items:
        place = uses[item.pk] if item.pk is not None else 0
        if item.pk is not None:
            uses[item.pk] += 1
        if place == len(turns):
            turns.append([])
        turns[place].append(item)
    return iter(turns)


def _is_missing(result: int | FieldError) -> bool:
    return isinstance(result, FieldError) and result.code == "not_found"


def _first_lines(references: list[Reference]) -> dict[str, int]:
    """Each text with the line where it stands first."""
    lines: dict[str, int] = {}
    for reference in references:
        lines.setdefault(reference.text, reference.row.line)
    return lines


def _leads_back(above: dict[int, int | None], start: int) -> bool:
    seen: set[int] = set()
    current = above.get(start)
    while current is not None and current not in seen:
        if current == start:
            return True
        seen.add(current)
        current = above.get(current)
    return False


__all__ = ["ImportCancelled", "ImportOutcome", "run_import"]
