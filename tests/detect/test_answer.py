"""The answer for people: three answers, each with what it rests on."""

import math
from dataclasses import replace

import numpy as np
import pytest
from toy_detector import recording, talk, toy_detector

from dada.data import write_table
from dada.data.sound import Check
from dada.detect import Detector, Origin, of_experiment
from dada.detect.answer import Evidence, agreement
from dada.detect.detector import Options
from dada.detect.load import known_scores
from dada.detect.origin import KnownScores
from dada.detect.verdict import BONAFIDE_LIKE, CANNOT_TELL, SYNTHETIC_LIKE
from dada.detect.words import readable, summary
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import Experiment
from dada.models import build
from dada.recipe.config import load_system_config
from dada.score.clip import System
from dada.score.scores import write_scores

PLAIN = Options(vad=False)
KNOWN = KnownScores("dev of toy", np.array([-9.0, 1.0, 2.0, 3.0]), np.array([-8.0, -7.0, 0.0, 9.0]))
CALIBRATION = {"slope": 0.5, "offset": -0.5, "fitted_on": "dev"}


def judged(samples=None, checks=(), **origin):
    """The verdict of the toy on 3 s."""
    samples = talk(3) if samples is None else samples
    return toy_detector(**origin).judge(recording(samples, checks), None, PLAIN)


def test_a_calibrated_score_names_its_population_and_where_it_lies():
    verdict = judged(calibration=CALIBRATION, population="dev of toy", known=KNOWN, caveat="A toy.")
    assert verdict.score == pytest.approx(8.0, abs=1e-4) and verdict.llr == pytest.approx(3.5, abs=1e-4)
    assert verdict.probability_bonafide == pytest.approx(1 / (1 + math.exp(-3.5)), abs=1e-5)
    assert verdict.answer == BONAFIDE_LIKE
    assert verdict.sentence == (
        "more like bona fide speech: LLR +3.5; on speech like its training data (dev of toy) 25 % of 4 "
        "synthetic clips score higher"
    )
    words = readable(verdict)
    assert "97.1 % bona fide at equal priors, for dev of toy" in words and words.endswith("  A toy.")
    low = judged(0.1 * talk(3), calibration=CALIBRATION, known=KNOWN)
    assert low.answer == SYNTHETIC_LIKE and "25 % of 4 real clips score lower" in low.sentence


def test_without_a_calibration_there_is_no_probability():
    verdict = judged()
    assert (verdict.llr, verdict.probability_bonafide, verdict.population) == (None, None, "")
    assert verdict.sentence == "more like bona fide speech: score +8.00, not calibrated"


def test_weak_evidence_is_no_answer():
    verdict = judged(calibration={"slope": 0.05, "offset": 0.0})
    assert verdict.answer == CANNOT_TELL and "LLR +0.4, less than two to one either way" in verdict.sentence
    assert verdict.probability_bonafide == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize("name", ["lfcc_lcnn_lstm_oc_softmax", "lfcc_gmm", "lfcc_lcnn_lstm"])
def test_scores_that_are_no_log_odds_need_a_calibration(name):
    config = load_system_config(name)
    experiment = Experiment(config, ["spoof", "bonafide"], build("audio", config.model, 2).eval())
    evidence = Evidence(System(experiment, None), Origin())
    assert evidence.llr_of(0.9) == (0.9 if name == "lfcc_lcnn_lstm" else None)
    fitted = replace(evidence, origin=Origin(calibration=CALIBRATION))
    assert fitted.llr_of(3.0) == 1.0


@pytest.mark.parametrize(("name", "message"), [("silent", "The recording is silent."), ("cut", "It is cut.")])
def test_what_is_unusable_gets_no_score(name, message):
    verdict = judged(checks=[Check(name, "unusable", message)], calibration=CALIBRATION)
    assert verdict.answer == CANNOT_TELL and verdict.sentence == f"cannot tell: {message[:-1]}"
    assert (verdict.score, verdict.llr, verdict.probability_bonafide, verdict.logits) == (
        None,
        None,
        None,
        {},
    )
    assert "no score" in readable(verdict) and verdict.checks[0]["name"] == name


def test_a_recording_without_speech_gets_no_score(reference):
    verdict = toy_detector().judge(recording(np.full(48_000, 0.2), vad=True), None, Options())
    assert verdict.answer == CANNOT_TELL and verdict.checks[-1]["name"] == "no_speech"
    assert verdict.score is None and verdict.speech_seconds == 0


def test_a_doubt_is_in_the_sentence_and_a_note_beside_it():
    checks = [Check("narrow_band", "doubt", "It is narrow band."), Check("channels", "note", "It is stereo.")]
    verdict = judged(checks=checks)
    assert verdict.answer == BONAFIDE_LIKE and verdict.score is not None
    assert verdict.sentence.endswith("less sure than that, for the file: It is narrow band")
    assert "note: It is stereo." in readable(verdict)


def test_agreement_and_summary():
    one, other = judged(), judged(0.1 * talk(3))
    assert agreement([one]) is None
    both = agreement([one, one])
    assert both.sentence == "all 2 systems say: more like bona fide speech"
    mixed = agreement([one, other, judged(calibration={"slope": 0.0, "offset": 0.0})])
    assert (mixed.bonafide, mixed.synthetic, mixed.cannot_tell) == (1, 1, 1)
    assert mixed.sentence == "the 3 systems do not agree: 1 bona fide, 1 synthetic, 1 cannot tell"
    text = summary([one, other, one], 2)
    assert "loudness: 3 files: 2 more like bona fide speech, 1 more like synthetic speech" in text
    assert "2 could not be scored" in text


def test_scores_of_dev_are_read_from_the_experiment(model, tmp_path):
    files = ExperimentFolder(tmp_path / "exp")
    data = tmp_path / "dev"
    data.mkdir()
    assert known_scores(files, "dev", "dev of toy", [data]) is None
    write_table(data / "utt2label", {"a": "bonafide", "b": "spoof", "c": "bonafide"})
    files.scores("dev").parent.mkdir(parents=True)
    write_scores(files.scores("dev"), ["a", "b", "c"], [2.0, -1.0, 1.0], {})
    found = known_scores(files, "dev", "dev of toy", [tmp_path / "none", data])
    assert found.bonafide.tolist() == [1.0, 2.0] and found.spoof.tolist() == [-1.0]
    detector = of_experiment(model)
    assert detector.origin.caveat == "A toy for tests." and detector.origin.known is None
    assert isinstance(detector, Detector)
