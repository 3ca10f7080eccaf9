"""Features of recordings, for the arks of stage extract_features. T samples, N frames, F features."""

import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dada import features
from dada.data import fit_length, read_audio
from dada.errors import DataError

BATCH = 16  # utterances at most; all of the same length, so that none is padded


def matrices(
    root: Path, settings: Mapping[str, Any], wav_scp: Mapping[str, str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (utterance, features (N, F)) in the order of `wav_scp`.

    `settings` are those of `InputConfig.dump_settings`, `root` is the recipe's folder. Raise DataError naming
    the utterance.
    """
    feature, device = _feature(json.dumps(settings["features"]), root)
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
def _feature(settings: str, root: Path) -> tuple[nn.Module, str]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return features.build(json.loads(settings), root).to(device), device
