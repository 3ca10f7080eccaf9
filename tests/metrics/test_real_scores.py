"""Released score files, and what the official packages make of them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from dada import metrics


@pytest.fixture(scope="module")
def reference():
    folder = Path(
        os.environ.get("DADA_REFERENCE", Path(__file__).resolve().parents[2] / "../shared/reference")
    )
    if not folder.is_dir():
        pytest.skip(f"the reference data are not at {folder}: set DADA_REFERENCE")
    return folder


@pytest.fixture(scope="module")
def expected(reference):
    return json.loads((reference / "expected.json").read_text())["metrics"]


def classes(path, score_column, key_column, *wanted):
    rows = [line.split() for line in path.read_text().splitlines()]
    return [np.array([float(row[score_column]) for row in rows if row[key_column] == key]) for key in wanted]


def test_rawgat_2019(reference, expected):
    want, asv = expected["RawGAT_ST_mul_LA_eval"], expected["asv_2019_LA_eval"]
    scores = classes(
        reference / "scores/ASVspoof2019.LA.asv.eval.gi.trl.scores.txt", 2, 1, "target", "nontarget", "spoof"
    )
    assert [len(s) for s in scores] == [asv["num_target"], asv["num_nontarget"], asv["num_spoof"]]
    value, threshold = metrics.eer(scores[0], scores[1], ties="official")
    assert (round(100 * value, 4), round(threshold, 6)) == (asv["eer_percent"], asv["threshold"])
    rates = metrics.asv_rates(*scores)
    assert [round(r, 6) for r in (rates.p_fa, rates.p_miss, 1 - rates.p_fa_spoof)] == [
        asv["p_fa"],
        asv["p_miss"],
        asv["p_miss_spoof"],
    ]
    bonafide, spoof = classes(reference / "scores/RawGAT_ST_mul_LA_eval.txt", 3, 2, "bonafide", "spoof")
    assert bonafide.size + spoof.size == want["num_trials"]
    for ties in ("grouped", "official"):
        assert round(100 * metrics.eer(bonafide, spoof, ties)[0], 4) == want["eer_percent"]
    assert round(metrics.min_tdcf(bonafide, spoof, rates), 6) == want["min_tdcf_2019"]


def test_in_the_wild(reference, expected):
    want, folder = expected["in_the_wild_scl_conf3"], reference / "scores/in_the_wild"
    labels = dict(line.split() for line in (folder / "labels.txt").read_text().splitlines())
    scores = {
        row.split()[0].removeprefix("wav/"): row.split()[1]
        for row in (folder / "scl_conf3_scores.txt").read_text().splitlines()
    }
    key = [trial for trial in labels if trial in scores]
    assert len(labels) - len(key) == 1
    values = metrics.join_scores(scores, key, "scl_conf3", "labels.txt")
    is_bonafide = np.array([labels[trial] == "bonafide" for trial in key])
    value, _ = metrics.eer(values[is_bonafide], values[~is_bonafide])
    assert round(100 * value, 4) == want["eer_percent"]
