"""Which questions are asked: each says what an earlier answer must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from saleswright.modules.market.surveys.models import SurveyQuestion
from saleswright.modules.market.surveys.states import NUMBERS, OPTIONS, BranchTest, QuestionKind

#: question -> its answer: options, a number, a day or a text; without an entry nothing was answered
Answers = Mapping[str, Any]


def options_of(question: SurveyQuestion) -> list[str]:
    """The options of a question in their order."""
    return lines(question.options)


def lines(text: str) -> list[str]:
    """The lines of a text that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def number_of(text: str) -> Decimal | None:
    """The number that was typed, or None."""
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def asked(questions: Sequence[SurveyQuestion], answers: Answers) -> list[SurveyQuestion]:
    """The questions that somebody with these answers is asked, in their order.

    A branch rests on an earlier question; where that one isn't asked or not answered, what rests on it isn't asked
    either.
    """
    found: dict[str, SurveyQuestion] = {}
    for question in questions:
        source = question.branch_on
        if not source or (source in found and passes(question, answers.get(source))):
            found[question.code] = question
    return list(found.values())


def passes(question: SurveyQuestion, answer: Any) -> bool:
    """Whether the answer to the earlier question passes the test of this one."""
    if answer in (None, "", []):
        return False
    match question.branch_test:
        case BranchTest.AT_LEAST | BranchTest.AT_MOST:
            limit = number_of(question.branch_value)
            if limit is None or not isinstance(answer, Decimal):
                return False
            return answer >= limit if question.branch_test == BranchTest.AT_LEAST else answer <= limit
        case BranchTest.IS_ONE_OF | BranchTest.IS_NONE_OF:
            given = {str(one) for one in answer} if isinstance(answer, list) else {str(answer)}
            meets = bool(given & set(lines(question.branch_value)))
            return meets if question.branch_test == BranchTest.IS_ONE_OF else not meets
    return False


def fault_of(question: SurveyQuestion, earlier: Mapping[str, SurveyQuestion]) -> tuple[str, str] | None:
    """What is wrong with a branch, as (field, words), or None."""
    if not question.branch_on:
        return None
    source = earlier.get(question.branch_on)
    if source is None:
        return "branch_on", _("Only an earlier question can be meant.")
    numeric = question.branch_test in {BranchTest.AT_LEAST, BranchTest.AT_MOST}
    if not question.branch_test:
        return "branch_test", _("Say what the answer must be.")
    if numeric != (source.kind in NUMBERS) or source.kind not in NUMBERS | OPTIONS:
        return "branch_test", _("This test doesn't fit the kind of that question.")
    if numeric:
        return None if number_of(question.branch_value) is not None else ("branch_value", _("Enter a number."))
    values = lines(question.branch_value)
    if not values or not set(values) <= set(options_of(source)):
        return "branch_value", _("Name options of that question, one a line.")
    return None


def in_words(question: SurveyQuestion, by_code: Mapping[str, SurveyQuestion]) -> str:
    """The branch as a sentence; "" for a question that is always asked."""
    source = by_code.get(question.branch_on)
    if source is None or not question.branch_test:
        return ""
    values = " / ".join(lines(question.branch_value))
    facts = {"question": source.text, "test": BranchTest(question.branch_test).label, "value": values}
    return _("Only if “%(question)s” %(test)s %(value)s") % facts


def lowest(question: SurveyQuestion) -> int:
    """The lowest step of a scale."""
    return 0 if question.kind == QuestionKind.NPS else 1


def highest(question: SurveyQuestion) -> int:
    """The highest step of a scale."""
    return 10 if question.kind == QuestionKind.NPS else question.steps
