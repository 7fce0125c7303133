"""Distances on the earth."""

from __future__ import annotations

from decimal import Decimal
from math import pi

import pytest

from saleswright.kernel.geography import EARTH, Place, distance, is_on_earth

SHANGHAI, BEIJING = Place(31.2304, 121.4737), Place(39.9042, 116.4074)


def test_it_is_nowhere_from_a_place_to_itself():
    assert distance(SHANGHAI, SHANGHAI) == 0


def test_it_is_half_the_way_round_to_the_other_side():
    assert distance(Place(0, 0), Place(0, 180)) == pytest.approx(pi * EARTH, rel=1e-12)
    assert distance(Place(90, 0), Place(-90, 77)) == pytest.approx(pi * EARTH, rel=1e-12)


def test_it_goes_across_the_date_line_the_short_way():
    assert distance(Place(0, 179.5), Place(0, -179.5)) == pytest.approx(pi * EARTH / 180, rel=1e-9)


def test_it_agrees_with_the_known_way_from_shanghai_to_beijing():
    assert distance(SHANGHAI, BEIJING) == pytest.approx(1_067_300, rel=0.002)
    assert distance(SHANGHAI, BEIJING) == distance(BEIJING, SHANGHAI)


def test_it_measures_a_hundred_metres_at_a_gate():
    north = Place(SHANGHAI.latitude + 100 / (pi * EARTH / 180), SHANGHAI.longitude)
    assert distance(SHANGHAI, north) == pytest.approx(100, abs=0.01)


def test_it_needs_both_degrees_for_a_place():
    assert Place.of(Decimal("31.2304"), None) is None
    assert Place.of(None, Decimal("121.4737")) is None
    assert Place.of(Decimal("31.2304"), Decimal("121.4737")) == SHANGHAI


@pytest.mark.parametrize(("latitude", "longitude", "there"), [
    (90, 180, True), (-90, -180, True), (90.000001, 0, False), (0, 180.000001, False),
])  # fmt: skip
def test_it_knows_what_lies_on_the_earth(latitude, longitude, there):
    assert is_on_earth(latitude, longitude) is there
