"""The page on which anybody with a link answers a questionnaire."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from saleswright.interface.pages.common import visitor_language
from saleswright.kernel import clock
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.company import company
from saleswright.kernel.errors import Conflict, NotFound, TooMany, ValidationFailed
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.market.surveys import answering
from saleswright.modules.market.surveys.branching import in_words, options_of
from saleswright.modules.market.surveys.pages import steps_of

#: so many pages, wrong links among them, and so many answers from one address in ten minutes
LOOKS = Limit("survey-look", 120, 600)
ANSWERS = Limit("survey-answer", 20, 600)
#: so many answers by the common link of one questionnaire in an hour
BY_ONE_LINK = Limit("survey-link", 1000, 3600)


@csrf_exempt  # whoever has no session has no cookie either; the link itself shows that they may
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer_page(request: HttpRequest, token: str) -> HttpResponse:
    """The questions, what was wrong with the answers, the thanks, or why nothing can be answered (any more)."""
    with translation.override(visitor_language(request)):
        visitor = request.META.get("REMOTE_ADDR", "")
        try:
            LOOKS.take(visitor)
        except TooMany as refused:
            return _too_many(request, refused)
        try:
            door = answering.open_door(token)
        except NotFound:
            words = _("This link leads nowhere. Please look whether it is complete.")
            return _page(request, words=words, status=404)
        if request.method == "POST":
            return _send(request, door, visitor)
        if request.GET.get("done"):
            return _page(request, door, words=door.survey.thanks or _("Thank you for your answers."), done=True)
        at = clock.now()
        if words := answering.closed_for(door, at):
            return _page(request, door, words=words, status=410)
        answering.note_seen(door, at)
        return _page(request, door)


def _send(request: HttpRequest, door: answering.Door, visitor: str) -> HttpResponse:
    given = {name: request.POST.getlist(name) for name in request.POST}
    ticket = request.POST.get("ticket", "")[:400]
    try:
        ANSWERS.take(visitor)
        if door.invitation is None:
            BY_ONE_LINK.take(str(door.survey.pk))
        run_atomic(lambda: answering.take_answer(door, given, ticket, at=clock.now()))
    except TooMany as refused:
        return _too_many(request, refused, door, given)
    except Conflict as refused:
        return _page(request, door, words=str(refused), status=409)
    except ValidationFailed as refused:
        errors = {one.field: str(one.message) for one in refused.errors}
        fresh = refused.errors[0].code == "expired"
        return _page(request, door, given=given, errors=errors, status=422, ticket="" if fresh else ticket)
    query = urlencode({"done": "1", "lang": translation.get_language() or ""})
    return redirect(f"/s/{door.token}?{query}")


def _too_many(
    request: HttpRequest, refused: TooMany, door: answering.Door | None = None, given: Any = None
) -> HttpResponse:
    text = _("Too much was sent from here. Please try again in a few minutes.")
    ticket = request.POST.get("ticket", "")[:400]
    page = _page(request, door, given=given, errors={"": text}, status=429, ticket=ticket)
    page["Retry-After"] = str(refused.extra["retry_after"])
    return page


def _page(
    request: HttpRequest,
    door: answering.Door | None = None,
    *,
    words: str = "",
    given: Any = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
    ticket: str = "",
    done: bool = False,
) -> HttpResponse:
    english = (translation.get_language() or "").startswith("en")
    questions = answering.questions_of(door.survey) if door is not None and not words else []
    by_code = {one.code: one for one in questions}
    errors = errors or {}
    context = {
        "survey": door.survey if door is not None else None,
        "action": f"/s/{door.token}" if door is not None else "",
        "company": company().name,
        "words": words,
        "done": done,
        "alert": errors.get("", "") or (_("Please look at the marked questions.") if errors else ""),
        "questions": [
            {
                "one": one,
                "options": options_of(one),
                "steps": steps_of(one),
                "given": (given or {}).get(one.code, []),
                "error": errors.get(one.code, ""),
                "words": in_words(one, by_code),
            }
            for one in questions
        ],
        "ticket": ticket or (answering.new_ticket(door.survey, clock.now()) if questions and door is not None else ""),
        "language_code": translation.get_language() or "",
        "other_url": f"{request.path}?{urlencode({'lang': 'zh-hans' if english else 'en'})}",
        "other_name": "中文" if english else "English",
    }
    return render(request, "market/survey.html", context, status=status)


urlpatterns = [path("s/<str:token>", answer_page)]
