"""Conversion of CTranslate2 Whisper weights for the other back ends.

The written folder serves every back end under the same name:

    model.safetensors, *.json    transformers: config, generation_config, preprocessor_config, tokenizer,
                                 tokenizer_config
    whisper.pt                   openai-whisper
    ctranslate2/                 faster-whisper
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dada.asr.ct2 import read_model
from dada.errors import DataError
from dada.storage.atomic import atomic_dir
from dada.storage.json_file import read_json

if TYPE_CHECKING:
    from transformers import GenerationConfig

CT2_FOLDER = "ctranslate2"
OPENAI_FILE = "whisper.pt"

# CTranslate2's block, openai-whisper's attention, and what CTranslate2 stacks in linear_0, linear_1, ...
SELF_ATTENTION = ("self_attention", "attn", (("query", "key", "value"), ("out",)))
CROSS_ATTENTION = ("attention", "cross_attn", (("query",), ("key", "value"), ("out",)))
# openai-whisper's names to those of transformers, in this order.
RENAMES = (
    ("encoder.ln_post.", "encoder.layer_norm."),
    ("decoder.ln.", "decoder.layer_norm."),
    (".blocks.", ".layers."),
    (".mlp.0.", ".fc1."),
    (".mlp.2.", ".fc2."),
    (".mlp_ln.", ".final_layer_norm."),
    (".cross_attn.", ".encoder_attn."),
    (".cross_attn_ln.", ".encoder_attn_layer_norm."),
    (".attn.", ".self_attn."),
    (".attn_ln.", ".self_attn_layer_norm."),
    (".query.", ".q_proj."),
    (".key.", ".k_proj."),
    (".value.", ".v_proj."),
    (".out.", ".out_proj."),
    ("token_embedding", "embed_tokens"),
    ("positional_embedding", "embed_positions.weight"),
)


def convert_whisper(ct2_folder: Path, out: Path) -> None:
    """Convert `ct2_folder` (model.bin, config.json, tokenizer.json) to the folder `out`, atomically.

    float16 weights become float32 for transformers and stay float16 for openai-whisper, which widens them
    itself. Raise DataError for missing files and for quantised (int8) weights, which cannot be restored
    exactly.
    """
    ct2_folder, out = Path(ct2_folder), Path(out)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        if not (ct2_folder / name).is_file():
            raise DataError(f"{ct2_folder} has no {name}: expected the folder of a CTranslate2 Whisper model")
    variables = read_model(ct2_folder / "model.bin")
    dims, state = whisper_dims(variables), openai_state(variables)
    with atomic_dir(out) as partial:
        torch.save({"dims": dims, "model_state_dict": state}, partial / OPENAI_FILE)
        _write_transformers(partial, dims, state, ct2_folder)
        shutil.copytree(ct2_folder, partial / CT2_FOLDER)
        # safetensors makes its files readable for the owner only.
        (partial / "model.safetensors").chmod((partial / OPENAI_FILE).stat().st_mode)


def whisper_dims(variables: dict[str, np.ndarray]) -> dict[str, int]:
    """Return the sizes of a model under the names of openai-whisper's checkpoints."""
    num_vocab, text_width = variables["decoder/embeddings/weight"].shape
    return {
        "n_mels": variables["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": variables["encoder/position_encodings/encodings"].shape[0],
        "n_audio_state": variables["encoder/conv1/weight"].shape[0],
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": _num_layers(variables, "encoder"),
        "n_vocab": num_vocab,
        "n_text_ctx": variables["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": text_width,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": _num_layers(variables, "decoder"),
    }


def openai_state(variables: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Return CTranslate2's variables as the state_dict of an openai-whisper model, in the same precision."""
    quantised = sorted(
        name for name, array in variables.items() if name.endswith("weight") and array.dtype.kind == "i"
    )
    if quantised:
        raise DataError(
            f"{quantised[0]} is quantised to {variables[quantised[0]].dtype}: take the float16 or "
            "float32 model"
        )
    state = {
        "encoder.positional_embedding": variables["encoder/position_encodings/encodings"],
        "decoder.positional_embedding": variables["decoder/position_encodings/encodings"],
        "decoder.token_embedding.weight": variables["decoder/embeddings/weight"],
    }
    for name in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            state[f"encoder.{name}.{kind}"] = variables[f"encoder/{name}/{kind}"]
    for side, last_norm in (("encoder", "ln_post"), ("decoder", "ln")):
        state.update(_norm(variables, f"{side}/layer_norm", f"{side}.{last_norm}"))
        for layer in range(_num_layers(variables, side)):
            state.update(
                _block(variables, f"{side}/layer_{layer}", f"{side}.blocks.{layer}", cross=side == "decoder")
            )
    # Copies, because arrays of bytes that were read are read-only.
    return {name: torch.from_numpy(np.array(array)) for name, array in state.items()}


def transformers_state(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return openai-whisper's state_dict as that of WhisperForConditionalGeneration, in float32."""
    renamed = {}
    for name, tensor in state.items():
        for old, new in RENAMES:
            name = name.replace(old, new)
        renamed[f"model.{name}"] = tensor.float()
    renamed["proj_out.weight"] = renamed["model.decoder.embed_tokens.weight"]  # tied
    return renamed


def _block(variables: dict, source: str, target: str, cross: bool) -> Iterator[tuple[str, np.ndarray]]:
    for block, attention, linears in (SELF_ATTENTION, CROSS_ATTENTION) if cross else (SELF_ATTENTION,):
        yield from _norm(variables, f"{source}/{block}/layer_norm", f"{target}.{attention}_ln")
        for number, names in enumerate(linears):
            for kind in ("weight", "bias"):
                parts = np.split(variables[f"{source}/{block}/linear_{number}/{kind}"], len(names))
                for name, part in zip(names, parts, strict=True):
                    if (name, kind) != ("key", "bias"):  # all zero: Whisper's keys have no bias
                        yield f"{target}.{attention}.{name}.{kind}", part
    yield from _norm(variables, f"{source}/ffn/layer_norm", f"{target}.mlp_ln")
    for number, place in ((0, 0), (1, 2)):
        for kind in ("weight", "bias"):
            yield f"{target}.mlp.{place}.{kind}", variables[f"{source}/ffn/linear_{number}/{kind}"]


def _norm(variables: dict, source: str, target: str) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{target}.weight", variables[f"{source}/gamma"]
    yield f"{target}.bias", variables[f"{source}/beta"]


def _num_layers(variables: dict, side: str) -> int:
    parts = {name.split("/")[1] for name in variables if name.startswith(f"{side}/layer_")}
    return len(parts - {"layer_norm"})


def _write_transformers(folder: Path, dims: dict[str, int], state: dict, ct2_folder: Path) -> None:
    """Write the files that transformers reads: weights, configurations, tokenizer and feature settings."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()
    generation = _generation_config(ct2_folder)
    config = WhisperConfig(
        vocab_size=dims["n_vocab"],
        num_mel_bins=dims["n_mels"],
        d_model=dims["n_audio_state"],
        encoder_layers=dims["n_audio_layer"],
        encoder_attention_heads=dims["n_audio_head"],
        encoder_ffn_dim=4 * dims["n_audio_state"],
        decoder_layers=dims["n_text_layer"],
        decoder_attention_heads=dims["n_text_head"],
        decoder_ffn_dim=4 * dims["n_text_state"],
        max_source_positions=dims["n_audio_ctx"],
        max_target_positions=dims["n_text_ctx"],
        pad_token_id=generation.pad_token_id,
        bos_token_id=generation.bos_token_id,
        eos_token_id=generation.eos_token_id,
        decoder_start_token_id=generation.decoder_start_token_id,
    )
    with torch.device("meta"):  # no time for random weights that are replaced at once
        model = WhisperForConditionalGeneration(config)
    model.load_state_dict(transformers_state(state), assign=True)
    model.tie_weights()
    model.generation_config = generation
    model.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=dims["n_mels"]).save_pretrained(folder)
    shutil.copyfile(ct2_folder / "tokenizer.json", folder / "tokenizer.json")
    end = "<|endoftext|>"
    tokens = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), end)
    settings = {"tokenizer_class": "WhisperTokenizer", "model_max_length": dims["n_text_ctx"], **tokens}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")


def _generation_config(ct2_folder: Path) -> "GenerationConfig":
    from tokenizers import Tokenizer
    from transformers import GenerationConfig

    tokenizer = Tokenizer.from_file(str(ct2_folder / "tokenizer.json"))
    settings = read_json(ct2_folder / "config.json", "download the model again")
    token = tokenizer.token_to_id
    end, start = token("<|endoftext|>"), token("<|startoftranscript|>")
    multilingual = end != 50256  # the English models have GPT-2's vocabulary, the others an additional token
    options = {
        "is_multilingual": multilingual,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": start,
        "no_timestamps_token_id": token("<|notimestamps|>"),
        "prev_sot_token_id": token("<|startofprev|>"),
        "max_length": 448,
        "suppress_tokens": settings.get("suppress_ids", []),
        "begin_suppress_tokens": settings.get("suppress_ids_begin", []),
        "alignment_heads": settings.get("alignment_heads", []),
        "return_timestamps": False,
    }
    if multilingual:
        options["lang_to_id"] = {tokenizer.id_to_token(i): i for i in settings.get("lang_ids", [])}
        options["task_to_id"] = {"transcribe": token("<|transcribe|>"), "translate": token("<|translate|>")}
    return GenerationConfig(**options)
