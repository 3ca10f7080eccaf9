"""Speed perturbation (Ko et al., Interspeech 2015): a clip is resampled, so that tempo and pitch change
together.

Factors are ratios of small whole numbers, and the resampling is exact. A clip keeps its length: of a slower
one a random stretch is taken, and a faster one is repeated from its start, as a window of a short clip is.

Axes: B batch, T samples.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Annotated, Literal

import torch

from dada.augment._draws import happens, integers
from dada.data.audio import resample
from dada.data.batch import Batch
from dada.data.input import Rule
from dada.data.length import fit_length
from dada.errors import ConfigError
from dada.limits import Limits, Share

MOST = 100  # of the whole numbers of a ratio
FILL: dict[str, Rule] = {"repeat": "tile", "zeros": "pad"}


@dataclass
class Config:
    # all equally likely; 1.1 is faster and higher
    factors: Annotated[list[float], Limits(min_items=1)] = field(default_factory=lambda: [0.9, 1.0, 1.1])
    fill: Literal["repeat", "zeros"] = "repeat"  # the end of a faster clip
    probability: Share = 1.0  # of a clip to get one of the factors


class Augment:
    """Waveforms (B, T) to waveforms at another speed."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        self.config = config
        self.ratios = [ratio_of(factor) for factor in config.factors]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        inputs = batch.inputs.clone()
        hit = happens(generator, self.config.probability, len(batch)).tolist()
        picks = integers(generator, [0, len(self.ratios) - 1], len(batch)).tolist()
        for k, length in enumerate(batch.lengths.tolist()):
            ratio = self.ratios[picks[k]]
            if hit[k] and ratio != 1:
                clip = batch.inputs[k, :length].numpy()
                moved = torch.from_numpy(resample(clip, ratio.numerator, ratio.denominator))
                inputs[k, :length] = fit_length(moved, length, FILL[self.config.fill], generator)
        return replace(batch, inputs=inputs)


def ratio_of(factor: float) -> Fraction:
    """Return a factor as a ratio. Raise ConfigError where it is none of small numbers."""
    ratio = Fraction(factor).limit_denominator(MOST)
    if ratio <= 0 or ratio.numerator > MOST or abs(float(ratio) - factor) > 1e-9:
        raise ConfigError(
            f"speed: the factor {factor} is no ratio of whole numbers from 1 to {MOST}: take 0.9, 1.05 or "
            "the like"
        )
    return ratio
