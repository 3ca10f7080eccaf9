"""One system that learns from two corpora: ASVspoof 2019 and ASVspoof 5, on miniatures of them."""

import csv
import json

import pytest
from fixtures import miniatures
from tiny_runs import dada

from dada.data import DataDir
from dada.data.vectors import read_utts

NAMES = ["asvspoof2019", "asvspoof5"]
BOTH = [
    "--nj",
    "1",
    "--system",
    "lfcc_lcnn",
    f"train_on=[{','.join(NAMES)}]",
    "train.sampler=balanced_corpora",
]


@pytest.fixture
def roots(tmp_path):
    """Two recipes side by side."""
    (tmp_path / "egs").mkdir()
    for name in NAMES:
        miniatures.make(name, tmp_path / name).rename(tmp_path / "egs" / name)
    return [tmp_path / "egs" / name for name in NAMES]


def test_a_system_learns_from_two_corpora(roots):
    here, there = roots
    first = dada("run", here, *BOTH)
    assert first.returncode == 2 and "it belongs to the recipe asvspoof5: run" in first.stderr
    features = dada("run", there, "--nj", "1", "--stop_stage", "4", "--system", "lfcc_lcnn")
    assert features.returncode == 0, features.stderr[-3000:]

    # The clips of the two miniatures are the same sounds: a test on what was trained on.
    refused = dada("run", here, *BOTH)
    assert refused.returncode == 2 and "of train of asvspoof5" in refused.stderr, refused.stderr[-3000:]
    done = dada("run", here, *BOTH, "allow_seen=true")
    assert done.returncode == 0, done.stderr[-3000:]

    home = here / "exp" / "lfcc_lcnn" / "seed_1"
    own, other = (DataDir.read(root / "data" / "train").utts for root in roots)
    assert read_utts(home / "trained_on" / "train.txt") == own
    assert read_utts(home / "trained_on" / "asvspoof5.train.txt") == other
    with open(home / "log.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 1  # an epoch of it
    assert f"{len(own) + len(other)} utterances" in (refused.stderr + logs(here))
    result = json.loads((here / "exp" / "lfcc_lcnn" / "results" / "eval.json").read_text())
    assert "its training data includes ASVspoof 5" in result["notes"]
    assert any("trials were in its training or development data" in note for note in result["notes"])


def logs(recipe) -> str:
    return "".join(path.read_text() for path in (recipe / "exp" / "log").rglob("*.log"))
