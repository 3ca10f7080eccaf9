"""`dada evaluate`: published figures through the command line, and keys and scores in every format."""

import json

import numpy as np
import pytest
from trial_files import asv_trials, eer_of, rows_5, rows_2019, rows_2021_df, rows_2021_la, rows_2021_pa

from dada import metrics
from dada.data import DataDir
from dada.errors import DataError
from dada.formats.asv_scores import read_asv

LA = "protocols/ASVspoof2019.LA.cm.eval.trl.txt"
ASV = "scores/ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"


def test_rawgat_on_asvspoof_2019(reference, measured):
    expected = json.loads((reference / "expected.json").read_text())["metrics"]["RawGAT_ST_mul_LA_eval"]
    found = measured(
        "--scores",
        reference / "scores/RawGAT_ST_mul_LA_eval.txt",
        "--key",
        reference / LA,
        "--asv_scores",
        reference / ASV,
        "--by",
        "attack",
        "--resamples",
        50,
    )
    assert found["num_trials"] == expected["num_trials"] and found["num_speakers"] == 67
    for name in ("eer", "eer_official"):
        assert round(100 * found["metrics"][name]["mean"], 4) == expected["eer_percent"]
    assert round(found["metrics"]["min_tdcf_2019"]["mean"], 6) == expected["min_tdcf_2019"]
    assert (
        len(found["conditions"]["attack"]) == 13 and found["conditions"]["attack"]["A17"]["num_spoof"] == 4914
    )
    assert found["metrics"]["eer"]["low"] < 0.0106 < found["metrics"]["eer"]["high"]
    # By hand, as the field's scripts do: all bona fide trials, spoofs of one attack, and the ASV's rates with
    # its own false acceptances.
    cm, asv = (
        np.loadtxt(path, dtype=str)
        for path in (reference / "scores/RawGAT_ST_mul_LA_eval.txt", reference / ASV)
    )
    rates = read_asv(str(reference / ASV)).rates
    for attack, entry in found["conditions"]["attack"].items():
        threshold = json.loads((reference / "expected.json").read_text())["metrics"]["asv_2019_LA_eval"][
            "threshold"
        ]
        passed = np.mean(asv[asv[:, 0] == attack][:, 2].astype(float) >= threshold)
        c1, c2 = 0.9405 * (1 - rates.p_miss) - 0.095 * rates.p_fa, 0.5 * passed
        bonafide, spoof = (
            np.sort(cm[cm[:, 2] == "bonafide"][:, 3].astype(float)),
            cm[cm[:, 1] == attack][:, 3].astype(float),
        )
        p_miss = np.searchsorted(bonafide, np.append(bonafide, np.inf)) / bonafide.size
        p_fa = 1 - np.searchsorted(np.sort(spoof), np.append(bonafide, np.inf)) / spoof.size
        assert entry["metrics"]["min_tdcf_2019"]["mean"] == pytest.approx(
            np.min(c1 * p_miss + c2 * p_fa) / min(c1, c2), abs=1e-9
        )
        assert entry["asv"] == f"spoofs of attack {attack}" and entry["within"] is None


def test_rates_of_the_given_asv(reference):
    asv = json.loads((reference / "expected.json").read_text())["metrics"]["asv_2019_LA_eval"]
    found = read_asv(str(reference / ASV))
    rates = [found.rates.p_fa, found.rates.p_miss, 1 - found.rates.p_fa_spoof]
    assert [round(rate, 6) for rate in rates] == [asv["p_fa"], asv["p_miss"], asv["p_miss_spoof"]]
    assert [len(kind) for kind in found.kinds] == [asv["num_target"], asv["num_nontarget"], asv["num_spoof"]]


def test_in_the_wild(reference, measured, call):
    expected = json.loads((reference / "expected.json").read_text())["metrics"]["in_the_wild_scl_conf3"]
    folder = reference / "scores/in_the_wild"
    arguments = (
        "--scores",
        folder / "scl_conf3_scores.txt",
        "--columns",
        "trial,score",
        "--key",
        folder / "labels.txt",
        "--resamples",
        0,
    )
    found = measured(*arguments, "--common", "--metrics", "eer")
    assert (
        round(100 * found["metrics"]["eer"]["mean"], 4) == expected["eer_percent"]
        and found["num_left_out"] == 1
    )
    code, out, err = call(*arguments)
    assert code == 2 and out == "" and "1 trials of" in err and "(0.wav)" in err and "--common" in err


@pytest.mark.parametrize("layout", [rows_2019, rows_2021_la, rows_2021_df, rows_5])
def test_challenge_keys(layout, measured, write, scores, trials):
    found = measured(
        "--scores",
        scores,
        "--key",
        write("key.txt", map(layout, trials)),
        "--by",
        "attack",
        "--resamples",
        20,
    )
    assert found["metrics"]["eer"]["mean"] == eer_of(trials) and found["num_speakers"] == 4
    attacks = found["conditions"]["attack"]
    assert list(attacks) == ["A01", "A02"] and attacks["A02"]["metrics"]["eer"]["mean"] == eer_of(
        trials, lambda row: row[2] == "A02"
    )


def test_physical_access_of_2021(measured, write, scores, trials):
    key = write("trial_metadata.txt", map(rows_2021_pa, trials))
    found = measured("--scores", scores, "--key", key, "--by", "attacker_room,asv_mic", "--resamples", 10)
    assert found["key_layout"].startswith("ASVspoof 2021 PA metadata") and found["metrics"]["eer"][
        "mean"
    ] == eer_of(trials)
    assert (
        found["conditions"]["attacker_room"]["r1"]["within"] is None
        and found["conditions"]["asv_mic"]["M3"]["within"] is not None
    )


def test_other_keys(measured, write, scores, trials, tmp_path):
    expected = eer_of(trials)
    wild = [(f"{r[0]}.wav", f"Al {r[1]}", "bona-fide" if r[3] == "bonafide" else "spoof") for r in trials]
    csv = write("meta.csv", [("file", "speaker", "label"), *wild], ",")
    header = write("key5.tsv", [("filename", "cm-label"), *((r[0], r[3]) for r in trials)], "\t")
    mine = write("mine.txt", [(r[3], "x", r[0], r[2]) for r in trials])
    data = DataDir(
        tmp_path / "data",
        {
            "wav.scp": {r[0]: "a.wav" for r in trials},
            "utt2label": {r[0]: r[3] for r in trials},
            "utt2spk": {r[0]: r[1] for r in trials},
            "utt2attack": {r[0]: r[2] for r in trials},
        },
    )
    data.write()
    named = mine, "--key_columns", "label,-,trial,attack", "--by", "attack"
    for arguments, num_speakers in (
        ((csv,), 4),
        ((header,), 0),
        (named, 0),
        ((data.path, "--by", "attack"), 4),
    ):
        found = measured("--scores", scores, "--resamples", 10, "--key", *arguments)
        assert found["metrics"]["eer"]["mean"] == expected and found["num_speakers"] == num_speakers
    found = measured(
        "--scores",
        write("own.txt", [(r[0], r[2], r[3], r[4]) for r in trials]),
        "--resamples",
        0,
        "--by",
        "attack",
    )
    assert found["metrics"]["eer"]["mean"] == expected and set(found["conditions"]["attack"]) == {
        "A01",
        "A02",
    }


def test_subsets_of_2021(call, measured, write, scores, trials):
    """The score file covers the whole set, the eval subset is measured, and the trials of the others are not
    called superfluous.
    """
    rows = [(*rows_2021_la(row)[:7], "progress" if i % 3 == 0 else "eval") for i, row in enumerate(trials)]
    key = write("trial_metadata.txt", rows)
    found = measured("--scores", scores, "--key", key, "--resamples", 0)
    assert found["subset"] == "eval" and found["num_trials"] == 80
    assert found["metrics"]["eer"]["mean"] == eer_of([row for i, row in enumerate(trials) if i % 3])
    assert (
        measured("--scores", scores, "--key", key, "--subset", "all", "--resamples", 0)["num_trials"] == 120
    )
    assert (
        "subset      progress"
        in call("--scores", scores, "--key", key, "--subset", "progress", "--resamples", 0)[1]
    )
    code, _, err = call("--scores", scores, "--key", key, "--subset", "hiden")
    assert code == 2 and "one of eval, progress, all" in err


def test_asv_scores_of_every_challenge(call, measured, write, scores, trials):
    rows = asv_trials()
    parts = [[row[3] for row in rows if row[2] == kind] for kind in ("target", "nontarget", "spoof")]
    key = write("key.txt", [(row[0], row[3]) for row in trials])
    cm = [[row[4] for row in trials if row[3] == label] for label in ("bonafide", "spoof")]
    old = write(
        "asv2019.txt", [("A07" if kind == "spoof" else "bonafide", kind, score) for _, _, kind, score in rows]
    )
    new = write("asv2021.txt", [(speaker, utt, score) for speaker, utt, _, score in rows])
    other = (
        "SPK1",
        "X",
        "alaw",
        "ita_tx",
        "-",
        "target",
        "notrim",
        "progress",
    )  # has no score, and is not of the subset
    metadata = write(
        "asv_metadata.txt",
        [(r[0], r[1], "alaw", "ita_tx", "-", r[2], "notrim", "eval") for r in rows] + [other],
    )
    expected = metrics.min_tdcf(*cm, metrics.asv_rates(*parts))
    for asv in ((old,), (new, "--asv_key", metadata)):
        found = measured("--scores", scores, "--key", key, "--resamples", 10, "--asv_scores", *asv)["metrics"]
        assert found["min_tdcf_2019"]["mean"] == expected and found["t_eer"]["mean"] == metrics.t_eer(
            *cm, *parts
        )
    found = measured("--scores", scores, "--key", key, "--resamples", 0, "--asv_scores", "asvspoof5")[
        "metrics"
    ]
    assert (
        found["min_tdcf_2021"]["mean"] == metrics.min_tdcf(*cm, metrics.ASVSPOOF5_RATES, "revised")
        and found["t_eer"] is None
    )
    code, _, err = call("--scores", scores, "--key", key, "--asv_scores", new)
    assert code == 2 and "--asv_key" in err
    with pytest.raises(DataError, match="asv_metadata.txt:101: trial SPK1 X has no ASV score"):
        read_asv(str(new), metadata, "progress")
    with pytest.raises(DataError, match="no trials of subset 'hidden'"):
        read_asv(str(new), metadata, "hidden")
