"""Arriving at a customer and leaving: place, time and how far from the address (VIS-02)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import FieldError, Text, ValidationFailed
from saleswright.kernel.geography import Place, distance, is_on_earth
from saleswright.kernel.records import save_record
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import Customer
from saleswright.modules.pipeline.public import Activity, ActivityKind, ActivityStatus, PlaceState, not_checked_in
from saleswright.modules.visits.queries import rules


class Missing(TextChoices):
    """Why a phone has no position to give."""

    DENIED = "denied", gettext_lazy("Location was not allowed")
    UNAVAILABLE = "unavailable", gettext_lazy("No position could be found")
    TIMEOUT = "timeout", gettext_lazy("Finding the position took too long")
    UNSUPPORTED = "unsupported", gettext_lazy("This device has no positioning")


PLACE_ARGS = (
    Arg("latitude", gettext_lazy("Latitude"), "coordinate", required=False),
    Arg("longitude", gettext_lazy("Longitude"), "coordinate", required=False),
    Arg("accuracy", gettext_lazy("Accuracy"), "integer", required=False, help=gettext_lazy("Metres.")),
    Arg("missing", gettext_lazy("Why no position"), "choice", required=False, choices=Missing),
    Arg("reason", gettext_lazy("Reason"), required=False,
        help=gettext_lazy("Needed when you are out of range or your phone gives no position.")),
)  # fmt: skip
#: an accuracy worse than this many metres says nothing any more; phones give up to several hundred kilometres
WORST = 10_000_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where somebody arrived, judged: `metres` to the customer's address, if both places are known."""

    place: Place | None
    state: PlaceState
    metres: int | None = None


def judge(place: Place | None, accuracy: int | None, target: Place | None, radius: int) -> Arrival:
    """How a position stands to an address.

    What the phone says of its accuracy speaks for the person, up to as much as the range itself: a position of 700 m
    with an accuracy of 300 m is within a range of 500 m, but one that is 50 km off is not within anything.
    """
    if place is None:
        return Arrival(None, PlaceState.NO_POSITION)
    if target is None:
        return Arrival(place, PlaceState.NO_ADDRESS)
    metres = distance(place, target)
    within = metres - min(accuracy or 0, radius) <= radius
    return Arrival(place, PlaceState.WITHIN if within else PlaceState.OUTSIDE, round(metres))


def is_visit(activity: Activity) -> Text | None:
    """Only who goes somewhere can arrive."""
    return None if activity.kind == ActivityKind.VISIT else _("Only visits have a check-in.")


@transition(
    "activities", "check-in", label=gettext_lazy("Check in"), source=[ActivityStatus.PLANNED],
    guards=(is_visit, not_checked_in), args=PLACE_ARGS, icon="map-pin", drop=False,
)  # fmt: skip
def check_in(activity: Activity, *, actor: Actor, at: datetime, **position: Any) -> None:
    """Note place (degrees, WGS 84) and time of arrival at one's own visit.

    Raises ValidationFailed for no place on earth, and when a reason is needed and missing.
    """
    arrive(activity, position, at)


def arrive(activity: Activity, position: Mapping[str, Any], at: datetime) -> None:
    """Judge the position and keep it with the activity. Raises ValidationFailed."""
    place = _position(position)
    target = None
    if activity.customer_id:
        found = Customer.objects.filter(pk=activity.customer_id).values_list("latitude", "longitude").first()
        target = Place.of(*found) if found else None
    accuracy = position.get("accuracy")
    arrival = judge(place, accuracy, target, rules().radius)
    reason = (position.get("reason") or "").strip()
    if not reason:
        _ask_for_reason(arrival, position)
    missing = position.get("missing") if place is None else None
    known: list[str] = [str(Missing(missing).label)] if missing else []
    if place is not None:
        activity.latitude, activity.longitude = position["latitude"], position["longitude"]
        activity.accuracy, activity.distance = accuracy, arrival.metres
    activity.place, activity.checked_in_at = arrival.state, at
    activity.place_note = " · ".join([*known, *([reason] if reason else [])])[:200]


def _position(given: Mapping[str, Any]) -> Place | None:
    latitude, longitude, accuracy = given.get("latitude"), given.get("longitude"), given.get("accuracy")
    errors = []
    if (latitude is None) != (longitude is None):
        errors.append(
            FieldError("latitude" if latitude is None else "longitude", "required", _("This field is required."))
        )
    elif latitude is not None and longitude is not None and not is_on_earth(latitude, longitude):
        wrong = [name for name, value, limit in (("latitude", latitude, 90), ("longitude", longitude, 180))
                 if abs(Decimal(value)) > limit]  # fmt: skip
        errors += [FieldError(name, "range", _("There is no such place.")) for name in wrong]
    if accuracy is not None and not 0 <= accuracy <= WORST:
        errors.append(FieldError("accuracy", "range", _("The value is not valid.")))
    if errors:
        raise ValidationFailed(errors)
    return Place.of(latitude, longitude)


def _ask_for_reason(arrival: Arrival, position: Mapping[str, Any]) -> None:
    if arrival.state == PlaceState.OUTSIDE:
        text = _("You are %(distance)s from the customer's address. Say why you check in here.")
        raise ValidationFailed.of("reason", "required", text % {"distance": metres_text(arrival.metres or 0)})
    if arrival.state == PlaceState.NO_POSITION:
        text = _("Your phone gives no position. Say why you check in without it.")
        raise ValidationFailed.of("reason", "required", text)


def metres_text(metres: int) -> str:
    """A distance as people read it: 320 m, 1.4 km."""
    return f"{metres} m" if metres < 1000 else f"{metres / 1000:.1f} km"


def is_there(activity: Activity) -> Text | None:
    """Who has not arrived, or has left, can't leave."""
    if activity.checked_in_at is None:
        return _("Check in first.")
    return _("Checked out already.") if activity.checked_out_at else None


@transition(
    "activities", "check-out", label=gettext_lazy("Check out"), source=[ActivityStatus.PLANNED],
    guards=(is_visit, is_there), icon="logout", drop=False,
)  # fmt: skip
def check_out(activity: Activity, *, actor: Actor, at: datetime) -> None:
    """Note when the person left; the time between is how long they were there."""
    assert activity.checked_in_at is not None
    activity.checked_out_at = max(at, activity.checked_in_at)


@transition(
    "customers", "visit-now", label=gettext_lazy("Check in here"), icon="map-pin", drop=False,
    args=(Arg("subject", gettext_lazy("Topic"), required=False, help=gettext_lazy("Left empty: unplanned visit.")),
          *PLACE_ARGS),
    result=(("id", int),), leads_to="activities",
)  # fmt: skip
def visit_now(customer: Customer, *, actor: Actor, at: datetime, subject: str | None, **position: Any) -> Any:
    """A visit that nobody planned: it is made and checked in at once; returns its id.

    Raises what `check_in` raises, and then there is no visit.
    """
    values = {"kind": ActivityKind.VISIT, "subject": subject or _("Unplanned visit"), "customer": customer.pk,
              "planned_at": at}  # fmt: skip
    visit = save_record(Activity, values, actor=actor, at=at)
    Activity.objects.filter(pk=visit.pk).update(ad_hoc=True)
    check_in(visit.pk, actor=actor, at=at, **position)
    return {"id": visit.pk}


def gives_the_place(activity: Activity) -> Text | None:
    """A customer without coordinates can have those of a visit."""
    if activity.latitude is None or activity.customer_id is None:
        return _("This visit has no position.")
    known = Customer.objects.filter(pk=activity.customer_id, latitude__isnull=False).exists()
    return _("The customer has coordinates already.") if known else None


@transition(
    "activities", "give-place", label=gettext_lazy("Take as the customer's coordinates"), guards=(gives_the_place,),
    source=[ActivityStatus.PLANNED, ActivityStatus.DONE], icon="map", drop=False,
)  # fmt: skip
def give_place(activity: Activity, *, actor: Actor, at: datetime) -> None:
    """The place of this visit becomes the customer's coordinates, by the actor's own right to change the customer."""
    values = {"latitude": activity.latitude, "longitude": activity.longitude}
    save_record(Customer, values, pk=activity.customer_id, actor=actor, at=at)
