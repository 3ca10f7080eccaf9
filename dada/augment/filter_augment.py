"""FilterAugment: random gains over frequency, as other rooms and microphones have them (Nam et al., ICASSP
2022).

A few bands get gains in decibels, stepwise or linear in between. As in the authors' code, the bands are the
same for a whole batch and the gains are drawn for every clip. Features that are amplitudes are multiplied;
logarithms are added to, which is the same filter. The CAU_KU system for ADD 2023 multiplied its logarithmic
features all the same: `scale: amplitude`.

Axes: B batch, F features, N frames.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dada.augment._draws import check_bounds, numpy_generator, uniform
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Share

# What a gain in decibels adds to a feature.
UNITS = {"ln": math.log(10) / 20, "ln_power": math.log(10) / 10, "db": 1.0}


@dataclass
class Config:
    """Bands are rows of features."""

    # amplitude | ln | ln_power | db: what features are, natural logarithms of amplitudes by default
    scale: Literal["amplitude", "ln", "ln_power", "db"] = "ln"
    decibels: list[float] = field(default_factory=lambda: [-6.0, 6.0])
    num_bands: list[int] = field(default_factory=lambda: [3, 5])  # of linear filters
    min_width: int = 6
    step_probability: Share = 0.0  # of a batch to get steps instead of lines
    num_steps: list[int] = field(default_factory=lambda: [2, 4])
    min_step_width: int = 4


class Augment:
    """Features (B, F, N) to filtered ones."""

    INPUTS = ("features",)
    MIXES_LABELS = False
    NEEDS_BATCH = True

    def __init__(self, config: Config):
        check_bounds(
            "filter_augment", decibels=config.decibels, num_bands=config.num_bands, num_steps=config.num_steps
        )
        if config.scale not in ("amplitude", *UNITS):
            raise ConfigError(
                f"filter_augment: scale is {config.scale!r}; known: amplitude, {', '.join(UNITS)}"
            )
        if (
            min(config.num_bands[0], config.num_steps[0]) < 2
            or min(config.min_width, config.min_step_width) < 1
        ):
            raise ConfigError("filter_augment: there must be two bands at least, of one row at least")
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Raise ConfigError where there are fewer rows than bands."""
        config, num_rows = self.config, batch.inputs.shape[1]
        rng = numpy_generator(generator)
        if num_rows < max(config.num_bands[1], config.num_steps[1]):
            raise ConfigError(
                f"filter_augment: the features have {num_rows} rows, fewer than there may be bands"
            )
        steps = bool(rng.random() < config.step_probability)
        bounds, width = (
            (config.num_steps, config.min_step_width) if steps else (config.num_bands, config.min_width)
        )
        edges = band_edges(rng, num_rows, int(rng.integers(bounds[0], bounds[1] + 1)), width)
        shape = filter_shape(edges, steps)
        gains = uniform(generator, config.decibels, len(batch), shape.shape[1]) @ shape.T
        gains = gains.to(batch.inputs)[:, :, None]
        if config.scale == "amplitude":
            return replace(batch, inputs=batch.inputs * 10 ** (gains / 20))
        return replace(batch, inputs=batch.inputs + UNITS[config.scale] * gains)


def band_edges(rng: np.random.Generator, num_rows: int, num_bands: int, min_width: int) -> np.ndarray:
    """(num_bands + 1,) rows from 0 to `num_rows`, `min_width` apart at least, or as far as there is room."""
    min_width = min(min_width, num_rows // num_bands)
    inner = (
        np.sort(rng.integers(0, num_rows - num_bands * min_width + 1, num_bands - 1))
        + np.arange(1, num_bands) * min_width
    )
    return np.concatenate([[0], inner, [num_rows]])


def filter_shape(edges: np.ndarray, steps: bool) -> Tensor:
    """The matrix (F, values) that makes a filter from one value for each band, or for each edge where lines
    join them.
    """
    num_bands = len(edges) - 1
    shape = torch.zeros(int(edges[-1]), num_bands if steps else num_bands + 1)
    for k in range(num_bands):
        rows = slice(int(edges[k]), int(edges[k + 1]))
        if steps:
            shape[rows, k] = 1
        else:
            rise = torch.linspace(0, 1, rows.stop - rows.start)
            shape[rows, k], shape[rows, k + 1] = 1 - rise, rise
    return shape
