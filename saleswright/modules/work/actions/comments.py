"""Remarks about records, and the people who follow them."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import NotAllowed
from saleswright.kernel.models import EmploymentState, User
from saleswright.kernel.ports import ports
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Resource, resource_named
from saleswright.kernel.words import Words, said
from saleswright.modules.work.actions.targets import check_targets
from saleswright.modules.work.models import Comment, Follower

_MENTION = re.compile(r"@([\w.@+-]{1,100})")


def prepare_comments(batch: Batch) -> None:
    """A remark belongs to a record one sees; only its author changes it. Raises NotAllowed."""
    check_targets(batch)
    for draft in batch.good:
        if not draft.fresh and draft.record.created_by_id != batch.actor.user_id and batch.actor.kind != "system":
            raise NotAllowed(_("Only the author can change a comment."))
    _refuse_closed(batch)


def _refuse_closed(batch: Batch) -> None:
    """Some records are not to be commented on."""
    for draft in batch.good:
        resource = resource_named(draft.record.resource)
        if draft.fresh and type(resource).remark_refusal is not Resource.remark_refusal:
            record = resource.model._default_manager.get(pk=draft.record.record_id)
            if refusal := resource.remark_refusal(record):
                draft.error("text", "closed", refusal)


def mentioned(text: str) -> list[User]:
    """The people named by `@username` or `@name`, whatever follows without a space (as Chinese text does).

    The longest name that fits counts; all who bear it are meant.
    """
    words = [found.lower() for found in _MENTION.findall(text)]
    starts = {word[:length] for word in words for length in range(1, len(word) + 1)}
    people = User.objects.annotate(key=Lower("username"), called=Lower("name")).filter(archived_at=None)
    bearers: dict[str, list[User]] = {}
    for user in people.filter(Q(key__in=starts) | Q(called__in=starts)).exclude(state=EmploymentState.LEFT):
        for name in dict.fromkeys((user.key, user.called)):
            bearers.setdefault(name, []).append(user)
    found = [max((name for name in bearers if word.startswith(name)), key=len, default="") for word in words]
    return list(dict.fromkeys(user for name in found for user in bearers.get(name, ())))


def spread_comments(batch: Batch) -> None:
    """Who is mentioned follows the record from now on; followers are told of new remarks, as far as they see it."""
    for draft in batch.drafts:
        comment: Comment = draft.record
        if not draft.fresh and not draft.changed("text"):
            continue
        named = _who_see(comment.resource, comment.record_id, mentioned(comment.text))
        for user in named:
            follow(comment.resource, comment.record_id, user.pk)
        about = {"who": batch.actor.name, "what": _label(comment)}
        told = [user.pk for user in named if user.pk != batch.actor.user_id]
        _notify(comment, told, said(gettext_lazy("%(who)s mentioned you: %(what)s"), **about), batch, "mention")
        if draft.fresh:
            others = [u for u in followers(comment) if u.pk not in told and u.pk != batch.actor.user_id]
            seeing = [user.pk for user in _who_see(comment.resource, comment.record_id, others)]
            _notify(comment, seeing, said(gettext_lazy("%(who)s commented on %(what)s"), **about), batch, "comment")


def followers(about: Any) -> list[User]:
    """The people who follow the record that a remark or file is about."""
    rows = Follower.objects.filter(resource=about.resource, record_id=about.record_id)
    people = User.objects.filter(pk__in=rows.values("user_id"), archived_at=None)
    return list(people.exclude(state=EmploymentState.LEFT))


def _who_see(resource: str, record_id: int, people: list[User]) -> list[User]:
    rows = resource_named(resource).model._default_manager.filter(pk=record_id)
    return [user for user in people if visible(rows, actor_for(user, origin="notification")).exists()]


def _label(comment: Comment) -> str:
    resource = resource_named(comment.resource)
    return resource.label_of(resource.model._default_manager.get(pk=comment.record_id))


def _notify(comment: Comment, people: list[int], text: Words, batch: Batch, kind: str) -> None:
    if people:
        ports.notification.notify(
            user_ids=people, text=text, resource=comment.resource, record_id=comment.record_id, at=batch.at, kind=kind
        )


def follow(resource: str, record_id: int, user_id: int) -> None:
    """Follow a record; following it twice is the same."""
    Follower.objects.bulk_create(
        [Follower(resource=resource, record_id=record_id, user_id=user_id)], ignore_conflicts=True
    )


def toggle_following(resource: str, record_id: int, actor: Actor) -> bool:
    """Follow a record, or no longer; returns whether the actor follows it now."""
    assert actor.user_id is not None
    ended = Follower.objects.filter(resource=resource, record_id=record_id, user_id=actor.user_id).delete()[0]
    if not ended:
        follow(resource, record_id, actor.user_id)
    return not ended
