"""CTranslate2 weights come out the same in transformers and openai-whisper."""

import shutil

import numpy as np
import pytest
import torch
import whisper

from dada.asr.convert import convert_whisper
from dada.asr.ct2 import read_model
from dada.asr.mel import log_mel
from dada.errors import DataError


def test_transformers_gets_its_own_weights_back(tiny_model, whisper_folder):
    from transformers import WhisperForConditionalGeneration

    model, report = WhisperForConditionalGeneration.from_pretrained(whisper_folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    wanted, got = tiny_model.state_dict(), model.state_dict()
    assert wanted.keys() == got.keys()
    for name, tensor in wanted.items():
        # The encoder's table of sines is not exact in float16.
        torch.testing.assert_close(got[name], tensor.half().float(), rtol=0, atol=0, msg=name)
        assert got[name].dtype == torch.float32


def test_openai_whisper_computes_the_same(whisper_folder):
    from transformers import WhisperForConditionalGeneration

    ours = WhisperForConditionalGeneration.from_pretrained(whisper_folder).eval()
    theirs = whisper.load_model(str(whisper_folder / "whisper.pt"), device="cpu")
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(1))
    tokens = torch.tensor([[50257, 50362, 5], [50257, 50362, 9]])
    with torch.inference_mode():
        torch.testing.assert_close(
            ours(mel, decoder_input_ids=tokens).logits, theirs(mel, tokens), rtol=1e-3, atol=1e-3
        )


def test_tokenizer_and_settings_come_along(whisper_folder):
    from transformers import AutoFeatureExtractor, GenerationConfig, WhisperTokenizer

    generation = GenerationConfig.from_pretrained(whisper_folder)
    assert (
        generation.decoder_start_token_id,
        generation.no_timestamps_token_id,
        generation.eos_token_id,
    ) == (50257, 50362, 50256)
    assert generation.suppress_tokens == [1, 2, 7] and not generation.is_multilingual
    assert WhisperTokenizer.from_pretrained(whisper_folder).decode([15496, 995]) == "Hello world"
    assert AutoFeatureExtractor.from_pretrained(whisper_folder).feature_size == 80


def test_mel_is_whispers(clips):
    for clip in clips:
        wanted = whisper.log_mel_spectrogram(whisper.pad_or_trim(clip))
        torch.testing.assert_close(log_mel([clip], 30.0, 80)[0], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_missing_file(ct2_folder, tmp_path, name):
    shutil.copytree(ct2_folder, tmp_path / "broken")
    (tmp_path / "broken" / name).unlink()
    with pytest.raises(DataError, match=name):
        convert_whisper(tmp_path / "broken", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cut_file(ct2_folder, tmp_path):
    content = (ct2_folder / "model.bin").read_bytes()
    for size in (len(content) // 2, 3):
        (tmp_path / "model.bin").write_bytes(content[:size])
        with pytest.raises(DataError, match="not a whole CTranslate2 model"):
            read_model(tmp_path / "model.bin")


def test_another_format(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"\x05\x00\x00\x00\x0c\x00WhisperSpec\x00" + b"\0" * 8)
    with pytest.raises(DataError, match="format 5"):
        read_model(tmp_path / "model.bin")


def test_quantised_weights_are_refused(ct2_folder):
    from dada.asr.convert import openai_state

    variables = read_model(ct2_folder / "model.bin")
    variables["encoder/layer_0/ffn/linear_0/weight"] = variables[
        "encoder/layer_0/ffn/linear_0/weight"
    ].astype(np.int8)
    with pytest.raises(DataError, match="quantised"):
        openai_state(variables)
