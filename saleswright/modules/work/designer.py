"""The designer of approval flows: steps with conditions, a live picture that is also the dry run, versions."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from saleswright.interface.conditions import Editor, Row, editor, question, read_tree
from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_datetime
from saleswright.interface.pages.common import actor_of, attempt, goes_to, in_range, version_in
from saleswright.interface.pages.details import actions
from saleswright.interface.presentation import ActionButton, Option
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.errors import Conflict, DomainError, FieldError, NotFound, ValidationFailed
from saleswright.kernel.models import Role, User
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import all_resources, resource_named
from saleswright.kernel.transitions import Transition
from saleswright.modules.work.actions.flows import FLOW_FIELDS, STEP_FIELDS, content_of
from saleswright.modules.work.actions.planning import steps_of
from saleswright.modules.work.foresight import (
    Foreseen,
    Trial,
    consent_to,
    foresee,
    names_of,
    read_facts,
    read_values,
    words_of,
)
from saleswright.modules.work.models import ApprovalFlow, ApprovalFlowVersion, ApprovalStep
from saleswright.modules.work.states import ApproverKind, Nobody, OwnRequest, Rule, SamePerson
from saleswright.modules.work.terms import FACTS, Question, approval_terms, questions

HEAD = ("name", "active", *FLOW_FIELDS)
#: the condition of a step that is drawn, but not to its end
NEVER: dict[str, Any] = {"or": []}
REFERENCES = {"post": "posts", "person": "employees", "escalate_to": "employees", "nobody_person": "employees"}
CHOICES: dict[str, Any] = {
    "approver": ApproverKind, "rule": Rule, "nobody": Nobody, "same_person": SamePerson, "own_request": OwnRequest,
}  # fmt: skip


@dataclass(slots=True)
class Sketch:
    """A part of the form as it is typed: a step, or the head of the flow; `key` begins the names of its inputs."""

    key: str
    values: dict[str, str]
    model: Any
    errors: dict[str, str] = field(default_factory=dict)
    editor: Editor | None = None
    tree: Any = None

    def name(self, of: str) -> str:
        return f"{self.key}-{of}" if self.key else of

    def label(self, of: str) -> Any:
        return _field(self.model, of).verbose_name

    def options(self, of: str) -> list[Option]:
        """The choices of a select, or the record that a picker holds."""
        value = self.values.get(of, "")
        if of == "role":
            roles = Role.objects.filter(archived_at=None).order_by("id").values_list("code", "name")
            return [Option(code, label, code == value) for code, label in roles]
        if of in CHOICES:
            return [Option(str(key), label, key == value) for key, label in CHOICES[of].choices]
        model = resource_named(REFERENCES[of]).model
        return [Option(value, str(one), True) for one in model.objects.filter(pk=value)] if value.isdecimal() else []

    def picker(self, of: str) -> str:
        return f"/pick/{REFERENCES[of]}"


@dataclass(slots=True)
class PictureStep:
    """A step of the picture. `asked` is None outside of a dry run, else whether it would be asked."""

    number: int
    name: str
    who: str
    rule: str
    words: str
    times: list[str]
    asked: bool | None = None
    people: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Picture:
    """A flow as it is drawn; `problem` says why it could not be tried."""

    start: str
    end: str
    steps: list[PictureStep]
    tried: bool = False
    problem: str = ""


# --- reading and writing the form ------------------------------------------------------------------------------


class Designing:
    """One go at drawing a flow: what is typed, and what came of sending it."""

    def __init__(self, actor: Actor, transition: Transition, flow: ApprovalFlow | None, data: Any = None) -> None:
        self.actor, self.transition, self.flow, self.data = actor, transition, flow, data
        self.subject = f"{transition.resource_name}.{transition.name}"
        self.terms = approval_terms(self.subject, actor)
        self.errors: list[str] = []
        if data is not None:
            self.head = Sketch("", {name: data.get(name, "") for name in HEAD}, ApprovalFlow)
            keys = dict.fromkeys(key.split("-")[1] for key in data if key.startswith("steps-") and key.count("-") == 2)
            self.steps = [self._sent(key) for key in keys]
        else:
            self.head = Sketch("", _texts(flow or ApprovalFlow(), HEAD), ApprovalFlow)
            self.steps = [self.sketch(_texts(step, STEP_FIELDS), step.condition) for step in steps_of(flow)]
            if flow is None:
                self.steps = [self.sketch(_texts(ApprovalStep(approver=ApproverKind.MANAGER), STEP_FIELDS), {})]

    def sketch(self, values: dict[str, str], tree: Any, key: str = "") -> Sketch:
        """A step as it is typed."""
        key = f"steps-{key or secrets.token_hex(4)}"
        always = _("Without conditions the step is always asked.")
        drawn = editor(f"{key}-condition", f"approvals:{self.subject}", self.terms, tree, empty_text=always)
        return Sketch(key, values, ApprovalStep, editor=drawn, tree=tree)

    def _sent(self, key: str) -> Sketch:
        values = {name: self.data.get(f"steps-{key}-{name}", "").strip() for name in STEP_FIELDS}
        try:
            tree = read_tree(values["condition"]) if values["condition"] else {}
        except ValidationFailed:
            tree = NEVER
        return self.sketch(values, tree, key)

    def values(self) -> dict[str, Any]:
        """The head as values."""
        values: dict[str, Any] = _given(self.head.values, ApprovalFlow)
        resource, name = self.transition.resource_name, self.transition.name
        return values | {"active": self.head.values["active"] == "1", "resource": resource, "transition": name}

    def lines(self) -> list[dict[str, Any]]:
        """The steps as values; what belongs to another way of finding approvers is left out."""
        found = []
        for step in self.steps:
            values = _given(step.values, ApprovalStep)
            text = step.values["condition"]
            found.append(values | {"condition": read_tree(text) if text else {}, "level": values["level"] or 1})
        return found

    def save(self) -> ApprovalFlow | None:
        """Save what was drawn; None when something was refused, which the form then shows."""
        pk, version = self.flow.pk if self.flow else None, version_in(self.data.get("version", ""))
        saved: ApprovalFlow | None = attempt(
            lambda: save_record(
                ApprovalFlow, self.values(), lines={"steps": self.lines()}, actor=self.actor, pk=pk, version=version
            ),
            self.errors,
            self._show,
        )
        return saved

    def _show(self, error: FieldError) -> None:
        group, _sep, rest = error.field.partition(".")
        index, _sep, name = rest.partition(".")
        if group == "steps" and index.isdigit() and int(index) < len(self.steps):
            step = self.steps[int(index)]
            if name.startswith("condition") and step.editor is not None:
                step.editor.error = error.message
            step.errors[name] = str(error.message)
        elif group in HEAD:
            self.head.errors[group] = str(error.message)
        else:
            self.errors.append(str(error.message))

    def unsaved(self) -> tuple[ApprovalFlow, list[ApprovalStep]]:
        """The flow as it is typed, without its mistakes; a step whose condition is not complete is never asked."""
        flow = ApprovalFlow(**_fitting(self.head.values, FLOW_FIELDS, ApprovalFlow))
        steps = []
        for step in self.steps:
            one = ApprovalStep(**_fitting(step.values, STEP_FIELDS, ApprovalStep))
            one.condition = step.tree
            if step.editor is not None and step.editor.error:
                one.condition = NEVER
            steps.append(one)
        return flow, steps


def _field(model: Any, name: str) -> Any:
    return model._meta.get_field(name)


def _texts(record: Any, names: Iterable[str]) -> dict[str, str]:
    """The values of a record as they are typed."""
    found = {}
    for name in names:
        value = getattr(record, _field(record, name).attname)
        found[name] = "1" if value is True else "" if value is None or value is False else str(value)
    return found


def _given(values: Mapping[str, str], model: Any) -> dict[str, Any]:
    """Typed values for saving: references as ids, empty numbers as None."""
    found: dict[str, Any] = {}
    for name, text in values.items():
        field = _field(model, name)
        empty = None if field.null else "" if field.get_internal_type() == "CharField" else None
        found[name] = text or (empty if not field.choices else field.get_default() or "")
    return found


def _fitting(values: Mapping[str, str], names: Iterable[str], model: Any) -> dict[str, Any]:
    """Typed values as far as they fit, by the columns' names."""
    found: dict[str, Any] = {}
    for name in names:
        field = _field(model, name)
        text = values.get(name, "")
        if field.get_internal_type() == "JSONField":
            continue
        if field.get_internal_type() == "CharField":
            found[name] = text or field.get_default()
        elif text.isascii() and text.isdecimal() and len(text) < 19:
            found[field.attname] = int(text)
    return found


# --- the picture -----------------------------------------------------------------------------------------------


def picture(transition: Transition, flow: ApprovalFlow, steps: list[ApprovalStep]) -> Picture:
    """The flow as it is drawn."""
    drawn = [
        PictureStep(
            number, step.name or _who(step), _who(step) if step.name else "", str(Rule(step.rule or "any").label),
            _condition(step, transition.resource_name), _times(step),
        )
        for number, step in enumerate(steps, 1)
    ]  # fmt: skip
    resource = transition.resource
    start = _("%(record)s · %(action)s") % {"record": resource.label, "action": transition.label}
    states = dict(resource.model._meta.get_field(resource.state_field).flatchoices) if resource.state_field else {}
    return Picture(start, str(states.get(transition.target, _("Done"))), drawn)


def _condition(step: ApprovalStep, resource: str) -> str:
    return _("the condition is not complete yet") if step.condition == NEVER else words_of(step, resource)


def _kind_label(step: ApprovalStep) -> Any:
    return ApproverKind(step.approver).label if step.approver in ApproverKind.values else ""


def _who(step: ApprovalStep) -> str:
    """The approvers of a step in words."""
    match step.approver:
        case ApproverKind.ROLE:
            role = Role.objects.filter(code=step.role).first()
            return _("Role: %(name)s") % {"name": role.name if role else "…"}
        case ApproverKind.POST:
            return _("Post: %(name)s") % {"name": step.post if step.post_id else "…"}
        case ApproverKind.PERSON:
            return step.person.get_short_name() if step.person_id else "…"
        case ApproverKind.MANAGER:
            return _("Manager of the submitter, %(level)s up") % {"level": step.level}
    return str(_kind_label(step))


def _times(step: ApprovalStep) -> list[str]:
    found = []
    if step.remind_after is not None:
        found.append(_("Reminder after %(hours)s working hours") % {"hours": step.remind_after})
    if step.escalate_after is not None:
        to = step.escalate_to.get_short_name() if step.escalate_to_id else _("the manager of who is late")
        found.append(_("After %(hours)s working hours to %(who)s") % {"hours": step.escalate_after, "who": to})
    return found


def tried(drawn: Picture, found: list[Foreseen]) -> Picture:
    """The picture with what a dry run found: whom each step asks, and which it leaves out."""
    names = names_of(pk for step in found for pk in step.approvers)
    own = [one for one in found if one.place is None]
    for one in found:
        if one.place is not None:
            step = drawn.steps[one.place]
            step.asked, step.people = bool(one.approvers), [names[pk] for pk in one.approvers]
    first = [
        PictureStep(
            0, _("Asked for by the rules of the record"), "", "", "", [], True, [names[pk] for pk in one.approvers]
        )
        for one in own
    ]
    drawn.steps, drawn.tried = [*first, *drawn.steps], True
    return drawn


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the dry run as it is drawn."""

    name: str
    row: Row


def questions_of(designing: Designing) -> list[Question]:
    """What a dry run of the flow as it is typed must know: what its conditions name, and the discount where the
    authority to give it decides."""
    found = questions([step.tree for step in designing.steps], designing.terms)
    names = {one.name for one in found}
    needed = ["amount"] if not found else []
    if any(step.values["approver"] == ApproverKind.AUTHORITY for step in designing.steps):
        needed.append("discount")
    terms = designing.terms
    return [Question(n, f"facts.{n}", "", terms[f"facts.{n}"]) for n in needed if n not in names] + found


def drawn_questions(designing: Designing) -> list[Asked]:
    """The questions with what was answered so far."""
    data = designing.data if designing.data is not None else {}
    return [
        Asked(f"try-{one.name}", question(designing.terms, one.field, data.get(f"try-{one.name}", ""), one.period))
        for one in questions_of(designing)
    ]


def _trial(designing: Designing) -> Trial:
    """What the dry run is about, as typed. Raises ValidationFailed, NotFound."""
    data, transition, actor = designing.data, designing.transition, designing.actor
    asked = questions_of(designing)
    given = {one.name: data.get(f"try-{one.name}", "") for one in asked} | {
        name: data.get(f"try-{name}", "") for name in FACTS
    }
    facts, values = read_facts(given), read_values(asked, given)
    person, record = data.get("try-submitter", ""), data.get("try-record", "")
    submitter = fetch(User, in_range(int(person)) if person.isdecimal() else actor.user_id, actor=actor)
    pk = in_range(int(record)) if record.isascii() and record.isdecimal() else None
    return Trial(transition.resource_name, transition.name, submitter, facts, pk, values)


# --- pages -----------------------------------------------------------------------------------------------------


def _transition(text: str) -> Transition:
    resource, _dot, name = text.partition(".")
    return consent_to(resource, name)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Draw a flow: first for which action, then its steps."""
    actor = actor_of(request)
    actor.require("approval-flows.create")
    subject = request.POST.get("subject") or request.GET.get("subject", "")
    if not subject:
        kinds = [one for resource in all_resources() for one in resource.transitions if one.approval is not None]
        return render(request, "interface/flow_start.html", {"kinds": kinds})
    return _design(request, Designing(actor, _transition(subject), None, _data(request)))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw a flow anew; approvals that run end under what it said before."""
    actor = actor_of(request)
    flow = fetch(ApprovalFlow, in_range(pk), actor=actor, action="edit")
    if flow.archived_at is not None:
        raise Conflict(_("The record is archived. Restore it first."))
    return _design(request, Designing(actor, consent_to(flow.resource, flow.transition), flow, _data(request)))


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _design(request: HttpRequest, designing: Designing) -> HttpResponse:
    if designing.data is not None and (saved := designing.save()) is not None:
        messages.success(request, _("Saved"))
        return goes_to(request, f"/approval-flows/{saved.pk}")
    flow = designing.flow
    content = {
        "design": designing,
        "title": flow.name if flow else _("New %(thing)s") % {"thing": entity_named("approval-flows").label},
        "action": f"/approval-flows/{flow.pk}/edit" if flow else "/approval-flows/new",
        "back": f"/approval-flows/{flow.pk}" if flow else "/approval-flows",
        "version": designing.data.get("version", "") if designing.data is not None else flow.version if flow else "",
        "picture": picture(designing.transition, *designing.unsaved()),
        "asked": drawn_questions(designing),
    }
    return render(request, "interface/flow_form.html", content, status=422 if designing.data is not None else 200)


@require_GET
def step(request: HttpRequest) -> HttpResponse:
    """An empty step for the form."""
    actor = actor_of(request)
    actor.require("approval-flows.view")
    designing = Designing(actor, _transition(request.GET.get("subject", "")), None)
    return render(request, "interface/flow_step.html", {"step": designing.steps[0]})


@require_POST
def trial(request: HttpRequest) -> HttpResponse:
    """The picture of what is typed, with whom it would ask once it is said who submits what."""
    actor = actor_of(request)
    actor.require("approval-flows.view")
    designing = Designing(actor, _transition(request.POST.get("subject", "")), None, request.POST)
    flow, steps = designing.unsaved()
    drawn = picture(designing.transition, flow, steps)
    if any(value for name, value in request.POST.items() if name.startswith("try-") and name != "try-shown"):
        try:
            drawn = tried(drawn, foresee(_trial(designing), flow, steps, actor))
        except (DomainError, ValidationFailed) as refused:
            drawn.problem = str(refused)
    asked = drawn_questions(designing)
    shown = request.POST.get("try-shown", "").split()
    fresh = "try-shown" in request.POST and shown != [one.name for one in asked]
    return render(request, "interface/flow_picture.html", {"picture": drawn, "asked": asked if fresh else None})


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A flow with its picture, now or as it was in a `version` before."""
    actor, entity = actor_of(request), entity_named("approval-flows")
    flow = fetch(ApprovalFlow, in_range(pk), actor=actor)
    versions = list(flow.versions.order_by("-number").select_related("made_by"))
    wanted = request.GET.get("version", "")
    shown = next((one for one in versions if str(one.number) == wanted), None)
    if wanted and shown is None:
        raise NotFound
    transition = consent_to(flow.resource, flow.transition)
    buttons: list[ActionButton] = actions(entity, flow, actor)
    editable = visible(ApprovalFlow.objects.filter(pk=pk, archived_at=None), actor, "edit").exists()
    content = {
        "flow": flow,
        "entity": entity,
        "picture": picture(transition, flow, _steps_in(shown) if shown else steps_of(flow)),
        "facts": [
            (_field(ApprovalFlow, name).verbose_name, _rule_in_words(flow, shown, name))
            for name in ("nobody", "same_person", "own_request")
        ],
        "versions": [(one, format_datetime(one.made_at)) for one in versions],
        "shown": shown.number if shown else versions[0].number if versions else None,
        "running": flow.approvals.filter(state="pending").count(),
        "actions": buttons,
        "edit_url": f"/approval-flows/{pk}/edit" if editable else "",
    }
    return render(request, "interface/flow.html", content)


def _steps_in(version: ApprovalFlowVersion) -> list[ApprovalStep]:
    """The steps that a version had."""
    fields = {name: _field(ApprovalStep, name).attname for name in STEP_FIELDS}
    return [
        ApprovalStep(**{fields[name]: value for name, value in said.items() if name in fields})
        for said in version.content["steps"]
    ]


def _rule_in_words(flow: ApprovalFlow, version: ApprovalFlowVersion | None, name: str) -> Any:
    said = version.content if version else content_of(flow, ())
    if name == "nobody" and said[name] == Nobody.PERSON:
        return names_of([said["nobody_person"]]).get(said["nobody_person"], "")
    return CHOICES[name](said[name]).label


urlpatterns = [
    path("approval-flows/new", new),
    path("approval-flows/step", step),
    path("approval-flows/try", trial),
    path("approval-flows/<int:pk>", detail),
    path("approval-flows/<int:pk>/edit", edit),
]
