"""The schema of `transcribe:`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from dada import plugins
from dada.errors import ConfigError
from dada.limits import FromZero, Limits, Positive, Share

AUTO = "auto"
BACKENDS = "dada.asr.backends"  # the package; each file is a back end
FULL_CONTEXT = 30.0  # seconds of audio that Whisper was trained to read at once


@dataclass
class GuardConfig:
    """Limits beyond which a transcript is doubtful and its clip is read again with the full context.

    See dada/asr/guard.py.
    """

    max_words_per_second: float = 5.5
    min_distinct_words: Share = 0.5  # of the words
    min_logprob: float = -1.0  # mean natural log-probability of a token
    max_compression: float = 1.8  # bytes of text over bytes after zlib


@dataclass
class TranscribeConfig:
    """Settings of the Whisper model and of decoding.

    The context of a clip is its own length plus `margin` seconds of silence, rounded up to whole seconds. A
    smaller margin makes Whisper repeat itself. With `contexts`, it is the shortest of them that holds the
    clip and the margin; [30] is Whisper as published, several times slower on short clips. Clips of equal
    context are read together.
    """

    # a file of dada/asr/backends: faster_whisper | openai_whisper | transformers; auto takes the fastest on
    # the device that is installed and has the model
    backend: str = AUTO
    # a name, an id of the Hugging Face hub, or a folder (relative paths start at the recipe's folder)
    model: str = "large-v3"
    language: str | None = None  # en, de, ...; null lets a multilingual model detect it for each clip
    device: Literal["auto", "cpu", "cuda"] = "auto"
    # auto: int8 of faster_whisper and float32 of the others on a CPU, 16 bits on a GPU
    compute_type: Literal["auto", "float32", "int8", "bfloat16", "float16"] = "auto"
    batch_size: FromZero = 0  # clips; 0 takes 16 on a CPU and 128 on a GPU
    beam_size: int = 1  # 1 is greedy
    # whole seconds, e.g. [8, 15, 30]; an empty list follows each clip
    contexts: list[Annotated[float, Limits(least=1, most=FULL_CONTEXT)]] = field(default_factory=list)
    margin: float = 7.0  # seconds
    max_tokens_per_second: Positive = 8.0  # a transcript has at most this many tokens a second ...
    extra_tokens: int = 12  # ... plus this many
    guard: GuardConfig = field(default_factory=GuardConfig)
    allow_download: bool = False  # download a model that is not on this machine


def check(config: TranscribeConfig) -> None:
    """Raise ConfigError for values that no back end supports."""
    if config.backend != AUTO:
        plugins.find(BACKENDS, config.backend, "transcribe.backend")
    if not config.model:
        raise ConfigError(
            "transcribe.model is empty: name a Whisper model, e.g. tiny.en, or a folder that holds one"
        )
    if any(seconds != int(seconds) for seconds in config.contexts):
        raise ConfigError(f"transcribe.contexts is {list(config.contexts)}, and must hold whole seconds")
