"""The one interface to Whisper, and what all back ends share: windows, batches, the guard."""

import dataclasses
import functools
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from dada.asr.batching import cut_windows, plan_batches, token_cap
from dada.asr.config import FULL_CONTEXT, TranscribeConfig
from dada.asr.guard import compression_ratio, doubts
from dada.asr.weights import digest
from dada.data.audio import SAMPLE_RATE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hypothesis:
    """What a back end understood of one clip. `avg_logprob` is over the tokens and the end of the text, in
    natural log.
    """

    text: str
    avg_logprob: float
    num_tokens: int
    no_speech_prob: float
    capped: bool  # the cap ended it


@dataclass(frozen=True)
class Transcript:
    """The text of one clip on one line, and how far to trust it."""

    text: str
    avg_logprob: float  # natural log, mean over tokens
    num_tokens: int
    no_speech_prob: float
    compression_ratio: float
    context_seconds: float  # what was read at once
    redone: bool  # the guard sent it to the full context
    doubts: list[str] = field(default_factory=list)  # what the guard still says of it


class Backend(Protocol):
    """What a file of dada/asr/backends has as `Backend(config, root)`.

    `weights` are the files that the model was read from, `version` the library and its version.
    """

    weights: list[Path]
    version: str

    def decode(self, clips: list[np.ndarray], context: float, caps: list[int]) -> list[Hypothesis]:
        """Read clips (T_i,) together, each padded to `context` whole seconds; a hypothesis has at most
        `caps[i]` tokens.
        """


class Transcriber:
    """Clips to transcripts by one back end."""

    def __init__(self, backend: Backend, config: TranscribeConfig):
        self.backend = backend
        self.config = config

    @functools.cached_property
    def provenance(self) -> dict:
        """What transcripts owe their words to, for the records: model, digest of its weights, library,
        settings.
        """
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
        """Transcribe clips (T_i,) of mono float32 at 16 kHz of any length; others beside a clip change no
        more than roundings.
        """
        windows = [cut_windows(clip) for clip in clips]
        flat = iter(self._transcribe_windows([window for group in windows for window in group]))
        return [_join([next(flat) for _ in group]) for group in windows]

    def _transcribe_windows(self, clips: list[np.ndarray]) -> list[Transcript]:
        seconds = [len(clip) / SAMPLE_RATE for clip in clips]
        found = self._pass(clips, plan_batches(seconds, self.config), redone=False)
        doubtful = [
            i for i in range(len(clips)) if found[i].doubts and found[i].context_seconds < FULL_CONTEXT
        ]
        order = sorted(doubtful, key=lambda i: (seconds[i], i))
        size = self.config.batch_size
        found |= self._pass(
            clips, [(order[i : i + size], FULL_CONTEXT) for i in range(0, len(order), size)], redone=True
        )
        log.info(
            "%d windows of %.1f s in all; %d were read again with the full context",
            len(clips),
            sum(seconds),
            len(doubtful),
        )
        return [found[i] for i in range(len(clips))]

    def _pass(
        self, clips: list[np.ndarray], batches: list[tuple[list[int], float]], redone: bool
    ) -> dict[int, Transcript]:
        found = {}
        for batch, context in batches:
            lengths = [len(clips[i]) / SAMPLE_RATE for i in batch]
            hypotheses = self.backend.decode(
                [clips[i] for i in batch], context, [token_cap(s, self.config) for s in lengths]
            )
            for i, length, hypothesis in zip(batch, lengths, hypotheses, strict=True):
                found[i] = self._transcript(hypothesis, length, context, redone)
        return found

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
    """The windows of one clip as one transcript."""
    if len(parts) == 1:
        return parts[0]
    text = " ".join(part.text for part in parts if part.text)
    return Transcript(
        text=text,
        avg_logprob=float(
            np.average([p.avg_logprob for p in parts], weights=[p.num_tokens + 1 for p in parts])
        ),
        num_tokens=sum(p.num_tokens for p in parts),
        no_speech_prob=min(
            p.no_speech_prob for p in parts
        ),  # a clip is without speech when all its windows are
        compression_ratio=compression_ratio(text),
        context_seconds=max(p.context_seconds for p in parts),
        redone=any(p.redone for p in parts),
        doubts=sorted({doubt for p in parts for doubt in p.doubts}),
    )
