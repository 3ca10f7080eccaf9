"""A tiny Whisper with random weights, in all three formats, made here: no file is fetched."""

import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper

from dada.asr.convert import convert_whisper

NUM_VOCAB = 51_864  # of the English models; the others have one more: openai-whisper tells them apart by it
SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{code}|>" for code in list(whisper.tokenizer.LANGUAGES)[:99]),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nocaptions|>",
    "<|notimestamps|>",
]


@pytest.fixture(scope="session")
def tiny_model():
    """transformers' model that the files below are written from, its logits far enough apart that the last
    digits don't matter.
    """
    return random_model(multilingual=False)


def random_model(multilingual: bool):
    """A WhisperForConditionalGeneration whose weights are exact in float16, but for the encoder's table of
    sines.
    """
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(0)
    end = 50256 + multilingual
    config = WhisperConfig(
        vocab_size=NUM_VOCAB + multilingual,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=end + 1,
    )
    model = WhisperForConditionalGeneration(config).eval()
    for name, tensor in model.named_parameters():
        if "embed_positions" not in name or "decoder" in name:
            torch.nn.init.normal_(tensor.data, std=0.3)
        tensor.data = tensor.data.half().float()  # exact in the file's float16
    return model


@pytest.fixture(scope="session")
def ct2_folder(tiny_model, tmp_path_factory) -> Path:
    """The tiny model as CTranslate2 distributes one."""
    folder = tmp_path_factory.mktemp("ct2")
    write_ct2_folder(folder, tiny_model, multilingual=False)
    return folder


@pytest.fixture(scope="session")
def whisper_folder(ct2_folder, tmp_path_factory) -> Path:
    """The converted model, which serves every back end."""
    folder = tmp_path_factory.mktemp("models") / "whisper-test"
    convert_whisper(ct2_folder, folder)
    return folder


@pytest.fixture(scope="session")
def multilingual_folder(tmp_path_factory) -> Path:
    """As `whisper_folder`, of a model that knows languages."""
    source, folder = (
        tmp_path_factory.mktemp("ct2"),
        tmp_path_factory.mktemp("models") / "whisper-multilingual",
    )
    write_ct2_folder(source, random_model(multilingual=True), multilingual=True)
    convert_whisper(source, folder)
    return folder


def write_ct2_folder(folder: Path, model, multilingual: bool) -> None:
    """model.bin, tokenizer.json, vocabulary and config.json."""
    write_ct2(folder / "model.bin", ct2_variables(model))
    write_tokenizer(folder, multilingual)
    start = 50257 + multilingual
    settings = {
        "suppress_ids": [1, 2, 7],
        "suppress_ids_begin": [220, start - 1],
        "alignment_heads": [[1, 0]],
    }
    (folder / "config.json").write_text(
        json.dumps(settings | {"lang_ids": list(range(start + 1, start + 100))})
    )


def ct2_variables(model) -> dict[str, np.ndarray]:
    """The variables of CTranslate2's specification from transformers' weights."""
    state = {
        name.removeprefix("model."): tensor.detach().numpy() for name, tensor in model.state_dict().items()
    }
    width = model.config.d_model
    out = {f"{side}/num_heads": np.array(2, np.int16) for side in ("encoder", "decoder")}
    flags = {
        "activation": 3,
        "alibi": 0,
        "pre_norm": 1,
        "scale_embeddings": 0,
        "start_from_zero_embedding": 0,
    }
    out |= {f"decoder/{name}": np.array(value, np.int8) for name, value in flags.items()}
    out |= {
        "decoder/alignment_heads": np.array(1, np.int16),
        "decoder/alignment_layer": np.array(-1, np.int16),
    }

    def put(target: str, *sources: str) -> None:
        for kind in ("weight", "bias"):
            parts = [state.get(f"{source}.{kind}", np.zeros(width, np.float32)) for source in sources]
            out[f"{target}/{kind}"] = np.concatenate(parts).astype(np.float16)

    def norm(target: str, source: str) -> None:
        out[f"{target}/gamma"], out[f"{target}/beta"] = (
            state[f"{source}.{kind}"].astype(np.float16) for kind in ("weight", "bias")
        )

    for side in ("encoder", "decoder"):
        norm(f"{side}/layer_norm", f"{side}.layer_norm")
        out[f"{side}/position_encodings/encodings"] = state[f"{side}.embed_positions.weight"].astype(
            np.float16
        )
        for i in range(2):
            layer, source = f"{side}/layer_{i}", f"{side}.layers.{i}"
            norm(f"{layer}/self_attention/layer_norm", f"{source}.self_attn_layer_norm")
            put(f"{layer}/self_attention/linear_0", *(f"{source}.self_attn.{x}_proj" for x in "qkv"))
            put(f"{layer}/self_attention/linear_1", f"{source}.self_attn.out_proj")
            norm(f"{layer}/ffn/layer_norm", f"{source}.final_layer_norm")
            put(f"{layer}/ffn/linear_0", f"{source}.fc1")
            put(f"{layer}/ffn/linear_1", f"{source}.fc2")
            if side == "decoder":
                norm(f"{layer}/attention/layer_norm", f"{source}.encoder_attn_layer_norm")
                put(f"{layer}/attention/linear_0", f"{source}.encoder_attn.q_proj")
                put(
                    f"{layer}/attention/linear_1",
                    f"{source}.encoder_attn.k_proj",
                    f"{source}.encoder_attn.v_proj",
                )
                put(f"{layer}/attention/linear_2", f"{source}.encoder_attn.out_proj")
    put("encoder/conv1", "encoder.conv1")
    put("encoder/conv2", "encoder.conv2")
    out["decoder/embeddings/weight"] = state["decoder.embed_tokens.weight"].astype(np.float16)
    return out


def write_ct2(path: Path, variables: dict[str, np.ndarray]) -> None:
    """A model.bin, with the alias that ties the output to the embeddings."""
    kinds = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}

    def name(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    with open(path, "wb") as file:
        file.write(struct.pack("<I", 6) + name("WhisperSpec") + struct.pack("<II", 3, len(variables)))
        for key in sorted(variables):
            array = variables[key]
            file.write(name(key) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape))
            file.write(struct.pack("<BI", kinds[array.dtype.name], array.nbytes) + array.tobytes())
        file.write(
            struct.pack("<I", 1) + name("decoder/projection/weight") + name("decoder/embeddings/weight")
        )


def write_tokenizer(folder: Path, multilingual: bool) -> None:
    """tokenizer.json and vocabulary.txt from the tokens that openai-whisper brings along."""
    from tokenizers import AddedToken, Tokenizer, decoders, models

    letters = byte_letters()
    lines = (
        (Path(whisper.__file__).parent / "assets" / f"{'multilingual' if multilingual else 'gpt2'}.tiktoken")
        .read_text()
        .splitlines()
    )
    vocab = {
        "".join(letters[b] for b in base64.b64decode(line.split()[0])): int(line.split()[1]) for line in lines
    }
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    names += [f"<|{i * 0.02:.2f}|>" for i in range(NUM_VOCAB + multilingual - len(names))]
    (folder / "vocabulary.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def byte_letters() -> list[str]:
    """The printable letter that GPT-2's vocabulary writes for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(others)) for b in range(256)]


@pytest.fixture(scope="session")
def clips() -> list[np.ndarray]:
    """Noises of several lengths, 16 kHz."""
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, int(s * 16_000)).astype(np.float32) for s in (1.0, 2.5, 6.0, 9.0)]
