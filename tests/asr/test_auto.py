"""What `auto` chooses by device, installed packages and the model's files, and what it records."""

import dataclasses
import importlib.util
import shutil

import numpy as np
import pytest

from dada import plugins
from dada.asr import TranscribeConfig, auto, build
from dada.asr.config import BACKENDS
from dada.errors import UserError


def choice(config: TranscribeConfig, root, device: str = "cpu", **options) -> tuple:
    found = auto.resolve(config, root, device, **options)
    return found.backend, found.compute_type, found.batch_size


def test_every_back_end_has_its_place():
    names = sorted(plugins.names(BACKENDS))
    assert sorted(auto.ORDER["cpu"]) == sorted(auto.ORDER["cuda"]) == sorted(auto.PACKAGES) == names


def test_the_device_decides(whisper_folder, tmp_path):
    config = TranscribeConfig(model=str(whisper_folder))
    assert choice(config, tmp_path) == ("faster_whisper", "int8", 16)
    assert choice(config, tmp_path, "cuda") == ("transformers", "bfloat16", 128)
    assert choice(config, tmp_path, "cuda", has_bfloat16=False) == ("transformers", "float16", 128)
    stated = dataclasses.replace(config, backend="faster_whisper", compute_type="float32", batch_size=3)
    assert auto.resolve(stated, tmp_path, "cuda") == stated
    openai = dataclasses.replace(config, backend="openai_whisper")
    assert [choice(openai, tmp_path, device)[1] for device in ("cpu", "cuda")] == ["float32", "float16"]


def test_the_files_of_the_model_decide(whisper_folder, tmp_path):
    shutil.copytree(whisper_folder, tmp_path / "w", ignore=shutil.ignore_patterns("ctranslate2"))
    config = TranscribeConfig(model="w")
    assert choice(config, tmp_path) == ("transformers", "float32", 16)
    (tmp_path / "w" / "model.safetensors").unlink()
    assert choice(config, tmp_path, "cuda") == ("openai_whisper", "float16", 128)
    (tmp_path / "w" / "whisper.pt").unlink()
    assert choice(config, tmp_path)[0] == "faster_whisper"  # whose loading then says what is missing
    with pytest.raises(UserError, match="has no weights for the back end faster_whisper"):
        build(config, tmp_path)


def test_what_is_installed_decides(whisper_folder, tmp_path, monkeypatch):
    there = {"whisper", "transformers"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in there)
    config = TranscribeConfig(model=str(whisper_folder))
    assert choice(config, tmp_path)[0] == "transformers"
    assert choice(dataclasses.replace(config, beam_size=5), tmp_path)[0] == "openai_whisper"
    there.clear()
    with pytest.raises(UserError, match="no back end is installed: pip install faster-whisper"):
        choice(config, tmp_path)


def test_a_stated_back_end_is_the_same_experiment_as_before():
    stated = auto.identity(TranscribeConfig(backend="transformers", allow_download=True))
    assert "allow_download" not in stated
    assert (stated["backend"], stated["compute_type"], stated["batch_size"]) == (
        "transformers",
        "float32",
        16,
    )
    free = auto.identity(TranscribeConfig())
    assert (free["backend"], free["compute_type"], free["batch_size"]) == ("auto", "auto", 0)


def test_the_record_names_what_was_chosen(whisper_folder, clips):
    transcriber = build(TranscribeConfig(model=str(whisper_folder), extra_tokens=4), whisper_folder)
    record = transcriber.provenance
    assert record["library"].startswith("faster-whisper")
    assert (record["options"]["backend"], record["options"]["compute_type"]) == ("faster_whisper", "int8")
    assert len(transcriber.transcribe([clips[0], np.zeros(100, np.float32)])) == 2
