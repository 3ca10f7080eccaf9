"""Outputs, score files and experiment folders, there and back, and what is wrong with broken ones."""

import json

import numpy as np
import pytest
import torch

from dada import models
from dada.data import DataDir, write_table
from dada.data.dataset import Dataset
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import load_experiment
from dada.models.inference import Outputs, run_model, scores_from_logits
from dada.score.scores import provenance, read_scores, write_scores
from dada.train.fit import fit

MODEL = {
    "name": "dada_audio",
    "width": 3,
    "bottleneck": 2,
    "embedding": 4,
    "attention": 2,
    "head": [4],
    "dropout": 0.0,
}


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    arrays = {f"u{i}": rng.standard_normal((3 + i * 5 % 7, 3)).astype(np.float32) for i in range(9)}
    return Dataset(arrays, list(arrays), torch.arange(9) % 2, lengths=[len(a) for a in arrays.values()])


@pytest.fixture
def trained(dataset, tmp_path):
    config = SystemConfig(name="x", model=MODEL)
    config.input.kind = "features"
    config.train.epochs, config.train.loss = 1, {"name": "bce"}
    return fit(config, dataset, dataset, tmp_path / "seed_1", seed=1), tmp_path / "seed_1"


def test_order_and_padding_do_not_show_in_outputs(dataset):
    torch.manual_seed(0)
    model = models.build("audio", MODEL, 2).train()
    outputs = run_model(model, dataset, batch_size=4)
    assert model.training and outputs.utts == dataset.utts
    for i in range(9):
        alone = model.eval()(dataset.collate([dataset[i]]))
        torch.testing.assert_close(outputs.embeddings[i], alone.embedding[0].detach())
        torch.testing.assert_close(outputs.logits[i], alone.logits[0].detach())


def test_scores_are_higher_for_bona_fide():
    logits = torch.tensor([[1.0, 3.0], [2.0, -1.0]])
    assert scores_from_logits(logits, ["spoof", "bonafide"]).tolist() == [2.0, -3.0]
    assert scores_from_logits(logits, ["bonafide", "spoof"]).tolist() == [-2.0, 3.0]
    assert scores_from_logits(logits[:, :1], ["spoof", "bonafide"]).tolist() == [1.0, 2.0]
    with pytest.raises(ConfigError, match="BOB, JOE hold no bonafide"):
        scores_from_logits(logits, ["BOB", "JOE"])


def test_outputs_and_scores_come_back_bit_by_bit(tmp_path):
    outputs = Outputs(["b", "a"], torch.randn(2, 1), torch.randn(2, 5))
    ExperimentFolder(tmp_path).write_outputs("dev", outputs)
    again = ExperimentFolder(tmp_path).read_outputs("dev")
    assert (
        again.utts == ["a", "b"]
        and torch.equal(again.logits, outputs.logits[[1, 0]])
        and torch.equal(again.embeddings, outputs.embeddings[[1, 0]])
    )
    scores = np.array([1 / 3, -1.2345678e-9, 3.4e10], dtype=np.float32)
    write_scores(tmp_path / "dev.txt", ["c", "a", "b"], scores, {"system": "x"})
    read = read_scores(tmp_path / "dev.txt")
    assert [np.float32(read[utt]) for utt in ("c", "a", "b")] == scores.tolist()
    assert (tmp_path / "dev.txt").read_text().splitlines()[2] == "c 0.33333334"
    assert json.loads((tmp_path / "dev.json").read_text()) == {"system": "x"}


def test_scores_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(DataError, match="first that of b"):
        write_scores(tmp_path / "dev.txt", ["a", "b"], [1.0, np.nan], {})
    assert not (tmp_path / "dev.txt").exists()
    for value in ("high", "nan"):
        write_table(tmp_path / "bad.txt", {"a": value})
        with pytest.raises(DataError, match="the score of a is"):
            read_scores(tmp_path / "bad.txt")


def test_an_experiment_is_loaded_as_it_was_trained(trained, dataset, tmp_path):
    model, folder = trained
    experiment = load_experiment(folder)
    assert experiment.labels == ["spoof", "bonafide"] and experiment.config.train.loss == {"name": "bce"}
    assert torch.equal(run_model(experiment.model, dataset).logits, run_model(model, dataset).logits)
    DataDir(tmp_path / "data", {"text": {"a": "x"}, "utt2spk": {"a": "BOB"}}).write()
    facts = provenance(folder, experiment, "dev", [tmp_path / "data" / "utt2spk"], tmp_path)
    assert (
        facts["system"] == "x"
        and len(facts["weights"]) == len(facts["config"]) == 64
        and facts["window"] == "full"
        and "data/utt2spk" in facts["data"]
    )


def test_broken_experiments_are_named(trained, tmp_path):
    _, folder = trained
    with pytest.raises(DataError, match="does not exist: train the system first"):
        load_experiment(tmp_path / "nowhere")
    config = json.loads((folder / "config.json").read_text())
    config["model"]["embedding"] = 6
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="do not fit the model dada_audio"):
        load_experiment(folder)
    (folder / "config.json").write_text(json.dumps({**config, "modell": {}}))
    with pytest.raises(ConfigError, match="unknown key 'modell', did you mean 'model'"):
        load_experiment(folder)
    (folder / "weights.pt").write_bytes(b"half")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="is no checkpoint, or not all of one"):
        load_experiment(folder)
    (folder / "weights.pt").unlink()
    with pytest.raises(DataError, match="no weights.pt: the training did not end"):
        load_experiment(folder)
