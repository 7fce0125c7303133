"""Read a csv file of unknown encoding and delimiter, record by record."""

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from saleswright.interface.exchange.cells import original_text
from saleswright.interface.exchange.errors import ReadError
from saleswright.interface.exchange.mapping import FileOptions
from saleswright.interface.exchange.table import Row, Table, make_table

ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "big5": "cp950",
    "cp950": "cp950",
    "big5hkscs": "big5hkscs",
    "iso8859-1": "iso8859-1",
    "cp1252": "cp1252",
}
"""Canonical codec name as stated -> codec that reads it; the larger set is read for the smaller one's name."""

BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
DELIMITERS = ",;\t|"
SAMPLE_BYTES = 1024 * 1024
SAMPLE_RECORDS = 100
TRUSTED_SHARE = 0.5
"""An encoding that reads this share of the lines is taken; the other lines become problems of their rows."""

GB2312_SHARE = 0.6
"""Simplified Chinese consists of GB 2312 characters nearly alone; Big5 read as GB 18030 has under half of them."""

UNDECODABLE = "\N{REPLACEMENT CHARACTER}"


def open_csv(path: Path, options: FileOptions) -> Table:
    """The table in the file; `options` overrule what would be found."""
    sample = _sample(path)
    encoding = _stated(options.encoding) if options.encoding else _detect(sample)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        head = list(islice(file, options.skip_rows, options.skip_rows + 10 * SAMPLE_RECORDS))
    delimiter = options.delimiter or find_delimiter(head)
    return make_table(
        _records(path, encoding, delimiter, options.skip_rows),
        kind="csv",
        encoding=encoding,
        delimiter=delimiter,
        estimated_records=_estimate(path) - options.skip_rows,
    )


def _sample(path: Path) -> bytes:
    """The first bytes that say something of the encoding: from the first chunk that isn't plain ASCII."""
    with path.open("rb") as file:
        first = chunk = file.read(SAMPLE_BYTES)
        while chunk and chunk.isascii() and b"\0" not in chunk:
            chunk = file.read(SAMPLE_BYTES)
    return chunk or first


def _stated(name: str) -> str:
    try:
        return ENCODINGS[codecs.lookup(name).name]
    except (LookupError, KeyError) as error:
        raise ReadError(
            "unknown_encoding",
            _("The encoding “{name}” isn't known; use one of: {names}"),
            name=name,
            names=", ".join(ENCODINGS),
        ) from error


def _detect(sample: bytes) -> str:
    """UTF-8, UTF-16 or GB 18030, whichever reads the lines; anything else must be stated."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if sample.startswith(mark):
            return encoding
    if wide := _utf16_without_mark(sample):
        return wide
    whole_lines = sample.splitlines()
    if len(sample) == SAMPLE_BYTES and len(whole_lines) > 1:
        whole_lines.pop()
    lines = [line for line in whole_lines if not line.isascii()]
    for encoding in ("utf-8", "gb18030"):
        read = [text for line in lines if (text := _decoded(line, encoding)) is not None]
        if len(read) >= TRUSTED_SHARE * len(lines) and (encoding == "utf-8" or _looks_simplified(read)):
            return ENCODINGS[encoding]
    raise ReadError("unknown_encoding", _("The encoding of the file can't be told; state it, such as gb18030 or big5"))


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _looks_simplified(lines: list[str]) -> bool:
    wide = [character for line in lines for character in line if not character.isascii()]
    known = sum(1 for character in wide if character.encode("gb2312", "ignore"))
    return known >= GB2312_SHARE * len(wide)


def _utf16_without_mark(sample: bytes) -> str | None:
    """Told by the zero bytes, which stand at every second place beside delimiters and line ends.

    A narrow text with a few stray zero bytes is still UTF-8 without them; Chinese in UTF-16 isn't.
    """
    zeros = sample.count(0)
    is_stray = zeros < 0.25 * len(sample) and _decoded(sample.replace(b"\0", b""), "utf-8") is not None
    if zeros < 0.02 * len(sample) or is_stray:
        return None
    for encoding, place in (("utf-16-le", 1), ("utf-16-be", 0)):
        text = sample[: len(sample) // 2 * 2].decode(encoding, "replace")
        if sample[place::2].count(0) > 0.9 * zeros and any(mark in text for mark in DELIMITERS + "\n"):
            return encoding
    return None


def find_delimiter(lines: Iterable[str]) -> str:
    """The delimiter by which the header has the most fields and most records as many as the header; else comma."""
    text = list(lines)
    scores: dict[str, tuple[bool, int]] = {}
    for delimiter in DELIMITERS:
        records = [cells for cells in islice(csv.reader(text, delimiter=delimiter), SAMPLE_RECORDS) if cells]
        width = len(records[0]) if records else 0
        alike = sum(1 for cells in records if len(cells) == width)
        scores[delimiter] = (alike >= TRUSTED_SHARE * len(records), width)
    best = max(DELIMITERS, key=scores.__getitem__)
    return best if scores[best][1] > 1 else ","


class _Lines(Iterator[str]):
    """The lines of a file, counted, of which those of the present record can be given back."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._returned: deque[str] = deque()
        self.count = 0
        self.record: list[str] = []

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._file)
        self.count += 1
        self.record.append(line)
        return line

    def keep_first(self) -> str:
        """End the present record after its first line: the others are read again."""
        first, *others = self.record
        self._returned.extendleft(reversed(others))
        self.count -= len(others)
        self.record = []
        return first


def _records(path: Path, encoding: str, delimiter: str, skip_rows: int) -> Iterator[Row]:
    """Strict: a quotation mark out of place spoils the line where its record begins, not what follows."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        lines = _Lines(file)
        for _line in islice(lines, skip_rows):
            pass
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            lines.record.clear()
            start = lines.count + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raw = lines.keep_first().rstrip("\r\n").split(delimiter)
                yield Row(start, raw, gettext("A quotation mark is out of place or isn't closed"))
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
            else:
                yield Row(start, [original_text(cell) for cell in cells], _problem(cells, encoding))


def _problem(cells: list[str], encoding: str) -> str | None:
    text = "".join(cells)
    if "\0" in text:
        return gettext("The line holds a zero byte")
    if UNDECODABLE in text:
        return gettext("The line holds characters that aren't {encoding}").format(encoding=encoding)
    return None


def _estimate(path: Path) -> int:
    """The number of lines, from the length of the first ones."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    lines = sample.count(b"\n") or 1
    return lines if len(sample) < SAMPLE_BYTES else lines * path.stat().st_size // len(sample)
