"""Several datasets as one, for a training on several corpora. Axes: N utterances of all."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dada.data.datadir import NO_SPEAKER
from dada.data.dataset import Dataset


class Joined(Dataset):
    """The utterances of several datasets, one after the other; `domains` (N,) numbers the dataset of each.

    `parts` are datasets with the prefix of their utterances, speakers and sources, so that equal names of two
    corpora stay apart: `mlaad/` makes `mlaad/utt1` of `utt1`. An empty prefix keeps the names.
    """

    def __init__(self, parts: Sequence[tuple[str, Dataset]]):
        self.parts = [part for _, part in parts]
        self.place = [(part, i) for part in self.parts for i in range(len(part))]
        self.utts = [prefix + utt for prefix, part in parts for utt in part.utts]
        self.speakers = [
            name if name == NO_SPEAKER else prefix + name for prefix, part in parts for name in part.speakers
        ]
        self.sources = [prefix + name for prefix, part in parts for name in part.sources]
        labels = [part.labels for part in self.parts if part.labels is not None]
        self.labels = torch.cat(labels) if len(labels) == len(parts) else None
        self.domains: Tensor | None = torch.tensor(
            [number for number, part in enumerate(self.parts) for _ in part.utts], dtype=torch.int64
        )
        lengths = [length for part in self.parts for length in part.known_lengths()]
        self.lengths = lengths if len(set(lengths)) > 1 else None
        first = self.parts[0]
        self.batch_steps, self.steps_per_second, self.size = (
            first.batch_steps,
            first.steps_per_second,
            first.size,
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the random stretches of an epoch."""
        for part in self.parts:
            part.set_epoch(epoch)

    def __getitem__(self, i: int) -> tuple[int, Tensor]:
        part, place = self.place[i]
        return i, part[place][1]
