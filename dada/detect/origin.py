"""Where the parameters of a detector come from, and what its answers rest on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dada.asr.config import TranscribeConfig
from dada.data.sound import Trained


@dataclass(frozen=True)
class KnownScores:
    """Scores of labelled speech like that of the training data: the dev split of a training run.

    `population` names that speech, e.g. `dev of mini`; the scores are uncalibrated and sorted.
    """

    population: str
    bonafide: np.ndarray
    spoof: np.ndarray


@dataclass(frozen=True)
class Origin:
    """A training run (`seed`), or a file or a name of published weights (`weights`).

    `calibration` holds slope and offset from scores to log-likelihood ratios, as the training run stores it,
    and `population` names the speech that it was fitted on. `caveat` is a sentence on the training data and
    its limits, which every verdict shows; empty for none. `trained` is what is known of the recordings that
    the training run heard. `without_words` is the origin of the audio branch
    of a fusion, which answers where the words cannot be weighed. `transcribe` says how an exported system
    hears words; the recipe of a training run says it otherwise.
    """

    seed: int | None = None
    weights: str | None = None
    calibration: dict[str, Any] | None = None
    population: str = ""
    known: KnownScores | None = None
    caveat: str = ""
    trained: Trained | None = None
    without_words: "Origin | None" = field(default=None, repr=False)
    transcribe: TranscribeConfig | None = None
