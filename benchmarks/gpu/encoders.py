"""Pretrained models in their published sizes with random weights, and a tiny Whisper that transcribes."""

from pathlib import Path
from typing import Any

import torch

WORDS = 40  # of the vocabulary of the tiny Whisper


def write_xls_r_300m(folder: Path) -> Path:
    """XLS-R with 300 M parameters: 24 layers of width 1024."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    if not folder.exists():
        config = Wav2Vec2Config(
            hidden_size=1024,
            num_hidden_layers=24,
            num_attention_heads=16,
            intermediate_size=4096,
            conv_bias=True,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
        )
        Wav2Vec2Model(config).save_pretrained(folder)
        Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def whisper_config(small: bool) -> Any:
    """The sizes of Whisper large-v3, or of a tiny one with the same tokens."""
    from transformers import WhisperConfig

    width, layers, heads = (32, 2, 2) if small else (1280, 32, 20)
    sides = {f"{side}_{part}": n for side in ("encoder", "decoder") for part, n in
             (("layers", layers), ("attention_heads", heads), ("ffn_dim", 4 * width))}  # fmt: skip
    return WhisperConfig(
        vocab_size=51_866,
        num_mel_bins=128,
        d_model=width,
        pad_token_id=50_257,
        bos_token_id=50_257,
        eos_token_id=50_257,
        decoder_start_token_id=50_258,
        **sides,
    )


def random_whisper(small: bool, device: torch.device, dtype: torch.dtype) -> Any:
    """A Whisper with random weights, made on the device."""
    from transformers import WhisperForConditionalGeneration

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            return WhisperForConditionalGeneration(whisper_config(small)).eval()
    finally:
        torch.set_default_dtype(before)


def write_tiny_whisper(folder: Path) -> Path:
    """A folder that transformers and the stage read: random weights, and a vocabulary of a few words."""
    from tokenizers import Tokenizer, models
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()
    end, start, silence, plain = range(WORDS, WORDS + 4)
    sizes = {
        f"{side}_{part}": n
        for side in ("encoder", "decoder")
        for part, n in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))
    }
    config = WhisperConfig(
        vocab_size=WORDS + 4,
        d_model=16,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=start,
        **sizes,
    )
    torch.manual_seed(1)
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        eos_token_id=end, decoder_start_token_id=start, no_timestamps_token_id=plain, is_multilingual=False
    )
    model.save_pretrained(folder)
    words = {f"w{i}": i for i in range(WORDS)} | {"<e>": end, "<s>": start, "<n>": silence, "<p>": plain}
    Tokenizer(models.WordLevel(words, unk_token="<e>")).save(str(folder / "tokenizer.json"))
    return folder
