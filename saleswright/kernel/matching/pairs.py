"""Which rows are compared at all, and the likely pairs among many rows or of one row with candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from saleswright.kernel.matching.names import SHORTEST_BRAND, parse, shortened
from saleswright.kernel.matching.scoring import Counts, Entry, Row, compare, entry_of

#: pairs below are not worth a look
LIKELY = 0.35
#: a block of more rows says too little to compare all of them with each other
LARGEST_BLOCK = 200
#: block keys kept in memory at once
KEYS_AT_ONCE = 1_500_000
#: letters of a Latin brand that count as its head or tail; of a Chinese one it is one character
LATIN_END = 3
LONGEST_KEY = 100

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that are likely one company."""

    a: int | str
    b: int | str
    probability: float
    reasons: tuple[str, ...]


def block_keys(entry: Entry) -> Iterator[str]:
    """The keys of an entry: only entries with a key in common are compared.

    They are the brand, the brand with its trade (for brands of very many companies), the name less each of its
    characters, each phone and e-mail, the address, and the credit code.
    """
    name = entry.name
    yield "b" + name.brand
    yield "t" + name.brand + "|" + name.trade
    yield "s" + name.stem
    for text in shortened(name.stem):
        yield "s" + text
    for phone in entry.phones:
        yield "p" + phone
    for email in entry.emails:
        yield "e" + email
    if entry.address:
        yield "a" + entry.address
    if entry.credit_code:
        yield "c" + entry.credit_code


def lookup_keys(name: str) -> tuple[str, str, str]:
    """What a database keeps of a name to find those that may be the same: brand, its head and its tail with the trade.

    A slip in the brand spares its head or its tail, one in the place spares the tail; a place left out changes none.
    """
    parts = parse(name)
    ends = LATIN_END if parts.brand.isascii() else 1
    longest = LONGEST_KEY - LATIN_END - 1
    trade = parts.trade[:longest]
    return parts.brand[:LONGEST_KEY], f"{parts.brand[:ends]}|{trade}", f"{parts.brand[-ends:]}|{trade}"


def lookup_brands(name: str) -> list[str]:
    """The brands that the name may mean: its own, and shorter ones in case its trade is misspelt."""
    parts = parse(name)
    shortest = len(parts.brand) if parts.trade or parts.brand.isascii() else SHORTEST_BRAND
    return [parts.brand[:length] for length in range(min(shortest, len(parts.brand)), len(parts.brand) + 1)]


def candidate_pairs(entries: Sequence[Entry], progress: Progress | None = None) -> Iterator[tuple[int, int]]:
    """Positions of the entries that have a key in common, each pair once, the earlier first.

    Of the keys only a part is in memory at a time (Python's hash divides them), so that memory grows with the
    entries and not with the keys.
    """
    total = len(entries)
    passes = 1 + total * 12 // KEYS_AT_ONCE
    seen: set[int] = set()
    for turn in range(passes):
        blocks: dict[int, int | list[int]] = {}
        for at, entry in enumerate(entries):
            for text in block_keys(entry):
                key = hash(text)
                if passes > 1 and key % passes != turn:
                    continue
                held = blocks.get(key)
                if held is None:
                    blocks[key] = at
                elif isinstance(held, int):
                    if held != at:
                        blocks[key] = [held, at]
                elif held[-1] != at:
                    held.append(at)
            if progress and at % 5000 == 0:
                progress(turn * total + at, passes * total)
        for held in blocks.values():
            if isinstance(held, list) and len(held) <= LARGEST_BLOCK:
                for index, one in enumerate(held):
                    for other in held[index + 1 :]:
                        pair = one * total + other
                        if pair not in seen:
                            seen.add(pair)
                            yield one, other


def likely_pairs(rows: Iterable[Row], *, least: float = LIKELY, progress: Progress | None = None) -> list[Pair]:
    """The pairs of rows that are one company with at least this probability, the likeliest first.

    `progress(done, total)` is called now and then, and may raise to stop. Takes seconds for 100,000 rows.
    """
    entries = [entry_of(row) for row in rows]
    counts = Counts()
    counts.add(entries)
    found = []
    for one, other in candidate_pairs(entries, progress):
        verdict = compare(entries[one], entries[other], counts)
        if verdict.probability >= least:
            found.append(Pair(entries[one].id, entries[other].id, verdict.probability, verdict.reasons))
    return sorted(found, key=lambda pair: -pair.probability)


def score(row: Row, candidates: Iterable[Row], *, among: int = 0, least: float = LIKELY) -> list[Pair]:
    """The candidates that are likely the company of `row`, the likeliest first.

    The candidates are taken for all that have anything in common with it `among` so many rows.
    """
    entry, others = entry_of(row), [entry_of(one) for one in candidates]
    counts = Counts()
    counts.add([entry, *others])
    counts.rows = max(counts.rows, among)
    verdicts = [(other.id, compare(entry, other, counts)) for other in others]
    found = [Pair(row.id, pk, one.probability, one.reasons) for pk, one in verdicts if one.probability >= least]
    return sorted(found, key=lambda pair: -pair.probability)
