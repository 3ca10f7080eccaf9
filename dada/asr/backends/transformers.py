"""Whisper by transformers, the fastest back end on a GPU.

The encoder reads the given context instead of 30 s, and dada/asr/greedy.py decodes.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dada.asr.base import Hypothesis
from dada.asr.config import TranscribeConfig
from dada.asr.device import choose_device, require_compute_type
from dada.asr.greedy import Decoded, Greedy, Special
from dada.asr.mel import POSITIONS_PER_SECOND, log_mel
from dada.asr.weights import ORGANISATION, cached_or_fetched, loading, local_model, require_weights
from dada.errors import ConfigError

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
ENCODED_AT_ONCE = 4  # clips, on a CPU: a larger batch exceeds its cache and takes a sixth longer
FILES = ["*.json", "*.txt", "model*.safetensors"]  # of a repository of the hub


class Backend:
    """The back end transformers (dada.asr.base.Backend)."""

    def __init__(self, config: TranscribeConfig, root: Path):
        import transformers
        from tokenizers import Tokenizer

        self.device = choose_device(config)
        known = ("float32", "bfloat16") if self.device == "cpu" else ("float32", "bfloat16", "float16")
        require_compute_type(config, self.device, known)
        if config.beam_size > 1:
            raise ConfigError(
                "transcribe.beam_size above 1 needs transcribe.backend faster_whisper or openai_whisper: "
                "transformers is greedy"
            )
        folder = find_weights(config, root)
        self.weights = sorted(folder.glob("model*.safetensors"))
        self.version = f"transformers {transformers.__version__}, torch {torch.__version__}"
        self.dtype = getattr(torch, config.compute_type)
        transformers.utils.logging.disable_progress_bar()
        with loading(folder):
            if not (folder / "tokenizer.json").is_file():
                raise FileNotFoundError("tokenizer.json is missing")
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            model: Any = transformers.WhisperForConditionalGeneration.from_pretrained(
                folder, dtype=self.dtype, local_files_only=True
            )
        self.model = model.to(self.device).eval()
        self.decoder = Greedy(self.model, special_tokens(self.model.generation_config, config))

    @torch.inference_mode()
    def decode(self, clips: list[np.ndarray], context: float, caps: list[int]) -> list[Hypothesis]:
        """See dada.asr.base.Backend."""
        mel = log_mel(clips, context, self.model.config.num_mel_bins, self.device).to(self.dtype)
        encoder, at_once = self.model.model.encoder, ENCODED_AT_ONCE if self.device == "cpu" else len(clips)
        with short_context(encoder, int(context * POSITIONS_PER_SECOND)):
            states = torch.cat([encoder(part).last_hidden_state for part in mel.split(at_once)])
        return [
            self._hypothesis(decoded, cap)
            for decoded, cap in zip(self.decoder(states, caps), caps, strict=True)
        ]

    def _hypothesis(self, decoded: Decoded, cap: int) -> Hypothesis:
        tokens = decoded.tokens
        return Hypothesis(
            self.tokenizer.decode(tokens[:cap]),
            decoded.logprob / (len(tokens) + 1),
            min(len(tokens), cap),
            decoded.no_speech_prob,
            len(tokens) > cap,
        )


def special_tokens(generation: Any, config: TranscribeConfig) -> Special:
    """Return the special tokens of a model from its generation_config.json.

    Raise ConfigError for a language that it does not know.
    """
    start, end = generation.decoder_start_token_id, generation.eos_token_id
    no_timestamps = generation.no_timestamps_token_id
    no_speech = no_timestamps - 1  # the token before it, whatever its name
    tokens, languages = [start, no_timestamps], None
    if getattr(generation, "is_multilingual", False):
        known = generation.lang_to_id
        if config.language and f"<|{config.language}|>" not in known:
            codes = ", ".join(name[2:-2] for name in sorted(known))
            raise ConfigError(f"transcribe.language {config.language!r} is not one of the model's: {codes}")
        languages = None if config.language else sorted(known.values())
        language = known[f"<|{config.language}|>"] if config.language else start
        tokens = [start, language, generation.task_to_id["transcribe"], no_timestamps]
    elif config.language not in (None, "en"):
        raise ConfigError(
            f"transcribe.language is {config.language!r}, and {config.model} knows English only"
        )
    return Special(
        tokens,
        end if isinstance(end, int) else end[0],
        no_speech,
        sorted({*(generation.suppress_tokens or []), no_speech}),
        generation.begin_suppress_tokens or [],
        languages,
    )


@contextlib.contextmanager
def short_context(encoder: Any, positions: int) -> Iterator[None]:
    """Let the encoder read `positions` steps of 20 ms instead of 1,500, with the first rows of its table."""
    table, full = encoder.embed_positions, encoder.config.max_source_positions
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(table.weight[:positions])
    encoder.config.max_source_positions = positions
    try:
        yield
    finally:
        encoder.embed_positions = table
        encoder.config.max_source_positions = full


def find_weights(config: TranscribeConfig, root: Path) -> Path:
    """Return the folder of the model. Raise UserError where it is not on this machine."""
    from huggingface_hub import snapshot_download

    local = local_model(config, root, WEIGHTS)
    if local is not None:
        return local.parent
    name = config.model if "/" in config.model else f"{ORGANISATION}{config.model}"

    def fetch(local_only: bool) -> Path:
        return require_weights(
            Path(snapshot_download(name, local_files_only=local_only, allow_patterns=FILES)), WEIGHTS
        )

    return cached_or_fetched(config, WEIGHTS, fetch)
