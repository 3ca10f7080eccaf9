"""`dada evaluate`: breakdowns, comparisons, warnings, and requests that are refused."""

import json
import re

import numpy as np
import pytest
from trial_files import asv_trials, rows_2019, rows_2021_la

from dada import metrics


def test_any_metric_by_condition(call, measured, write, scores, trials):
    """Costs by attack with the ASV's rate of its spoofs, by codec within it; other metrics as asked for; the
    EER in any case.
    """
    codecs = ["alaw" if i % 3 else "gsm" for i in range(len(trials))]
    rows = [
        (row[1], row[0], codec, "ita_tx", *rows_2021_la(row)[4:])
        for row, codec in zip(trials, codecs, strict=True)
    ]
    key, asv_rows = write("key.txt", rows), []
    for i, (speaker, utt, kind, score) in enumerate(asv_trials()):
        attack = "-" if kind != "spoof" else ("A01", "A02")[i % 2]
        asv_rows.append(
            (speaker, utt, score - (1 if attack == "A02" else 0), "alaw" if i % 4 else "gsm", attack, kind)
        )
    asv = write("asv.txt", [row[:3] for row in asv_rows])
    metadata = write(
        "asv_metadata.txt", [(*row[:2], row[3], "ita_tx", *row[4:], "notrim", "eval") for row in asv_rows]
    )
    given = "--scores", scores, "--key", key, "--asv_scores", asv, "--asv_key", metadata
    found = measured(*given, "--by", "attack,codec", "--resamples", 20)
    columns = [np.array([row[4] for row in trials]), np.array([row[2] for row in trials]), np.array(codecs)]
    cm, attack, codec = columns
    asv_score, asv_codec, asv_attack, kind = (
        np.array(column) for column in list(zip(*asv_rows, strict=True))[2:]
    )

    def cost(bonafide, spoof, target, its_spoofs):
        rates = metrics.asv_rates(
            *(asv_score[(kind == name) & target] for name in ("target", "nontarget")), asv_score[its_spoofs]
        )
        return metrics.min_tdcf(cm[bonafide], cm[spoof], rates, "revised")

    entry = found["conditions"]["attack"]["A02"]
    assert entry["metrics"]["min_tdcf_2021"]["mean"] == cost(
        attack == "-", attack == "A02", asv_codec != "", asv_attack == "A02"
    )
    figure = entry["metrics"]["min_tdcf_2021"]
    assert entry["asv"] == "spoofs of attack A02" and (figure["low"] is None) == bool(figure["no_interval"])
    entry, gsm = found["conditions"]["codec"]["gsm"], (asv_codec == "gsm")
    within = cost(
        (attack == "-") & (codec == "gsm"), (attack != "-") & (codec == "gsm"), gsm, gsm & (kind == "spoof")
    )
    assert entry["within"]["min_tdcf_2021"]["mean"] == within and entry["asv_within"] == "trials of codec gsm"
    of_all = cost(attack == "-", (attack != "-") & (codec == "gsm"), asv_codec != "", gsm & (kind == "spoof"))
    assert entry["metrics"]["min_tdcf_2021"]["mean"] == of_all
    bare = "--scores", scores, "--key", key, "--by", "attack", "--resamples", 0
    assert list(measured(*bare)["conditions"]["attack"]["A01"]["metrics"]) == ["eer"]
    entry = measured(*bare, "--metrics", "auc,cllr,min_dcf")["conditions"]["attack"]["A01"]
    pair = cm[attack == "-"], cm[attack == "A01"]
    assert entry["metrics"]["auc"]["mean"] == metrics.auc(*pair) and entry["metrics"]["cllr"][
        "mean"
    ] == metrics.cllr(*pair)
    assert (
        set(entry["metrics"]) == {"eer", "auc", "cllr", "min_dcf"}
        and entry["metrics"]["eer"]["mean"] == metrics.eer(*pair)[0]
    )
    _, out, _ = call(*bare, "--asv_scores", "asvspoof5", "--metrics", "min_tdcf_2021,eer")
    assert (
        "min_tdcf_2021 by attack, spoofs of one value against all bona fide speech\nA01" in out
        and "ASV: overall" in out
    )


def test_costs_by_condition_from_constants_and_from_an_asv_that_lets_no_spoof_pass(
    call, measured, write, scores, trials, tmp_path
):
    key = write("key.txt", map(rows_2021_la, trials))
    pooled, of_a01 = {"C0": 0.025, "C1": 0.9, "C2": 0.38}, {"C0": 0.025, "C1": 0.9, "C2": 0.2}
    empty = {"C0": 0.025, "C1": 0.9, "C2": float("nan")}
    across = {"Pooled": pooled, "alaw": {"C0": 0.05, "C1": 0.8, "C2": 0.3}}
    table = {"Pooled": across, "A01": {"Pooled": of_a01, "alaw": pooled}, "A02": {"Pooled": empty}}
    (tmp_path / "c012.json").write_text(json.dumps(table))
    arguments = "--scores", scores, "--key", key, "--by", "attack,codec", "--resamples", 0
    found = measured(*arguments, "--asv_scores", tmp_path / "c012.json")["conditions"]
    assert [found["attack"][name]["asv"] for name in ("A01", "A02")] == ["constants of attack A01", "overall"]
    curve = metrics.det(*([row[4] for row in trials if row[2] == name] for name in ("-", "A01")))
    expected = (0.025 + np.min(0.9 * curve.p_miss + 0.2 * curve.p_fa)) / 0.225
    assert list(found["attack"]["A01"]["metrics"]) == ["eer", "min_tdcf_2021"]
    assert found["attack"]["A01"]["metrics"]["min_tdcf_2021"]["mean"] == pytest.approx(expected, abs=1e-12)
    # All trials are of one codec, so that its constants hold within it, and those of all trials against all
    # bona fide speech.
    assert (
        found["codec"]["alaw"]["asv_within"] == "constants of codec alaw"
        and found["codec"]["alaw"]["asv"] == "overall"
    )
    rows = [
        ("A01" if kind == "spoof" else "bonafide", kind, -9 if kind == "spoof" else score)
        for _, _, kind, score in asv_trials()
    ]
    rows += [("A02", "spoof", 9)]
    _, out, _ = call(*arguments, "--asv_scores", write("asv.txt", rows))
    assert re.search(r"min_tdcf_2019 by attack.*\nA01 +not defined .*\nA02 +0\.", out)


def test_speaker_verification_of_asvspoof_5(measured, write):
    rows = asv_trials()
    score = [("spk", "filename", "cm-score", "asv-score", "sasv-score")]
    score += [(s, u, -1 if k == "spoof" else 1 + i / 9, v, 2 * v) for i, (s, u, k, v) in enumerate(rows)]
    labels = [(s, u, "spoof" if k == "spoof" else "bonafide", k) for s, u, k, _ in rows]
    key = write("key.tsv", [("spk", "filename", "cm-label", "asv-label"), *labels], "\t")
    parts = [[row[3] for row in rows if row[2] == kind] for kind in ("target", "nontarget", "spoof")]
    found = measured("--scores", write("score.tsv", score, "\t"), "--key", key, "--resamples", 10)["metrics"]
    assert found["eer"]["mean"] == 0 and found["a_dcf"]["mean"] == metrics.a_dcf(*parts)[0]
    assert found["a_dcf"]["low"] <= found["a_dcf"]["mean"] <= found["a_dcf"]["high"]
    assert found["t_eer"]["mean"] == 0
    alone = write("sasv.tsv", [score[0], *((s, u, "-", "-", v) for s, u, _, _, v in score[1:])], "\t")
    found = measured("--scores", alone, "--key", key, "--resamples", 10)["metrics"]
    assert found["a_dcf"]["mean"] == metrics.a_dcf(*parts)[0] and found["eer"] is None


def test_comparison_is_paired(call, measured, write, scores, trials):
    rng = np.random.default_rng(2)
    key = write("key.txt", map(rows_2019, trials))
    worse = write("worse.txt", [(row[0], row[4] + rng.normal() * 2) for row in reversed(trials)])
    found = measured(
        "--scores", scores, "--compare", worse, "--key", key, "--metrics", "eer,auc", "--resamples", 200
    )
    entry = found["compare"]["metrics"]["eer"]
    assert (
        entry["mean"] == entry["first"] - entry["second"] < 0
        and entry["first"] == found["metrics"]["eer"]["mean"]
    )
    assert entry["low"] < entry["mean"] < entry["high"] and set(found["compare"]["metrics"]) == {"eer", "auc"}
    same = measured("--scores", scores, "--compare", scores, "--key", key, "--resamples", 50)["compare"][
        "metrics"
    ]
    assert all(e["mean"] == 0 and e["low"] in (0, None) and e["high"] in (0, None) for e in same.values())
    _, out, _ = call("--scores", scores, "--compare", worse, "--key", key, "--resamples", 50)
    assert "difference: " in out and "worse.txt" in out
    short = write("short.txt", [(row[0], row[4]) for row in trials[1:]])
    code, _, err = call("--scores", scores, "--compare", short, "--key", key)
    assert code == 2 and "(T_0000)" in err
    found = measured("--scores", scores, "--compare", short, "--key", key, "--common", "--resamples", 0)
    assert found["num_trials"] == 119 and found["compare"]["metrics"]["eer"]["mean"] == 0


def test_unlabelled_set(call, measured, write, scores, trials, tmp_path):
    listed = write("list.txt", [(row[0],) for row in reversed(trials)])
    code, out, err = call("--scores", scores, "--key", listed)
    assert code == 2 and "has no labels" in err and "--submission" in err
    code, out, _ = call("--scores", scores, "--key", listed, "--submission", tmp_path / "s.txt")
    assert code == 0 and "120, unlabelled" in out and "sha256" in out
    assert (tmp_path / "s.txt").read_text().splitlines()[0].startswith("T_0119 ")
    gap = write("gap.txt", [(row[0], row[4]) for row in trials[1:]])
    code, _, err = call(
        "--scores", gap, "--key", listed, "--common", "--submission", tmp_path / "gap_out.txt"
    )
    assert code == 2 and "needs a score for every trial" in err and not (tmp_path / "gap_out.txt").exists()
    code, _, err = call(
        "--scores",
        scores,
        "--key",
        listed,
        "--submission",
        tmp_path / "o.txt",
        "--submission_format",
        "asvspoof2019",
    )
    assert code == 2 and "no labels and attacks" in err


def test_warnings_are_in_both_outputs(call, measured, write, trials):
    key = write("key.txt", [(row[0], row[3]) for row in trials])
    inverted = write("inverted.txt", [(row[0], -row[4]) for row in trials])
    code, out, err = call("--scores", inverted, "--key", key, "--resamples", 0)
    assert code == 0 and "negate the scores" in err
    assert (
        "is the sign inverted"
        in measured("--scores", inverted, "--key", key, "--resamples", 0)["warnings"][0]
    )
    saturated = write("saturated.txt", [(row[0], min(1.0, max(0.0, row[4]))) for row in trials])
    found = measured("--scores", saturated, "--key", key, "--resamples", 0)
    assert "exactly 0 or 1" in found["warnings"][0]
    assert found["metrics"]["cllr"] is None and "no log-likelihood ratios" in found["missing"]["cllr"]
    constant = write("constant.txt", [(row[0], 3) for row in trials])
    found = measured("--scores", constant, "--key", key, "--resamples", 0)
    assert found["metrics"]["eer"]["mean"] == 0.5 and found["metrics"]["eer_official"]["mean"] == 1
    assert "all 120 scores are 3" in found["warnings"][0]


def test_our_own_scores_say_whether_they_are_ratios(measured, write, scores, trials):
    key = write("key.txt", [(row[0], row[3]) for row in trials])
    for kind, is_there in (("cosine", False), ("llr", True)):
        scores.with_suffix(".json").write_text(json.dumps({"score_kind": kind}))
        found = measured("--scores", scores, "--key", key, "--resamples", 0)
        assert (found["metrics"]["act_dcf"] is not None) == is_there and found["metrics"]["min_cllr"]
        assert is_there or "ratios but cosines" in found["missing"]["act_dcf"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--metrics", "err"), "unknown metric 'err', did you mean 'eer'"),
        (("--by", "atack"), "unknown condition of .*did you mean 'attack'"),
        (("--metrics", "t_eer"), "t_eer cannot be measured: it needs an ASV"),
        (("--subset", "eval"), "has no column of subsets"),
    ],
)
def test_wrong_requests(arguments, message, call, write, scores, trials):
    code, out, err = call("--scores", scores, "--key", write("key.txt", map(rows_2019, trials)), *arguments)
    assert code == 2 and out == "" and re.search(message, err)


def test_clusters_by_attack(call, measured, write, scores, trials):
    """Two attacks: resampling them gives a wider interval than resampling four speakers, since one of the two
    is much harder.
    """
    key = write("key.txt", map(rows_2019, trials))
    wide, narrow = (
        measured("--scores", scores, "--key", key, "--cluster", cluster)["metrics"]["eer"]
        for cluster in ("attack", "speaker")
    )
    assert wide["mean"] == narrow["mean"] and wide["high"] - wide["low"] > narrow["high"] - narrow["low"] > 0
    assert "over the attacks" in call("--scores", scores, "--key", key, "--cluster", "attack")[1]
    code, _, err = call(
        "--scores",
        scores,
        "--key",
        write("bare.txt", [(row[0], row[3]) for row in trials]),
        "--cluster",
        "attack",
    )
    assert code == 2 and "names no attacks" in err


def test_every_metric_has_an_interval_without_speakers(measured, write):
    rng = np.random.default_rng(0)
    trials = [
        (f"U{i}", rng.normal(2 if i < 1500 else 0), "bonafide" if i < 1500 else "spoof") for i in range(4000)
    ]
    score, key = (
        write("s.txt", [row[:2] for row in trials]),
        write("k.txt", [(row[0], row[2]) for row in trials]),
    )
    asv = write(
        "asv.txt",
        [("A07" if kind == "spoof" else "bonafide", kind, score) for _, _, kind, score in asv_trials()],
    )
    found = measured("--scores", score, "--key", key, "--asv_scores", asv, "--resamples", 100)["metrics"]
    absent = {name for name, entry in found.items() if entry is None}
    calibrated = {"act_dcf_calibrated", "cllr_calibrated"}
    assert absent == {"a_dcf", "eer_over_attacks", "frr_at_threshold", "far_at_threshold"} | calibrated
    found = {name: entry for name, entry in found.items() if name not in absent}
    assert all(entry["low"] < entry["mean"] < entry["high"] for entry in found.values()) and len(found) == 12


def test_no_key_and_one_class(call, write, scores, trials):
    code, _, err = call("--scores", scores)
    assert code == 2 and "holds no labels" in err
    code, _, err = call(
        "--scores", scores, "--key", write("key.txt", [(row[0], "bonafide") for row in trials])
    )
    assert code == 2 and "has only bona fide trials" in err


def test_order_of_trials_does_not_matter(measured, write, scores, trials):
    key = write("key.txt", map(rows_2019, trials))
    mixed = [trials[i] for i in np.random.default_rng(0).permutation(len(trials))]
    other = write("mixed.txt", [(row[0], row[4]) for row in mixed])
    first, second = (
        measured("--scores", path, "--key", key, "--resamples", 30)["metrics"] for path in (scores, other)
    )
    assert first == second
