"""Greedy decoding of transformers' Whisper with a key-value cache.

All counting happens where the network computes. On a GPU the host reads only every few tokens which rows have
ended, because each look waits for the GPU.

Axes: B clips, L tokens so far, V vocabulary.
"""

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import EncoderDecoderCache

DROP_SHARE = 0.25  # of the rows must have ended before the others are copied together
TOKENS_A_LOOK = 8  # on a GPU, between two looks at which rows have ended


@dataclass(frozen=True)
class Special:
    """Special tokens of a model: `start` begins every transcript.

    Where `languages` are given, the most probable of them replaces the second token of `start`.
    """

    start: list[int]
    end: int
    no_speech: int
    never: list[int]
    not_first: list[int]
    languages: list[int] | None = None


@dataclass(frozen=True)
class Decoded:
    """The tokens of a clip without the special ones, at most one more than its cap.

    `logprob` is the sum of natural log-probabilities over them and the end token.
    """

    tokens: list[int]
    logprob: float
    no_speech_prob: float


class Greedy:
    """Takes the most probable token at each step; rows that have ended leave the batch."""

    def __init__(self, model: Any, special: Special):
        self.model, self.special = model, special
        device = model.device
        self.never = torch.tensor(special.never, dtype=torch.int64, device=device)
        self.not_first = torch.tensor(special.not_first, dtype=torch.int64, device=device)
        self.tokens_a_look = 1 if device.type == "cpu" else TOKENS_A_LOOK
        # Newer releases of transformers take `cache`, and warn of the older name `past_key_values`.
        accepted = inspect.signature(type(model.model.decoder).forward).parameters
        self.cache_keyword = "cache" if "cache" in accepted else "past_key_values"

    @torch.inference_mode()
    def __call__(self, states: Tensor, caps: list[int]) -> list[Decoded]:
        """Decode encoder states (B, positions, width).

        A token beyond the cap tells a transcript that was cut from a transcript that ends exactly at the cap.
        """
        from transformers import DynamicCache, EncoderDecoderCache

        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        logits = self._step(self._prompts(states), states, cache)
        no_speech = logits[:, 0].softmax(dim=-1)[:, self.special.no_speech]
        logits = logits[:, -1].index_fill_(1, self.not_first, -torch.inf)
        rows = _Rows(caps, self.special.end, states.device)
        for step in range(max(caps) + 1):
            best, chosen = logits.index_fill_(1, self.never, -torch.inf).log_softmax(dim=-1).max(dim=-1)
            rows.add(step, chosen, best)
            if (step + 1) % self.tokens_a_look == 0:
                live = rows.live_ones()
                if not live:
                    break
                if len(live) <= (1 - DROP_SHARE) * len(chosen):
                    index = torch.tensor(live, device=states.device)
                    cache.batch_select_indices(index)
                    states, chosen = states[index], chosen[index]
                    rows.keep(index)
            if step < max(caps):
                logits = self._step(chosen[:, None], states, cache)[:, -1]
        return rows.decoded(no_speech)

    def _prompts(self, states: Tensor) -> Tensor:
        """Return the tokens (B, L) that start the transcripts, without a set language the most probable."""
        prompts = torch.tensor(self.special.start, device=states.device).repeat(len(states), 1)
        if self.special.languages is not None:
            logits = self._step(prompts[:, :1], states, None)[:, 0]
            languages = torch.tensor(self.special.languages, device=states.device)
            prompts[:, 1] = languages[logits[:, languages].argmax(dim=-1)]
        return prompts

    def _step(self, tokens: Tensor, states: Tensor, cache: "EncoderDecoderCache | None") -> Tensor:
        """Return float32 logits after the first and the last of the new tokens (B, L).

        They are (B, 2, V), or (B, 1, V) where L is 1.
        """
        cached = {self.cache_keyword: cache, "use_cache": cache is not None}
        output = self.model.model.decoder(input_ids=tokens, encoder_hidden_states=states, **cached)
        hidden = output.last_hidden_state
        ends = hidden if tokens.shape[1] == 1 else hidden[:, [0, -1]]
        return self.model.proj_out(ends).float()


class _Rows:
    """The transcripts of all clips, and which clip each row of the shrinking batch belongs to."""

    def __init__(self, caps: list[int], end: int, device: torch.device):
        size = len(caps)
        self.end, self.caps = end, torch.tensor(caps, device=device)
        self.tokens = torch.zeros(size, max(caps) + 1, dtype=torch.int64, device=device)
        self.lengths = torch.zeros(size, dtype=torch.int64, device=device)
        self.logprob = torch.zeros(size, device=device)
        self.live = torch.ones(size, dtype=torch.bool, device=device)
        self.clips = torch.arange(size, device=device)

    def add(self, step: int, chosen: Tensor, logprob: Tensor) -> None:
        """Add a token to each row that is live; all of these have `step` tokens."""
        clips, live = self.clips, self.live[self.clips]
        grows = live & (chosen != self.end)
        self.logprob[clips] += torch.where(live, logprob, 0.0)
        self.tokens[clips, step] = chosen
        self.lengths[clips] += grows
        self.live[clips] = grows & (self.lengths[clips] <= self.caps[clips])

    def live_ones(self) -> list[int]:
        """Return the rows of the batch whose transcripts go on."""
        return [row for row, live in enumerate(self.live[self.clips].tolist()) if live]

    def keep(self, rows: Tensor) -> None:
        """Leave only some rows in the batch."""
        self.clips = self.clips[rows]

    def decoded(self, no_speech: Tensor) -> list[Decoded]:
        """Return what was decoded, by clip."""
        columns = zip(
            self.tokens.tolist(),
            self.lengths.tolist(),
            self.logprob.tolist(),
            no_speech.tolist(),
            strict=True,
        )
        return [Decoded(tokens[:length], logprob, silence) for tokens, length, logprob, silence in columns]
