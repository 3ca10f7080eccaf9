"""The interface to Whisper, and what its back ends share: windows, batches and the guard."""

import dataclasses
import functools
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dada.asr.batching import cut, cut_windows, plan_batches, token_cap
from dada.asr.config import FULL_CONTEXT, TranscribeConfig
from dada.asr.guard import compression_ratio, doubts
from dada.asr.weights import digest
from dada.data.audio import SAMPLE_RATE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hypothesis:
    """A back end's text for a clip. `avg_logprob` is the mean natural log-probability of its tokens and of
    the end token.
    """

    text: str
    avg_logprob: float
    num_tokens: int
    no_speech_prob: float
    capped: bool  # the text ends at the token cap


@dataclass(frozen=True)
class Transcript:
    """The text of a clip on a single line, and how far to trust it."""

    text: str
    avg_logprob: float  # natural log, mean over tokens
    num_tokens: int
    no_speech_prob: float
    compression_ratio: float
    context_seconds: float  # audio read at once
    redone: bool  # read again with the full context
    doubts: list[str] = field(default_factory=list)  # warnings of the guard about this text


class Backend(Protocol):
    """Interface of the class `Backend(config, root)` in each file of dada/asr/backends.

    `weights` are the files that the model was read from, `version` the library and its version.
    """

    weights: list[Path]
    version: str

    def decode(self, clips: list[np.ndarray], context: float, caps: list[int]) -> list[Hypothesis]:
        """Read clips (T_i,) together, each padded to `context` whole seconds; a hypothesis has at most
        `caps[i]` tokens.
        """


class Transcriber:
    """Transcribes clips with a back end."""

    def __init__(self, backend: Backend, config: TranscribeConfig):
        self.backend = backend
        self.config = config

    @functools.cached_property
    def provenance(self) -> dict[str, Any]:
        """What determines the transcripts: model, digest of its weights, library and settings."""
        options = dataclasses.asdict(self.config)
        del options["allow_download"]  # changes no result
        weights = digest(self.backend.weights)
        return {
            "model": self.config.model,
            "weights_sha256": weights,
            "library": self.backend.version,
            "options": options,
        }

    def transcribe(self, clips: list[np.ndarray]) -> list[Transcript]:
        """Return the transcripts of clips (T_i,), mono float32 at 16 kHz, of any length.

        Clips in the same batch change a transcript's probabilities by rounding errors only.
        """
        windows = [cut_windows(clip) for clip in clips]
        flat = iter(self._transcribe_windows([window for group in windows for window in group]))
        return [_join([next(flat) for _ in group]) for group in windows]

    def _transcribe_windows(self, clips: list[np.ndarray]) -> list[Transcript]:
        seconds = [len(clip) / SAMPLE_RATE for clip in clips]
        transcripts = self._pass(clips, plan_batches(seconds, self.config), redone=False)
        doubtful = [
            i for i, t in sorted(transcripts.items()) if t.doubts and t.context_seconds < FULL_CONTEXT
        ]
        order = sorted(doubtful, key=lambda i: (seconds[i], i))
        transcripts |= self._pass(clips, cut(order, FULL_CONTEXT, self.config), redone=True)
        log.info(
            "%d windows of %.1f s in all; %d were read again with the full context",
            len(clips),
            sum(seconds),
            len(doubtful),
        )
        return [transcripts[i] for i in range(len(clips))]

    def _pass(
        self, clips: list[np.ndarray], batches: list[tuple[list[int], float]], redone: bool
    ) -> dict[int, Transcript]:
        transcripts = {}
        for batch, context in batches:
            lengths = [len(clips[i]) / SAMPLE_RATE for i in batch]
            hypotheses = self.backend.decode(
                [clips[i] for i in batch], context, [token_cap(s, self.config) for s in lengths]
            )
            for i, length, hypothesis in zip(batch, lengths, hypotheses, strict=True):
                transcripts[i] = self._transcript(hypothesis, length, context, redone)
        return transcripts

    def _transcript(self, hypothesis: Hypothesis, seconds: float, context: float, redone: bool) -> Transcript:
        text = " ".join(hypothesis.text.split())
        return Transcript(
            text,
            hypothesis.avg_logprob,
            hypothesis.num_tokens,
            hypothesis.no_speech_prob,
            compression_ratio(text),
            context,
            redone,
            doubts(text, seconds, hypothesis.avg_logprob, hypothesis.capped, self.config.guard),
        )


def _join(parts: list[Transcript]) -> Transcript:
    """Join the transcripts of a clip's windows."""
    if len(parts) == 1:
        return parts[0]
    text = " ".join(part.text for part in parts if part.text)
    return Transcript(
        text=text,
        avg_logprob=float(
            np.average([p.avg_logprob for p in parts], weights=[p.num_tokens + 1 for p in parts])
        ),
        num_tokens=sum(p.num_tokens for p in parts),
        # A clip is without speech when all its windows are.
        no_speech_prob=min(p.no_speech_prob for p in parts),
        compression_ratio=compression_ratio(text),
        context_seconds=max(p.context_seconds for p in parts),
        redone=any(p.redone for p in parts),
        doubts=sorted({doubt for p in parts for doubt in p.doubts}),
    )
