"""MLAAD's source tracing on a miniature: attribution to known synthesizers, and the detection of others."""

import json
import shutil
from pathlib import Path

import pytest
from fixtures import miniatures
from fixtures.miniatures import mlaad_source_tracing
from tiny_runs import dada

from dada.data import DataDir, read_table

CONF = """
input: {num_frames: 48}
model: {width: 0.25, dropout: 0.0, norm_momentum: 0.3}
train: {epochs: 12, batch_size: 6, optim: {lr: 3.0e-3}}
"""
KNOWN = ["facebook/mms-tts-eng", "suno/bark", "vits_neon"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The recipe after all stages, with a network of a toy's size."""
    recipe = miniatures.make("mlaad_source_tracing", tmp_path_factory.mktemp("tracing"))
    (recipe / "conf" / "lfcc_lcnn_attacks.yaml").write_text(CONF)
    done = dada("run", recipe, "--nj", "1")
    assert done.returncode == 0, done.stderr[-3000:]
    return recipe


def test_the_lists_become_splits(finished):
    data = {name: DataDir.read(finished / "data" / name) for name in ("train", "dev", "dev_unseen", "eval")}
    models = {name: sorted(set(part["utt2attack"].values())) for name, part in data.items()}
    assert models["train"] == models["dev"] == KNOWN and models["dev_unseen"] == ["griffin_lim"]
    assert models["eval"] == sorted([*KNOWN, *mlaad_source_tracing.UNSEEN["eval"]])
    sizes = {name: len(part.utts) for name, part in data.items()}
    assert sizes == {"train": 36, "dev": 18, "dev_unseen": 6, "eval": 30}
    assert data["train"]["utt2lang"]["de-suno_bark-train_1"] == "de" and data["train"].labels is None


def test_attribution_and_detection_are_measured(finished):
    for system in ("lfcc_lcnn_attacks", "lfcc_lcnn_openmax", "lfcc_lcnn_nsd"):
        found = json.loads((finished / "exp" / system / "results" / "eval.json").read_text())["classes"]
        assert found["labels"] == [*KNOWN, "unknown"] and found["unknown_attacks"] == ["f5-tts", "xtts_v2"]
        assert (found["num_known"], found["num_unknown"]) == (18, 12)
        assert found["closed_accuracy"]["mean"] > 0.6  # a third is chance
        for name in ("unknown_auc", "unknown_eer", "unknown_fpr95"):
            assert 0 <= found[name]["mean"] <= 1, name
        assert any(row[-1] for row in found["confusion"]) == (system != "lfcc_lcnn_attacks")
    fitted = json.loads((finished / "exp" / "lfcc_lcnn_nsd" / "seed_1" / "open_set.json").read_text())
    assert set(fitted) == {"threshold", "scale"}
    decided = read_table(finished / "exp" / "lfcc_lcnn_nsd" / "seed_1" / "classes" / "eval.txt")
    assert set(decided.values()) <= {*KNOWN, "unknown"} and len(decided) == 30
    unseen = json.loads((finished / "exp" / "lfcc_lcnn_nsd" / "results" / "dev_unseen.json").read_text())
    assert unseen["classes"]["num_known"] == 0 and unseen["classes"]["unknown_eer"] is None
    report = (finished / "exp" / "RESULTS.md").read_text()
    assert "| EER, unknown |" in report and "| FPR95, unknown |" in report


def test_lists_that_do_not_fit_are_named(finished, tmp_path):
    ignored = shutil.ignore_patterns("data", "dump", "exp")
    recipe = shutil.copytree(finished, tmp_path / "recipe", ignore=ignored)
    protocols = Path(shutil.copytree(finished.parent / "corpus" / "protocols", tmp_path / "protocols"))
    command = ("run", recipe, "--nj", "1", "--stop_stage", "1", f"corpus.options.protocols={protocols}")
    text = (protocols / "dev.csv").read_text()
    known_alone = "".join(line for line in text.splitlines(keepends=True) if "griffin" not in line)
    (protocols / "dev.csv").write_text(known_alone)
    done = dada(*command)
    assert done.returncode == 2 and "dev.csv has no utterance of dev_unseen" in done.stderr
    (protocols / "dev.csv").write_text(text.replace("dev 3.wav", "dev 33.wav"))
    done = dada(*command)
    assert done.returncode == 2 and "dev 33.wav does not exist" in done.stderr
    done = dada(*command, "corpus.options.allow_missing=true")
    assert done.returncode == 0 and "4 clips are left out" not in done.stderr, done.stderr
    assert "3 clips are left out" in done.stderr and "1 clips are left out" in done.stderr
