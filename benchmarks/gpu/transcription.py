"""Whisper large-v3 with random weights: its encoder as a feature, and what stage 2 does with a batch."""

import numpy as np
import torch

from dada.asr.backends.transformers import short_context
from dada.asr.greedy import Greedy, Special
from dada.asr.mel import POSITIONS_PER_SECOND, log_mel
from gpu.common import Row, Setup, floor, seconds_of
from gpu.encoders import random_whisper

BATCH = 128
CLIP, CONTEXT = 4.0, 11.0  # seconds
TOKENS = 20  # of each transcript: what is said in 4 s
ENCODER_FLOOR, STAGE_FLOOR = 500, 400
END = 50_257
# The prompt of large-v3 in English. No transcript ends by itself, so that every run does the same work.
SPECIAL = Special([50_258, 50_259, 50_360, 50_364], END, 50_363, [END], [])


def rows(setup: Setup) -> list[Row]:
    """Clips of 4 s a second: the encoder alone, and spectrogram, encoder and 20 tokens in a context of
    11 s.
    """
    size = 2 if setup.small else BATCH
    dtype = torch.bfloat16 if setup.on_gpu else torch.float32
    model = random_whisper(setup.small, setup.device, dtype)
    encoder, decoder = model.model.encoder, Greedy(model, SPECIAL)
    rng = np.random.default_rng(1)
    clips = [rng.normal(0, 0.1, int(16_000 * CLIP)).astype(np.float32) for _ in range(size)]

    def encode(context: float) -> torch.Tensor:
        mel = log_mel(clips, context, model.config.num_mel_bins, setup.device).to(dtype)
        with torch.inference_mode(), short_context(encoder, int(context * POSITIONS_PER_SECOND)):
            return encoder(mel).last_hidden_state

    encoded = size / seconds_of(setup, lambda: encode(CLIP))
    whole = size / seconds_of(setup, lambda: decoder(encode(CONTEXT), [TOKENS] * size))
    name = "tiny Whisper" if setup.small else "large-v3, bf16"
    return [
        floor(setup, f"{name}, batch {size}: encoder, 4 s", encoded, ENCODER_FLOOR),
        floor(setup, f"{name}, batch {size}: stage 2, context of 11 s", whole, STAGE_FLOOR),
    ]
