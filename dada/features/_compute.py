"""Features of recordings, for the arks of stage extract_features or on the fly.

T samples, N frames, F features.
"""

import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import get_worker_info

from dada import devices, features
from dada.data import fit_length, read_audio
from dada.data.input import InputConfig
from dada.errors import DataError

BATCH = 16  # utterances at most; all of the same length, so that none is padded


def features_of(
    config: InputConfig, dump: Path | None, wav_scp: Mapping[str, str], root: Path | None
) -> "Path | Computed | None":
    """Return the features of a split as `audio_dataset` takes them: `dump`, or what computes them."""
    return Computed(config.dump_settings(), wav_scp, root) if config.on_the_fly else dump


class Computed(Mapping):
    """Utterance -> features (N, F), computed from its recording whenever they are read.

    `settings` are those of `InputConfig.dump_settings`, `root` is the recipe's folder. Processes that load
    data compute on the CPU.
    """

    def __init__(self, settings: Mapping[str, Any], wav_scp: Mapping[str, str], root: Path | None):
        self.settings, self.index, self.root = settings, wav_scp, root

    def __getitem__(self, utt: str) -> np.ndarray:
        ((_, matrix),) = matrices(self.root, self.settings, {utt: self.index[utt]})
        return matrix

    def __iter__(self) -> Iterator[str]:
        return iter(self.index)

    def __len__(self) -> int:
        return len(self.index)


def matrices(
    root: Path | None, settings: Mapping[str, Any], wav_scp: Mapping[str, str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (utterance, features (N, F)) in the order of `wav_scp`.

    `settings` are those of `InputConfig.dump_settings`, `root` is the recipe's folder. Raise DataError naming
    the utterance.
    """
    device = devices.device() if get_worker_info() is None else torch.device("cpu")
    feature = _feature(json.dumps(settings["features"]), root, device)
    for _, group in itertools.groupby(waveforms(settings, wav_scp), key=lambda item: item[1].shape[-1]):
        while batch := list(itertools.islice(group, BATCH)):
            try:
                with torch.inference_mode():
                    output = feature(torch.stack([x for _, x in batch]).to(device))
            except DataError as error:
                raise DataError(f"utterance {batch[0][0]}: {error}") from error
            yield from zip(
                (utt for utt, _ in batch), output.transpose(1, 2).float().cpu().numpy(), strict=True
            )


def waveforms(settings: Mapping[str, Any], wav_scp: Mapping[str, str]) -> Iterator[tuple[str, Tensor]]:
    """Yield (utterance, waveform (T,)), brought to `num_samples` where that is set."""
    for utt, location in wav_scp.items():
        try:
            x = torch.from_numpy(read_audio(location, settings["sample_rate"]))
        except DataError as error:
            raise DataError(f"utterance {utt}: {error}") from error
        yield utt, fit_length(x, settings["num_samples"], settings["length_rule"])


@functools.lru_cache(maxsize=1)  # a pretrained encoder takes longer to load than a shard to run
def _feature(settings: str, root: Path | None, device: torch.device) -> nn.Module:
    return features.build(json.loads(settings), root).to(device)
