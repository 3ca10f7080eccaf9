"""Frequency feature masking (Kwak et al., "Low-quality fake audio detection through frequency feature
masking", DDAM 2022).

Rows of features set to zero for a whole clip: from the lowest up to a random one (low), from a random one to
the highest (high), or bands of rows anywhere (random). Each mask is drawn for every clip by itself. The
public Keras code departs from the paper in how often it masks, and its random band, one at most, is a row
narrower: `code_compat`.

Axes: B batch, F features, N frames.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import torch
from torch import Tensor

from dada.augment._draws import band, check_bounds, happens, integers, places
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Limits

PAPER, CODE = 0.5, 0.6  # probability of a mask
MAX_BANDS = 2  # of `random`: none, one or two, equally often


@dataclass
class Config:
    """Rows are counted from the lowest frequency; the bounds are the paper's, for 100 rows."""

    masks: Annotated[list[Literal["low", "high", "random"]], Limits(min_items=1)] = field(
        default_factory=lambda: ["low", "high"]
    )
    low: list[int] = field(default_factory=lambda: [7, 12])  # fewest and most rows that `low` masks
    high: list[int] = field(default_factory=lambda: [80, 87])  # lowest and highest row at which `high` starts
    width: list[int] = field(default_factory=lambda: [8, 12])  # rows of a random band
    factor: float = 0.0  # what masked rows are multiplied by; .01 is the blur of the public code
    code_compat: bool = False


class Augment:
    """Features (B, F, N) to the same with masked rows."""

    INPUTS = ("features",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        check_bounds("ffm", low=config.low, high=config.high, width=config.width)
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Raise ConfigError where there are too few rows for the masks."""
        num_rows = batch.inputs.shape[1]
        needed = {"low": self.config.low[1], "high": self.config.high[1] + 1, "random": self.config.width[1]}
        for name, rows in needed.items():
            if name in self.config.masks and rows > num_rows:
                raise ConfigError(
                    f"ffm: the mask {name} needs {rows} rows, but the features have {num_rows}: "
                    "set other bounds"
                )
        mask = torch.zeros(len(batch), num_rows, dtype=torch.bool)
        for name in needed:
            if name in self.config.masks:
                mask |= getattr(self, f"_{name}")(generator, *mask.shape)
        factors = torch.where(mask, self.config.factor, 1.0).to(batch.inputs)
        return replace(batch, inputs=batch.inputs * factors[:, :, None])

    def _often(self, generator: torch.Generator, num: int) -> Tensor:
        return happens(generator, CODE if self.config.code_compat else PAPER, num)[:, None]

    def _low(self, generator: torch.Generator, num: int, num_rows: int) -> Tensor:
        top = integers(generator, self.config.low, num)
        return (torch.arange(num_rows) < top[:, None]) & self._often(generator, num)

    def _high(self, generator: torch.Generator, num: int, num_rows: int) -> Tensor:
        start = integers(generator, self.config.high, num)
        return (torch.arange(num_rows) >= start[:, None]) & self._often(generator, num)

    def _random(self, generator: torch.Generator, num: int, num_rows: int) -> Tensor:
        compat = int(self.config.code_compat)
        count = (
            self._often(generator, num)[:, 0].long() if compat else integers(generator, [0, MAX_BANDS], num)
        )
        mask = torch.zeros(num, num_rows, dtype=torch.bool)
        for k in range(MAX_BANDS):
            widths = integers(generator, self.config.width, num)
            mask |= (
                band(places(generator, num_rows - widths), widths - compat, num_rows) & (count > k)[:, None]
            )
        return mask
