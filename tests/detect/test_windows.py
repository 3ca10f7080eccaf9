"""Long files: windows over all of them, where speech is, the rule of the score, and the timeline."""

import csv
import json

import numpy as np
import pytest
from toy_detector import WINDOW, recording, talk, toy_detector

from dada.data import SAMPLE_RATE, read_audio
from dada.detect.detector import Options
from dada.detect.speech import find_speech
from dada.detect.timeline import moments, segments
from dada.detect.verdict import BONAFIDE_LIKE, WindowScore
from dada.detect.windows import Window, plan, window_lengths, with_speech
from dada.detect.words import readable
from dada.experiment.config import SystemConfig
from dada.experiment.trained import Experiment
from dada.models import build
from dada.recipe.config import load_system_config
from dada.score.clip import System

ALL = Options(vad=False)


@pytest.mark.parametrize(("num_samples", "length", "hop"), [(1, 4, 2), (4, 4, 2), (5, 4, 2), (1003, 64, 7)])
def test_windows_reach_from_the_start_to_the_end(num_samples, length, hop):
    starts = plan(num_samples, length, hop)
    assert starts[0] == 0 and starts[-1] == max(num_samples - length, 0)
    assert all(
        0 < after - before < 1.125 * hop + 1 for before, after in zip(starts[:-1], starts[1:], strict=True)
    )


def test_forty_quiet_seconds_in_twenty_minutes_are_found():
    detector = toy_detector()
    verdict = detector.judge(recording(talk(1200, quiet=(600, 640))), None, ALL)
    assert verdict.answer == BONAFIDE_LIKE and verdict.rule == "mean of 450 windows, of 450"
    scores = np.array([window.score for window in verdict.windows])
    assert verdict.score == pytest.approx(scores.mean()) and verdict.score > 7
    assert verdict.worst.score == scores.min() < -1 and 597 < verdict.worst.start < 640
    (stretch,) = verdict.synthetic_stretches
    assert stretch.start == pytest.approx(600, abs=3) and stretch.end == pytest.approx(640, abs=3)
    assert "but 10:00 to 10:39 are more like synthetic speech" in verdict.sentence
    assert "most synthetic stretches: 10:00-10:39" in readable(verdict)
    network = detector.system.experiment.model
    assert {shape[1] for shape in network.seen} == {WINDOW} and max(shape[0] for shape in network.seen) <= 2


def test_a_file_of_one_window_and_the_first_window_are_scored_once():
    detector = toy_detector()
    for samples, options in ((talk(3), ALL), (talk(4), ALL), (talk(30), Options("first", vad=False))):
        verdict = detector.judge(recording(samples), None, options)
        assert (len(verdict.windows), verdict.rule, verdict.worst) == (1, "one window", None)
    assert len(detector.system.experiment.model.seen) == 3


def test_pauses_do_not_count(reference):
    speech = read_audio(str(reference / "audio" / "LA_T_1272637.flac"), SAMPLE_RATE)
    samples = np.concatenate([speech, np.zeros(20 * SAMPLE_RATE), speech]).astype(np.float32)
    verdict = toy_detector().judge(recording(samples, vad=True), None, Options())
    scored = [window for window in verdict.windows if window.score is not None]
    assert 0 < len(scored) < len(verdict.windows) / 2
    assert verdict.rule == f"mean of {len(scored)} windows with speech, of {len(verdict.windows)}"
    assert verdict.score == pytest.approx(np.mean([window.score for window in scored]))
    assert all(window.start < 3 or window.end > 22.5 for window in scored)


def test_speech_is_found_in_real_speech_alike_in_blocks(reference, monkeypatch):
    speech = read_audio(str(reference / "audio" / "LA_T_1272637.flac"), SAMPLE_RATE)
    kept = speech.copy()
    found = find_speech(speech)
    assert 0.5 < found.seconds / (len(speech) / SAMPLE_RATE) <= 1 and (speech == kept).all()
    monkeypatch.setattr("dada.detect.speech.BLOCK", 40)
    assert (find_speech(speech).frames == found.frames).mean() > 0.9
    assert find_speech(np.zeros(SAMPLE_RATE, dtype=np.float32)).seconds == 0
    assert find_speech(np.zeros(0, dtype=np.float32)).seconds == 0


def test_windows_of_little_speech_are_left_out_unless_there_is_no_other():
    window = [Window(0, WINDOW, seconds) for seconds in (0.0, 0.4, 0.6)]
    assert with_speech(window) == [2] and with_speech(window[:2]) == [1] and with_speech(window[:1]) == []


@pytest.mark.parametrize(
    ("name", "seconds"), [("aasist", 4.0375), ("lfcc_lcnn", 4.02), ("res_tssdnet", 6.0), ("lfcc_gmm", 10.0)]
)
def test_the_window_is_that_of_the_system(name, seconds):
    config = load_system_config(name)
    system = System(Experiment(config, config.labels, build("audio", config.model, 2).eval()), None)
    assert window_lengths(system) == (round(seconds * SAMPLE_RATE),) * 2


def test_branches_start_together_and_the_hop_is_of_the_shortest():
    def audio(name: str, num_samples: int) -> System:
        config = load_system_config(name, None, [f"input.num_samples={num_samples}"])
        return System(Experiment(config, config.labels, build("audio", config.model, 2).eval()), None)

    branches = {"a": audio("res_tssdnet", 96_000), "b": audio("aasist", 64_000)}
    config = SystemConfig(name="both", task="ensemble", branches={"a": "a", "b": "b"})
    both = System(
        Experiment(config, config.labels, build("audio", branches["b"].config.model, 2)), None, branches
    )
    assert window_lengths(both) == (96_000, 64_000)


WINDOWS = [
    WindowScore(0, 4, 1.0, 2.0),
    WindowScore(2, 6, 1.0, -4.0),
    WindowScore(4, 8, 0.0, None),
    WindowScore(8, 12, 1.0, 1.0),
]


def test_a_moment_has_the_mean_of_the_windows_around_it():
    assert moments(WINDOWS) == [(0, 2, 2.0), (2, 4, -1.0), (4, 6, -4.0), (8, 12, 1.0)]
    assert segments(WINDOWS) == [(0, 2, 2.0), (2, 6, -2.5), (8, 12, 1.0)]
    assert moments([WindowScore(0, 4, 0.0, None)]) == [] == segments([])


def test_timelines_are_written(tmp_path, reference, call_dada):
    name, weights = "LA_0019_LA_E_1798025_first6s", reference / "weights" / "AASIST.pth"
    arguments = ("--system", "aasist", "--init", weights, reference / "audio" / f"{name}.flac")
    code, printed, errors = call_dada(
        "detect", *arguments, "--hop", "1", "--json", "--timeline", tmp_path / "t"
    )
    assert code == 0, errors
    verdict = json.loads(printed)
    files = {path.suffix: path for path in (tmp_path / "t").iterdir()}
    assert {path.name for path in files.values()} == {
        f"{name}.aasist{kind}" for kind in (".csv", ".rttm", ".png")
    }
    rows = list(csv.DictReader(files[".csv"].open()))
    assert [float(row["start"]) for row in rows] == [0.0, 1.0, pytest.approx(6 - 4.0375, abs=1e-3)]
    assert [float(row["score"]) for row in rows] == pytest.approx(
        [window["score"] for window in verdict["windows"]], abs=1e-4
    )
    fields = [line.split() for line in files[".rttm"].read_text().splitlines()]
    assert all(len(line) == 10 and line[0] == "SPEAKER" and line[1] == name for line in fields)
    assert float(fields[-1][3]) + float(fields[-1][4]) == pytest.approx(6.0, abs=1e-3)
    assert files[".png"].read_bytes().startswith(b"\x89PNG")
    assert verdict["version"] == 1 and verdict["worst"]["score"] == min(
        w["score"] for w in verdict["windows"]
    )


def test_one_timeline_is_one_file_and_several_are_a_folder(tmp_path, clip, call_dada, model):
    code, _, errors = call_dada("detect", "--model", model, clip, clip, "--timeline", tmp_path / "a.csv")
    assert code == 2 and "name a folder" in errors
    code, _, errors = call_dada("detect", "--model", model, clip, "--timeline", tmp_path / "a.svg")
    assert code == 0 and "<svg" in (tmp_path / "a.svg").read_text(), errors
    code, _, errors = call_dada("detect", "--model", model, clip, clip, "--timeline", tmp_path / "two")
    assert code == 0 and len(list((tmp_path / "two").glob("*.rttm"))) == 2, errors
