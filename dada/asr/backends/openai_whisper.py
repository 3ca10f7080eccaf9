"""Whisper by openai-whisper, the code of its authors: the reference for the other back ends."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dada.asr.base import Hypothesis
from dada.asr.config import TranscribeConfig
from dada.asr.convert import OPENAI_FILE
from dada.asr.device import choose_device, require_compute_type
from dada.asr.mel import POSITIONS_PER_SECOND, log_mel
from dada.asr.weights import cached_or_fetched, loading, local_model, short_name
from dada.errors import ConfigError


class Backend:
    """The back end openai_whisper (dada.asr.base.Backend)."""

    def __init__(self, config: TranscribeConfig, root: Path):
        import whisper

        self.device = choose_device(config)
        require_compute_type(
            config, self.device, ("float32",) if self.device == "cpu" else ("float32", "float16")
        )
        path = find_weights(config, root)
        self.weights = [path]
        self.version = f"openai-whisper {whisper.__version__}, torch {torch.__version__}"
        with loading(path):
            self.model = whisper.load_model(str(path), device=self.device)
        multilingual = self.model.is_multilingual
        if not multilingual and config.language not in (None, "en"):
            raise ConfigError(
                f"transcribe.language is {config.language!r}, and {config.model} knows English only"
            )
        if config.language and config.language not in whisper.tokenizer.LANGUAGES:
            codes = ", ".join(sorted(whisper.tokenizer.LANGUAGES))
            raise ConfigError(f"transcribe.language {config.language!r} is not one of Whisper's: {codes}")
        self.options = {
            "language": config.language if multilingual else "en",
            "beam_size": config.beam_size if config.beam_size > 1 else None,
            "without_timestamps": True,
            "fp16": config.compute_type == "float16",
        }
        self.tokenizer = whisper.tokenizer.get_tokenizer(multilingual, num_languages=self.model.num_languages)

    @torch.inference_mode()
    def decode(self, clips: list[np.ndarray], context: float, caps: list[int]) -> list[Hypothesis]:
        """See dada.asr.base.Backend."""
        import whisper

        mel = log_mel(clips, context, self.model.dims.n_mels, self.device)
        with short_context(self.model, int(context * POSITIONS_PER_SECOND)):
            # A token beyond the cap tells a transcript that was cut from one that ends exactly at the cap.
            results = self.model.decode(
                mel, whisper.DecodingOptions(**self.options, sample_len=max(caps) + 1)
            )
        return [
            Hypothesis(
                self.tokenizer.decode(result.tokens[:cap]),
                result.avg_logprob,
                min(len(result.tokens), cap),
                result.no_speech_prob,
                len(result.tokens) > cap,
            )
            for result, cap in zip(results, caps, strict=True)
        ]


@contextlib.contextmanager
def short_context(model: Any, positions: int) -> Iterator[None]:
    """Let the model read `positions` steps of 20 ms instead of 1,500.

    Its encoder requires inputs as long as its table of positions, which is shortened.
    """
    table, full = model.encoder.positional_embedding, model.dims.n_audio_ctx
    model.encoder.positional_embedding, model.dims.n_audio_ctx = table[:positions], positions
    try:
        yield
    finally:
        model.encoder.positional_embedding, model.dims.n_audio_ctx = table, full


def find_weights(config: TranscribeConfig, root: Path) -> Path:
    """Return the file of the model. Raise UserError where it is not on this machine."""
    names = (OPENAI_FILE,)
    return local_model(config, root, names) or cached_or_fetched(
        config, names, lambda local_only: _published(config, local_only)
    )


def _published(config: TranscribeConfig, local_only: bool) -> Path:
    """Return the file of a published model in openai-whisper's cache folder, after a download if allowed.

    Raise FileNotFoundError where it is absent and `local_only` holds.
    """
    import whisper

    name = short_name(config.model)
    if name not in whisper.available_models():
        known = ", ".join(whisper.available_models())
        raise ConfigError(
            f"transcribe.model {config.model!r} is neither a file nor a folder nor one of "
            f"openai-whisper's: {known}"
        )
    folder = Path(os.getenv("XDG_CACHE_HOME", Path.home() / ".cache")) / "whisper"
    path = folder / whisper._MODELS[name].rsplit("/", 1)[-1]
    if not path.is_file():
        if local_only:
            raise FileNotFoundError(path)
        whisper._download(whisper._MODELS[name], str(folder), in_memory=False)
    return path
