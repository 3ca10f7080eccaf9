"""`dada evaluate` at a threshold: sets of one class, thresholds of other scores, words for labels."""

import numpy as np
import pytest

from dada.metrics import eer

SPOOFS = [(f"s{i}", 0.01 * i) for i in range(100)]


@pytest.fixture
def both(write, trials):
    """Scores and a key of numbers, separated by `|`."""
    return (
        write("both.txt", [(row[0], row[4]) for row in trials]),
        write("both.csv", [("clip", "class"), *((row[0], int(row[3] == "bonafide")) for row in trials)], "|"),
    )


NUMBERS = "--key_columns", "trial=clip,label=class", "--labels", "1=bonafide", "0=SPOOF"


def test_words_for_labels(measured, call, both):
    scores, key = both
    found = measured("--scores", scores, "--key", key, *NUMBERS, "--metrics", "eer", "--resamples", 0)
    assert (found["num_bonafide"], found["num_spoof"]) == (40, 80)
    code, _, err = call("--scores", scores, "--key", key, *NUMBERS[:2])
    assert code == 2 and "label '1'" in err and "--labels 1=bonafide 0=spoof" in err
    for labels, message in (("1=maybe", "must mean bonafide or spoof"), ("1", "write WORD=bonafide")):
        code, _, err = call("--scores", scores, "--key", key, *NUMBERS[:3], labels)
        assert code == 2 and message in err


def test_threshold_of_other_scores(measured, both, trials):
    scores, key = both
    files = "--scores", scores, "--key", key, *NUMBERS
    found = measured(*files, "--threshold_scores", scores, "--threshold_key", key, "--resamples", 50)
    bonafide, spoof = (
        np.array([row[4] for row in trials if row[3] == label]) for label in ("bonafide", "spoof")
    )
    threshold = eer(bonafide, spoof)[1]
    assert found["threshold"] == threshold and found["threshold_source"] == f"EER of {scores}"
    rates = {name: found["metrics"][f"{name}_at_threshold"] for name in ("frr", "far")}
    assert rates["frr"]["mean"] == np.mean(bonafide < threshold)
    assert rates["far"]["mean"] == np.mean(spoof >= threshold)
    assert all(rate["low"] < rate["mean"] < rate["high"] for rate in rates.values())


@pytest.mark.parametrize("label, name, other", [("spoof", "far", "frr"), ("bonafide", "frr", "far")])
def test_a_set_of_one_class(measured, write, label, name, other):
    scores, key = write("s.txt", SPOOFS), write("k.txt", [(trial, label) for trial, _ in SPOOFS])
    found = measured("--scores", scores, "--key", key, "--threshold", 0.255)
    rate = found["metrics"][f"{name}_at_threshold"]
    assert rate["mean"] == (0.74 if label == "spoof" else 0.26)
    # Each trial is its own cluster: the interval is that of a binomial share, 0.086 from the mean.
    assert abs(rate["mean"] - rate["low"] - 0.086) < 0.02 and abs(rate["high"] - rate["mean"] - 0.086) < 0.02
    assert found["metrics"]["eer"] is None and f"{other}_at_threshold" in found["missing"]
    assert not found["warnings"]


def test_refused_thresholds(call, write, both):
    scores, key = write("s.txt", SPOOFS), write("k.txt", [(trial, "spoof") for trial, _ in SPOOFS])
    for flags, message in (
        ((), "has only spoofs among the 100 scored trials"),
        (("--threshold_scores", scores, "--threshold_key", key), "has only spoofs"),
        (("--threshold_key", key), "is the key of --threshold_scores"),
        (("--threshold", 1, "--threshold_scores", both[0]), "give either --threshold"),
        (("--threshold", "nan"), "invalid finite value"),
    ):
        code, _, err = call("--scores", scores, "--key", key, *flags)
        assert code == 2 and message in err


def test_asv_of_another_set_is_refused(call, write, scores, trials):
    key = write("key.txt", [(row[1], row[0], "-", row[2], row[3]) for row in trials])
    rng = np.random.default_rng(0)
    kinds = ["target", "nontarget", "spoof"] * 20
    attacks = [f"A{7 + i // 3 % 3:02d}" if kind == "spoof" else "bonafide" for i, kind in enumerate(kinds)]
    asv = write("asv.txt", [(a, kind, rng.normal()) for a, kind in zip(attacks, kinds, strict=True)])
    code, _, err = call("--scores", scores, "--key", key, "--asv_scores", asv)
    assert code == 2 and "has A01, A02" in err
    assert "is of another set: it has the attacks A07, A08, A09" in err
