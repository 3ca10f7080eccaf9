"""Ensembles and open-set systems through stages 7, 8 and 9 and the report, on made-up outputs of the systems
below them.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from run_stage import run_job
from small_recipe import small_recipe

from dada import metrics
from dada.data import DataDir, read_table
from dada.data.input import InputConfig
from dada.errors import ConfigError, DataError
from dada.evaluate.results import SystemResults, from_plain
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.models.inference import Outputs
from dada.recipe import roles
from dada.recipe.recipe import Recipe
from dada.report.load import Section
from dada.report.split import tables_of
from dada.score.scores import read_scores
from dada.stages import s07_train_fusion, s08_score, s09_evaluate

ATTACKS = ["bonafide", "A01", "A02", "A03"]
CM = ["spoof", "bonafide"]
MODELS = {"ensemble": "weighted", "open_set": "openmax"}


def on_top(task: str, branches: dict, labels=(), **model) -> SystemConfig:
    """A system on top of others."""
    settings = {"name": MODELS[task], **model}
    return SystemConfig("", task, [*labels], InputConfig("branches"), settings, branches=branches)


PAIR = {"a": "gmm", "b": "lcnn"}
BELOW = {
    "gmm": SystemConfig(model={"name": "gmm"}),
    "lcnn": SystemConfig(model={"name": "lcnn"}),
    "words": SystemConfig(task="text", input=InputConfig("text"), model={"name": "tfidf"}),
    "attacks": SystemConfig(labels=[], model={"name": "lcnn"}),
    "attacks_two": SystemConfig(labels=[], model={"name": "lcnn"}),
}
ON_TOP = {
    "sum": on_top("ensemble", PAIR, CM, weights={"a": 1, "b": 2}),
    "learned": on_top("ensemble", PAIR, CM, learned=True),
    "attacks_sum": on_top("ensemble", {"a": "attacks", "b": "attacks_two"}, normalise="none"),
    "openmax": on_top("open_set", {"classifier": "attacks_sum"}, CM, tail=10, fit_on="train_dev"),
    "tuned": on_top(
        "open_set", {"classifier": "attacks"}, CM, tune=True, tails=[5, 10], thresholds=[0.25, 0.7]
    ),
}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Recipe:
    """Splits of bona fide speech and three attacks, in test two more (one is the third again), and four
    trained systems.
    """
    evaluate = {"num_resamples": 20, "abx_triples": 50, "same_attack": {"A13": "A03"}}
    root = tmp_path_factory.mktemp("on_top")
    recipe = small_recipe(root, {**BELOW, **ON_TOP}, seeds=[1, 2], evaluate=evaluate)
    for number, split in enumerate(("train", "dev", "test")):
        names = ["-", "-", "-", "A01", "A02", "A03", *(["A13", "A19", "A19"] if split == "test" else [])]
        attacks = {f"{split}{i:03d}": names[i % len(names)] for i in range(30 * len(names))}
        tables = {"wav.scp": {utt: f"{utt}.wav" for utt in attacks}, "utt2attack": attacks}
        tables["utt2spk"] = {utt: f"S{i % 7}" for i, utt in enumerate(attacks)}
        tables["utt2label"] = {
            utt: "bonafide" if attack == "-" else "spoof" for utt, attack in attacks.items()
        }
        DataDir(recipe.data_dir(split), tables).write()
        for seed in recipe.seeds:
            rng = np.random.default_rng([number, seed])
            real = np.array([attack == "-" for attack in attacks.values()])
            for name, scale in (("gmm", 30.0), ("lcnn", 1.0)):
                score = scale * rng.normal(2.5 * real, 1.0)
                _write(recipe.seed_dir(name, seed), split, attacks, np.stack([0 * score, score], 1), CM)
            place = np.array(
                [
                    ["-", "A01", "A02", "A03"].index({"A13": "A03"}.get(a, a)) if a != "A19" else -1
                    for a in attacks.values()
                ]
            )
            for name, labels in (("attacks", ATTACKS), ("attacks_two", ATTACKS[::-1])):
                logits = rng.normal(0, 1, (len(attacks), 4))
                logits[np.arange(len(attacks)), place] += np.where(place >= 0, 5.0, 0.0)
                _write(
                    recipe.seed_dir(name, seed),
                    split,
                    attacks,
                    logits[:, [ATTACKS.index(label) for label in labels]],
                    labels,
                )
    return recipe


def _write(folder: Path, split: str, utts, logits: np.ndarray, labels) -> None:
    ExperimentFolder(folder).write_outputs(
        split, Outputs(list(utts), torch.tensor(logits).float(), torch.zeros(len(logits), 2))
    )
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))


@pytest.fixture(scope="module")
def results(recipe) -> dict[str, dict]:
    """What stage 9 finds on test, after stages 7 and 8 for the systems on top."""
    jobs = {job.name: job for job in s07_train_fusion.plan(recipe)}
    assert set(jobs) == {f"line/{name}/seed_{seed}" for name in ON_TOP for seed in (1, 2)}
    for stage, planned in ((s07_train_fusion, jobs.values()), (s08_score, s08_score.plan(recipe))):
        for job in [job for job in planned if job.systems[0] in ON_TOP]:
            assert all(path.exists() for path in job.inputs), job
            run_job(stage, recipe, job)
            assert all(path.exists() for path in job.outputs), job
    found = {}
    for job in [job for job in s09_evaluate.plan(recipe) if job.systems[0] in ON_TOP and job.split == "test"]:
        assert all(path.exists() for path in job.inputs)
        s09_evaluate.run(recipe, job)
        found[job.system] = json.loads(job.outputs[0].read_text())
    assert list(found) == list(ON_TOP)
    return found


def test_ensembles_beat_their_members_and_read_dev_alone(recipe, results):
    data = DataDir.read(recipe.data_dir("test"))
    real = np.array([data.labels[utt] == "bonafide" for utt in data.utts])
    alone = []
    for name in ("gmm", "lcnn"):
        logits = ExperimentFolder(recipe.seed_dir(name, 1)).read_outputs("test").logits.numpy()
        alone.append(metrics.eer(logits[real, 1], logits[~real, 1])[0])
    for name in ("sum", "learned"):
        assert results[name]["metrics"]["eer"]["per_seed"][0] < min(alone)
        assert (
            results[name]["metrics"]["cllr"]["mean"] < 0.5 and results[name]["classes"] is None
        )  # its scores are ratios
    weights = json.loads((recipe.seed_dir("sum", 1) / "ensemble.json").read_text())["members"]
    assert weights["b"]["share"] == pytest.approx(2 / 3)
    job = next(job for job in s07_train_fusion.plan(recipe) if job.system == "sum")
    assert (
        not [path for path in job.inputs if "train" in path.parts]
        and not (job.home / "embed" / "train").exists()
    )
    assert (recipe.seed_dir("sum", 1) / "calibration.json").exists()


def test_open_set_systems_know_what_they_do_not_know(recipe, results):
    for name in ("openmax", "tuned"):
        found = results[name]["classes"]
        assert found["labels"] == [*ATTACKS, "unknown"] and found["unknown_attacks"] == [
            "A19"
        ]  # A13 is A03 again
        assert (found["num_known"], found["num_unknown"]) == (210, 60)
        assert (
            found["unknown_auc"]["mean"] > 0.75
            and found["macro_f1"]["mean"] > 0.7
            and found["closed_accuracy"]["mean"] > 0.95
        )
        assert found["macro_f1"]["low"] <= found["macro_f1"]["mean"] <= found["macro_f1"]["high"]
        assert np.sum(found["confusion"]) == 2 * 270
        assert results[name]["metrics"]["eer"]["mean"] < 0.2  # bona fide against all other classes
        assert results[name]["metrics"]["cllr"] is None
    closed = results["attacks_sum"]["classes"]
    assert all(row[-1] == 0 for row in closed["confusion"])
    assert closed["macro_f1"]["mean"] < results["openmax"]["classes"]["macro_f1"]["mean"]
    decided = read_table(recipe.seed_dir("openmax", 1) / "classes" / "test.txt")
    assert set(decided) == set(DataDir.read(recipe.data_dir("test")).utts) and set(decided.values()) == {
        *ATTACKS,
        "unknown",
    }
    tried = json.loads((recipe.seed_dir("tuned", 1) / "open_set.json").read_text())
    assert len(tried["sweep"]) == 4 and tried["tail"] in (5, 10) and tried["threshold"] in (0.25, 0.7)
    assert len(read_scores(recipe.seed_dir("openmax", 2) / "scores" / "dev.txt")) == 180


def as_results(content):
    """Results from the values of their file."""
    return from_plain(SystemResults, {key: content[key] for key in content if key not in ("version", "kind")})


def test_reports_show_classes_and_confusions(recipe, results):
    section = Section("line", "test", True, {name: as_results(content) for name, content in results.items()})
    tables = {table.title: table for table in tables_of(section)}
    assert [row[0].text for row in tables["Attack recognition"].rows] == ["attacks_sum", "openmax", "tuned"]
    confusion = tables["Confusion matrix of openmax"]
    assert [row[0].text for row in confusion.rows] == ["bona fide", *ATTACKS[1:], "unknown"]
    assert confusion.headers[-2:] == ["unknown", "trials"]
    assert "Confusion matrix of attacks sum" not in tables and "Confusion matrix of attacks_sum" not in tables
    assert "A19" in tables["Attack recognition"].note


def test_the_sweep_on_dev_is_reported(recipe, results):
    """Every tail and threshold, over both seeds, with what each seed chose; test results hold none."""
    s09_evaluate.run(
        recipe, next(j for j in s09_evaluate.plan(recipe) if (j.systems, j.split) == (("tuned",), "dev"))
    )
    dev = json.loads((recipe.exp_dir("tuned") / "results" / "dev.json").read_text())
    swept = dev["classes"]["sweep"]
    assert (
        len(swept["rows"]) == 4 and len(swept["chosen"]) == 2 and results["tuned"]["classes"]["sweep"] is None
    )
    fitted = [json.loads((recipe.seed_dir("tuned", seed) / "open_set.json").read_text()) for seed in (1, 2)]
    best = [max(one["sweep"], key=lambda row: row["held_out_macro_f1"]) for one in fitted]
    assert swept["chosen"] == [{"tail": row["tail"], "threshold": row["threshold"]} for row in best]
    table = next(
        t
        for t in tables_of(Section("line", "dev", False, {"tuned": as_results(dev)}))
        if t.title == "Tail and threshold of tuned"
    )
    assert table.headers == ["tail", "threshold 0.25", "threshold 0.7"] and [
        row[0].text for row in table.rows
    ] == ["5", "10"]
    means = [row["held_out_macro_f1"]["mean"] for row in swept["rows"]]
    assert [cell.value for row in table.rows for cell in row[1:]] == means


def test_systems_without_bona_fide_give_classes_but_no_scores(tmp_path):
    attacks = SystemConfig(labels=["0", "1", "2"], model={"name": "lcnn"})
    recipe = small_recipe(tmp_path, {"attacks": attacks, "tuned": ON_TOP["tuned"]})
    tuned = recipe.system("tuned")
    assert roles.names_attacks(recipe, tuned) and not roles.gives_scores(recipe, tuned)
    outputs = next(job for job in s08_score.plan(recipe) if job.system == "tuned").outputs
    assert {path.parent.name for path in outputs} == {"dev", "test", "classes"}
    assert any(job.systems == ("tuned",) for job in s09_evaluate.plan(recipe))


@pytest.mark.parametrize(
    "system, message",
    [
        (on_top("ensemble", {"a": "gmm", "b": "words"}), "branches.b is a text system"),
        (on_top("ensemble", {}), "must name the members"),
        (on_top("open_set", {}), "must name the classifier"),
        (on_top("open_set", {"classifier": "gmm"}), "gmm has the classes spoof and bonafide"),
    ],
)
def test_wrong_branches_are_refused_before_anything_runs(tmp_path, system, message):
    recipe = small_recipe(tmp_path, {**BELOW, "bad": system})
    with pytest.raises(ConfigError, match=message):
        s07_train_fusion.plan(recipe)


def test_decisions_of_another_split_are_refused(recipe, results):
    path = recipe.seed_dir("tuned", 2) / "classes" / "test.txt"
    kept = path.read_text()
    path.write_text(kept.split("\n", 1)[1])
    with pytest.raises(DataError, match="names classes of 269 utterances, but .*test has 270"):
        s09_evaluate.run(
            recipe, next(j for j in s09_evaluate.plan(recipe) if (j.systems, j.split) == (("tuned",), "test"))
        )
    path.write_text(kept)
