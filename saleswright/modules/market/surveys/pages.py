"""The builder of questionnaires, their results with charts, and the export of what was answered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from saleswright.interface.entity import entity_named
from saleswright.interface.exchange.writers import write_csv, write_xlsx
from saleswright.interface.formatting import format_number
from saleswright.interface.pages.common import actor_of, attempt, goes_to, in_range, version_in
from saleswright.interface.presentation import Chart, Option
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Conflict, FieldError
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import atomic
from saleswright.modules.market.surveys.actions import QUESTION_FIELDS
from saleswright.modules.market.surveys.answering import questions_of, token_of
from saleswright.modules.market.surveys.branching import in_words, lines
from saleswright.modules.market.surveys.models import Survey, SurveyAnswer, SurveyQuestion, SurveyReply
from saleswright.modules.market.surveys.results import Finding, answers_of, results, table
from saleswright.modules.market.surveys.states import BranchTest, QuestionKind, SurveyStatus

HEAD = ("title", "intro", "thanks", "closes_on")
TICKS = ("anonymous", "anybody")
CONTENT_TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
#: kinds that ECharts draws; texts are listed
MOST_BARS = 50


# --- building --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sketch:
    """A question as it is typed; `key` begins the names of its inputs."""

    key: str
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def name(self, of: str) -> str:
        return f"steps-{self.key}-{of}"

    def label(self, of: str) -> Any:
        return SurveyQuestion._meta.get_field(of).verbose_name  # type: ignore[union-attr]

    def hint(self, of: str) -> Any:
        return SurveyQuestion._meta.get_field(of).help_text  # type: ignore[union-attr]

    def options(self, of: str) -> list[Option]:
        """The choices of a select."""
        choices: Any = {"kind": QuestionKind, "branch_test": BranchTest}[of].choices
        return [Option(str(key), label, key == self.values.get(of)) for key, label in choices]


class Building:
    """One go at a questionnaire: what is typed, and what came of sending it."""

    def __init__(self, actor: Actor, survey: Survey | None, data: Any = None) -> None:
        self.actor, self.survey, self.data = actor, survey, data
        self.errors: list[str] = []
        self.head_errors: dict[str, str] = {}
        self.fixed = survey is not None and survey.status != SurveyStatus.DRAFT
        if data is not None:
            self.head = {name: data.get(name, "").strip() for name in HEAD}
            self.head |= {name: "1" if data.get(name) == "1" else "" for name in TICKS}
            keys = dict.fromkeys(key.split("-")[1] for key in data if key.startswith("steps-") and key.count("-") == 2)
            self.sketches = [
                Sketch(key, {name: data.get(f"steps-{key}-{name}", "").strip() for name in QUESTION_FIELDS})
                for key in keys
            ]
        else:
            self.head = typed(survey or Survey(), (*HEAD, *TICKS))
            self.sketches = [sketch(one) for one in questions_of(survey)] if survey else [sketch(SurveyQuestion())]

    def head_label(self, of: str) -> Any:
        return Survey._meta.get_field(of).verbose_name  # type: ignore[union-attr]

    def head_hint(self, of: str) -> Any:
        return Survey._meta.get_field(of).help_text  # type: ignore[union-attr]

    def sources(self, sketch: Sketch) -> list[Option]:
        """The earlier questions that one may rest on."""
        place, wanted = self.sketches.index(sketch), sketch.values.get("branch_on", "")
        found = [
            Option(one.values["code"], f"{number}. {one.values['text'] or '…'}", one.values["code"] == wanted)
            for number, one in enumerate(self.sketches[:place], 1)
            if one.values["code"]
        ]
        if wanted and not any(one.selected for one in found):
            found.append(Option(wanted, wanted, True))
        return found

    def save(self) -> Survey | None:
        """Save what was typed; None when something was refused, which the form then shows."""
        values: dict[str, Any] = {**self.head, "closes_on": self.head["closes_on"] or None}
        values |= {name: self.head[name] == "1" for name in TICKS}
        given = {} if self.fixed else {"questions": [_given(one.values) for one in self.sketches]}
        pk, version = self.survey.pk if self.survey else None, version_in(self.data.get("version", ""))
        saved: Survey | None = attempt(
            lambda: save_record(Survey, values, lines=given, actor=self.actor, pk=pk, version=version),
            self.errors,
            self._show,
        )
        return saved

    def _show(self, error: FieldError) -> None:
        group, _sep, rest = error.field.partition(".")
        index, _sep, name = rest.partition(".")
        if group == "questions" and index.isdigit() and int(index) < len(self.sketches):
            self.sketches[int(index)].errors[name] = str(error.message)
        elif group in (*HEAD, *TICKS):
            self.head_errors[group] = str(error.message)
        else:
            self.errors.append(str(error.message))


def typed(record: Any, names: tuple[str, ...]) -> dict[str, str]:
    """The values of a record as they are typed."""
    found = {}
    for name in names:
        value = getattr(record, name)
        found[name] = "1" if value is True else "" if value in (None, False) else str(value)
    return found


def sketch(question: SurveyQuestion) -> Sketch:
    """A question to type on; a fresh one gets a code that others can rest on."""
    values = typed(question, QUESTION_FIELDS)
    for name in ("minimum", "maximum"):
        if getattr(question, name) is not None:
            values[name] = f"{getattr(question, name).normalize():f}"
    key = secrets.token_hex(4)
    return Sketch(key, values | {"code": question.code or f"q{key}"})


def _given(values: Mapping[str, str]) -> dict[str, Any]:
    """A typed question for saving; what is of another kind of question is left out."""
    kind = values["kind"]
    found: dict[str, Any] = {name: values[name] for name in ("code", "kind", "text", "help")}
    found["required"] = values["required"] == "1"
    if kind in {QuestionKind.CHOICE, QuestionKind.MULTI}:
        found["options"] = values["options"]
    if kind == QuestionKind.SCALE:
        found["steps"] = values["steps"] or 5
    if kind in {QuestionKind.SCALE, QuestionKind.NPS}:
        found |= {"low_label": values["low_label"], "high_label": values["high_label"]}
    if kind == QuestionKind.NUMBER:
        found |= {"minimum": values["minimum"] or None, "maximum": values["maximum"] or None}
    if values["branch_on"]:
        found |= {name: values[name] for name in ("branch_on", "branch_test", "branch_value")}
    return found


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Draw up a questionnaire."""
    actor = actor_of(request)
    actor.require("surveys.create")
    return _build(request, Building(actor, None, request.POST if request.method == "POST" else None))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a questionnaire; of one that takes answers only what stands around its questions."""
    actor = actor_of(request)
    survey = fetch(Survey, in_range(pk), actor=actor, action="edit")
    if survey.archived_at is not None:
        raise Conflict(_("The record is archived. Restore it first."))
    return _build(request, Building(actor, survey, request.POST if request.method == "POST" else None))


def _build(request: HttpRequest, building: Building) -> HttpResponse:
    if building.data is not None and (saved := building.save()) is not None:
        messages.success(request, _("Saved"))
        return goes_to(request, f"/surveys/{saved.pk}")
    survey = building.survey
    version = building.data.get("version", "") if building.data is not None else survey.version if survey else ""
    content = {
        "build": building,
        "title": survey.title if survey else _("New %(thing)s") % {"thing": entity_named("surveys").label},
        "action": f"/surveys/{survey.pk}/edit" if survey else "/surveys/new",
        "back": f"/surveys/{survey.pk}" if survey else "/surveys",
        "version": version,
        "preview": preview_of(building),
    }
    return render(request, "market/survey_form.html", content, status=422 if building.data is not None else 200)


@require_GET
def question(request: HttpRequest) -> HttpResponse:
    """An empty question for the builder."""
    actor = actor_of(request)
    actor.require("surveys.view")
    building = Building(actor, None)
    return render(request, "market/survey_question.html", {"one": building.sketches[0], "build": building})


def preview_of(building: Building) -> list[dict[str, Any]]:
    """The questions as they will be asked, each with its branch in words."""
    questions = [_drawn(one.values) for one in building.sketches]
    by_code = {one.code: one for one in questions}
    return [
        {"question": one, "options": lines(one.options), "words": in_words(one, by_code), "steps": steps_of(one)}
        for one in questions
    ]


def steps_of(question: SurveyQuestion) -> list[int]:
    """The steps of a scale."""
    if question.kind == QuestionKind.NPS:
        return list(range(11))
    return list(range(1, min(question.steps, 10) + 1)) if question.kind == QuestionKind.SCALE else []


def _drawn(values: Mapping[str, str]) -> SurveyQuestion:
    """A question as it is typed, mistakes and all."""
    plain = {name: values[name] for name in QUESTION_FIELDS if name not in {"required", "steps", "minimum", "maximum"}}
    if plain["branch_test"] not in BranchTest.values:
        plain["branch_test"] = ""
    steps = values["steps"]
    number = int(steps) if steps.isascii() and steps.isdigit() and len(steps) < 4 else 5
    return SurveyQuestion(**plain, required=values["required"] == "1", steps=number)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The preview of what is typed, and the earlier questions that each may rest on."""
    actor = actor_of(request)
    actor.require("surveys.view")
    return render(request, "market/survey_preview.html", {"preview": preview_of(Building(actor, None, request.POST))})


# --- results ---------------------------------------------------------------------------------------------------


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The results in short on the page of the questionnaire, with its questions and the common link."""
    actor = actor_of(request)
    survey = fetch(Survey, in_range(pk), actor=actor)
    questions = questions_of(survey)
    by_code = {one.code: one for one in questions}
    found = results(survey, actor)
    content = {
        "survey": survey,
        "results": found,
        "questions": [(one, in_words(one, by_code), lines(one.options)) for one in questions],
        "link": request.build_absolute_uri(f"/s/{token_of(survey)}") if survey.anybody else "",
        "editable": survey.status == SurveyStatus.DRAFT and actor.may("surveys.edit"),
    }
    return render(request, "market/survey_panel.html", content)


@require_GET
def results_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What was answered, question by question, with charts."""
    actor = actor_of(request)
    survey = fetch(Survey, in_range(pk), actor=actor)
    since, until = day_of(request.GET.get("from", "")), day_of(request.GET.get("to", ""))
    found = results(survey, actor, _period(since, until))
    content = {
        "survey": survey,
        "results": found,
        "since": since,
        "until": until,
        "findings": [(one, chart_of(one) if one.counts and one.count else None) for one in found.findings],
        "number": format_number,
        "exports": actor.may("surveys.export"),
    }
    return render(request, "market/survey_results.html", content)


def day_of(text: str) -> date | None:
    """The day that an address names; None when it names none."""
    try:
        return parse_date(text)
    except ValueError:
        return None


def _period(since: date | None, until: date | None) -> Period | None:
    return Period(since or date.min, until or date.max) if since or until else None


def chart_of(finding: Finding) -> Chart:
    """The counts of a question as bars."""
    counts = finding.counts[:MOST_BARS]
    names, numbers = [name for name, _count in counts], [count for _name, count in counts]
    lying = finding.question.kind in {QuestionKind.CHOICE, QuestionKind.MULTI}
    names_axis = {"type": "category", "data": names, "inverse": lying}
    numbers_axis = {"type": "value", "minInterval": 1}
    option = {
        "xAxis": numbers_axis if lying else names_axis,
        "yAxis": names_axis if lying else numbers_axis,
        "series": [{"type": "bar", "name": _("Answers"), "data": numbers, "barMaxWidth": 28,
                    "label": {"show": True, "position": "right" if lying else "top"}}],
    }  # fmt: skip
    rows = [[name, str(count), f"{finding.share(count)} %"] for name, count in counts]
    return Chart(
        finding.question.text, "", "", option, [_("Answer"), _("Answers"), _("Share of those who answered")], rows
    )


@require_GET
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """One row for each answer, one column for each question; recorded in the audit."""
    actor = actor_of(request)
    survey = fetch(Survey, in_range(pk), actor=actor)
    fetch(Survey, survey.pk, actor=actor, action="export")
    kind = "csv" if request.GET.get("format") == "csv" else "xlsx"
    questions = questions_of(survey)
    headers = [_("Number"), _("Answered on"), _("Customer"), _("For whom"), *(one.text for one in questions)]
    with TemporaryDirectory() as folder, atomic():
        file, rows = Path(folder) / f"answers.{kind}", table(survey, questions, answers_of(survey, actor))
        if kind == "xlsx":
            count = write_xlsx(file, headers, rows, title=survey.title)
        else:
            with file.open("w", encoding="utf-8", newline="") as stream:
                count = write_csv(stream, headers, rows, bom=True)
        line = AuditLine("surveys", survey.pk, survey.title, "exported", {"count": [None, count]})
        record_audit([line], actor=actor, at=clock.now())
        response = HttpResponse(file.read_bytes(), content_type=CONTENT_TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="answers-{survey.pk}.{kind}"'
    return response


@require_GET
def replies(request: HttpRequest, pk: int) -> HttpResponse:
    """What one person answered."""
    actor = actor_of(request)
    answer = fetch(SurveyAnswer, in_range(pk), actor=actor)
    given: dict[int, list[str]] = {}
    for one in SurveyReply.objects.filter(answer=answer).order_by("id"):
        value = f"{one.number.normalize():f}" if one.number is not None else str(one.day or one.option or one.text)
        given.setdefault(one.question_id, []).append(value)
    rows = [(one.text, given.get(one.pk, [])) for one in questions_of(answer.survey)]
    return render(request, "market/survey_replies.html", {"rows": rows})


urlpatterns = [
    path("surveys/new", new),
    path("surveys/question", question),
    path("surveys/preview", preview),
    path("surveys/<int:pk>/edit", edit),
    path("surveys/<int:pk>/results", results_page),
    path("surveys/<int:pk>/results/panel", panel),
    path("surveys/<int:pk>/results/export", export),
    path("survey-answers/<int:pk>/replies", replies),
]
