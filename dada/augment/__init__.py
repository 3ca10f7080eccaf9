"""Augmentations of training batches: every file here is one, a `Config` and an `Augment(config)`.

`Augment` is called with a `Batch` on the CPU and a `torch.Generator`, and returns a new batch. It says in
`INPUTS` which kinds of input it works on, in `MIXES_LABELS` whether it needs labels as probabilities (B, K),
and in `NEEDS_BATCH` whether the clips of a batch depend on each other. Otherwise it gets one clip at a time,
without padding. All random numbers come from the generator, which depends on (seed, epoch, utterance), and
for a batch on its first utterance. The same clip is therefore augmented alike in any process. The padding of
a clip may be overwritten: `run` sets it to zero again. `one_of` takes one of several for each clip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dada import plugins
from dada.data.batch import Batch, required_labels
from dada.data.input import misfit
from dada.data.sampling import Draw
from dada.errors import ConfigError, DadaError
from dada.settings import build as build_settings

CLIP, BATCH = 1, 2  # kinds of draws; a third, without a number, are the random stretches of a dataset


def mixes_labels(settings: Sequence[Mapping]) -> bool:
    """Whether any of `[{name: mixup, ...}, ...]` turns class indices into probabilities."""
    return any(
        plugins.load("dada.augment", entry["name"], "augmentation").Augment.MIXES_LABELS for entry in settings
    )


class Chain:
    """The augmentations `[{name: mixup, ...}, ...]` of a training, one after the other."""

    def __init__(self, settings: Sequence[Mapping], kind: str, num_classes: int, seed: int):
        self.steps = build(settings)
        problems = [
            problem for name, augment in self.steps if (problem := misfit(name, augment.INPUTS, kind))
        ]
        if problems:
            raise ConfigError("; ".join(problems))
        self.mixes_labels = mixes_labels(settings)
        self.num_classes, self.seed = num_classes, seed

    def __call__(self, batch: Batch, draws: Sequence[Draw]) -> Batch:
        """The batch augmented, by random numbers that follow from the seed and the draw of each utterance.

        Raise DadaError where a result is not finite.
        """
        if not self.steps:
            return batch
        of_clip = [seeded(self.seed, *draw, CLIP) for draw in draws]
        of_batch = seeded(self.seed, *draws[0], BATCH)
        if self.mixes_labels:
            batch = replace(
                batch, labels=torch.nn.functional.one_hot(required_labels(batch), self.num_classes).float()
            )
        for step in self.steps:
            if step[1].NEEDS_BATCH:
                batch = run([step], batch, of_batch)
            else:
                batch = _clip_by_clip(step, batch, of_clip)
            of_clip *= len(batch) // len(of_clip)  # the copies of a clip draw one after the other
        return batch


def _clip_by_clip(step: tuple[str, Any], batch: Batch, generators: Sequence[torch.Generator]) -> Batch:
    """The batch after a step on each of its clips. Where that makes copies, the first of each come first."""
    lengths = batch.lengths.tolist()
    clips = [run([step], _clip(batch, k, lengths[k]), generator) for k, generator in enumerate(generators)]
    copies = len(clips[0])
    inputs = batch.inputs.new_zeros(copies * len(batch), *batch.inputs.shape[1:])
    for k, clip in enumerate(clips):
        for copy in range(copies):
            inputs[copy * len(batch) + k, ..., : lengths[k]] = clip.inputs[copy]
    return replace(batch, inputs=inputs) if copies == 1 else repeated(batch, inputs, copies)


def _clip(batch: Batch, k: int, length: int) -> Batch:
    """Clip k of a batch without its padding, as a batch."""
    labels = None if batch.labels is None else batch.labels[k : k + 1]
    rows = slice(k, k + 1)
    return Batch(
        batch.utts[rows], batch.inputs[rows, ..., :length], batch.lengths[rows], labels, batch.speakers[rows]
    )


def repeated(batch: Batch, inputs: torch.Tensor, copies: int) -> Batch:
    """A batch of `copies` times the utterances, with other inputs."""
    return Batch(
        batch.utts * copies,
        inputs,
        batch.lengths.repeat(copies),
        None if batch.labels is None else torch.cat([batch.labels] * copies),
        batch.speakers * copies,
        None if batch.domains is None else batch.domains.repeat(copies),
    )


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
