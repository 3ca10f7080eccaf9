"""Whisper by transformers, the fastest back end on short clips.

The encoder reads the given context instead of 30 s. Batches are decoded greedily with a key-value cache, and
finished rows leave the batch.

Axes: B clips, L tokens so far, V vocabulary.
"""

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dada.asr.base import Hypothesis
from dada.asr.config import TranscribeConfig
from dada.asr.device import choose_device, require_compute_type
from dada.asr.mel import POSITIONS_PER_SECOND, log_mel
from dada.asr.weights import ORGANISATION, cached_or_fetched, loading, local_model, require_weights
from dada.errors import ConfigError

if TYPE_CHECKING:
    from transformers import EncoderDecoderCache

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
DROP_SHARE = 0.25  # of the rows must be finished before the others are copied together
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
        folder = _find(config, root)
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
        # Newer releases of transformers take `cache`, and warn of the older name `past_key_values`.
        accepted = inspect.signature(type(self.model.model.decoder).forward).parameters
        self.cache_keyword = "cache" if "cache" in accepted else "past_key_values"
        self.prompt = Prompt(self.model.generation_config, config)

    @torch.inference_mode()
    def decode(self, clips: list[np.ndarray], context: float, caps: list[int]) -> list[Hypothesis]:
        """See dada.asr.base.Backend."""
        mel = log_mel(clips, context, self.model.config.num_mel_bins).to(self.device, self.dtype)
        encoder, at_once = self.model.model.encoder, ENCODED_AT_ONCE if self.device == "cpu" else len(clips)
        with short_context(encoder, int(context * POSITIONS_PER_SECOND)):
            states = torch.cat([encoder(part).last_hidden_state for part in mel.split(at_once)])
        return self._greedy(states, self._prompts(states), caps)

    def _prompts(self, states: Tensor) -> Tensor:
        """Return the tokens (B, L) that start the transcripts, without a set language the most probable."""
        prompts = torch.tensor(self.prompt.tokens, device=self.device).repeat(len(states), 1)
        if self.prompt.languages is not None:
            logits = self._step(prompts[:, :1], states, None)[:, 0]
            languages = torch.tensor(self.prompt.languages, device=self.device)
            prompts[:, 1] = languages[logits[:, languages].argmax(dim=-1)]
        return prompts

    def _step(self, tokens: Tensor, states: Tensor, cache: "EncoderDecoderCache | None") -> Tensor:
        """Return float32 logits after the first and the last of the new tokens (B, L).

        They are (B, 2, V), or (B, 1, V) where L is 1.
        """
        decoder = self.model.model.decoder
        cached = {self.cache_keyword: cache, "use_cache": cache is not None}
        output = decoder(input_ids=tokens, encoder_hidden_states=states, **cached)
        hidden = output.last_hidden_state
        ends = hidden if tokens.shape[1] == 1 else hidden[:, [0, -1]]
        return self.model.proj_out(ends).float()

    def _greedy(self, states: Tensor, prompts: Tensor, caps: list[int]) -> list[Hypothesis]:
        """Return the hypotheses of the most probable token at each step.

        A token beyond the cap tells a transcript that was cut from a transcript that ends exactly at the cap.
        """
        from transformers import DynamicCache, EncoderDecoderCache

        size, end = len(states), self.prompt.end
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        texts: list[list[int]] = [[] for _ in range(size)]
        logprob, ended = torch.zeros(size), [False] * size
        rows = list(range(size))  # which clip each row of the batch belongs to
        logits = self._step(prompts, states, cache)
        no_speech = logits[:, 0].softmax(dim=-1)[:, self.prompt.no_speech].tolist()
        logits = logits[:, -1]
        logits[:, self.prompt.not_first] = -torch.inf
        while True:
            logits[:, self.prompt.never] = -torch.inf
            best, chosen = logits.log_softmax(dim=-1).max(dim=-1)
            best, tokens = best.cpu(), chosen.tolist()
            for row, clip in enumerate(rows):
                if ended[clip] or len(texts[clip]) > caps[clip]:
                    continue
                logprob[clip] += best[row]
                ended[clip] = tokens[row] == end
                if not ended[clip]:
                    texts[clip].append(tokens[row])
            live = [
                row for row, clip in enumerate(rows) if not ended[clip] and len(texts[clip]) <= caps[clip]
            ]
            if not live:
                break
            if len(live) <= (1 - DROP_SHARE) * len(rows):
                index = torch.tensor(live, device=self.device)
                cache.batch_select_indices(index)
                states, chosen, rows = states[index], chosen[index], [rows[row] for row in live]
            logits = self._step(chosen[:, None], states, cache)[:, -1]
        return [
            Hypothesis(
                self.tokenizer.decode(text[:cap]),
                float(logprob[i]) / (len(text) + 1),
                min(len(text), cap),
                no_speech[i],
                len(text) > cap,
            )
            for i, (text, cap) in enumerate(zip(texts, caps, strict=True))
        ]


class Prompt:
    """The special tokens of a model, from its generation_config.json: the first and the forbidden tokens."""

    def __init__(self, generation: Any, config: TranscribeConfig):
        start = generation.decoder_start_token_id
        self.end = (
            generation.eos_token_id
            if isinstance(generation.eos_token_id, int)
            else generation.eos_token_id[0]
        )
        self.no_speech = generation.no_timestamps_token_id - 1  # the token before it, whatever its name
        self.never = sorted({*(generation.suppress_tokens or []), self.no_speech})
        self.not_first = generation.begin_suppress_tokens or []
        self.languages: list[int] | None = None
        self.tokens = [start, generation.no_timestamps_token_id]
        if getattr(generation, "is_multilingual", False):
            known = generation.lang_to_id
            if config.language and f"<|{config.language}|>" not in known:
                codes = ", ".join(name[2:-2] for name in sorted(known))
                raise ConfigError(
                    f"transcribe.language {config.language!r} is not one of the model's: {codes}"
                )
            self.languages = None if config.language else sorted(known.values())
            language = known[f"<|{config.language}|>"] if config.language else start
            self.tokens = [
                start,
                language,
                generation.task_to_id["transcribe"],
                generation.no_timestamps_token_id,
            ]
        elif config.language not in (None, "en"):
            raise ConfigError(
                f"transcribe.language is {config.language!r}, and {config.model} knows English only"
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


def _find(config: TranscribeConfig, root: Path) -> Path:
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
