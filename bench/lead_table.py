"""An invented table of leads for measuring: 38 columns like those that training companies export, faults included.

What decides is known: origin, occupation, time on the site and what happens together with what. Among the columns are
gaps, `Select` for nothing, rare values, columns that never change, running numbers, and planted leaks: `tags` and
`lead_quality` were given after the outcome, `enrolled_on` only to those who enrolled.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

#: columns of the table that tell the outcome
LEAKS = ("tags", "lead_quality", "enrolled_on", "reason_lost")
IDENTIFIERS = ("prospect_id", "lead_number")
DEAD = ("magazine", "receive_updates", "supply_chain_updates", "pay_by_cheque", "digest")


def lead_table(count: int = 9000, seed: int = 20) -> tuple[dict[str, list[Any]], list[bool], np.ndarray]:
    """Columns by name, outcomes in the order of time, and the true chances by which those were drawn."""
    dice = np.random.default_rng(seed)

    def some(names: str, shares: list[float]) -> np.ndarray:
        values = names.split("|")
        weights = np.array(shares, float)
        return dice.choice(values, count, p=weights / weights.sum())

    def gaps(values: Any, share: float, empty: Any = None) -> list[Any]:
        return [empty if gone else one for one, gone in zip(list(values), dice.random(count) < share, strict=True)]

    origin = some("Landing Page|API|Add Form|Import|Quick Form", [53, 38, 7.8, 0.9, 0.3])
    source = some(
        "Search|Direct|Chat|Organic|Reference|Partner|Referral Sites|Social|blog|Press|Radio|live|Click|welearn",
        [31, 27, 19, 12.5, 5.8, 1.5, 1.4, 0.6, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1],
    )
    source = np.where((origin == "Add Form") & (dice.random(count) < 0.85), "Reference", source)
    visits = np.where(dice.random(count) < 0.24, 0, dice.poisson(3.4, count)).astype(float)
    minutes = np.where(visits == 0, 0.0, np.round(dice.gamma(0.9, 11, count) * 60))
    pages = np.where(visits == 0, 0.0, np.round(dice.gamma(3, 0.8, count) * 2) / 2)
    activity = some(
        "Email Opened|SMS Sent|Chat|Page Visited|Clicked|Bounced|Form|Unreachable|Unsubscribed|Had a Call|Approached",
        [38, 30, 10.5, 7, 3, 3.5, 1.3, 1, 0.7, 0.3, 0.1],
    )
    work = some("Unemployed|Working Professional|Student|Other|Housewife|Businessman", [86, 11, 3.2, 0.3, 0.2, 0.1])
    field = some(
        "Finance|HR|Marketing|Operations|Business|IT|Supply Chain|Travel|Media|International|Health|Hotels|E-Business",
        [15, 13, 13, 8, 6, 6, 5.5, 4.5, 4, 3.5, 3, 2, 1],
    )
    refuses = dice.random(count) < 0.08
    refuses_calls = dice.random(count) < 0.0005
    copy = dice.random(count) < 0.32
    country = some(
        "India|USA|UAE|Singapore|Saudi Arabia|UK|Qatar|Ghana|Kenya", [95, 1, 0.8, 0.4, 0.3, 0.3, 0.2, 0.1, 0.1]
    )
    city = some("Mumbai|Thane|Other Cities|Other Metro|Tier II|Outskirts", [57, 13, 12, 7, 1.5, 9])
    profile = some("Potential Lead|Other Leads|Student of School|Lateral|Dual", [60, 24, 13, 1.5, 1.5])
    activity_score, profile_score = dice.normal(14, 1.4, count), dice.normal(16, 1.8, count)
    heard = some("Online|Word of Mouth|Students|Adverts|Multiple|Other", [40, 18, 16, 8, 8, 9])

    engaged = np.log1p(minutes / 60)
    odds = (
        -2.4
        + 0.95 * engaged * np.where(origin == "API", 0.55, 1.0)  # time on the site says less of those from the API
        + 3.6 * (origin == "Add Form")
        + 2.5 * (work == "Working Professional")
        + 1.5 * (activity == "SMS Sent")
        - 1.3 * ((activity == "Chat") & (engaged < 1.5))  # a chat means little to whoever did not stay
        - 1.5 * (activity == "Bounced")
        - 1.4 * (refuses & (activity != "SMS Sent"))
        + 0.9 * ((source == "Chat") & (minutes == 0))
        + 0.9 * (profile == "Potential Lead")
        - 1.4 * (profile == "Student of School")
        + 0.30 * (activity_score - 14)
        - 0.5 * np.abs(pages - 2.5) / 2
        + 0.8 * (field == "Health") - 0.6 * (field == "Hotels")
    )  # fmt: skip
    chances = 1 / (1 + np.exp(-1.15 * odds))
    won = dice.random(count) < chances

    def level(scores: np.ndarray, high: float, low: float) -> np.ndarray:
        return np.where(scores > high, "01.High", np.where(scores > low, "02.Medium", "03.Low"))

    told = np.where(
        won,
        some("Will revert|Closed|Busy|Ringing", [80, 12, 5, 3]),
        some("Ringing|Other courses|Already a student|switched off|Will revert|Busy", [34, 24, 20, 12, 4, 6]),
    )
    quality = np.where(
        won, some("High|Might be|Low|Not Sure", [26, 50, 17, 7]), some("Worst|Not Sure|Might be|Low", [40, 46, 10, 4])
    )
    notable = np.where(won & (dice.random(count) < 0.25), "Modified", activity)
    begun = date(2024, 1, 1)
    columns: dict[str, Any] = {
        "prospect_id": [f"{dice.integers(16**8):08x}-{dice.integers(16**4):04x}" for _ in range(count)],
        "lead_number": [579533 + 9 * place + int(dice.integers(8)) for place in range(count)],
        "created": [(begun + timedelta(days=int(700 * place / count))).isoformat() for place in range(count)],
        "lead_origin": origin, "lead_source": gaps(source, 0.004), "do_not_email": np.where(refuses, "Yes", "No"),
        "do_not_call": np.where(refuses_calls, "Yes", "No"), "total_visits": gaps(visits.astype(int), 0.015),
        "time_on_website": minutes.astype(int), "pages_per_visit": gaps(pages, 0.015),
        "last_activity": gaps(activity, 0.011), "country": gaps(country, 0.27),
        "specialization": gaps(gaps(field, 0.21, "Select"), 0.15),
        "heard_through": gaps(gaps(heard, 0.7, "Select"), 0.24),
        "occupation": gaps(work, 0.29), "matters_most": gaps(["Better Career"] * count, 0.29),
        "search": np.where(dice.random(count) < 0.0015, "Yes", "No"), "magazine": ["No"] * count,
        "newspaper_article": np.where(dice.random(count) < 0.0002, "Yes", "No"),
        "forums": np.where(dice.random(count) < 0.0002, "Yes", "No"),
        "newspaper": np.where(dice.random(count) < 0.0002, "Yes", "No"),
        "digital_advert": np.where(dice.random(count) < 0.0005, "Yes", "No"),
        "recommended": np.where(dice.random(count) < 0.0008, "Yes", "No"), "receive_updates": ["No"] * count,
        "tags": gaps(told, 0.36), "lead_quality": gaps(quality, 0.45), "supply_chain_updates": ["No"] * count,
        "digest": ["No"] * count, "lead_profile": gaps(gaps(profile, 0.45, "Select"), 0.29),
        "city": gaps(gaps(city, 0.24, "Select"), 0.15),
        "activity_index": gaps(level(activity_score, 15.5, 12), 0.45),
        "profile_index": gaps(level(profile_score, 17.5, 0), 0.45),
        "activity_score": gaps(np.round(activity_score), 0.45), "profile_score": gaps(np.round(profile_score), 0.45),
        "pay_by_cheque": ["No"] * count, "free_copy": np.where(copy, "Yes", "No"), "last_notable_activity": notable,
        "enrolled_on": [
            (begun + timedelta(days=int(700 * place / count) + int(dice.integers(5, 60)))).isoformat() if one else None
            for place, one in enumerate(won)
        ],
        "reason_lost": np.where(~won & (dice.random(count) < 0.6), some("Price|Time|Other", [5, 3, 2]), None),
    }  # fmt: skip
    plain = {name: [one.item() if hasattr(one, "item") else one for one in cells] for name, cells in columns.items()}
    return plain, won.tolist(), chances
