"""What came back, counted: shares of options, means, medians, the net promoter score, the latest texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.clock import Period
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.market.surveys.answering import questions_of
from saleswright.modules.market.surveys.branching import highest, lowest, options_of
from saleswright.modules.market.surveys.models import Survey, SurveyAnswer, SurveyQuestion, SurveyReply
from saleswright.modules.market.surveys.states import NUMBERS, OPTIONS, QuestionKind

#: so many texts are shown, the latest first
TEXTS = 20
AT_ONCE = 1000


@dataclass(slots=True)
class Finding:
    """What was answered to one question by `count` people.

    `counts` are (option, step or value; how many). Mean, median and NPS are of numbers. NPS (Reichheld 2003): the
    percentage of 9 and 10 less that of 0 to 6.
    """

    question: SurveyQuestion
    count: int = 0
    counts: list[tuple[str, int]] = field(default_factory=list)
    mean: Decimal | None = None
    median: Decimal | None = None
    nps: Decimal | None = None
    texts: list[str] = field(default_factory=list)

    def share(self, number: int) -> Decimal:
        """A number of those who answered, in percent with one decimal."""
        return round_half_up(EXACT.divide(Decimal(100 * number), Decimal(self.count)), 1) if self.count else Decimal(0)


@dataclass(slots=True)
class Results:
    """A questionnaire's figures: how many were invited and how many of them answered, all answers, each question."""

    invited: int
    returned: int
    answers: int
    findings: list[Finding]

    @property
    def rate(self) -> Decimal | None:
        """How many of a hundred invited people answered."""
        if not self.invited:
            return None
        return round_half_up(EXACT.divide(Decimal(100 * self.returned), Decimal(self.invited)), 1)


def answers_of(survey: Survey, actor: Actor, period: Period | None = None) -> QuerySet[SurveyAnswer]:
    """The answers that the actor may see, of a period if one is given."""
    rows = visible(SurveyAnswer.objects.filter(survey=survey, archived_at=None), actor)
    if period is not None:
        rows = rows.filter(answered_on__gte=period.start, answered_on__lte=period.end)
    return rows


def results(survey: Survey, actor: Actor, period: Period | None = None) -> Results:
    """The figures of a questionnaire; as many statements for ten questions as for one."""
    answers = answers_of(survey, actor, period)
    replies = SurveyReply.objects.filter(answer__in=answers.order_by().values("pk"))
    questions = questions_of(survey)
    findings = {one.pk: Finding(one) for one in questions}
    for pk, count in replies.order_by().values_list("question").annotate(n=Count("answer", distinct=True)):
        findings[pk].count = count
    counts: dict[int, dict[Any, int]] = {}
    grouped = replies.exclude(question__kind=QuestionKind.TEXT).order_by()
    for pk, option, number, day, count in grouped.values_list("question", "option", "number", "day").annotate(
        n=Count("pk")
    ):
        key = number if number is not None else day if day is not None else option
        counts.setdefault(pk, {})[key] = count
    for pk, finding in findings.items():
        _count(finding, counts.get(pk, {}))
    _texts(findings, replies)
    invitations = survey.invitations.filter(archived_at=None)
    return Results(
        invitations.count(), invitations.exclude(answered_on=None).count(), answers.count(), list(findings.values())
    )


def _count(finding: Finding, counts: dict[Any, int]) -> None:
    question = finding.question
    if question.kind in OPTIONS:
        finding.counts = [(option, counts.get(option, 0)) for option in options_of(question)]
    elif question.kind in {QuestionKind.SCALE, QuestionKind.NPS}:
        steps = range(lowest(question), highest(question) + 1)
        finding.counts = [(str(step), counts.get(Decimal(step), 0)) for step in steps]
    elif question.kind == QuestionKind.NUMBER:
        finding.counts = [(f"{value.normalize():f}", counts[value]) for value in sorted(counts)]
    elif question.kind == QuestionKind.DATE:
        finding.counts = [(value.isoformat(), counts[value]) for value in sorted(counts)]
    if question.kind in NUMBERS and counts:
        finding.mean, finding.median = mean(counts), median(counts)
    if question.kind == QuestionKind.NPS and counts:
        finding.nps = net_promoters(counts)


def mean(counts: dict[Decimal, int]) -> Decimal:
    """The mean of values that came so often, two decimals."""
    total = sum((value * count for value, count in counts.items()), Decimal(0))
    return round_half_up(EXACT.divide(total, Decimal(sum(counts.values()))), 2)


def median(counts: dict[Decimal, int]) -> Decimal:
    """The middle value; of an even number the mean of the two in the middle, two decimals."""
    total, seen = sum(counts.values()), 0
    values: list[Decimal] = []
    for value in sorted(counts):
        seen += counts[value]
        while len(values) < 2 and seen > (total - 1 + len(values)) // 2:
            values.append(value)
    return round_half_up((values[0] + values[1]) / 2, 2)


def net_promoters(counts: dict[Decimal, int]) -> Decimal:
    """The percentage of 9 and 10 less the percentage of 0 to 6: -100 to 100, one decimal."""
    promoters = sum(count for value, count in counts.items() if value >= 9)
    detractors = sum(count for value, count in counts.items() if value <= 6)
    return round_half_up(EXACT.divide(Decimal(100 * (promoters - detractors)), Decimal(sum(counts.values()))), 1)


def _texts(findings: dict[int, Finding], replies: QuerySet[SurveyReply]) -> None:
    for finding in findings.values():
        if finding.question.kind == QuestionKind.TEXT and finding.count:
            rows = replies.filter(question=finding.question).order_by("-answer_id", "-id")
            finding.texts = list(rows.values_list("text", flat=True)[:TEXTS])


# --- one row an answer -----------------------------------------------------------------------------------------


def table(survey: Survey, questions: Sequence[SurveyQuestion], answers: QuerySet[SurveyAnswer]) -> Iterator[list[Any]]:
    """For each answer its number, day, customer and name, then a cell for each question; options joined by `; `."""
    last = 0
    while rows := list(answers.filter(pk__gt=last).order_by("pk").select_related("customer", "invitation")[:AT_ONCE]):
        cells: dict[tuple[int, int], list[Any]] = {}
        replies = SurveyReply.objects.filter(answer__in=rows).order_by("id")
        for answer, asked, option, number, day, text in replies.values_list(
            "answer", "question", "option", "number", "day", "text"
        ):
            plain = int(number) if number is not None and number % 1 == 0 else number
            value = plain if number is not None else day if day is not None else option or text
            cells.setdefault((answer, asked), []).append(value)
        for row in rows:
            found: list[Any] = [row.pk, row.answered_on, str(row.customer or ""), str(row.invitation or "")]
            for question in questions:
                values = cells.get((row.pk, question.pk), [])
                found.append(values[0] if len(values) == 1 else "; ".join(map(str, values)))
            yield found
        last = rows[-1].pk
