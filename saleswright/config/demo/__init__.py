"""The demonstration company: three years of an invented maker of automation equipment, the same for every seed.

Everything is written through the path of imported history, so it obeys the same rules as real data.
"""

from __future__ import annotations

from collections.abc import Callable

from saleswright.config.demo.announcements import make_announcements
from saleswright.config.demo.deals import make_deals
from saleswright.config.demo.duplicates import make_merges
from saleswright.config.demo.insight import make_insight
from saleswright.config.demo.lead_flow import make_lead_flow
from saleswright.config.demo.lead_score import make_lead_outcomes
from saleswright.config.demo.market import make_market
from saleswright.config.demo.notices import make_notices
from saleswright.config.demo.people import DEMO_PASSWORD, SIGN_INS, make_people
from saleswright.config.demo.pools import make_pools
from saleswright.config.demo.story import Story
from saleswright.config.demo.surveys import make_surveys
from saleswright.config.demo.trade import make_trade
from saleswright.config.demo.visits import make_visits
from saleswright.kernel.models import User

Progress = Callable[[str, int, int], None]


def has_data() -> bool:
    """Whether people have been entered already: then nothing is added."""
    return User.objects.exclude(roles__code="administrator").exists()


def sign_ins() -> list[str]:
    """How to sign in as the people of the demonstration company, a line each; nothing for any other company."""
    names = [username for username, _post in SIGN_INS]
    if User.objects.filter(username__in=names).count() < len(names):
        return []
    width = max(len(name) for name in names)
    return [f"  {name:<{width}}  {DEMO_PASSWORD}  {post}" for name, post in SIGN_INS]


def make_demo(*, progress: Progress) -> None:
    """Fill an empty database; takes well under a minute."""
    story = Story(progress)
    make_people(story)
    make_trade(story)
    make_deals(story)
    make_lead_outcomes(story)
    make_insight(story)
    make_pools(story)
    make_lead_flow(story)
    make_announcements(story)
    make_surveys(story)
    make_market(story)
    make_visits(story)
    make_notices(story)
    make_merges(story)


__all__ = ["DEMO_PASSWORD", "SIGN_INS", "has_data", "make_demo", "sign_ins"]
