"""One's own account: password, second factor, sessions, tokens; for administrators, those of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from saleswright.interface.entity import all_entities
from saleswright.interface.formatting import format_datetime, relative_datetime
from saleswright.interface.pages.common import actor_of, in_range, language
from saleswright.interface.pages.factors import enrolment
from saleswright.interface.presentation import Switch
from saleswright.kernel import clock
from saleswright.kernel.access import second_factor, sessions
from saleswright.kernel.access.actors import READ, Actor
from saleswright.kernel.access.passwords import change_password
from saleswright.kernel.access.tokens import EVERYTHING, create_token, end_token
from saleswright.kernel.errors import NotFound, Text, ValidationFailed
from saleswright.kernel.models import ApiToken, Role, SecondFactor, Session, SignInMethod, User

SECRET = "new_second_factor"  # the session's note of a secret that waits for its first code
LISTED = 100
LIFETIMES = (("30", gettext_lazy("30 days")), ("90", gettext_lazy("90 days")), ("365", gettext_lazy("One year")),
             ("", gettext_lazy("Never")))  # fmt: skip


# --- what the pages show ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class SessionRow:
    """An open session."""

    handle: str
    device: str
    address: str
    method: Text
    began: str
    seen: str
    seen_exact: str
    here: bool


@dataclass(slots=True)
class TokenRow:
    """A token; ended ones are not shown."""

    id: int
    name: str
    scopes: list[Text]
    created: str
    expires: str
    used: str
    over: bool


@dataclass(slots=True)
class ScopeRow:
    """What a token may be allowed to do with one kind of record."""

    label: Text
    view: str
    everything: str


@dataclass(slots=True)
class PersonRow:
    """How somebody signs in."""

    id: int
    name: str
    username: str
    second_factor: bool
    sessions: int
    tokens: int
    seen: str


def session_rows(user: User, here: str | None) -> list[SessionRow]:
    """The open sessions of a person, one of which may be this one."""
    spoken, found = language(), []
    for one in sessions.sessions_of(user):
        method = SignInMethod(one.method).label if one.method else ""
        times = format_datetime(one.began_at), relative_datetime(one.seen_at, spoken), format_datetime(one.seen_at)
        device = one.device or _("Unknown device")
        found.append(SessionRow(one.handle, device, one.address, method, *times, one.session_key == here))
    return found


def token_rows(user: User) -> list[TokenRow]:
    """The tokens of a person that have not been ended."""
    labels = {f"{entity.name}.*": entity.label_plural for entity in all_entities()}
    spoken, at, found = language(), clock.now(), []
    for one in ApiToken.objects.filter(user=user, ended_at=None).order_by("-id"):
        scopes = [_scope_label(scope, labels) for scope in one.scopes.split()]
        expires = format_datetime(one.expires_at) if one.expires_at else _("Never")
        used = relative_datetime(one.last_used_at, spoken) if one.last_used_at else _("Not yet")
        over = one.expires_at is not None and one.expires_at <= at
        found.append(TokenRow(one.pk, one.name, scopes, format_datetime(one.created_at), expires, used, over))
    return found


def _scope_label(scope: str, labels: dict[str, Text]) -> Text:
    resource, _dot, action = scope.partition(".")
    plain: dict[str, Text] = {
        EVERYTHING: _("Everything I may"), READ: _("Read only"), "fields.*": _("Protected fields"),
        "reports.view": _("Reports"),
    }  # fmt: skip
    if scope in plain:
        return plain[scope]
    label = labels.get(f"{resource}.*")
    if label is None or action not in {"*", "view"}:
        return scope
    return label if action == "*" else _("%(records)s (read)") % {"records": label}


def scope_rows(actor: Actor) -> list[ScopeRow]:
    """What a token of this person can be allowed to do, one kind of record a row."""
    found = []
    for entity in all_entities():
        may = [permission for permission in entity.permissions() if actor.may(permission)]
        if may:
            view = f"{entity.name}.view"
            found.append(ScopeRow(entity.label_plural, view if view in may else "", f"{entity.name}.*"))
    if actor.may("reports.view"):
        found.append(ScopeRow(_("Reports"), "reports.view", ""))
    if any(scopes for permission, scopes in actor.access.within("fields.*").grants.items()):
        found.append(ScopeRow(_("Protected fields"), "fields.*", ""))
    return found


def tabs(actor: Actor, active: str) -> list[Switch]:
    """The pages of the account."""
    found = [
        Switch(_("Security"), "shield", "/account", active == "security"),
        Switch(_("Notices"), "bell", "/account/notifications", active == "notices"),
        Switch(_("API tokens"), "key", "/account/tokens", active == "tokens"),
    ]
    if actor.may("admin.manage"):
        found.append(Switch(_("Everybody"), "users", "/account/people", active == "people"))
    return found


def me(request: HttpRequest) -> tuple[User, Actor]:
    """Whose account it is. Raises NotSignedIn."""
    actor = actor_of(request)
    return User.objects.get(pk=actor.user_id), actor


# --- password --------------------------------------------------------------------------------------------------


def _password_field(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, help_text=help_text, widget=widget)


class PasswordForm(forms.Form):
    """The present password and, twice, the new one; the kernel checks them."""

    present = _password_field(gettext_lazy("Present password"), "current-password")
    new = _password_field(gettext_lazy("New password"), "new-password")
    again = _password_field(gettext_lazy("New password again"), "new-password")

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("new", again):
            raise ValidationError(_("The two are not the same."))
        return again


@never_cache
@require_GET
def security(request: HttpRequest) -> HttpResponse:
    """Password, second factor and sessions."""
    return _security(request, PasswordForm())


def _security(request: HttpRequest, form: PasswordForm, status: int = 200) -> HttpResponse:
    user, actor = me(request)
    form.fields["new"].help_text = " ".join(password_validators_help_texts())
    context = {
        "tabs": tabs(actor, "security"),
        "form": form,
        "has_password": user.has_usable_password(),
        "sessions": session_rows(user, request.session.session_key),
        "enrolled": second_factor.is_enrolled(user),
        "required": second_factor.is_required(user),
        "codes_left": second_factor.codes_left(user),
    }
    return render(request, "interface/account.html", context, status=status)


@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """Change one's password; one's other sessions end."""
    user, actor = me(request)
    form = PasswordForm(request.POST)
    if form.is_valid():
        try:
            present, new = form.cleaned_data["present"], form.cleaned_data["new"]
            change_password(user, present, new, actor, keep=request.session.session_key)
        except ValidationFailed as refused:
            for error in refused.errors:
                form.add_error(error.field, str(error.message))
    if not form.is_valid():
        return _security(request, form, status=422)
    update_session_auth_hash(request, user)
    messages.success(request, _("The password was changed. Your other sessions have ended."))
    return redirect("account")


# --- second factor ---------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def set_up_factor(request: HttpRequest) -> HttpResponse:
    """Set up the second factor: scan, type the first code, keep the recovery codes."""
    user, actor = me(request)
    if second_factor.is_enrolled(user):
        return redirect("account")
    secret = request.session.setdefault(SECRET, second_factor.new_secret())
    page = enrolment(user, secret, "/account/second-factor")
    if request.method == "POST":
        try:
            codes = second_factor.enrol(user, secret, request.POST.get("code", ""), actor)
        except ValidationFailed as refused:
            page.error = refused.errors[0].message
        else:
            del request.session[SECRET]
            return _codes(request, codes)
    status = 422 if page.error else 200
    return render(request, "interface/account_factor.html", {"page": page}, status=status)


def _codes(request: HttpRequest, codes: Sequence[str]) -> HttpResponse:
    """The recovery codes, this once."""
    return render(request, "interface/account_recovery.html", {"codes": codes})


@never_cache
@require_http_methods(["GET", "POST"])
def renew_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes, by a code of the app."""
    user, actor = me(request)
    title, button = _("New recovery codes"), _("Make new codes")
    return _by_code(request, title, button, lambda code: _codes(request, second_factor.renew_codes(user, code, actor)))


@never_cache
@require_http_methods(["GET", "POST"])
def remove_factor(request: HttpRequest) -> HttpResponse:
    """Switch the second factor off, by a code of the app."""
    user, actor = me(request)

    def remove(code: str) -> HttpResponse:
        second_factor.remove(user, code, actor)
        messages.success(request, _("The second factor is off."))
        return redirect("account")

    return _by_code(request, _("Switch the second factor off"), _("Switch off"), remove)


def _by_code(request: HttpRequest, title: str, button: str, run: Any) -> HttpResponse:
    """Ask for a code and, with it, do what was asked for."""
    error: Text = ""
    if request.method == "POST":
        try:
            return run(request.POST.get("code", ""))
        except ValidationFailed as refused:
            error = refused.errors[0].message
    context = {"title": title, "button": button, "error": error, "submit_url": request.path}
    return render(request, "interface/account_code.html", context, status=422 if error else 200)


# --- sessions --------------------------------------------------------------------------------------------------


@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """End one of one's sessions, or all the others."""
    user, actor = me(request)
    handle = request.POST.get("session", "")
    if handle:
        sessions.end_session(user, handle, actor)
        messages.success(request, _("The session has ended."))
    else:
        ended = sessions.end_sessions(user, actor, keep=request.session.session_key)
        messages.success(request, _("Sessions ended: %(count)s") % {"count": ended})
    return redirect("account")


# --- tokens ----------------------------------------------------------------------------------------------------


class TokenForm(forms.Form):
    """What a token is for and how long it works."""

    name = forms.CharField(label=gettext_lazy("What it is for"), max_length=100)
    days = forms.ChoiceField(label=gettext_lazy("Ends after"), choices=LIFETIMES, required=False, initial="90")


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's tokens, and making one, which is shown this once."""
    user, actor = me(request)
    form = TokenForm(request.POST if request.method == "POST" else None)
    reach = request.POST.get("reach", READ)
    chosen = request.POST.getlist("scopes")
    made, error = "", ""
    if request.method == "POST" and form.is_valid():
        days = int(form.cleaned_data["days"]) if form.cleaned_data["days"] else None
        scopes = [reach] if reach in {EVERYTHING, READ} else chosen
        try:
            made = create_token(user, form.cleaned_data["name"], days, actor, scopes)
            form, reach, chosen = TokenForm(), READ, []
        except ValidationFailed as refused:
            error = str(refused.errors[0].message)
    context = {
        "tabs": tabs(actor, "tokens"),
        "form": form,
        "tokens": token_rows(user),
        "scopes": scope_rows(actor),
        "reach": reach,
        "chosen": chosen,
        "error": error,
        "made": made,
    }
    status = 422 if error or form.errors else 200
    return render(request, "interface/account_tokens.html", context, status=status)


@require_POST
def end_my_token(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of one's tokens."""
    user, actor = me(request)
    _end_token(user, pk, actor)
    messages.success(request, _("The token has ended."))
    return redirect("account-tokens")


def _end_token(user: User, pk: int, actor: Actor) -> None:
    token = ApiToken.objects.filter(user=user, pk=in_range(pk)).first()
    if token is None:
        raise NotFound
    end_token(token, actor)


# --- others, for administrators --------------------------------------------------------------------------------


def _administrator(request: HttpRequest) -> Actor:
    """Raises NotSignedIn, NotAllowed."""
    actor = actor_of(request)
    actor.require("admin.manage")
    return actor


@never_cache
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """Who must show a second factor, and how people sign in."""
    actor = _administrator(request)
    query = request.GET.get("q", "").strip().replace("\x00", "")
    context = {
        "tabs": tabs(actor, "people"),
        "roles": Role.objects.filter(archived_at=None).order_by("id"),
        "people": person_rows(query),
        "query": query,
    }
    return render(request, "interface/account_people.html", context)


def person_rows(query: str) -> list[PersonRow]:
    """People whose name has the text in it, or else those who were here last."""
    at, spoken = clock.now(), language()
    found = User.objects.filter(archived_at=None)
    if query:
        found = found.filter(Q(name__icontains=query) | Q(username__icontains=query)).order_by("name")
    else:
        found = found.filter(last_login__isnull=False).order_by("-last_login")
    users = list(found[:LISTED])
    ids = [user.pk for user in users]
    enrolled = set(SecondFactor.objects.filter(user_id__in=ids).values_list("user_id", flat=True))
    opened: dict[int, int] = {}
    for pk in Session.objects.filter(user_id__in=ids, expire_date__gt=at).values_list("user_id", flat=True):
        opened[pk] = opened.get(pk, 0) + 1
    usable = ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at), user_id__in=ids, ended_at=None)
    held: dict[int, int] = {}
    for pk in usable.values_list("user_id", flat=True):
        held[pk] = held.get(pk, 0) + 1
    return [
        PersonRow(
            user.pk, user.name, user.username, user.pk in enrolled, opened.get(user.pk, 0), held.get(user.pk, 0),
            relative_datetime(user.last_login, spoken) if user.last_login else "",
        )
        for user in users
    ]  # fmt: skip


@require_POST
def rules(request: HttpRequest) -> HttpResponse:
    """Say which roles need a second factor."""
    actor = _administrator(request)
    chosen = {int(value) for value in request.POST.getlist("roles") if value.isascii() and value.isdigit()}
    second_factor.require_for(chosen, actor)
    messages.success(request, _("Saved. The second factor is asked for from the next sign-in on."))
    return redirect("account-people")


def _somebody(request: HttpRequest, pk: int) -> tuple[User, Actor]:
    actor = _administrator(request)
    user = User.objects.filter(pk=in_range(pk)).first()
    if user is None:
        raise NotFound
    return user, actor


@never_cache
@require_GET
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """Sessions, second factor and tokens of somebody."""
    user, actor = _somebody(request, pk)
    context = {
        "tabs": tabs(actor, "people"),
        "person": user,
        "sessions": session_rows(user, request.session.session_key),
        "tokens": token_rows(user),
        "enrolled": second_factor.is_enrolled(user),
        "codes_left": second_factor.codes_left(user),
    }
    return render(request, "interface/account_person.html", context)


@require_POST
def person_action(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """End somebody's session, all their sessions, a token, or take away their second factor."""
    user, actor = _somebody(request, pk)
    chosen = request.POST.get("id", "")
    match verb:
        case "end-session":
            sessions.end_session(user, chosen, actor)
        case "end-sessions":
            sessions.end_sessions(user, actor)
        case "end-token":
            _end_token(user, int(chosen) if chosen.isascii() and chosen.isdigit() else 0, actor)
        case "reset-second-factor":
            second_factor.reset(user, actor)
        case _:
            raise NotFound
    messages.success(request, _("Done."))
    return redirect("account-person", pk=pk)
