"""The pages that anybody may open: public forms, and the short addresses that lead to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import visitor_language
from saleswright.interface.presentation import Option
from saleswright.kernel import clock
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.company import company
from saleswright.kernel.custom_fields import fields_of
from saleswright.kernel.errors import TooMany, ValidationFailed
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.leads.flow import capturing
from saleswright.modules.leads.models import LeadForm, LeadFormField

#: so much is taken from one address in ten minutes, and by one form in an hour
FROM_ONE_ADDRESS = Limit("lead-form", 20, 600)
BY_ONE_FORM = Limit("lead-form-all", 1000, 3600)
LONGEST_VALUE = 5000
#: field -> type of its input and what browsers may fill in
INPUTS = {
    "company": ("text", "organization"),
    "contact_name": ("text", "name"),
    "phone": ("tel", "tel"),
    "email": ("email", "email"),
}
TYPES = {"date": "date", "integer": "number", "decimal": "number", "money": "number"}


@dataclass(slots=True)
class Question:
    """A question as the page shows it."""

    name: str
    label: str
    kind: str  # text, tel, email, number, date, long, choice, multi, bool
    required: bool
    value: str = ""
    chosen: list[str] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    autocomplete: str = ""
    help: str = ""
    error: str = ""


@csrf_exempt  # a frame on another site has no cookies; the ticket in the page shows that it came from here
@never_cache
def form_page(request: HttpRequest, code: str) -> HttpResponseBase:
    """A public form, what was wrong with it, or the thanks; only the named sites may show it in a frame."""
    with translation.override(visitor_language(request)):
        form = capturing.form_named(code)
        sites = capturing.frame_sites(form)
        if not sites:
            return _answer(request, form)
        framed = csp_replace({"frame-ancestors": ["'self'", *sites]})(lambda request: _answer(request, form))
        return xframe_options_exempt(framed)(request)


def _answer(request: HttpRequest, form: LeadForm) -> HttpResponse:
    if request.method == "POST":
        return _send(request, form)
    if request.GET.get("done"):
        return _page(request, form, [], done=True)
    return _page(request, form, questions(form, {}, {}))


def _send(request: HttpRequest, form: LeadForm) -> HttpResponse:
    at = clock.now()
    values = _values(request, form)
    given = request.POST
    sent = capturing.Sent(
        values, given.get("consent") == "1", given.get("ticket", "")[:400], given.get(capturing.HONEYPOT, "")[:100],
        given.get("l", "")[:20], capturing.site_of(given.get("page", "")[:1000]),
    )  # fmt: skip
    try:
        FROM_ONE_ADDRESS.take(request.META.get("REMOTE_ADDR", ""))
        BY_ONE_FORM.take(form.code)
        run_atomic(lambda: capturing.capture(form, sent, at=at))
    except TooMany as refused:
        text = _("Too much was sent from here. Please try again in a few minutes.")
        page = _page(request, form, questions(form, values, {}), alerts=[text], status=429, ticket=sent.ticket)
        page["Retry-After"] = str(refused.extra["retry_after"])
        return page
    except ValidationFailed as refused:
        return _refused(request, form, values, sent, refused)
    query = urlencode({"done": "1", "lang": translation.get_language() or ""})
    return redirect(f"/f/{form.code}?{query}")


def _refused(
    request: HttpRequest, form: LeadForm, values: dict[str, Any], sent: capturing.Sent, refused: ValidationFailed
) -> HttpResponse:
    """The form as it was typed; what isn't about a question of it stands above."""
    errors: dict[str, str] = {}
    for one in refused.errors:
        errors.setdefault(one.field, str(one.message))
    asked = questions(form, values, errors)
    shown = {one.name for one in asked} | {"consent"}
    alerts = [text for name, text in errors.items() if name not in shown]
    ticket = "" if refused.errors[0].code == "expired" else sent.ticket
    return _page(
        request, form, asked, alerts=alerts, status=422, ticket=ticket, consent_error=errors.get("consent", ""),
        agreed=sent.agreed,
    )  # fmt: skip


def _values(request: HttpRequest, form: LeadForm) -> dict[str, Any]:
    """What was typed, by field."""
    found: dict[str, Any] = {}
    kinds = {one.name: one.kind for one in fields_of("leads")}
    for one in capturing.questions_of(form):
        kind = kinds.get(one.field, "")
        if kind == "multi":
            found[one.field] = [text[:100].replace("\x00", "") for text in request.POST.getlist(one.field)]
        elif kind == "bool":
            found[one.field] = True if request.POST.get(one.field) == "1" else None
        else:
            found[one.field] = request.POST.get(one.field, "").replace("\x00", "").strip()[:LONGEST_VALUE]
    return found


def questions(form: LeadForm, values: dict[str, Any], errors: dict[str, str]) -> list[Question]:
    """The questions of the form with what was typed and what is wrong with it."""
    return [_question(one, values.get(one.field), errors.get(one.field, "")) for one in capturing.questions_of(form)]


def _question(one: LeadFormField, value: Any, error: str) -> Question:
    spec = entity_named("leads").specs[one.field]
    definition = next((custom for custom in fields_of("leads") if custom.name == one.field), None)
    kind, autocomplete = INPUTS.get(one.field, ("text", "off"))
    options: list[tuple[str, Any]] = []
    if definition is not None:
        kind = definition.kind if definition.kind in {"long", "choice", "multi", "bool"} else TYPES.get(
            definition.kind, "text"
        )  # fmt: skip
        options = [(choice.code, choice.label) for choice in definition.choices if choice.active]
    elif spec.names:
        kind, options = "choice", list(spec.names.items())
    elif spec.kind in TYPES or spec.kind == "long":
        kind = "long" if spec.kind == "long" else TYPES[spec.kind]
    chosen = value if isinstance(value, list) else [str(value)] if value not in (None, "") else []
    required = one.required or (definition is not None and definition.required)
    return Question(
        one.field,
        capturing.spoken(one.label, one.label_en) or str(spec.label),
        kind,
        required,
        "" if value in (None, True) or isinstance(value, list) else str(value),
        chosen,
        [Option(str(key), label, str(key) in chosen) for key, label in options],
        autocomplete,
        definition.help if definition is not None else "",
        error,
    )


def _page(
    request: HttpRequest,
    form: LeadForm,
    asked: list[Question],
    *,
    alerts: list[str] | None = None,
    status: int = 200,
    ticket: str = "",
    consent_error: str = "",
    agreed: bool = False,
    done: bool = False,
) -> HttpResponse:
    spoken = capturing.spoken
    english = capturing.in_english()
    link = request.POST.get("l") or request.GET.get("l") or ""
    other = urlencode({"lang": "zh-hans" if english else "en", **({"l": link[:20]} if link else {})})
    context = {
        "form": form, "questions": asked, "done": done, "alerts": alerts or [], "consent_error": consent_error,
        "agreed": agreed, "company": company().name, "title": spoken(form.title, form.title_en),
        "intro": spoken(form.intro, form.intro_en), "consent": spoken(form.consent_text, form.consent_text_en),
        "thanks": spoken(form.thanks, form.thanks_en) or _("Thank you. We will get in touch with you soon."),
        "ticket": ticket or capturing.new_ticket(form, clock.now()), "link": link[:20],
        "page_url": request.POST.get("page") or request.headers.get("Referer", ""), "trap": capturing.HONEYPOT,
        "language_code": translation.get_language() or "", "other_url": f"/f/{form.code}?{other}",
        "other_name": "中文" if english else "English",
    }  # fmt: skip
    return render(request, "leads/form.html", context, status=status)


@require_safe
@never_cache
def short_link(request: HttpRequest, code: str) -> HttpResponse:
    """Count the visit and lead on to the form, which then knows where its answer comes from."""
    link = capturing.link_named(code)
    if request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
        run_atomic(lambda: capturing.visit(link, clock.now()))
    return redirect(f"/f/{link.form.code}?l={link.code}")
