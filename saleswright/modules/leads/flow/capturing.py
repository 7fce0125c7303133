"""What becomes of what somebody sends by a public form (LEAD-02), and of following a tracked link (LEAD-01)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import F
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from saleswright.interface.entity import entity_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.cleaning import error_code
from saleswright.kernel.columns import model_cleaners
from saleswright.kernel.custom_fields import fields_of
from saleswright.kernel.drafts import Batch
from saleswright.kernel.errors import FieldError, NotFound, Text, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import atomic
from saleswright.modules.customers.public import tell_new_owner
from saleswright.modules.leads.duplicates import similar_leads
from saleswright.modules.leads.models import Lead, LeadCapture, LeadForm, LeadFormField, LeadLink, LeadLinkDay
from saleswright.modules.leads.states import CaptureVerdict

#: what a form may ask besides custom fields
OWN_QUESTIONS = ("company", "contact_name", "phone", "email", "industry", "need", "budget", "decision_date")
#: kinds of custom fields that strangers can fill in
ASKABLE = frozenset({"text", "long", "integer", "decimal", "money", "date", "bool", "choice", "multi"})
#: people need longer than this to fill a form in; the page on which they do it stays good for a day
QUICKEST, LONGEST = timedelta(seconds=3), timedelta(days=1)
#: the input that people don't see
HONEYPOT = "homepage"
SALT = "leads.form"
#: easily read aloud, without those that look alike
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
CODE_LENGTH = 8
ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?")


def new_code() -> str:
    """A code that nobody guesses, for an address."""
    return "".join(secrets.choice(LETTERS) for _place in range(CODE_LENGTH))


def question_names() -> dict[str, Text]:
    """What a form may ask, by the name of the field."""
    specs = entity_named("leads").specs
    own = {name: specs[name].label for name in OWN_QUESTIONS}
    return own | {one.name: one.label for one in fields_of("leads") if one.kind in ASKABLE and not one.right}


def in_english() -> bool:
    """Whether the visitor reads English."""
    return (get_language() or "").startswith("en")


def spoken(chinese: str, english: str) -> str:
    """The text in the visitor's language, as far as there is one."""
    return (english or chinese) if in_english() else (chinese or english)


# --- sending ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a page with the form carries to show that it came from here, and when."""

    nonce: str
    at: datetime


def new_ticket(form: LeadForm, at: datetime) -> str:
    """A ticket for a fresh page."""
    return signing.dumps([form.code, secrets.token_urlsafe(16), int(at.timestamp() * 1000)], salt=SALT)


def read_ticket(form: LeadForm, text: str, at: datetime) -> Ticket | None:
    """The ticket; None for one that isn't ours, is of another form or too old."""
    try:
        code, nonce, made = signing.loads(text, salt=SALT)
        moment = datetime.fromtimestamp(made / 1000, at.tzinfo)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Ticket(nonce, moment) if code == form.code and at - moment <= LONGEST else None


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: the values by field, whether somebody agreed, from where they came."""

    values: Mapping[str, Any]
    agreed: bool
    ticket: str
    trap: str = ""
    link: str = ""
    page: str = ""


TOO_QUICK = gettext_lazy("That was quick. Please look over what you typed and send it once more.")
TOO_OLD = gettext_lazy("The page was open for long. Please send it once more.")


def form_named(code: str) -> LeadForm:
    """The form that takes answers under this code. Raises NotFound."""
    form = LeadForm.objects.filter(code=code, active=True, archived_at=None).select_related("source").first()
    if form is None:
        raise NotFound
    return form


def link_named(code: str) -> LeadLink:
    """The link of this code whose form takes answers. Raises NotFound."""
    rows = LeadLink.objects.filter(code=code, archived_at=None, form__active=True, form__archived_at=None)
    link = rows.select_related("form", "source", "owner").first()
    if link is None:
        raise NotFound
    return link


def questions_of(form: LeadForm) -> list[LeadFormField]:
    """What the form asks, as far as those fields still exist."""
    known = question_names()
    return [one for one in form.questions.order_by("position", "id") if one.field in known]


def capture(form: LeadForm, sent: Sent, *, at: datetime) -> Lead | None:
    """Make a lead of what was sent; None for spam and for a page that was sent before, of which nothing is told.

    Raises ValidationFailed: `ticket` for a page that was too quick or too old, otherwise beside the fields.
    """
    ticket = read_ticket(form, sent.ticket, at)
    if sent.trap:
        _mark_spam(form, sent, _("The hidden input was filled in"), at)
        return None
    if ticket is None:
        raise ValidationFailed.of("ticket", "expired", TOO_OLD)
    if at - ticket.at < QUICKEST:
        raise ValidationFailed.of("ticket", "too_quick", TOO_QUICK)
    if LeadCapture.objects.filter(ticket=ticket.nonce).exists():
        return None
    try:
        with atomic():
            return _take(form, sent, ticket, at)
    except IntegrityError:
        if LeadCapture.objects.filter(ticket=ticket.nonce).exists():  # sent twice at the same moment
            return None
        raise


def _mark_spam(form: LeadForm, sent: Sent, why: str, at: datetime) -> None:
    LeadCapture.objects.create(
        form=form, verdict=CaptureVerdict.SPAM, why=why, ticket=secrets.token_urlsafe(16), created_at=at, updated_at=at
    )


def _take(form: LeadForm, sent: Sent, ticket: Ticket, at: datetime) -> Lead:
    origin, questions = f"form {form.code}", questions_of(form)
    actor = system(origin)
    values = {one.field: sent.values.get(one.field) for one in questions}
    values = {name: value for name, value in values.items() if value not in (None, "", [])}
    errors = [
        FieldError(one.field, "required", _("This field is required."))
        for one in questions
        if one.required and one.field not in values
    ]
    if not sent.agreed:
        errors.append(FieldError("consent", "required", _("Without your consent we may not keep this.")))
    if errors:
        raise ValidationFailed(errors + _unclean(values))
    link = _link(sent.link, form)
    values |= _origin(form, link)
    looks_like = [one.label for one in similar_leads(values, actor)]
    lead = save_record(Lead, values, actor=actor, at=at)
    changes: dict[str, Any] = {"duplicate_note": "\n".join(looks_like), "link": link}
    Lead.objects.filter(pk=lead.pk).update(**changes)
    _keep_consent(form, link, lead, sent, ticket, at)
    lead.refresh_from_db()
    if "owner" in values:
        tell_new_owner(lead, actor, at)
    return lead


def _unclean(values: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with single values, so that it is said together with what is missing."""
    cleaners, found = model_cleaners(Lead), []
    for name, value in values.items():
        try:
            if name in cleaners:
                cleaners[name](value)
        except ValidationError as problem:
            found += [FieldError(name, error_code(one), " ".join(one.messages)) for one in problem.error_list]
    return found


def _keep_consent(
    form: LeadForm, link: LeadLink | None, lead: Lead, sent: Sent, ticket: Ticket, at: datetime
) -> LeadCapture:
    """Keep to what somebody agreed, when, in the words that they read."""
    return LeadCapture.objects.create(
        form=form, link=link, lead=lead, verdict=CaptureVerdict.LEAD, ticket=ticket.nonce,
        consent_text=spoken(form.consent_text, form.consent_text_en), consent_version=form.consent_version,
        consented_at=at, page=sent.page[:500], created_at=at, updated_at=at,
    )  # fmt: skip


def _link(code: str, form: LeadForm) -> LeadLink | None:
    rows = LeadLink.objects.filter(code=code, form=form, archived_at=None) if code else LeadLink.objects.none()
    return rows.select_related("source", "owner").first()


def _origin(form: LeadForm, link: LeadLink | None) -> dict[str, Any]:
    """Source, campaign and owner that the link, else the form, says."""
    source = (link.source if link is not None else None) or form.source
    campaign = (link.campaign_id if link is not None else None) or form.campaign_id
    found: dict[str, Any] = {"source": source.code if source is not None else "web"}
    if campaign is not None:
        found["campaign"] = campaign
    owner: User | None = link.owner if link is not None and link.to_owner else None
    if owner is not None and owner.is_active:
        found["owner"] = owner.pk
    return found


# --- links -----------------------------------------------------------------------------------------------------


def visit(link: LeadLink, at: datetime) -> None:
    """Count that somebody followed the link."""
    day = clock.local_date(at)
    LeadLink.objects.filter(pk=link.pk).update(visits=F("visits") + 1, visited_at=at)
    LeadLinkDay.objects.bulk_create([LeadLinkDay(link=link, day=day)], ignore_conflicts=True)
    LeadLinkDay.objects.filter(link=link, day=day).update(visits=F("visits") + 1)


# --- setting up ------------------------------------------------------------------------------------------------


def prepare_forms(batch: Batch) -> None:
    """A form asks who somebody is and how they are reached, each field once; sites are addresses of sites."""
    known = question_names()
    for draft in batch.good:
        form = draft.record
        form.code = form.code or new_code()
        if not draft.fresh and (draft.changed("consent_text") or draft.changed("consent_text_en")):
            form.consent_version += 1
        form.sites = "\n".join(_sites(draft))
        if draft.fresh or "questions" in draft.lines:
            _check_questions(draft, known)


def _sites(draft: Any) -> list[str]:
    found = []
    for line in draft.record.sites.split():
        origin = line.rstrip("/").casefold()
        if not ORIGIN.fullmatch(origin):
            text = _("“%(text)s” is no address of a site such as https://www.example.com.")
            draft.error("sites", "invalid", text % {"text": line})
        found.append(origin)
    return list(dict.fromkeys(found))


def _check_questions(draft: Any, known: Mapping[str, Text]) -> None:
    asked: set[str] = set()
    for line in draft.line_drafts.get("questions", ()):
        name = line.record.field
        if name not in known:
            draft.error(f"questions.{line.index}.field", "choice", _("A form can't ask this."))
        elif name in asked:
            draft.error(f"questions.{line.index}.field", "duplicate", _("Ask each thing once."))
        asked.add(name)
    if asked and not asked & {"company", "contact_name"}:
        draft.error("questions", "required", _("Ask for the company or the contact person."))
    if asked and not asked & {"phone", "email"}:
        draft.error("questions", "required", _("Ask for the phone number or the e-mail address."))
    missing = [one.label for one in fields_of("leads") if one.required and not one.retired and one.name not in asked]
    if asked and missing:
        text = _("Leads must have this, so the form has to ask it: %(fields)s.")
        draft.error("questions", "required", text % {"fields": ", ".join(missing)})


def prepare_links(batch: Batch) -> None:
    """Each link has a code of its own."""
    for draft in batch.good:
        draft.record.code = draft.record.code or new_code()
        if draft.record.to_owner and draft.record.owner_id is None:
            draft.error("owner", "required", _("Say to whom the leads go."))


def frame_sites(form: LeadForm) -> list[str]:
    """The sites that may show the form in a frame."""
    return form.sites.split()


def site_of(referrer: str) -> str:
    """The page from which somebody came, without what its address asks."""
    parts = urlsplit(referrer)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:500] if parts.scheme in {"http", "https"} else ""
