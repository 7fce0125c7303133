"""Forms of records and of actions: everything typed comes back with its errors beside the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.fields import FieldSpec
from saleswright.interface.pages import filling
from saleswright.interface.pages.common import (
    actor_of,
    goes_to,
    in_range,
    language,
    parameters,
    subject,
    version_in,
)
from saleswright.interface.pages.inputs import (
    NUMBERS,
    ConditionInput,
    RecordForm,
    chosen_options,
    field_for,
    input_for,
    picker,
    typed,
)
from saleswright.interface.pages.rows import row_values, tables, tables_of
from saleswright.interface.presentation import Column, FormPage, FormSection, LineForm
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.collaborators import collaborators_of
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.custom_fields import CustomDefinition
from saleswright.kernel.errors import Conflict, FieldError, NotAllowed, NotFound, Stale, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import Extra, Lines, resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.kernel.transitions import Arg, Transition

# --- the form of a record --------------------------------------------------------------------------------------


class Editing:
    """One go at adding or changing a record: the form, its lines, and what came of sending it."""

    def __init__(self, entity: Entity, actor: Actor, record: Any | None, data: QueryDict | None, start: Any) -> None:
        self.entity, self.actor, self.record, self.data = entity, actor, record, data
        self.start: Mapping[str, str] = start
        self.specs = {n: s for n, s in entity.known_to(actor).items() if n in entity.form_fields}
        self.read = entity.specs_for(actor)
        self.url = entity.url() + "/new" if record is None else entity.url(record.pk, "edit")
        self.filled = self._filling()
        self.offers: dict[str, list[tuple[int, str]]] = {}
        self.form = self._form()
        self.lines = {spec.name: self._line_forms(spec) for spec in entity.lines}
        self.errors: list[str] = []

    def _given(self, spec: FieldSpec) -> str:
        """What the address says of a field."""
        return self.start.get(spec.api_name) or self.start.get(spec.name) or ""

    def _filling(self) -> filling.Filling:
        """What the records that the address names put into an empty form."""
        if self.record is not None or self.data is not None:
            return filling.Filling()
        return filling.filling(self.entity, self.actor, {n: self._given(spec) for n, spec in self.specs.items()})

    def _initial(self, spec: FieldSpec) -> Any:
        if self.record is not None:
            return typed(spec, self.read[spec.name].veil(spec.value_of(self.record)))
        if spec.api_name in self.start or spec.name in self.start:
            return self._given(spec)
        if spec.name in self.filled.values:
            return typed(spec, self.filled.values[spec.name])
        if spec.name == "owner":
            return self.actor.user_id
        return typed(spec, spec.initial)

    def _form(self) -> RecordForm:
        initial = {name: self._initial(spec) for name, spec in self.specs.items()}
        form = RecordForm(self.data, initial=initial)
        for name in self.entity.form_fields:
            if name in self.specs:
                chosen = self._sent(name) if self.data is not None else initial[name]
                form.fields[name] = self._field(self.specs[name], name, chosen)
            elif name in self.entity.extras:
                form.fields[name], form.initial[name] = self._extra(self.entity.extras[name])
        form.show_required({name for name, spec in self.specs.items() if spec.required})
        return form

    def _sent(self, name: str) -> Any:
        """What was typed or chosen in a field."""
        assert self.data is not None
        return self.data.getlist(name) if self.specs[name].many else self.data.get(name, "")

    def _field(self, spec: FieldSpec, path: str, chosen: Any) -> forms.Field:
        """The input of a field; pickers say what they follow and whether they fill others."""
        if spec.kind == "condition":
            return ConditionInput(spec, self._terms_name(spec), self._tree(spec, chosen), self.actor)
        limit = self.entity.limits.get(path)
        if limit is not None and limit.options is not None:
            offered = [(pk, label) for pk, label in self._offered(path) if str(pk) == str(chosen)]
            field = picker("", [(str(pk), label) for pk, label in offered])
            field.label, field.help_text = spec.label, spec.help
        else:
            field = field_for(spec, self.actor, chosen)
        if limit is not None:
            field.widget.attrs |= {"data-picker-url": f"{self.url}?pick={path}", "data-by": limit.by}
        if path in self.entity.fills or path in self.entity.line_fills:
            field.widget.attrs["data-fills"] = f"{self.url}?fill={path}"
        return field

    def _terms_name(self, spec: FieldSpec) -> str:
        """The vocabulary of a field of conditions; a record that is not saved yet is asked what it would be of."""
        if not spec.beside:
            return spec.terms_name({})
        if self.record is not None:
            return spec.terms_name({name: getattr(self.record, name) for name in spec.beside})
        typed_in = self.data if self.data is not None else {n: self._given(s) for n, s in self.specs.items()}
        return spec.terms_name({name: self.entity.term_of(name, typed_in, self.actor) for name in spec.beside})

    def _tree(self, spec: FieldSpec, chosen: Any) -> Any:
        try:
            return spec.parse(chosen)
        except ValidationError:
            return None

    def _offered(self, path: str) -> list[tuple[int, str]]:
        """What a picker of the lines offers beside what is chosen in the form, read once."""
        if path not in self.offers:
            limit = self.entity.limits[path]
            by = self.specs[limit.by]
            chosen = self.data.get(limit.by) if self.data is not None else self._initial(by)
            self.offers[path] = filling.options(self.entity, limit, chosen, self.actor)
        return self.offers[path]

    def _extra(self, extra: Extra) -> tuple[forms.Field, Any]:
        held = extra.read([self.record.pk]).get(self.record.pk) if extra.read and self.record is not None else None
        if extra.choices is not None:
            field: forms.Field = forms.Field(required=False, widget=forms.SelectMultiple(choices=extra.choices()))
        elif extra.to:
            if extra.name == "collaborator_ids" and self.record is not None:
                people = collaborators_of(self.entity.name, [self.record.pk]).get(self.record.pk, [])
                held = [one["id"] for one in people]
            chosen = self.data.getlist(extra.name) if self.data is not None else held or []
            field = picker(
                f"/pick/{extra.to}", chosen_options(resource_named(extra.to).model, chosen, self.actor), many=True
            )
        else:
            widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
            field = forms.CharField(required=False, widget=widget, strip=False)
        field.label = extra.label
        return field, held

    def _line_forms(self, lines: Lines) -> list[RecordForm]:
        if self.data is not None:
            prefixes = dict.fromkeys(
                "-".join(key.split("-")[:2])
                for key in self.data
                if key.startswith(f"{lines.name}-") and key.count("-") >= 2
            )
            return [self._line(lines, prefix) for prefix in prefixes]
        rows = self.filled.lines.get(lines.name, [])
        if self.record is not None:
            found = lines.model._default_manager.filter(**{lines.parent: self.record.pk}).order_by("position", "id")
            rows = [
                {"id": row.pk, **{n: getattr(row, self._spec(lines, n).attname) for n in lines.fields}} for row in found
            ]
        rows = rows or ([{}] if lines.required else [])
        return [self._line(lines, f"{lines.name}-{index}", row) for index, row in enumerate(rows)]

    def _spec(self, lines: Lines, name: str) -> FieldSpec:
        return self.entity.line_specs[lines.name][name]

    def _line(self, lines: Lines, prefix: str, row: Mapping[str, Any] | None = None) -> RecordForm:
        row = row or {}
        initial = {name: typed(self._spec(lines, name), row.get(name)) for name in lines.fields}
        form = RecordForm(self.data if prefix != f"{lines.name}-__n__" else None, prefix=prefix, initial=initial)
        for name in lines.fields:
            key = f"{prefix}-{name}"
            chosen = self.data.get(key) if self.data is not None else initial[name]
            form.fields[name] = self._field(self._spec(lines, name), f"{lines.name}.{name}", chosen)
        form.fields["id"] = forms.Field(required=False, widget=forms.HiddenInput)
        form.initial["id"] = row.get("id", "")
        return form

    def save(self) -> Any | None:
        """Save what was typed; None when something was refused, which the form then shows."""
        assert self.data is not None
        problems: list[FieldError] = []
        values = self._values(problems)
        lines = {spec.name: self._line_values(spec, problems) for spec in self.entity.lines}
        version = self.data.get("version", "")
        try:
            if problems:
                raise ValidationFailed(problems)
            return run_atomic(
                lambda: save_record(
                    self.entity.model,
                    values,
                    lines=lines,
                    pk=self.record.pk if self.record is not None else None,
                    version=version_in(version),
                    actor=self.actor,
                )
            )
        except ValidationFailed as refused:
            self._show(refused.errors)
        except Stale:
            text = _("Someone else changed this record meanwhile. Open it again in another tab and compare.")
            self.errors.append(text)
        except (Conflict, NotAllowed) as refused:
            self.errors.append(str(refused))
        return None

    def _values(self, problems: list[FieldError]) -> dict[str, Any]:
        assert self.data is not None
        values: dict[str, Any] = {}
        for name in self.form.fields:
            if name in self.specs:
                raw = name in self.data if self.specs[name].kind == "bool" else self._sent(name)
                values[name] = _parsed(self.specs[name], raw, name, problems)
                continue
            extra = self.entity.extras[name]
            if extra.choices is not None:
                values[name] = self.data.getlist(name)
            elif extra.to:
                values[name] = [int(v) for v in self.data.getlist(name) if v.isascii() and v.isdigit()]
            elif self.data.get(name):
                values[name] = self.data[name]
        return values

    def _line_values(self, lines: Lines, problems: list[FieldError]) -> list[dict[str, Any]]:
        assert self.data is not None
        kept: list[RecordForm] = []
        rows: list[dict[str, Any]] = []
        for form in self.lines[lines.name]:
            raw = {name: self.data.get(f"{form.prefix}-{name}", "") for name in (*lines.fields, "id")}
            if self.data.get(f"{form.prefix}-DELETE") or not any(raw[name].strip() for name in lines.fields):
                continue
            index, row = len(rows), {}
            for name in lines.fields:
                spec = self._spec(lines, name)
                value = _parsed(spec, raw[name], f"{lines.name}.{index}.{name}", problems)
                if value is not None or not (spec.field.blank or spec.field.null or spec.field.has_default()):
                    row[name] = value
            if raw["id"].isascii() and raw["id"].isdigit():
                row["id"] = int(raw["id"])
            rows.append(row)
            kept.append(form)
        self.lines[lines.name] = kept or self.lines[lines.name][:1]
        return rows

    def _show(self, errors: list[FieldError]) -> None:
        for error in errors:
            line, name = self._place(error.field)
            if line is not None:
                line.refuse(name, str(error.message))
            else:
                label = self.entity.specs[error.field].label if error.field in self.entity.specs else ""
                self.errors.append(f"{label}: {error.message}" if label else str(error.message))

    def _place(self, name: str) -> tuple[RecordForm | None, str]:
        """The form and field that an error such as `lines.2.quantity` belongs to."""
        if name in self.form.fields:
            return self.form, name
        group, _sep, rest = name.partition(".")
        index, _sep, field = rest.partition(".")
        forms_of_group = self.lines.get(group, [])
        if index.isdigit() and int(index) < len(forms_of_group) and field in forms_of_group[int(index)].fields:
            return forms_of_group[int(index)], field
        return None, name

    def page(self) -> FormPage:
        """The page that shows all this."""
        entity, record = self.entity, self.record
        sections = []
        for section in entity.form_sections:
            fields = [self.form[name] for name in section.fields if name in self.form.fields]
            if fields:
                sections.append(FormSection(section.label, fields, section.help))
        title = _("New %(thing)s") % {"thing": entity.label} if record is None else entity.label_of(record)
        shown = list(self.errors)
        sent = [self.form, *(line for group in self.lines.values() for line in group)]
        if self.data is not None and any(form._errors for form in sent):
            shown.insert(0, _("Some of the input is not valid. Nothing was saved yet."))
        version = self.data.get("version", "") if self.data is not None else str(record.version) if record else ""
        return FormPage(
            subject(entity),
            title,
            sections,
            self.url,
            entity.url() if record is None else entity.url(record.pk),
            lines=[self._line_page(spec) for spec in entity.lines],
            errors=shown,
            hidden=[("version", version)] if record is not None else [],
            duplicates_url=f"{entity.url()}/duplicates" if entity.duplicates is not None else "",
            draft_key=f"{entity.name}:{record.pk if record is not None else 'new'}:{self.actor.user_id}",
        )

    def _line_page(self, lines: Lines) -> LineForm:
        headers = [Column(n, self._spec(lines, n).label, "number" if self._spec(lines, n).kind in NUMBERS else "text")
                   for n in lines.fields]  # fmt: skip
        blank = self._line(lines, f"{lines.name}-__n__")
        order = (*lines.fields, "id")
        rows = [[form[name] for name in order] for form in self.lines[lines.name]]
        return LineForm(lines.name, lines.label, headers, rows, [blank[name] for name in order])


def _parsed(spec: FieldSpec, raw: Any, name: str, problems: list[FieldError]) -> Any:
    try:
        return spec.parse(raw)
    except ValidationError as problem:
        problems.append(FieldError(name, "invalid", " ".join(problem.messages)))
        return None


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, name: str) -> HttpResponse:
    """Add a record."""
    entity, actor = entity_named(name), actor_of(request)
    if not entity.creatable:
        raise NotFound
    actor.require(f"{entity.name}.create")
    return _edit(request, entity, actor, None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Change a record."""
    entity, actor = entity_named(name), actor_of(request)
    record = fetch(entity.model, in_range(pk), actor=actor, action="edit")
    if not entity.editable:
        raise NotFound
    if record.archived_at is not None:
        raise Conflict(_("The record is archived. Restore it first."))
    if refusal := entity.edit_refusal(record):
        raise Conflict(refusal)
    return _edit(request, entity, actor, record)


def _edit(request: HttpRequest, entity: Entity, actor: Actor, record: Any | None) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    if data is None and (answer := filling.answer(entity, actor, parameters(request))) is not None:
        return answer
    editing = Editing(entity, actor, record, data, request.GET)
    if data is not None and (saved := editing.save()) is not None:
        messages.success(request, _("Saved"))
        return goes_to(request, _page_of(entity, saved, actor))
    status = 422 if data is not None else 200
    return render(request, entity.form_template, {"page": editing.page()}, status=status)


def _page_of(entity: Entity, saved: Any, actor: Actor) -> str:
    """Where the saved record is looked at: its page, or the list when it went to somebody out of one's sight."""
    somebody = getattr(saved, "owner_id", actor.user_id)
    if somebody != actor.user_id and not visible(entity.model._default_manager.filter(pk=saved.pk), actor).exists():
        return entity.url()
    return entity.url(saved.pk)


def duplicates(request: HttpRequest, name: str) -> HttpResponse:
    """Records that look like what is being typed, as a warning."""
    entity, actor = entity_named(name), actor_of(request)
    if entity.duplicates is None:
        raise NotFound
    actor.require(f"{entity.name}.create")
    found = entity.duplicates(request.POST.dict(), actor)
    return render(request, "interface/duplicates.html", {"found": found})


# --- the arguments of an action --------------------------------------------------------------------------------


def argument_form(
    transition: Transition, actor: Actor, data: Any = None, start: Any = None, record: Any = None
) -> RecordForm:
    """The form for the arguments of a transition, but for its tables; of one record it may offer choices."""
    form = RecordForm(data, initial=dict(start or {}))
    args = shown_args(transition, actor, record)
    for arg in args:
        chosen = (data or start or {}).get(arg.name)
        if arg.custom is not None:
            field = field_for(custom_spec(arg.custom), actor, chosen)
        elif arg.kind == "reference":
            field = picker(f"/pick/{arg.to}", chosen_options(resource_named(arg.to).model, chosen, actor))
        else:
            offered: Sequence[tuple[Any, Any]] | None = arg.choices.choices if arg.choices is not None else None
            if arg.offer is not None and record is not None:
                offered = arg.offer(record)
            choices = (
                [("", "—"), *((str(value), str(label)) for value, label in offered)] if offered is not None else None
            )
            field = input_for("choice" if choices else arg.kind, arg.label, choices=choices)
        field.label, field.help_text = arg.label, arg.help
        if data is None:
            form.initial.setdefault(arg.name, _starting_value(arg))
        form.fields[arg.name] = field
    form.show_required({arg.name for arg in args if arg.required and arg.kind != "bool"})
    form.section = FormSection("", [form[arg.name] for arg in args])
    return form


def _starting_value(arg: Arg) -> Any:
    """What stands in the dialog at first: the default, or today for a day that has to be given."""
    if arg.kind == "date" and arg.required and arg.default is None:
        return clock.today().isoformat()
    default = arg.default() if callable(arg.default) else arg.default
    return default.isoformat() if isinstance(default, date) else default


def shown_args(transition: Transition, actor: Actor, record: Any = None) -> list[Arg]:
    """The arguments that people type."""
    return [arg for arg in transition.all_args(actor, record) if arg.kind != "rows"]


def argument_values(transition: Transition, form: RecordForm, actor: Actor) -> dict[str, Any]:
    """What was typed, as the transition takes it."""
    values: dict[str, Any] = {}
    for arg in shown_args(transition, actor):
        raw = form.data.get(arg.name, "")
        if arg.custom is not None:
            values[arg.name] = _typed_custom(custom_spec(arg.custom), arg.name, form.data)
        elif arg.kind == "bool":
            values[arg.name] = arg.name in form.data
        elif raw != "":
            values[arg.name] = raw.replace(",", "") if arg.kind in NUMBERS else raw
    return values | row_values(transition, form.data)


def custom_spec(one: CustomDefinition) -> FieldSpec:
    """The spec of a custom field."""
    return entity_named(one.resource).specs[one.name]


def _typed_custom(spec: FieldSpec, name: str, data: Any) -> Any:
    """What was typed into a custom field; what can't be read is left for the kernel to refuse."""
    if spec.kind == "bool":
        return name in data
    raw = data.getlist(name) if spec.many and hasattr(data, "getlist") else data.get(name, "")
    try:
        return spec.parse(raw)
    except ValidationError:
        return raw


@require_http_methods(["GET", "POST"])
def action(request: HttpRequest, name: str, pk: int, verb: str) -> HttpResponse:
    """Ask for the arguments of a transition (GET), or run it (POST)."""
    from saleswright.interface.api.views import runner

    entity, actor = entity_named(name), actor_of(request)
    record = fetch(entity.model, in_range(pk), actor=actor)
    if verb in {"archive", "restore"}:
        if request.method != "POST":
            raise NotFound
        run_atomic(lambda: runner(entity, verb)(pk, actor, None, {}))
        done = _("Archived: %(thing)s") if verb == "archive" else _("Restored: %(thing)s")
        messages.success(request, done % {"thing": entity.label_of(record)})
        return goes_to(request, entity.url(pk))
    if verb == "delete":
        return _delete(request, entity, pk, actor)
    transition = entity.transition(verb)
    if request.method == "GET":
        return dialog(request, entity, record, transition, actor, start=request.GET)
    form = argument_form(transition, actor, request.POST)
    try:
        result = run_atomic(lambda: transition(pk, actor=actor, **argument_values(transition, form, actor)))
    except ValidationFailed as refused:
        return dialog(request, entity, record, transition, actor, refused=refused, data=request.POST)
    _tell(request, entity, record, transition, actor)
    return goes_to(request, _next_page(entity, pk, transition, result))


def _tell(request: HttpRequest, entity: Entity, before: Any, transition: Transition, actor: Actor) -> None:
    """Say on the next page what has been done: the new state, or else the action."""
    after = visible(entity.model._default_manager.filter(pk=before.pk), actor).first()
    if after is None:
        return
    state, label = entity.state_field, transition.label
    if entity.states is not None and getattr(after, state) != getattr(before, state):
        label = entity.states(getattr(after, state)).label
    messages.success(request, f"{entity.label_of(after)} · {label}")


def _next_page(entity: Entity, pk: int, transition: Transition, result: Any) -> str:
    if transition.leads_to and isinstance(result, dict) and result.get("id"):
        return f"/{transition.leads_to}/{result['id']}"
    if isinstance(result, dict):
        for key, resource in (("opportunity_id", "opportunities"), ("customer_id", "customers")):
            if result.get(key):
                return f"/{resource}/{result[key]}"
    return entity.url(pk)


def _delete(request: HttpRequest, entity: Entity, pk: int, actor: Actor) -> HttpResponse:
    from saleswright.kernel.records import delete_record

    if request.method != "POST" or not entity.deletable:
        raise NotFound
    label = entity.label_of(fetch(entity.model, pk, actor=actor))
    run_atomic(lambda: delete_record(entity.model, pk, actor=actor))
    messages.success(request, _("Deleted: %(thing)s") % {"thing": label})
    return goes_to(request, entity.url())


def _let_tables_follow(form: RecordForm, transition: Transition, url: str) -> None:
    """Have tables asked for anew when an argument changes that they follow."""
    for arg, table in tables_of(transition):
        for name in table.follows:
            form.fields[name].widget.attrs |= {
                "hx-get": url,
                "hx-trigger": "change",
                "hx-include": "closest form",
                "hx-params": "not csrfmiddlewaretoken",
                "hx-select": f"#rows-{arg.name}",
                "hx-target": f"#rows-{arg.name}",
                "hx-swap": "outerHTML",
                "hx-disabled-elt": "unset",
                "hx-sync": "closest form:replace",
            }


def dialog(
    request: HttpRequest,
    entity: Entity,
    record: Any,
    transition: Transition,
    actor: Actor,
    *,
    refused: ValidationFailed | None = None,
    data: Any = None,
    start: Any = None,
) -> HttpResponse:
    """The fragment that asks for a transition's arguments, with what was refused beside the fields."""
    form, url = argument_form(transition, actor, data, start, record), entity.url(record.pk, "actions", transition.name)
    _let_tables_follow(form, transition, url)
    refusals = refused.errors if refused is not None else []
    shown = tables(transition, record, actor, data or start or {}, language(), refusals)
    errors = []
    for error in refusals:
        if error.field in form.fields:
            form.refuse(error.field, str(error.message))
        elif error.field.partition(".")[0] not in {table.name for table in shown}:
            spec = entity.specs.get(error.field)
            errors.append(f"{spec.label}: {error.message}" if spec else str(error.message))
    page = FormPage(
        subject(entity),
        transition.label,
        [form.section] if form.fields else [],
        url,
        entity.url(record.pk),
        errors=errors,
        submit_label=transition.label,
    )
    fragment = "HX-Request" in request.headers
    template = "interface/form_fragment.html" if fragment else "interface/form.html"
    return render(
        request, template, {"page": page, "tables": shown}, status=422 if refused is not None and not fragment else 200
    )
