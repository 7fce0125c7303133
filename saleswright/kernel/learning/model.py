"""A learned model: it says a probability (or an amount) for a case, and which columns moved it how far.

It is kept as JSON with a seal, so reading one back runs nothing of it; a changed one is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from django.conf import settings

from saleswright.kernel.learning.features import Cells, Encoder
from saleswright.kernel.learning.parts import Part, part_from_json

FORMAT = 1
#: nothing is said to be certain
SUREST = 0.999


@dataclass(frozen=True, slots=True)
class Factor:
    """How far a column moved the margin away from that of the average case: above zero towards the outcome."""

    column: str
    effect: float


@dataclass(slots=True)
class Calibration:
    """From the margin to the probability: a sigmoid, or steps that never fall (isotonic)."""

    kind: str = "sigmoid"
    slope: float = 1.0
    shift: float = 0.0
    steps: list[list[float]] = field(default_factory=lambda: [[], []])

    def chances(self, margins: np.ndarray) -> np.ndarray:
        if self.kind == "isotonic":
            found = np.interp(margins, self.steps[0], self.steps[1])
        else:
            found = 1 / (1 + np.exp(-np.clip(self.slope * margins + self.shift, -30, 30)))
        return np.clip(found, 1 - SUREST, SUREST)


@dataclass(slots=True)
class Model:
    """Parts whose margins are averaged by `shares`; `method` names the choice (line, forest, both)."""

    encoder: Encoder
    parts: list[Part]
    shares: list[float]
    calibration: Calibration
    method: str
    outcome: str = "probability"

    def margins(self, raw: np.ndarray) -> np.ndarray:
        """The margin of each case, from what the encoder made of it."""
        return np.sum(
            [share * part.margin(self.encoder, raw) for share, part in zip(self.shares, self.parts, strict=True)],
            axis=0,
        )

    @property
    def average(self) -> float:
        """The margin of the average training case, from which factors count."""
        return sum(share * part.average for share, part in zip(self.shares, self.parts, strict=True))

    def predict(self, cells: Cells, moments: Sequence[datetime | None], count: int) -> np.ndarray:
        """For each of `count` cases the probability (or the amount). Columns that are missing are empty."""
        return self.said(self.margins(self.encoder.raw(cells, moments, count)))

    def said(self, margins: np.ndarray) -> np.ndarray:
        """The probabilities (or amounts) of margins."""
        return margins if self.outcome == "amount" else self.calibration.chances(margins)

    def explained(self, cells: Cells, moments: Sequence[datetime | None], count: int) -> tuple[np.ndarray, np.ndarray]:
        """What `predict` says, and for each case the effect of each column of the encoder on the margin.

        The effects of a case add up to its margin less that of the average case.
        """
        raw = self.encoder.raw(cells, moments, count)
        weighed = zip(self.shares, self.parts, strict=True)
        by_feature = np.sum([share * part.contributions(self.encoder, raw) for share, part in weighed], axis=0)
        effects = np.zeros((count, len(self.encoder.columns)))
        np.add.at(effects.T, self.encoder.column_of, by_feature.T)
        return self.said(by_feature.sum(axis=1) + self.average), effects

    def explain(
        self, cells: Cells, moments: Sequence[datetime | None], count: int, most: int = 5, least: float = 0.05
    ) -> tuple[list[float], list[list[Factor]]]:
        """What `predict` says with the strongest factors of each case, at most `most`, none weaker than `least`."""
        said, effects = self.explained(cells, moments, count)
        names = self.encoder.names
        found = []
        for row in effects:
            strongest = np.argsort(-np.abs(row), kind="stable")[:most]
            found.append([Factor(names[at], float(row[at])) for at in strongest if abs(row[at]) >= least])
        return said.tolist(), found

    def importance(self, cells: Cells, moments: Sequence[datetime | None], count: int) -> dict[str, float]:
        """How far each column moves the margin on average, the strongest first."""
        _said, effects = self.explained(cells, moments, count)
        sizes = np.abs(effects).mean(axis=0) if count else np.zeros(len(self.encoder.columns))
        return dict(sorted(zip(self.encoder.names, sizes.tolist(), strict=True), key=lambda pair: -pair[1]))

    def as_json(self) -> dict[str, Any]:
        calibration = {name: getattr(self.calibration, name) for name in Calibration.__slots__}
        return {
            "format": FORMAT, "method": self.method, "outcome": self.outcome, "encoder": self.encoder.as_json(),
            "parts": [part.as_json() for part in self.parts], "shares": self.shares, "calibration": calibration,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Model:
        """The model as it was kept. Raises ValueError for a format that this version does not know."""
        if data.get("format") != FORMAT:
            raise ValueError("unknown format of a learned model")
        return cls(
            Encoder.from_json(data["encoder"]), [part_from_json(one) for one in data["parts"]], list(data["shares"]),
            Calibration(**data["calibration"]), data["method"], data["outcome"],
        )  # fmt: skip


class Tampered(ValueError):
    """What was kept is not what was sealed."""


def packed(model: Model) -> tuple[bytes, str, str]:
    """The model as compressed JSON, its SHA-256, and its seal by the secret key of the installation."""
    content = zlib.compress(orjson.dumps(model.as_json()), 6)
    return content, hashlib.sha256(content).hexdigest(), _seal(content)


def unpacked(content: bytes, seal: str) -> Model:
    """A packed model. Raises Tampered when its seal is not of this content and this installation."""
    content = bytes(content)
    if not hmac.compare_digest(_seal(content), seal):
        raise Tampered("the learned model was altered, or sealed by another installation")
    return Model.from_json(orjson.loads(zlib.decompress(content)))


def _seal(content: bytes) -> str:
    key = hashlib.sha256(b"saleswright.kernel.learning" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, content, hashlib.sha256).hexdigest()
