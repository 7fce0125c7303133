"""Who is who: the accounts over there and the employees here."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from saleswright.integrations.workplace.adapter import OutsidePerson, Workplace
from saleswright.integrations.workplace.choices import MatchBy
from saleswright.integrations.workplace.models import Connection, ExternalAccount
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.match_keys import phone_key
from saleswright.kernel.models import User
from saleswright.kernel.records import Batch, save_record


def check_accounts(batch: Batch) -> None:
    """Links made by hand name somebody who works here."""
    fresh = [draft for draft in batch.good if draft.fresh and draft.record.user_id is not None]
    people = User.objects.in_bulk({draft.record.user_id for draft in fresh})
    for draft in fresh:
        user = people.get(draft.record.user_id)  # that there is none is said where references are checked
        if user is not None and not user.is_active:
            draft.error("user", "not_allowed", _("This person has left."))


def link(provider: str, external_id: str, user: User, *, actor: Actor) -> ExternalAccount:
    """Note who somebody is there. Raises ValidationFailed where either has another link already."""
    values = {"provider": provider, "external_id": external_id, "user": user.pk}
    return save_record(ExternalAccount, values, actor=actor)


def addresses_of(provider: str, user_ids: list[int]) -> dict[int, str]:
    """The ids there of those of these people who are linked and work here."""
    rows = ExternalAccount.objects.filter(provider=provider, user_id__in=user_ids, archived_at=None)
    return {row.user_id: row.external_id for row in rows.select_related("user") if row.user.is_active}


def user_of(provider: str, external_id: str) -> User | None:
    """The linked employee, if they work here."""
    rows = ExternalAccount.objects.filter(provider=provider, external_id=external_id, archived_at=None)
    found = rows.select_related("user").first()
    return found.user if found is not None and found.user.is_active else None


def key_of(match_by: str, person: OutsidePerson) -> str:
    """By what a person over there is recognised; empty where it is not known."""
    match match_by:
        case MatchBy.MOBILE:
            return phone_key(person.mobile) if person.mobile else ""
        case MatchBy.EMAIL:
            return person.email.strip().casefold()
    return person.id.casefold()


def own_key(match_by: str, user: User) -> str:
    """By what an employee is recognised."""
    match match_by:
        case MatchBy.MOBILE:
            return phone_key(user.phone) if user.phone else ""
        case MatchBy.EMAIL:
            return user.email.strip().casefold()
    return user.username.casefold()


def recognised(connection: Connection, person: OutsidePerson) -> User | None:
    """The one employee who is not linked yet and has the same mobile, e-mail or name; None for none or several."""
    key = key_of(connection.match_by, person)
    if not key:
        return None
    found = [user for user in User.objects.filter(archived_at=None) if own_key(connection.match_by, user) == key]
    if len(found) != 1 or not found[0].is_active:
        return None
    linked = ExternalAccount.objects.filter(provider=connection.provider, user=found[0]).exists()
    return None if linked else found[0]


def employee_for(workplace: Workplace, external_id: str, *, actor: Actor) -> User | None:
    """Who may come in as this account: the linked employee, or the one recognised, who is linked by it.

    Nobody is ever made. Raises WorkplaceError.
    """
    connection: Any = workplace.connection
    if ExternalAccount.objects.filter(provider=connection.provider, external_id=external_id).exists():
        return user_of(connection.provider, external_id)
    person = workplace.person(external_id)
    user = None if person.left else recognised(connection, person)
    if user is not None:
        link(connection.provider, external_id, user, actor=actor)
    return user
