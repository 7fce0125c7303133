"""The order of visits against every possible order."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from saleswright.kernel.geography import Place
from saleswright.modules.visits.routes import length, shortest_order

OFFICE = Place(31.2304, 121.4737)


def around(seed, count):
    chance = random.Random(seed)
    return [Place(31 + chance.random(), 121 + chance.random()) for _ in range(count)]


def brute_force(places, start=None):
    lead = [start] if start else []
    return min(length([*lead, *order]) for order in permutations(places))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("start", [None, OFFICE])
def test_it_finds_the_shortest_way_through_a_few_places(count, start):
    for seed in range(6 if count < 6 else 2):
        places = around(seed, count)
        order = shortest_order(places, start)
        assert sorted(order) == list(range(count))
        found = length([*([start] if start else []), *(places[i] for i in order)])
        assert found == pytest.approx(brute_force(places, start), rel=1e-9)


def test_it_is_within_three_percent_of_the_shortest_way_through_eight():
    places = around(41, 8)
    found = length([places[i] for i in shortest_order(places)])
    best = brute_force(places)
    assert best <= found + 1e-6 <= 1.03 * best + 1e-6


def test_it_leaves_one_place_and_none_as_they_are():
    assert shortest_order([]) == []
    assert shortest_order([OFFICE]) == [0]


def test_it_goes_along_a_line_from_the_end_nearer_to_the_start():
    line = [Place(31, 121 + place / 10) for place in (2, 0, 3, 1)]
    assert shortest_order(line, Place(31, 120.9)) == [1, 3, 0, 2]


def test_it_keeps_to_a_ring_of_many_places_in_little_time():
    places = around(7, 18)
    order = shortest_order(places)
    assert sorted(order) == list(range(18))
    assert length([places[i] for i in order]) < 0.5 * length(places)
