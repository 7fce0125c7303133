"""What is checked and filled in when targets are written."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.company import company
from saleswright.kernel.metrics import metric_named
from saleswright.kernel.models import User
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.resources import Extra
from saleswright.modules.targets.models import SCOPE_FIELDS, Target
from saleswright.modules.targets.queries import period_text, with_scopes
from saleswright.modules.targets.scopes import Trees, measurable, within_rights
from saleswright.modules.targets.states import SCOPE_SYNONYMS, ScopeKind, months_of


def clean_scope(value: Any) -> dict[str, Any]:
    """`{"kind": "department", "id": 3}`, or `"company"`. Raises ValidationError."""
    given = {"kind": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not isinstance(given.get("kind"), str):
        raise ValidationError(_("Give an object with kind and id."), code="invalid")
    kind, scope_id = given["kind"], given.get("id")
    kind = SCOPE_SYNONYMS.get(kind, kind)
    if kind not in ScopeKind.values:
        raise ValidationError(_("This is not one of the choices."), code="invalid_choice")
    if kind == ScopeKind.COMPANY:
        return {"kind": str(kind), "id": None}
    if not isinstance(scope_id, int) or isinstance(scope_id, bool):
        raise ValidationError(_("Give the id of whose target it is."), code="null")
    if not 0 < scope_id < 2**63:
        raise ValidationError(_("There is no such record."), code="not_found")
    return {"kind": str(kind), "id": scope_id}


def _kept_in_columns(given: list[tuple[Any, Any]], batch: Batch) -> None:
    """`prepare_targets` has put the scope into its columns."""


SCOPE = Extra(
    "scope", gettext_lazy("Scope"), clean_scope, _kept_in_columns,
    {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": ScopeKind.values}, "id": {"type": ["integer", "null"]}},
        "required": ["kind"],
    },
)  # fmt: skip


def prepare_targets(batch: Batch) -> None:
    """Put scope, days, code and owner in place, and check measure, rights and place in the tree."""
    for draft in batch.good:
        _set_scope(draft)
    for draft in batch.good:
        _set_period(draft)
    _name(batch)
    _own(batch)
    _check_rights(batch)
    _check_parents(batch)


def _set_scope(draft: Draft) -> None:
    target: Target = draft.record
    if "scope" in draft.extras:
        scope = draft.extras["scope"]
        target.scope_kind = scope["kind"]
        for kind, field in SCOPE_FIELDS.items():
            setattr(target, f"{field}_id", scope["id"] if kind == scope["kind"] else None)
    for kind, field in SCOPE_FIELDS.items():
        if kind != target.scope_kind:
            setattr(target, f"{field}_id", None)
    if target.scope_kind != ScopeKind.COMPANY and target.scope_id is None:
        draft.error(SCOPE_FIELDS[ScopeKind(target.scope_kind)], "required", _("Say whose target it is."))
    elif not measurable(metric_named(target.metric), target.scope_kind):
        message = _("This measure is not kept by “%(kind)s”.")
        draft.error("metric", "invalid", message % {"kind": ScopeKind(target.scope_kind).label})


def _set_period(draft: Draft) -> None:
    target: Target = draft.record
    days = clock.fiscal_period(target.year, target.period)
    target.starts_on, target.ends_on = days.start, days.end
    scope = target.scope_kind if target.scope_id is None else f"{target.scope_kind}:{target.scope_id}"
    target.code = f"{target.metric}/{target.year}/{target.period}/{scope}"


def _name(batch: Batch) -> None:
    """Names for lists and search: whose target of when. One query for each kind of scope."""
    names: dict[tuple[str, int], str] = {}
    for kind, field in SCOPE_FIELDS.items():
        ids = {d.record.scope_id for d in batch.good if d.record.scope_kind == kind}
        if ids:
            model: Any = Target._meta.get_field(field).related_model
            names |= {(kind, pk): name for pk, name in model.objects.filter(pk__in=ids).values_list("pk", "name")}
    for draft in batch.good:
        target: Target = draft.record
        whose = names.get((target.scope_kind, target.scope_id or 0), "") if target.scope_id else company().name
        target.name = f"{whose} · {period_text(target.year, target.period, target.starts_on)}"[:200]


def _own(batch: Batch) -> None:
    """A person's target belongs to the person, a department's to the department, others to nobody."""
    people = {draft.record.scope_person_id for draft in batch.good if draft.record.scope_person_id}
    departments = dict(User.objects.filter(pk__in=people).values_list("pk", "department_id")) if people else {}
    for draft in batch.good:
        target: Target = draft.record
        target.owner_id = target.scope_person_id if target.scope_person_id in departments else None
        target.department_id = departments.get(target.scope_person_id or 0) or target.scope_department_id


def _check_rights(batch: Batch) -> None:
    for action, drafts in (
        ("create", [draft for draft in batch.good if draft.fresh]),
        ("edit", [draft for draft in batch.good if not draft.fresh]),
    ):
        allowed = within_rights(batch.actor, action, [draft.record for draft in drafts]) if drafts else set()
        for place, draft in enumerate(drafts):
            if place not in allowed:
                draft.error("scope", "not_allowed", _("You may not set targets there."))


def _check_parents(batch: Batch) -> None:
    """A child has the measure of its parent and a part of its time or scope, cut in the same way as its siblings."""
    drafts = [draft for draft in batch.good if draft.record.parent_id]
    if not drafts:
        return
    ids = {draft.record.parent_id for draft in drafts}
    parents = with_scopes(Target.objects.all()).in_bulk(list(ids))
    cuts: dict[int, tuple[int, tuple[str, int]]] = {}
    own = {draft.record.pk for draft in drafts}
    for sibling in Target.objects.filter(parent__in=ids, archived_at=None).exclude(pk__in=own - {None}):
        cuts.setdefault(sibling.parent_id or 0, (sibling.pk, cut_of(sibling)))
    trees = Trees()
    for draft in drafts:
        parent = parents.get(draft.record.parent_id)
        if parent is None:
            continue
        if problem := _misfit(parent, draft.record, trees):
            draft.error("parent", "invalid", problem)
            continue
        cut = cuts.setdefault(parent.pk, (0, cut_of(draft.record)))[1]
        if cut != cut_of(draft.record):
            draft.error("parent", "invalid", _("The target is divided in another way already."))


def cut_of(target: Target) -> tuple[str, int]:
    """The kind of scope and the number of months: children of a target agree in it."""
    return target.scope_kind, len(months_of(target.period))


def _misfit(parent: Target, child: Target, trees: Trees) -> str:
    """Why the child is no part of the parent, or nothing."""
    if parent.metric != child.metric or parent.year != child.year:
        return _("A part has the measure and the year of the whole.")
    same_scope = (parent.scope_kind, parent.scope_id) == (child.scope_kind, child.scope_id)
    same_time = parent.period == child.period
    if same_scope == same_time:
        return _("A part has either a shorter period or a narrower scope than the whole.")
    if same_scope and not set(months_of(child.period)) < set(months_of(parent.period)):
        return _("The period does not lie within the one of the whole.")
    if same_time and not trees.covers(parent, child):
        return _("The scope does not lie within the one of the whole.")
    return ""
