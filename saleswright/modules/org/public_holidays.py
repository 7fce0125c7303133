"""The public holidays of mainland China with their make-up days 调休, as the State Council announced them.

Each year's notice comes in the November before; what is not here yet is entered or imported as `special-days`.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.errors import Text

NEW_YEAR, SPRING, TOMBS = _("New Year's Day"), _("Spring Festival"), _("Tomb-Sweeping Day")
LABOUR, DRAGON, AUTUMN = _("Labour Day"), _("Dragon Boat Festival"), _("Mid-Autumn Festival")
NATIONAL = _("National Day")

#: name, first and last day off, days made up for
ANNOUNCED: tuple[tuple[Text, str, str, tuple[str, ...]], ...] = (
    (NEW_YEAR, "2024-01-01", "2024-01-01", ()),
    (SPRING, "2024-02-10", "2024-02-17", ("2024-02-04", "2024-02-18")),
    (TOMBS, "2024-04-04", "2024-04-06", ("2024-04-07",)),
    (LABOUR, "2024-05-01", "2024-05-05", ("2024-04-28", "2024-05-11")),
    (DRAGON, "2024-06-10", "2024-06-10", ()),
    (AUTUMN, "2024-09-15", "2024-09-17", ("2024-09-14",)),
    (NATIONAL, "2024-10-01", "2024-10-07", ("2024-09-29", "2024-10-12")),
    (NEW_YEAR, "2025-01-01", "2025-01-01", ()),
    (SPRING, "2025-01-28", "2025-02-04", ("2025-01-26", "2025-02-08")),
    (TOMBS, "2025-04-04", "2025-04-06", ()),
    (LABOUR, "2025-05-01", "2025-05-05", ("2025-04-27",)),
    (DRAGON, "2025-05-31", "2025-06-02", ()),
    (NATIONAL, "2025-10-01", "2025-10-08", ("2025-09-28", "2025-10-11")),
    (NEW_YEAR, "2026-01-01", "2026-01-03", ("2026-01-04",)),
    (SPRING, "2026-02-15", "2026-02-23", ("2026-02-14", "2026-02-28")),
    (TOMBS, "2026-04-04", "2026-04-06", ()),
    (LABOUR, "2026-05-01", "2026-05-05", ("2026-05-09",)),
    (DRAGON, "2026-06-19", "2026-06-21", ()),
    (AUTUMN, "2026-09-25", "2026-09-27", ()),
    (NATIONAL, "2026-10-01", "2026-10-07", ("2026-09-20", "2026-10-10")),
)


def announced_days() -> dict[date, tuple[Text, bool]]:
    """Every day that differs from its weekday: the holiday's name and whether people work."""
    found: dict[date, tuple[Text, bool]] = {}
    for name, first, last, made_up in ANNOUNCED:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        found |= {start + timedelta(days=n): (name, False) for n in range((end - start).days + 1)}
        found |= {date.fromisoformat(day): (name, True) for day in made_up}
    return found
