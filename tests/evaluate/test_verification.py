"""Claims on the texts of a split: trials, metrics against a direct computation, differences, tables."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dada.data import DataDir
from dada.errors import ConfigError, DataError
from dada.evaluate.results import PairResults, Provenance, SystemResults, as_json, from_plain
from dada.evaluate.verification import Judge, claim_trials, compare_verification, verification
from dada.evaluation_settings import EvaluateConfig, VerificationConfig
from dada.experiment.folder import ExperimentFolder
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.models.inference import Outputs
from dada.report.claim_tables import claim_tables
from dada.report.load import Section
from dada.report.summary import results_summary

AUTHORS = ["ann", "bob", "cid", "dan"]  # dan has no text in the split
CONFIG = EvaluateConfig(num_resamples=60, verification=VerificationConfig(pooled=[1, 2], period="decade"))


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Texts of three authors and a stranger, five sources of three texts each, and two seeds of a system
    that knows four authors.
    """
    root, rng = tmp_path_factory.mktemp("claims"), np.random.default_rng(0)
    tables = {name: {} for name in ("text", "utt2spk", "utt2source", "utt2decade")}
    for a, author in enumerate([*AUTHORS[:3], "eve"]):
        for i in range(15):
            row = (f"word {i}", author, f"{author} {i // 3}", f"{1900 + 10 * (a // 2)}s")
            for name, value in zip(tables, row, strict=True):
                tables[name][f"{author}-{i:02d}"] = value
    data = DataDir(root / "test", tables)
    data.write()
    folders = [ExperimentFolder(root / f"seed_{k}") for k in (1, 2)]
    for k, folder in enumerate(folders):
        logits = rng.normal(size=(len(data.utts), len(AUTHORS)))
        for row, utt in enumerate(data.utts):
            if data.speakers[utt] in AUTHORS:
                logits[row, AUTHORS.index(data.speakers[utt])] += 1 + k
        folder.write_outputs("test", Outputs(data.utts, *(torch.tensor(logits).float(),) * 2))
    return data, [folder.logits("test") for folder in folders]


def test_trials_and_eers_are_those_of_a_direct_computation(split):
    data, logits = split
    found = verification(data, Judge(logits, AUTHORS), data.utts, CONFIG)
    assert list(found) == ["1", "2"] and set(found["1"].metrics) == {"eer", "auc", "min_cllr"}
    assert (found["1"].num_bonafide, found["1"].num_spoof) == (45, 45 * 2 + 15 * 3)
    assert (found["2"].num_bonafide, found["2"].num_spoof, found["2"].num_speakers) == (15, 45, 20)
    rows = np.load(logits[0]).astype(float)
    p = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
    own, others = [], []
    for row, utt in zip(p, data.utts, strict=True):
        for k in range(3):
            (own if AUTHORS[k] == data.speakers[utt] else others).append(np.log(row[k] / (1 - row[k])))
    eer = eer_of(det(np.array(own), np.array(others)))[0]
    assert found["1"].metrics["eer"].per_seed[0] == pytest.approx(eer, abs=1e-9)
    assert found["2"].metrics["eer"].mean < found["1"].metrics["eer"].mean
    figure = found["1"].metrics["eer"]
    assert figure.low < figure.mean < figure.high
    assert found["1"].metrics["eer"].per_seed[1] < figure.per_seed[0]  # the better seed


def test_impostors_of_the_same_period_are_measured_by_themselves(split):
    data, logits = split
    period = verification(data, Judge(logits, AUTHORS), data.utts, CONFIG)["1"].conditions["period"]
    # ann and bob spoke in one decade, cid and eve in another
    assert {name: entry.num_spoof for name, entry in period.items()} == {
        "same_decade": 15 + 15 + 15,
        "other_decade": 15 + 15 + 30 + 30,
    }
    assert all(entry.metrics["eer"].mean > 0 for entry in period.values())


def test_a_binary_head_is_judged_by_its_logits(split):
    data, logits = split
    found = verification(data, Judge(logits[:1], AUTHORS, by_logit=True), data.utts, CONFIG)
    rows = np.load(logits[0]).astype(float)[:, :3]
    is_own = np.array([[author == data.speakers[utt] for author in AUTHORS[:3]] for utt in data.utts])
    eer = eer_of(det(rows[is_own], rows[~is_own]))[0]
    assert found["1"].metrics["eer"].mean == pytest.approx(eer, abs=1e-9)


def test_clusters_may_be_speakers_and_impostors_few(split):
    data, logits = split
    few = replace(CONFIG, verification=VerificationConfig([1], num_impostors=1, cluster="speaker"))
    found = verification(data, Judge(logits, AUTHORS), data.utts, few)["1"]
    assert (found.num_bonafide, found.num_spoof, found.num_speakers) == (45, 60, 4)
    assert not found.conditions


def test_splits_without_trials_and_wrong_settings(split, tmp_path):
    data, logits = split
    assert verification(data, Judge(logits, AUTHORS), None, CONFIG) == {}
    judge, of_stranger = Judge(logits, AUTHORS), [utt for utt in data.utts if utt.startswith("eve")]
    assert claim_trials(data, judge, of_stranger, 1, CONFIG) is None
    assert list(verification(data, Judge(logits, AUTHORS), data.utts, EvaluateConfig())) == []
    for setting, match in (
        ({"period": "year"}, "utt2year does not exist: leave it out"),
        ({"metrics": ["erk"]}, "unknown metric 'erk'"),
    ):
        wrong = replace(CONFIG, verification=VerificationConfig([1], **setting))
        with pytest.raises(ConfigError, match=match):
            verification(data, Judge(logits, AUTHORS), data.utts, wrong)
    with pytest.raises(DataError, match="know other authors"):
        compare_verification(data, (judge, Judge(logits, AUTHORS[::-1])), data.utts, CONFIG)


def test_tables_and_json_have_every_number(split):
    data, logits = split
    systems = {"first": logits[:1], "second": logits[1:]}
    provenance = Provenance("", {}, CONFIG.of_one_system(), {})
    common = {"protocol": "main", "split": "test", "seeds": [1]}
    results = {
        name: SystemResults(
            system=name,
            task="text",
            num_trials=60,
            provenance=provenance,
            verification=verification(data, Judge(paths, AUTHORS), data.utts, CONFIG),
            **common,
        )
        for name, paths in systems.items()
    }
    compared = compare_verification(
        data, tuple(Judge(paths, AUTHORS) for paths in systems.values()), data.utts, CONFIG
    )
    pair = PairResults(systems=list(systems), verification=compared, **common)
    again = from_plain(PairResults, {k: v for k, v in as_json(pair).items() if k not in ("version", "kind")})
    assert again == pair and compared["1"].metrics["eer"].p_value < 0.05
    section = Section("main", "test", True, results, differences=[pair])
    tables = {table.title: table for table in claim_tables(section)}
    assert list(tables) == [
        "Verification: EER, %",
        "Verification: AUC",
        "Verification: min Cllr",
        "Verification by period",
        "Paired differences of verification",
    ]
    eer = tables["Verification: EER, %"]
    assert eer.headers == ["system", "1 text", "2 texts"] and [row[1].best for row in eer.rows] == [
        False,
        True,
    ]
    assert "45 and 135 of 1 text" in eer.note and "20 sources" in eer.note
    assert tables["Verification by period"].headers[1] == "1 text, other decade"
    assert tables["Paired differences of verification"].rows[0][0].text == "first minus second"
    summary = results_summary([section])["results"][0]
    assert summary["verification"]["2"]["auc"] == pytest.approx(
        results["first"].verification["2"].metrics["auc"].mean, abs=1e-6
    )
