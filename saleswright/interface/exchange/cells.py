"""A value as the text of a cell, and how texts that look like formulas are made harmless."""

import datetime
import re
from decimal import Decimal
from typing import Any

GENUINE_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""How a text begins that a spreadsheet may run as a formula (OWASP, CSV Injection)."""


def plain_text(value: Any) -> str:
    """The value as text: dates by ISO 8601, decimals with all their places, booleans as true and false."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def csv_text(value: Any) -> str:
    """The value for csv, with an apostrophe before what a spreadsheet would take for a formula."""
    text = plain_text(value)
    if text.startswith(FORMULA_STARTS) and not GENUINE_NUMBER.fullmatch(text):
        return "'" + text
    return text


def original_text(cell: str) -> str:
    """What csv_text was given: the cell without its protecting apostrophe."""
    if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS):
        return cell[1:]
    return cell
