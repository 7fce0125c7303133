"""The first screen is made of tiles that modules contribute."""

from __future__ import annotations

from collections.abc import Callable

from saleswright.interface.presentation import Tile
from saleswright.kernel.access.actors import Actor

TileMaker = Callable[[Actor], Tile | None]
_makers: list[tuple[int, TileMaker]] = []


def tile(order: int) -> Callable[[TileMaker], TileMaker]:
    """Contribute a tile; one that answers None is left out for that person. Lower orders come first."""

    def register(maker: TileMaker) -> TileMaker:
        _makers.append((order, maker))
        return maker

    return register


def tiles_for(actor: Actor) -> list[Tile]:
    """The tiles of a person's first screen."""
    found = (maker(actor) for _order, maker in sorted(_makers, key=lambda pair: pair[0]))
    return [one for one in found if one is not None]
