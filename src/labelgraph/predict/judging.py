"""Scores -> probabilities, and the labels that are chosen for an image."""

from dataclasses import dataclass

import numpy as np

from labelgraph.predict.calibration import Calibration


@dataclass(frozen=True)
class Judgement:
    """One image, C labels."""

    names: tuple[str, ...]
    scores: np.ndarray  # (C,) logits
    probabilities: np.ndarray  # (C,)
    chosen: np.ndarray  # (C,) bool: at least the label's threshold

    def ranked(self) -> list[int]:
        """Columns, the most probable first; of equal ones the lower column first."""
        return np.argsort(-self.scores, kind="stable").tolist()

    def columns(self, top: int | None) -> list[int]:
        """The `top` most probable, or those that were chosen."""
        order = self.ranked()
        return order[:top] if top else [column for column in order if self.chosen[column]]

    def entries(self) -> list[dict]:
        """Every label as plain data, the most probable first."""
        return [
            {
                "label": self.names[column],
                "probability": round(float(self.probabilities[column]), 6),
                "score": round(float(self.scores[column]), 6),
                "chosen": bool(self.chosen[column]),
            }
            for column in self.ranked()
        ]


def judge(scores: np.ndarray, calibration: Calibration, threshold: float | None) -> list[Judgement]:
    """For scores (B, C). `threshold`, a probability, replaces the labels' own."""
    probabilities = calibration.probabilities(scores.astype(np.float64))
    least = np.array(calibration.thresholds) if threshold is None else threshold
    names = tuple(calibration.labels)
    rows = zip(scores, probabilities, probabilities >= least, strict=True)
    return [Judgement(names, *row) for row in rows]
