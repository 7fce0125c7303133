"""Places on the earth: degrees in WGS 84, distances in metres."""

from __future__ import annotations

from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

#: mean radius of the earth in metres (IUGG, R1)
EARTH = 6_371_008.8


class Place(NamedTuple):
    """A point in degrees; north and east are positive."""

    latitude: float
    longitude: float

    @classmethod
    def of(cls, latitude: Decimal | float | None, longitude: Decimal | float | None) -> Place | None:
        """The point, or None unless both are known."""
        return None if latitude is None or longitude is None else cls(float(latitude), float(longitude))


def is_on_earth(latitude: Decimal | float, longitude: Decimal | float) -> bool:
    """Whether there is such a place: latitude within 90 degrees, longitude within 180, ends included."""
    return -90 <= latitude <= 90 and -180 <= longitude <= 180


def distance(one: Place, other: Place) -> float:
    """The way along the surface between two points, in metres.

    The haversine formula on a sphere of mean radius: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68
    (1984), page 159. Within 0.6 % of the ellipsoid.
    """
    phi, psi = radians(one.latitude), radians(other.latitude)
    half = sin((psi - phi) / 2) ** 2
    half += cos(phi) * cos(psi) * sin(radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH * asin(sqrt(min(1.0, half)))
