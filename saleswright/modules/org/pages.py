"""Pages that are not generated: the rights of a role, and what a person may see."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.pages.common import actor_of, goes_to, in_range
from saleswright.kernel.access.actors import Scope, resolve
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import Conflict, NotFound, ValidationFailed
from saleswright.kernel.models import Role, User
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.org import queries, rights

add_setting(
    "people",
    Setting(
        "person-rights", gettext_lazy("The rights of one person, added up, and why a record is seen or not"),
        gettext_lazy("What a person may see"), "eye", "/settings/rights", "admin.manage",
    ),
)  # fmt: skip


@require_GET
def role_rights(request: HttpRequest, pk: int) -> HttpResponse:
    """The table of a role's rights, as a part of its page."""
    actor = actor_of(request)
    role = fetch(Role, in_range(pk), actor=actor)
    access = rights.access_by(queries.grants_of([pk]).get(pk, {}))
    context = {
        "role": role,
        "verbs": rights.VERBS.values(),
        "lines": rights.table(access, whole=True),
        "extras": rights.extras(access),
        "editable": actor.may("admin.manage") and actor.may("roles.edit") and role.archived_at is None,
    }
    return render(request, "interface/settings_rights.html", context)


@require_http_methods(["GET", "POST"])
def role_area(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Choose the scopes of one kind of record for a role."""
    actor = actor_of(request)
    actor.require("admin.manage")
    role, area = fetch(Role, in_range(pk), actor=actor, action="edit"), rights.area_named(name)
    held, error = queries.grants_of([pk]).get(pk, {}), ""
    if request.method == "POST":
        sent = {permission: request.POST.get(permission, "") for permission in area.permissions}
        try:
            save_record(Role, {"grants": rights.wanted(area, sent)}, pk=pk, actor=actor)
        except (ValidationFailed, Conflict) as refused:
            error = str(refused.errors[0].message if isinstance(refused, ValidationFailed) else refused.detail)
            held = {p: s for p, s in {**held, **sent}.items() if s in set(Scope)}
        else:
            messages.success(request, _("The rights hold from now on."))
            return goes_to(request, f"/roles/{pk}")
    context = {"role": role, "area": area, "choices": rights.choices(area, held), "error": error}
    return render(request, "interface/settings_rights_form.html", context, status=422 if error else 200)


@require_GET
def person_rights(request: HttpRequest) -> HttpResponse:
    """What a person may do, by all their roles, and with one record."""
    actor_of(request).require("admin.manage")
    given = {name: request.GET.get(name, "") for name in ("person", "resource", "record")}
    context: dict[str, object] = {
        "given": given,
        "resources": rights.resource_choices(),
        "verbs": rights.VERBS.values(),
        "person": None,
        "answers": [],
        "problem": "",
        "editable": False,
    }
    if user := User.objects.filter(pk=_number(given["person"])).first():
        access = resolve(user)
        context |= {
            "person": user,
            "roles": Role.objects.filter(people=user, archived_at=None).order_by("name"),
            "lines": rights.table(access),
            "extras": rights.extras(access),
        }
        if given["resource"] and given["record"]:
            context |= _record_answers(user, given)
    return render(request, "interface/settings_person.html", context)


def _record_answers(user: User, given: dict[str, str]) -> dict[str, object]:
    try:
        found = rights.answers(user, resource_named(given["resource"]), in_range(_number(given["record"])))
    except NotFound:
        return {"problem": _("There is no such record.")}
    return {"answers": found}


def _number(text: str) -> int:
    """The id that was typed; 0, which no record has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


urlpatterns = [
    path("settings/rights", person_rights),
    path("roles/<int:pk>/rights", role_rights),
    path("roles/<int:pk>/rights/<str:name>", role_area),
]
