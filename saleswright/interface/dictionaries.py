"""Fields whose choices the company keeps itself: shown by their labels, chosen from a list."""

from __future__ import annotations

from saleswright.interface.fields import Shown
from saleswright.kernel.dictionaries import names_in, use_dictionary
from saleswright.kernel.resources import contribute


def choose_from(dictionary: str, resource: str, *fields: str) -> None:
    """Let fields of a resource, or of its lines (`lines.tax_rate`), hold codes of a dictionary."""
    for field in fields:
        use_dictionary(dictionary, resource, field)
        contribute(resource, shown=(Shown(field, names=names_in(dictionary)),))
