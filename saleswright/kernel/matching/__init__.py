"""Which entries of companies are one company: names taken apart, blocks of candidates, a probability with reasons."""

from saleswright.kernel.matching.names import Name, parse
from saleswright.kernel.matching.pairs import LIKELY, Pair, block_keys, likely_pairs, lookup_brands, lookup_keys, score
from saleswright.kernel.matching.scoring import Row

__all__ = [
    "LIKELY",
    "Name",
    "Pair",
    "Row",
    "block_keys",
    "likely_pairs",
    "lookup_brands",
    "lookup_keys",
    "parse",
    "score",
]
