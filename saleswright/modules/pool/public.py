"""What other modules may use of the pools."""

from saleswright.modules.pool.actions.buttons import pool_transitions
from saleswright.modules.pool.actions.moving import OUT, followed_up, given_out, note_assigned, prepare_pooled, put_into
from saleswright.modules.pool.actions.recycling import run as recycle
from saleswright.modules.pool.kinds import FOLLOW_UP, WON, Hold, Kind, Source, add_clock, add_hold, add_kind
from saleswright.modules.pool.models import Pool, Pooled
from saleswright.modules.pool.queries import default_pool, may_be_assigned, may_be_claimed, most_assigned
from saleswright.modules.pool.standing import pool_standing

__all__ = [
    "FOLLOW_UP",
    "OUT",
    "WON",
    "Hold",
    "Kind",
    "Pool",
    "Pooled",
    "Source",
    "add_clock",
    "add_hold",
    "add_kind",
    "default_pool",
    "followed_up",
    "given_out",
    "may_be_assigned",
    "may_be_claimed",
    "most_assigned",
    "note_assigned",
    "pool_standing",
    "pool_transitions",
    "prepare_pooled",
    "put_into",
    "recycle",
]
