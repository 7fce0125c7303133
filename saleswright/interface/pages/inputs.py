"""Inputs: a form that only carries what was typed, and the fields of each kind of value."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict

from saleswright.interface.conditions import editor, vocabulary
from saleswright.interface.fields import FieldSpec, plain
from saleswright.interface.presentation import FormSection
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.fields import ScaledField
from saleswright.kernel.resources import has_resource, resource_of

INPUTS = {"date": "date", "datetime": "datetime-local"}
NUMBERS = frozenset({"money", "price", "quantity", "percent", "integer", "decimal", "coordinate"})


class RecordForm(forms.Form):
    """A form whose checks are the kernel's; it only carries what was typed."""

    _errors: ErrorDict | None
    section: FormSection
    must: frozenset[str] = frozenset()

    def show_required(self, required: set[str]) -> None:
        """Mark the fields that must be filled; whether they are is the kernel's to say."""
        self.must = frozenset(required & set(self.fields))
        for name in self.must:
            self.fields[name].required = True

    def refuse(self, name: str, message: str) -> None:
        """Put the kernel's refusal beside the field."""
        if self._errors is None:
            for field in self.fields.values():
                field.required = False
            self.full_clean()
            self.show_required(set(self.must))
        self.add_error(name, ValidationError(message))


class ConditionInput(forms.Field):
    """A field whose conditions are put together in the editor."""

    def __init__(self, spec: FieldSpec, terms_name: str, tree: Any, actor: Actor) -> None:
        super().__init__(required=False, widget=forms.HiddenInput, label=spec.label, help_text=spec.help)
        self.editor = editor(spec.name, terms_name, vocabulary(terms_name, actor), tree)
        self.editor.error = ""  # what is wrong is said once, beside the field


def picker(url: str, options: list[tuple[str, str]], many: bool = False) -> forms.Field:
    """A field that picks records by name, code or pinyin; `options` are those chosen now."""
    kind = forms.SelectMultiple if many else forms.Select
    widget = kind(choices=options if many else [("", ""), *options], attrs={"data-picker-url": url} if url else {})
    return forms.Field(required=False, widget=widget)


def input_for(kind: str, label: Any, *, choices: Any = None, long: bool = False, help_text: Any = "") -> forms.Field:
    """The input of a kind of field; values stay text and are checked by the kernel."""
    common: dict[str, Any] = {"required": False, "label": label, "help_text": help_text}
    if kind == "bool":
        return forms.BooleanField(**common)
    if kind == "choice":
        return forms.Field(widget=forms.Select(choices=choices), **common)
    if kind == "long":
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), strip=False, **common)
    attrs: dict[str, str] = {"autocomplete": "off"}
    if kind in NUMBERS:
        attrs["inputmode"] = "decimal"
    if kind == "money":
        attrs["data-echo"] = "amount"
    widget = forms.TextInput(attrs=attrs)
    widget.input_type = INPUTS.get(kind, "text")
    return forms.CharField(widget=widget, strip=False, **common)


def field_for(spec: FieldSpec, actor: Actor, chosen: Any) -> forms.Field:
    """The form field of a model field."""
    if spec.kind == "reference":
        field = picker(picker_url(spec.target), chosen_options(spec.target, chosen, actor))
        field.label, field.help_text = spec.label, spec.help
        return field
    choices = None
    if spec.many:
        several = forms.Field(required=False, widget=forms.CheckboxSelectMultiple(choices=list(spec.choices.items())))
        several.label, several.help_text = spec.label, spec.help
        return several
    if spec.kind == "choice":
        blank = [("", "—")] if spec.field.blank or not spec.field.has_default() else []
        choices = [*blank, *[(value, label) for value, label in spec.choices.items() if value != ""]]
    elif names := spec.choosable(chosen):
        choices = [("", "—"), *names.items()]
    return input_for("choice" if choices else spec.kind, spec.label, choices=choices, help_text=spec.help)


def picker_url(target: Any) -> str:
    """Where a picker of such records asks; empty for rows that are no records."""
    return f"/pick/{resource_of(target).name}" if has_resource(target) else ""


def chosen_options(target: Any, value: Any, actor: Actor) -> list[tuple[str, str]]:
    """The options for what is chosen now, as far as the actor may see it."""
    values = value if isinstance(value, list) else [value]
    ids = [int(v) for v in values if str(v).isascii() and str(v).isdigit() and int(v) < 2**63]
    if not ids:
        return []
    rows = target._default_manager.filter(pk__in=ids)
    if has_resource(target):
        rows, label_of = visible(rows, actor), resource_of(target).label_of
        return [(str(record.pk), label_of(record)) for record in rows]
    return [(str(record.pk), str(record)) for record in rows]


def typed(spec: FieldSpec, value: Any) -> Any:
    """A stored value as it is typed into the form."""
    if value is None:
        return ""
    if isinstance(spec.field, ScaledField) and isinstance(value, Decimal):
        return plain(value, 2 if spec.kind in {"money", "price"} else 0)
    if isinstance(value, datetime):
        return clock.local_time(value).strftime("%Y-%m-%dT%H:%M")
    if spec.kind == "json" and isinstance(value, list) and not spec.many:
        return ", ".join(map(str, value))
    return value
