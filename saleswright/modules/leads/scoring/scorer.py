"""Giving leads their score: by the version in use, else by the rules, with the reasons beside it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from saleswright.modules.leads.scoring.models import ScoreContent, ScoreVersion
from saleswright.modules.leads.scoring.rules import RuleBook, rule_book, value_of
from saleswright.modules.leads.scoring.states import VersionStatus

if TYPE_CHECKING:
    from saleswright.kernel.learning.model import Model
    from saleswright.modules.leads.models import Lead

logger = logging.getLogger(__name__)

RULES, LEARNED = "rules", "learned"
#: so many factors are kept for a lead
FACTORS = 6
#: the model of the version that this process used last
_kept: tuple[str, Any] = ("", None)

Parts = dict[str, Any]


class Scorer:
    """Scores leads as of now; `version` is that in use, or None where the rules hold. Ask for one for each batch."""

    def __init__(self, version: ScoreVersion | None, model: Model | None, book: RuleBook | None) -> None:
        self.version, self._model, self._book = version, model, book

    def score(self, leads: Sequence[Lead]) -> list[tuple[int, Parts]]:
        """For each lead its score and what is kept as `score_parts`."""
        if self._model is not None and self.version is not None:
            return self._learned(leads, self._model, self.version.number)
        book = self._book or RuleBook(())
        found = []
        for lead in leads:
            scored = book.score(value_of(lead))
            found.append((scored.score, {"by": RULES, "parts": [list(part) for part in scored.parts]}))
        return found

    def _learned(self, leads: Sequence[Lead], model: Model, number: int) -> list[tuple[int, Parts]]:
        from saleswright.modules.leads.scoring.table import cells_of

        cells, moments = cells_of(leads)
        chances, factors = model.explain(cells, moments, len(leads), most=FACTORS)
        return [
            (
                round(100 * chance),
                {
                    "by": LEARNED, "version": number, "chance": round(chance, 4),
                    "parts": [[one.column, round(one.effect, 4)] for one in some],
                },
            )
            for chance, some in zip(chances, factors, strict=True)
        ]  # fmt: skip

    def apply(self, leads: Sequence[Lead]) -> list[Lead]:
        """Set score and reasons of leads; those of which anything changed."""
        changed = []
        for lead, (score, parts) in zip(leads, self.score(leads) if leads else (), strict=True):
            if (lead.score, lead.score_parts) != (score, parts):
                lead.score, lead.score_parts = score, parts
                changed.append(lead)
        return changed


def scorer() -> Scorer:
    """By what leads are scored now. A version that can't be read is not used, and the log says why."""
    version = ScoreVersion.objects.filter(status=VersionStatus.IN_USE).first()
    if version is not None:
        try:
            return Scorer(version, model_of(version), None)
        except (ValueError, KeyError, LookupError) as problem:
            logger.error("learned lead score %s can't be used: %s", version, problem)
    return Scorer(None, None, rule_book())


def model_of(version: ScoreVersion) -> Model:
    """The model of a version. Raises LookupError without one, and ValueError when it was changed."""
    global _kept
    named = ScoreContent.objects.filter(version=version)
    row = named.values_list("sha256", "seal").first()
    if row is None:
        raise LookupError("the version has no content")
    digest, seal = row
    key = f"{digest}:{seal}"
    if _kept[0] != key:
        from saleswright.kernel.learning.model import unpacked

        content = named.values_list("content", flat=True).get()
        _kept = (key, unpacked(base64.b64decode(content), seal))
    found: Model = _kept[1]
    return found
