"""Reading the clips of a shard."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dada.data.audio import read_audio
from dada.errors import DataError

THREADS_BESIDE_A_GPU = 8  # which would wait for one that decodes a batch


def read_clips(
    utts: Sequence[str], locations: Mapping[str, str], wav_scp: Path, device: str
) -> list[np.ndarray]:
    """Return the waveforms (T_i,) of utterances in their order, by one thread on a CPU.

    Raise DataError with the first utterance that cannot be read.
    """

    def read(utt: str) -> np.ndarray:
        try:
            return read_audio(locations[utt])
        except DataError as error:
            raise DataError(f"{wav_scp}, utterance {utt}: {error}") from error

    with ThreadPoolExecutor(1 if device == "cpu" else THREADS_BESIDE_A_GPU) as threads:
        return list(threads.map(read, utts))
