"""Augmentations of training batches: every file here is one, a `Config` and an `Augment(config)`.

`Augment` is called with a `Batch` and a `torch.Generator` of the CPU, and returns a new batch on the same
device. It says in `INPUTS` which kinds of input it works on, and in `MIXES_LABELS` whether it needs labels as
probabilities (B, K). All random numbers come from the generator, so that the same seed, epoch and step give
the same batch anywhere. The padding of a clip may be overwritten: `run` sets it to zero again.
`one_of` takes one of several for each clip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dada import plugins
from dada.data.batch import Batch, required_labels
from dada.data.input import misfit
from dada.errors import ConfigError, DadaError
from dada.settings import build as build_settings


def mixes_labels(settings: Sequence[Mapping]) -> bool:
    """Whether any of `[{name: mixup, ...}, ...]` turns class indices into probabilities."""
    return any(
        plugins.load("dada.augment", entry["name"], "augmentation").Augment.MIXES_LABELS for entry in settings
    )


class Chain:
    """The augmentations `[{name: mixup, ...}, ...]` of a training, one after the other."""

    def __init__(self, settings: Sequence[Mapping], kind: str, num_classes: int, seed: int, rank: int = 0):
        self.steps = build(settings)
        problems = [
            problem for name, augment in self.steps if (problem := misfit(name, augment.INPUTS, kind))
        ]
        if problems:
            raise ConfigError("; ".join(problems))
        self.mixes_labels = mixes_labels(settings)
        self.num_classes, self.seed, self.rank = num_classes, seed, rank

    def __call__(self, batch: Batch, epoch: int, step: int) -> Batch:
        """The batch of a step, augmented by draws from (seed, epoch, step, rank). Raise DadaError where a
        result is not finite.
        """
        if not self.steps:
            return batch
        generator = seeded(self.seed, epoch, step, self.rank)
        if self.mixes_labels:
            batch = replace(
                batch, labels=torch.nn.functional.one_hot(required_labels(batch), self.num_classes).float()
            )
        return run(self.steps, batch, generator)


def build(settings: Sequence[Mapping]) -> list[tuple[str, Any]]:
    """(name, `Augment`) of each of `[{name: mixup, ...}, ...]`."""
    steps = []
    for entry in settings:
        rest = dict(entry)
        name = rest.pop("name")
        module = plugins.load("dada.augment", name, "augmentation")
        steps.append((name, module.Augment(build_settings(module.Config, rest, f"augmentation {name}"))))
    return steps


def run(steps: Sequence[tuple[str, Any]], batch: Batch, generator: torch.Generator) -> Batch:
    """The batch after one step of `build` after the other. Raise DadaError where a result is not finite."""
    for name, augment in steps:
        batch = augment(batch, generator)
        inputs = batch.inputs
        if int(batch.lengths.min()) < inputs.shape[-1]:
            mask = batch.mask
            inputs = inputs.masked_fill(~(mask if inputs.ndim == 2 else mask[:, None]), 0.0)
            batch = replace(batch, inputs=inputs)
        if not torch.isfinite(inputs).all():
            rows = (~torch.isfinite(inputs).flatten(1).all(1)).nonzero()[:, 0].tolist()
            names = ", ".join(batch.utts[i] for i in rows[:3])
            raise DadaError(
                f"augmentation {name} gave values that are not finite for {names}: look at these utterances"
            )
    return batch


def seeded(*numbers: int) -> torch.Generator:
    """A generator of the CPU that depends on these numbers alone."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state))
