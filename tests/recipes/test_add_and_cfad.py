"""The recipes of the ADD challenge and of CFAD, whole, on miniatures of them, and with corpora that are
wrong.
"""

import json
import shutil

import pytest
from fixtures import miniatures
from tiny_runs import dada
from tiny_systems import write_systems

from dada.data import DataDir
from dada.errors import DataError
from dada.recipe.recipe import Recipe
from dada.stages import s01_prepare_data

# A network needs more than seconds to name every class: a mixture takes its place below OpenMax.
MIXTURE = """
input: {kind: features, random_crop: false, features: {name: lfcc}, num_samples: 8000}
model: {name: gmm, num_components: 1, init_frames: 500}
"""


def run(recipe, *arguments) -> str:
    """All stages; returns what was logged."""
    done = dada("run", recipe, "--nj", "1", *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def results(recipe, system, name, protocol="") -> dict:
    return json.loads((recipe / "exp" / protocol / system / "results" / f"{name}.json").read_text())


def prepare(folder, *overrides) -> Recipe:
    """Stage 1 alone, in this process."""
    recipe = Recipe.load(folder, overrides)
    [job] = s01_prepare_data.plan(recipe)
    s01_prepare_data.run(recipe, job)
    return recipe


def test_track_1_2_weighs_both_rounds(tmp_path, whisper_folder):
    recipe = miniatures.make("add2023_track1_2", tmp_path)
    write_systems(recipe, whisper_folder, None, ["cqt_lcnn", "cqt_aasist", "w2v2_gmm"])
    said = run(recipe, "systems=[trivial_cues,lfcc_gmm,cau_ku_round1,cau_ku_round2]")
    assert "dev: 10 spoof, expected 26017" in said and "test_r1: 18 all, expected 111976" in said
    for system in ("lfcc_gmm", "cqt_lcnn", "cqt_aasist", "w2v2_gmm", "cau_ku_round1", "cau_ku_round2"):
        eers = [results(recipe, system, name)["metrics"]["eer"]["mean"] for name in ("test_r1", "test_r2")]
        weighted = results(recipe, system, "weighted_eer")["metrics"]["weighted_eer"]
        assert (
            weighted["mean"] == pytest.approx(0.4 * eers[0] + 0.6 * eers[1])
            and len(weighted["per_seed"]) == 1
        )
    written = (recipe / "exp" / "RESULTS.md").read_text()
    assert written.count("### Weighted equal error rate") == 1 and "test r1 0.4, test r2 0.6" in written
    valid = dada("validate", recipe)
    assert "test_r1: 18 all, expected 111976" in valid.stdout, valid.stdout + valid.stderr


def test_a_round_without_labels_is_scored(tmp_path):
    recipe = miniatures.make("add2023_track1_2", tmp_path)
    home = tmp_path / "corpus" / "Track1.2" / "testR2"
    (home / "label.txt").unlink()
    said = run(recipe, "systems=[lfcc_gmm]")
    assert "label.txt does not exist: test_r2 is unlabelled" in said
    assert results(recipe, "lfcc_gmm", "test_r2")["metrics"] is None
    assert results(recipe, "lfcc_gmm", "weighted_eer")["metrics"]["weighted_eer"] is None
    assert (
        len((recipe / "exp" / "lfcc_gmm" / "seed_1" / "scores" / "test_r2.txt").read_text().splitlines())
        == 18
    )


def test_lists_of_track_1_2_that_cannot_be_used(tmp_path):
    folder = miniatures.make("add2023_track1_2", tmp_path)
    home = tmp_path / "corpus" / "Track1.2"
    text = (home / "dev" / "label.txt").read_text()
    for wrong, message in (
        (text + text.splitlines()[0] + "\n", r"label.txt:17: ADD2023_T1.2_D_00000003 is already in line 1"),
        (
            text.replace("genuine", "bonafide"),
            "(?s)class 'bonafide'\n.*the classes of this list are genuine, fake",
        ),
        (
            text.replace("_D_", "_T_"),
            "(?s)ADD2023_T1.2_T_00000003\n.*utterances here begin with ADD2023_T1.2_D_:",
        ),
        (text.replace(" fake", ""), "1 columns"),
        ("", "label.txt is empty"),
    ):
        (home / "dev" / "label.txt").write_text(wrong)
        with pytest.raises(DataError, match=message):
            prepare(folder)
    counts = {split: {"bonafide": 6, "spoof": number} for split, number in (("train", 14), ("dev", 10))}
    swapped = text.replace("genuine", "x").replace("fake", "genuine").replace("x", "fake")
    (home / "dev" / "label.txt").write_text(swapped)
    with pytest.raises(DataError, match="the labels of dev look swapped"):
        prepare(folder, f"corpus.counts.challenge={json.dumps(counts)}")
    (home / "dev" / "label.txt").unlink()
    with pytest.raises(DataError, match="dev/label.txt does not exist"):
        prepare(folder)
    shutil.rmtree(home / "testR1")
    (home / "dev" / "label.txt").write_text(text)
    with pytest.raises(DataError, match=r"has no Track1.2/testR1 nor testR1"):
        prepare(folder)


def test_track_3_knows_what_it_does_not_know(tmp_path):
    recipe = miniatures.make("add2023_track3", tmp_path)
    for name in ("track3_cqt_lcnn", "track3_cqt_ofd", "track3_aasist"):
        (recipe / "conf" / f"{name}.yaml").write_text(MIXTURE)
    (recipe / "conf" / "track3_openmax.yaml").write_text("model: {tail: 3}\n")
    run(recipe, "systems=[track3_openmax]")
    found = results(recipe, "track3_openmax", "test")
    assert found["metrics"] is None and found["classes"]["labels"] == [*"0123456", "unknown"]
    assert found["classes"]["unknown_attacks"] == ["7"] and found["classes"]["num_unknown"] == 3
    assert (
        0 <= found["classes"]["macro_f1"]["mean"] <= 1 and sum(map(sum, found["classes"]["confusion"])) == 24
    )
    assert results(recipe, "track3_cqt_lcnn", "dev")["classes"]["num_known"] == 21
    assert "### Confusion matrix of track3_openmax" in (recipe / "exp" / "RESULTS.md").read_text()
    label = tmp_path / "corpus" / "Track3" / "train" / "label.txt"
    text = label.read_text()
    label.write_text(text.replace(" 6\n", " 7\n", 1))
    with pytest.raises(DataError, match="class '7'"):
        prepare(recipe)
    label.write_text("".join(line for line in text.splitlines(keepends=True) if not line.endswith(" 6\n")))
    said = dada("run", recipe, "--stop_stage", "1", "--force", "--nj", 1)
    assert (
        said.returncode == 0
        and "train: 24 all, expected 22400" in said.stderr
        and "train: 0 6, expected 3200" in said.stderr
    )


def test_cfad_stands_in_for_both_tracks(tmp_path):
    recipe = miniatures.make("cfad", tmp_path)
    (recipe / "conf" / "track3_cqt_lcnn.yaml").write_text(f"{MIXTURE}labels: []\n")
    (recipe / "conf" / "track3_cqt_lcnn_openmax.yaml").write_text("model: {tail: 3}\n")
    run(recipe, "protocol=clean", "systems=[trivial_cues,lfcc_gmm,track3_cqt_lcnn_openmax]")
    assert (
        results(recipe, "lfcc_gmm", "test_seen")["metrics"]
        and results(recipe, "track3_cqt_lcnn_openmax", "test_seen")["metrics"]
    )
    assert set(results(recipe, "lfcc_gmm", "test_unseen")["conditions"]["attack"]) == {"lpcnet"}
    classes = results(recipe, "track3_cqt_lcnn_openmax", "test_unseen")["classes"]
    assert classes["labels"] == ["bonafide", "gl", "hifigan", "unknown"] and classes["unknown_attacks"] == [
        "lpcnet"
    ]
    data = DataDir.read(recipe / "data" / "train")
    assert (
        data.speakers["train-gl-SSB07800000_gl"] == "SSB0780"
        and data.speakers["train-thchs30-A11_000"] == "A11"
    )
    done = dada("validate", recipe, "--no_audio")
    assert done.returncode == 0, done.stdout
    run(recipe, "protocol=noisy", "systems=[lfcc_gmm]")
    assert results(recipe, "lfcc_gmm", "test_seen", "noisy")["num_spoof"] == 8


def test_folders_of_cfad_that_cannot_be_used(tmp_path):
    folder = miniatures.make("cfad", tmp_path)
    home = tmp_path / "corpus" / "CFAD" / "clean_version"
    (home / "dev_clean" / "real_clean" / "aishell3").rename(home / "dev_clean" / "aishell3")
    with pytest.raises(
        DataError, match="3 files of .*dev_clean lie in no real_.*e.g. aishell3/SSB07800010.wav"
    ):
        prepare(folder, "protocol=clean")
    (home / "dev_clean").rename(home / "dev")
    with pytest.raises(DataError, match="the folder .*dev_clean does not exist"):
        prepare(folder, "protocol=clean")
    with pytest.raises(DataError, match="has no CFAD/clean_version nor clean_version"):
        prepare(folder, "protocol=clean", f"corpus.root={tmp_path}")
