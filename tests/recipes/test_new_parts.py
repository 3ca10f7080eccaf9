"""What users add: a system is one file and one YAML, a corpus is a folder of audio and a CSV."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from signals import speech_like
from tiny_runs import dada

ROOT = Path(__file__).parents[2]

MODEL = '''
"""A linear model on the mean of the features. Shapes: B batch, F features, N frames."""

from dataclasses import dataclass

from torch import nn

from dada.data.batch import Batch
from dada.models import Output


@dataclass
class Config:
    """Sizes."""

    num_features: int = 60


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(num_features=4), (4, 7)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(config.num_features)
        self.out = nn.Linear(config.num_features, num_classes)

    def forward(self, batch: Batch) -> Output:
        mask = batch.mask[:, None, :]
        mean = self.norm((batch.inputs * mask).sum(-1) / mask.sum(-1))
        return Output(self.out(mean), mean)
'''

YAML = """
task: audio
input: {kind: features, features: {name: lfcc}}
model: {name: mean_of_frames}
train: {epochs: 3, batch_size: 8}
"""


@pytest.fixture
def new_model():
    """One new file among the models, for the time of a test."""
    path = ROOT / "dada" / "models" / "audio" / "mean_of_frames.py"
    path.write_text(MODEL)
    yield
    path.unlink()


def test_a_system_is_one_file_and_one_yaml(copy_of_finished, new_model):
    root = copy_of_finished
    (root / "conf" / "mean_of_frames.yaml").write_text(YAML)
    done = dada("run", root, "--system", "mean_of_frames", "seeds=[1]")
    assert done.returncode == 0, done.stderr
    result = json.loads((root / "exp" / "mean_of_frames" / "results" / "test.json").read_text())
    assert result["system"] == "mean_of_frames" and result["num_trials"] == 24
    assert "mean_of_frames" in (root / "exp" / "RESULTS.md").read_text()


def test_a_corpus_is_a_folder_and_a_csv(tmp_path):
    wavs = tmp_path / "wavs"
    wavs.mkdir()
    rows = []
    for number in range(40):
        spoof, speaker = number % 2, number % 5
        soundfile.write(
            wavs / f"clip{number:02d}.wav",
            speech_like(0.6, 90 + 15 * speaker + 60 * spoof, seed=number),
            16000,
        )
        rows.append(
            [f"clip{number:02d}.wav", ["real", "fake"][spoof], f"person {speaker}", ["", "melgan"][spoof]]
        )
    with open(tmp_path / "meta.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["path", "class", "speaker", "attack"], *rows])
    command = [
        *(sys.executable, "-m", "dada.cli", "new-recipe"),
        "my_corpus",
        "--audio",
        wavs,
        "--csv",
        tmp_path / "meta.csv",
    ]
    command += ["--columns", "file=path", "label=class", "--egs", tmp_path / "egs"]
    made = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    root = tmp_path / "egs" / "my_corpus"
    few = ["model.num_components=2", "model.init_frames=200"]
    done = dada("run", root, "--system", "lfcc_gmm", *few)
    assert done.returncode == 0, done.stderr
    report = (root / "exp" / "RESULTS.md").read_text()
    assert "lfcc_gmm" in report and "melgan" in report
