"""The wrapper by which the Speech Anti-Spoofing Arena runs an exported system, and what it calls.

`arena_model.py` in the folder of the export is the module that `speech-spoof-bench run --model-module` names.
Its class is made without arguments; `load`, `score_batch` and `unload` are what the runner calls
(speech-spoof-bench 0.4.1). meta.yaml holds the block `system` of a submission as far as it is known.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dada import system_table
from dada.data.audio import SAMPLE_RATE, resample
from dada.data.datadir import BONAFIDE, NO_SPEAKER
from dada.errors import ConfigError, DataError
from dada.export.read import load_exported
from dada.score.clip import Clip, System
from dada.storage.atomic import write_text

WRAPPER, META = "arena_model.py", "meta.yaml"
BATCH_SIZE = 8  # clips that the runner hands over at once

MODULE = '''"""{name} for the Speech Anti-Spoofing Arena; written by `dada export --arena`.

In this folder, with the packages speech-spoof-bench and dada-deepfake:

    speech-spoof-bench run --model-module arena_model:Model --datasets all --output-dir results
"""

from pathlib import Path

from speech_spoof_bench.model import AntiSpoofingModel

from dada.export.arena import Scorer


class Model(AntiSpoofingModel):
    """Scores of single clips; a higher score means more bona fide."""

    name = {name!r}
    expected_sample_rate = {rate}
    batch_size = {batch_size}

    def load(self):
        """Read the system from the folder of this file."""
        self.scorer = Scorer(Path(__file__).parent)

    def score_batch(self, audios, srs):
        """Return the score of each clip."""
        return self.scorer.scores(audios, srs)

    def unload(self):
        """Let the system go."""
        self.scorer = None
'''
FILL_IN = (
    "# The block `system` of a submission. Fill in the addresses of code and weights; `paper`,\n"
    "# with arxiv_id, url and bibtex, may be added.\n"
)


class Scorer:
    """An exported system as the runner of the Arena uses it."""

    def __init__(self, folder: Path):
        self.system = load_exported(folder).system
        require_audio_alone(self.system)

    def scores(self, audios: Sequence[np.ndarray], rates: Sequence[int]) -> list[float]:
        """Return the score of each clip, float32 (T,) in [-1, 1] at its rate in Hz; the lengths may differ.

        Each clip is cut, repeated or padded as the system's `input` says. Raise DataError for a clip that the
        system cannot score; the runner then asks for the clips one by one.
        """
        clips = [
            Clip(f"{number:06d}", _at_own_rate(audio, rate), NO_SPEAKER, _no_words)
            for number, (audio, rate) in enumerate(zip(audios, rates, strict=True))
        ]
        found = self.system.run_windows(clips, len(clips)).scores
        if found is None:
            raise DataError(f"{self.system.config.name} gives no score of bona fide")
        return [float(score) for score in found]


def require_audio_alone(system: System) -> None:
    """Raise ConfigError for a system that needs more than a clip's sound, or gives no score of bona fide."""
    name = system.config.name
    if system.uses_words() or system.needs_speaker():
        raise ConfigError(f"{name} reads words, and the Arena gives the sound of a clip alone")
    if BONAFIDE not in system.experiment.labels:
        raise ConfigError(f"{name} has no class bonafide, and the Arena takes scores of bona fide")


def write_wrapper(folder: Path, system: System, facts: Mapping[str, Any]) -> None:
    """Write the module and meta.yaml into the folder of an export. Raise ConfigError as above."""
    require_audio_alone(system)
    name = facts["system"]
    text = MODULE.format(name=name, rate=SAMPLE_RATE, batch_size=BATCH_SIZE)
    write_text(folder / WRAPPER, text)
    row = system_table.read_rows().get(name)
    values: dict[str, Any] = {
        "name": name,
        "slug": "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-"),
        "description": row.description if row else f"{name}, by the recipe {facts['provenance']['recipe']}",
        "code": None,
        "checkpoint": None,
    }
    if num := num_parameters(system):
        values["params_millions"] = num / 1e6
    lines = [f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    write_text(folder / META, FILL_IN + "\n".join(["system:", *lines, ""]))


def num_parameters(system: System) -> int:
    """Return how many parameters a system has, with those of all that it combines."""
    own = sum(parameter.numel() for parameter in system.experiment.model.parameters())
    return own + sum(map(num_parameters, system.branches.values()))


def _at_own_rate(audio: np.ndarray, rate: int) -> np.ndarray:
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim != 1 or not samples.size or not np.isfinite(samples).all():
        raise DataError(f"a clip of shape {samples.shape} is no mono audio of finite samples")
    return samples if rate == SAMPLE_RATE else resample(samples, rate, SAMPLE_RATE)


def _no_words(_: np.ndarray) -> str:
    raise ConfigError("the Arena gives no words")
