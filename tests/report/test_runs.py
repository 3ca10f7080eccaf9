"""Comparing two experiments."""

import json
import shutil

import pytest

from dada.errors import DataError
from dada.evaluate.results import ConditionResults, Provenance, SystemResults, write_results
from dada.metrics.figure import Figure
from dada.report.runs import compare_runs, read_run


@pytest.fixture
def experiments(tmp_path):
    """Two folders of a system with two seeds and one result, which differ in a learning rate and an EER."""
    first, second = tmp_path / "exp" / "a", tmp_path / "exp2" / "a"
    for seed in (1, 2):
        (first / f"seed_{seed}").mkdir(parents=True)
        config = {"name": "a", "model": {"name": "lcnn"}, "train": {"optim": {"lr": 1e-4}, "phases": []}}
        write(first / f"seed_{seed}" / "config.json", config)
    eer, auc = (
        Figure(mean=mean, low=low, high=high) for mean, low, high in ((0.1, 0.05, 0.2), (0.9, 0.8, 1))
    )
    attack = ConditionResults(
        num_bonafide=5, num_spoof=5, num_bonafide_within=0, metrics={"eer": Figure(mean=0.2)}
    )
    result = SystemResults(
        system="a",
        task="audio",
        protocol="main",
        split="test",
        seeds=[1, 2],
        num_trials=10,
        metrics={"eer": eer, "auc": auc, "cllr": None},
        conditions={"attack": {"A01": attack}},
        provenance=Provenance("./run.sh", {"1": "abc"}, {"seed": 0}, {}),
    )
    (first / "results").mkdir()
    write_results(first / "results" / "test.json", result)
    shutil.copytree(first, second)
    for seed in (1, 2):
        edit(second / f"seed_{seed}" / "config.json", lambda config: config["train"]["optim"].update(lr=3e-4))
    edit(second / "results" / "test.json", lambda content: content["metrics"]["eer"].update(mean=0.08))
    return first, second


def write(path, content):
    path.write_text(json.dumps(content))


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    write(path, content)


def test_only_what_differs(experiments):
    lines = compare_runs(*map(read_run, experiments))
    text = "\n".join(lines)
    assert "settings: 1 differ, 9 agree" in text and "figures: 1 differ, 2 agree" in text
    assert next(line for line in lines if "train.optim.lr" in line).split() == [
        "train.optim.lr",
        "0.0001",
        "0.0003",
    ]
    row = next(line for line in lines if "test eer " in line)
    assert "0.10000 [0.0500, 0.2000]" in row and row.endswith("-0.02000")
    assert "model.name" not in text and "A01" not in text


def test_same_and_one_sided(experiments):
    first, second = experiments
    same = "\n".join(compare_runs(read_run(first), read_run(first)))
    assert "settings: 0 differ" in same and "figures: 0 differ" in same
    (second / "results" / "test.json").unlink()
    lines = compare_runs(read_run(first), read_run(second))
    assert next(line for line in lines if "test auc" in line).split()[-1] == "–"
    alone = compare_runs(read_run(first / "seed_1"), read_run(second / "seed_2"))
    assert any("train.optim.lr" in line for line in alone) and any(
        "figures: 0 differ, 0 agree" in line for line in alone
    )


def test_seeds_with_other_settings_are_kept_apart(experiments):
    first, _ = experiments
    edit(first / "seed_2" / "config.json", lambda config: config["train"]["optim"].update(lr=9.0))
    settings = read_run(first).settings
    assert settings["train.optim.lr"] == 1e-4 and settings["seed_2: train.optim.lr"] == 9.0


def test_what_is_no_experiment(experiments, tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        read_run(tmp_path / "none")
    with pytest.raises(DataError, match="not the folder of an experiment"):
        read_run(tmp_path)
    (experiments[0] / "seed_1" / "config.json").write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        read_run(experiments[0])
