"""Systems of a finished run, exported and used without their recipe: the same scores, bit by bit."""

import json
import shutil
from dataclasses import asdict

import pytest

from dada.data import DataDir
from dada.detect import of_experiment
from dada.export import load_exported
from dada.score.clip import Clip, System

NUM_CLIPS = 3


@pytest.fixture(scope="module")
def clips(finished):
    """Waveforms of the test split, and their purported speakers."""
    from dada.data import read_audio

    data = DataDir.read(finished / "data" / "test")
    chosen = list(data["wav.scp"].items())[:NUM_CLIPS]
    return [
        Clip(utt, read_audio(path, 16_000), data.speakers[utt], lambda _: "the cat sat on mat")
        for utt, path in chosen
    ]


def test_all_systems_of_a_recipe_come_back_with_the_same_scores(finished, clips, tmp_path, call_dada):
    names = sorted(path.parent.name for path in finished.glob("exp/*/seed_1"))
    assert {"lfcc_gmm", "lfcc_lcnn", "dada_audio", "dada_late", "dada_mid"} <= set(names)
    for name in names:
        out = tmp_path / name
        code, printed, errors = call_dada("export", finished / "exp" / name, "--out", out)
        assert (code, printed) == (0, f"{out}\n"), errors
        first = System.load(finished / "exp" / name / "seed_1", finished)
        exported = load_exported(out)
        calibration = finished / "exp" / name / "seed_1" / "calibration.json"
        assert exported.record["calibration"] == (
            json.loads(calibration.read_text()) if calibration.exists() else None
        )
        assert (exported.transcribe is not None) == first.uses_words() == exported.record["words"]
        for clip in clips:
            own, again = first.run(clip), exported.system.run(clip)
            assert own.score == again.score and own.outputs.logits.equal(again.outputs.logits), name
            assert list(own.branch_scores()) == list(again.branch_scores())
        assert str(finished) not in (out / "config.yaml").read_text() + (out / "export.json").read_text()


def test_words_are_heard_without_the_recipe(finished, clips, tmp_path, call_dada):
    """The verdict of a late fusion is the same, with its transcript, but for the place that it comes from."""
    call_dada("export", finished / "exp" / "dada_late", "--out", tmp_path / "out")
    path = DataDir.read(finished / "data" / "test")["wav.scp"][clips[0].name]
    detectors = [of_experiment(finished / "exp" / "dada_late"), of_experiment(tmp_path / "out")]
    assert detectors[1].transcription.backend == detectors[0].transcription.backend
    for speaker in ("ANN", None):
        first, second = (asdict(detector(path, speaker)) for detector in detectors)
        assert first["transcript"] == second["transcript"]
        for key in ("answer", "score", "llr", "branches", "sentence"):
            assert first[key] == second[key], key


def test_the_card_holds_what_was_measured(finished, tmp_path, call_dada):
    call_dada("export", finished / "exp" / "lfcc_lcnn", "--out", tmp_path / "out")
    results = json.loads((finished / "exp" / "lfcc_lcnn" / "results" / "test.json").read_text())
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"| test | {100 * results['metrics']['eer']['mean']:.1f} [" in card
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    trained = [
        of_experiment(place).origin.trained for place in (tmp_path / "out", finished / "exp" / "lfcc_lcnn")
    ]
    assert trained[0] == trained[1] and trained[0].bandwidth
    for point in record["operating_points"]:
        assert f"| {point['name']} | {point['threshold']:+.4g} |" in card
        bonafide = record["known_scores"]["bonafide"]
        assert point["p_miss"] == sum(score < point["threshold"] for score in bonafide) / len(bonafide)


def test_an_exported_system_is_explained_without_its_recipe(finished, clips, tmp_path, call_dada):
    call_dada("export", finished / "exp" / "lfcc_lcnn", "--out", tmp_path / "out")
    path = DataDir.read(finished / "data" / "test")["wav.scp"][clips[0].name]
    shutil.copy(path, tmp_path / "clip.flac")
    code, printed, errors = call_dada(
        "explain", tmp_path / "clip.flac", "--model", tmp_path / "out", "--out", tmp_path / "clip.html"
    )
    assert code == 0 and (tmp_path / "clip.html").is_file(), errors
    assert of_experiment(tmp_path / "out")(str(tmp_path / "clip.flac")).score == pytest.approx(
        of_experiment(finished / "exp" / "lfcc_lcnn")(str(tmp_path / "clip.flac")).score, abs=0
    )


def test_the_words_of_an_exported_fusion_are_explained_without_its_recipe(
    finished, clips, tmp_path, call_dada, caplog
):
    """The quotes of the author and the outputs on dev stay with the recipe; the words have their values."""
    call_dada("export", finished / "exp" / "dada_mid", "--out", tmp_path / "out")
    path = DataDir.read(finished / "data" / "test")["wav.scp"][clips[0].name]
    code, printed, errors = call_dada(
        *("explain", path, "--model", tmp_path / "out", "--speaker", clips[0].speaker),
        *("--out", tmp_path / "clip.html"),
    )
    assert code == 0, errors
    page = (tmp_path / "clip.html").read_text()
    assert "class=words" in page and "Nearest quotes" not in page
    assert "the shares of its branches are not shown" in caplog.text + printed + errors
