"""A detector without weights: what is louder than a level is bona fide, what is quieter is synthetic."""

import numpy as np
import torch
from torch import Tensor, nn

from dada.data import SAMPLE_RATE
from dada.data.batch import Batch
from dada.data.input import InputConfig
from dada.data.sound import Check, Sound
from dada.detect import Detector, Origin
from dada.detect.recording import Recording
from dada.experiment.config import SystemConfig
from dada.experiment.trained import Experiment
from dada.models import Output
from dada.score.clip import System

WINDOW = 4 * SAMPLE_RATE
LOUD, QUIET = 0.3, 0.1  # amplitudes on either side of the level


class Loudness(nn.Module):
    """Waveforms (B, T) to logits (B, 2): 0, and 40 times the mean size of the samples above 0.1."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def forward(self, batch: Batch) -> Output:
        self.seen.append(tuple(batch.inputs.shape))
        logit: Tensor = 40 * (batch.inputs.abs().mean(1) - 0.1)
        logits = torch.stack([torch.zeros_like(logit), logit], dim=1)
        return Output(logits, logits)


def toy_detector(**origin) -> Detector:
    """A detector that reads 4 s at a time."""
    config = SystemConfig(
        name="loudness", input=InputConfig(num_samples=WINDOW, length_rule="tile"), model={"name": "aasist"}
    )
    system = System(Experiment(config, ["spoof", "bonafide"], Loudness()), None)
    return Detector(system, Origin(**origin))


def recording(samples: np.ndarray, checks: tuple[Check, ...] = (), vad: bool = False) -> Recording:
    """A recording in memory, under the name talk.wav."""
    made = Recording("talk.wav", vad)
    seconds = len(samples) / SAMPLE_RATE
    made.sound = Sound(
        samples.astype(np.float32), SAMPLE_RATE, SAMPLE_RATE, 1, seconds, "WAV/PCM_16", list(checks)
    )
    return made


def talk(seconds: float, quiet: tuple[float, float] | None = None) -> np.ndarray:
    """A square wave (T,), quieter in a stretch of it."""
    samples = np.where(np.arange(int(seconds * SAMPLE_RATE)) // 40 % 2, LOUD, -LOUD).astype(np.float32)
    if quiet is not None:
        samples[int(quiet[0] * SAMPLE_RATE) : int(quiet[1] * SAMPLE_RATE)] *= QUIET / 2 / LOUD
    return samples
