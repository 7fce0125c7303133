"""How likely open deals are: by their stage, set by hand, or by what the past says of deals like them.

Who can say the last (a model, a table) adds itself to `probability_sources`; without one, or where it says nothing
of a deal, the stage's probability stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db.models import F

from saleswright.modules.pipeline.models import Opportunity, Stage
from saleswright.modules.pipeline.states import OpportunityStatus, ProbabilityMode

#: ids of open opportunities -> percent of those of which something is known; the first source that knows counts
ProbabilitySource = Callable[[Sequence[int]], dict[int, int]]
probability_sources: list[ProbabilitySource] = []


def learned(ids: Sequence[int]) -> dict[int, int]:
    """What the sources say of these opportunities, in percent from 0 to 100."""
    found: dict[int, int] = {}
    for source in probability_sources if ids else ():
        said = source([pk for pk in ids if pk not in found])
        found |= {pk: min(max(percent, 0), 100) for pk, percent in said.items()}
    return found


def weigh(opportunity: Opportunity, stage: Stage, known: int | None = None) -> None:
    """Set the probability of an open opportunity by its mode; `known` is what was learned of it."""
    mode = opportunity.probability_mode
    opportunity.probability_manual = mode == ProbabilityMode.MANUAL
    if mode != ProbabilityMode.MANUAL:
        use = mode == ProbabilityMode.LEARNED and known is not None
        opportunity.probability = known if use else stage.probability  # type: ignore[assignment]


def refresh_learned(ids: Sequence[int] | None = None) -> int:
    """Ask the sources anew for the open opportunities that want it (of these, or all); returns how many changed."""
    rows = Opportunity.objects.filter(status=OpportunityStatus.OPEN, probability_mode=ProbabilityMode.LEARNED)
    rows = rows if ids is None else rows.filter(pk__in=list(ids))
    present = {pk: (now, usual) for pk, now, usual in rows.values_list("pk", "probability", "stage__probability")}
    said = learned(list(present))
    moved: dict[int, list[int]] = {}
    for pk, (now, usual) in present.items():
        percent = said.get(pk, usual)
        if percent != now:
            moved.setdefault(percent, []).append(pk)
    for percent, some in moved.items():
        Opportunity.objects.filter(pk__in=some).update(probability=percent, version=F("version") + 1)
    return sum(map(len, moved.values()))
