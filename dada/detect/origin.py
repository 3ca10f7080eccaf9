"""Where the parameters of a detector come from, and what its answers rest on."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Origin:
    """A training run (`seed`), or a file or a name of published weights (`weights`).

    `calibration` holds slope and offset from scores to log-likelihood ratios, as the training run stores it.
    `caveat` is a sentence on the training data and its limits, which every verdict shows; empty for none.
    """

    seed: int | None = None
    weights: str | None = None
    calibration: dict[str, Any] | None = None
    caveat: str = ""
