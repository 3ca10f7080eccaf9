"""One of several: each clip gets one of some chains of augmentations, all equally likely; on demand beside
the clip as it was.

SLIM's second stage (Zhu et al., NeurIPS 2024) takes noise, reverberation or dropped chunks and bands, one for
each clip, and learns from the clips as well:

    augment:
      - name: one_of
        keep_original: true
        choices: [[{name: noise}], [{name: rooms}], [{name: drop_bands}, {name: drop_chunks}]]

Axes: B batch, T the last axis of inputs.
"""

from dataclasses import dataclass, field, replace

import torch

from dada import augment
from dada.augment._draws import integers
from dada.data.batch import Batch
from dada.errors import ConfigError


@dataclass
class Config:
    # chains [{name: noise, ...}, ...], of which a clip gets one
    choices: list[list[dict]] = field(default_factory=list)
    # the batch becomes twice as large: the clips as they were, then the augmented ones
    keep_original: bool = False


class Augment:
    """Inputs (B, …, T) to inputs of the same shape, or twice as many."""

    INPUTS: tuple[str, ...] = ("waveform", "features")
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        if not config.choices or not all(config.choices):
            raise ConfigError(
                "one_of: choices must be lists of augmentations, one list at least and none of them empty"
            )
        entries = [entry for choice in config.choices for entry in choice]
        if augment.mixes_labels(entries) or any(entry.get("keep_original") for entry in entries):
            raise ConfigError(
                "one_of: each clip has a choice of its own: put mixup and keep_original beside the "
                "choices, not into them"
            )
        self.config = config
        self.choices = [augment.build(choice) for choice in config.choices]
        steps = [step for choice in self.choices for _, step in choice]
        self.NEEDS_BATCH = any(step.NEEDS_BATCH for step in steps)
        self.INPUTS = tuple(kind for kind in Augment.INPUTS if all(kind in step.INPUTS for step in steps))
        if not self.INPUTS:
            raise ConfigError(
                "one_of: some choices are for waveforms and some for features, and inputs are of one kind"
            )

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        inputs = batch.inputs.clone()
        picks = integers(generator, [0, len(self.choices) - 1], len(batch))
        for k, choice in enumerate(self.choices):
            rows = (picks == k).nonzero()[:, 0]
            if len(rows):
                inputs[rows] = augment.run(choice, select(batch, rows), generator).inputs
        if not self.config.keep_original:
            return replace(batch, inputs=inputs)
        return augment.repeated(batch, torch.cat([batch.inputs, inputs]), 2)


def select(batch: Batch, rows: torch.Tensor) -> Batch:
    """Some utterances of a batch."""
    indices = rows.tolist()
    labels = None if batch.labels is None else batch.labels[rows]
    speakers = [batch.speakers[i] for i in indices] if batch.speakers else []
    return Batch([batch.utts[i] for i in indices], batch.inputs[rows], batch.lengths[rows], labels, speakers)
