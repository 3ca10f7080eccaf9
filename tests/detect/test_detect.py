"""`dada detect` with published weights, and with systems on top of others."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from signals import speech_like

from dada import features, models
from dada.data import Batch, fit_length, read_audio
from dada.data.dataset import Dataset
from dada.detect import detector_of, of_experiment, of_weights, readable
from dada.detect.detector import Options
from dada.errors import ConfigError, DataError, UserError
from dada.experiment.trained import Experiment, save_experiment
from dada.models.inference import Outputs, run_model
from dada.recipe.config import load_system_config
from dada.score.clip import Clip, System
from dada.system_table import read_rows

ATTACKS = ["bonafide", "A01", "A02", "A03"]
SEVEN = ["0", "1", "2", "3", "4", "5", "6"]
OFFICIAL = {"aasist": ("AASIST.pth", "AASIST"), "lfcc_lcnn_lstm": ("LFCC_LCNN_LSTM.pt", "LFCC_LCNN_LSTM")}


@pytest.fixture
def detect(call_dada):
    """Runs `dada detect` in this process; returns its exit code, output and errors."""
    return lambda *arguments: call_dada("detect", *arguments)


@pytest.mark.parametrize("system", OFFICIAL)
def test_published_weights_give_the_official_logits(reference, system):
    """The same clips, logits and deviation as in tests/models, but from the file to the verdict; a few clips
    are enough for that.
    """
    weights, key = OFFICIAL[system]
    expected = json.loads((reference / "expected.json").read_text())["logits"][key]
    clips = {utt: str(reference / "audio" / f"{utt}.flac") for utt in list(expected)[:3]}
    detector = of_weights(system, reference / "weights" / weights)
    for utt, clip in clips.items():
        verdict = detector(clip)
        official = np.atleast_1d(expected[utt])
        np.testing.assert_allclose(
            list(verdict.logits.values()),
            official,
            rtol=0,
            atol=float(read_rows()[system].official_deviation),
        )
        assert (
            verdict.labels == ["spoof", "bonafide"]
            and list(verdict.logits) == verdict.labels[-len(official) :]
        )
        assert verdict.score == pytest.approx(
            official[-1] - (official[0] if len(official) > 1 else 0), abs=4e-4
        )
        assert (verdict.system, verdict.seed, verdict.probability_bonafide) == (
            system,
            None,
            None,
        ) and verdict.weights.endswith(weights)
        assert verdict.window == ("tile to 4.0375 s" if system == "aasist" else "full")


def test_published_weights_on_the_command_line(reference, detect):
    clip, weights = reference / "audio" / "LA_T_1272637.flac", reference / "weights" / "AASIST.pth"
    code, printed, _ = detect("--system", "aasist", "--init", weights, clip, "--json")
    assert code == 0
    verdict = json.loads(printed)
    assert verdict["logits"] == {
        "spoof": pytest.approx(-8.0711, abs=1e-4),
        "bonafide": pytest.approx(5.2366, abs=1e-4),
    }
    assert verdict["score"] == pytest.approx(13.3077, abs=2e-4) and verdict["window"] == "tile to 4.0375 s"
    code, _, errors = detect("--system", "aasist_l", "--init", weights, clip)
    assert code == 2 and "but those of aasist:" in errors and " in the file, " in errors


def test_what_cannot_be_asked_says_what_to_do(tmp_path):
    for arguments in ((tmp_path, None, "aasist", None), (None, 1, "aasist", tmp_path), (None, 1, None, None)):
        with pytest.raises(UserError, match="--model exp/<system> .*, or --system NAME --init FILE"):
            detector_of(*arguments)
    with pytest.raises(ConfigError, match="did you mean 'aasist"):
        of_weights("aasisst", tmp_path / "a.pth")
    with pytest.raises(ConfigError, match="lfcc_ensemble is no audio system"):
        of_weights("lfcc_ensemble", tmp_path / "a.pth")
    with pytest.raises(ConfigError, match="has the classes of its training data"):
        of_weights("lfcc_lcnn_attacks", tmp_path / "a.pth")
    with pytest.raises(DataError, match="a.pth does not exist"):
        of_weights("aasist", tmp_path / "a.pth")


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[str]:
    """A clip of 1.5 s at another rate in two channels, and one of 5 s."""
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds, rate in (("a.wav", 1.5, 22_050), ("b.flac", 5.0, 16_000)):
        soundfile.write(folder / name, np.stack([speech_like(seconds, 120, seed=7, rate=rate)] * 2, 1), rate)
    return [str(folder / "a.wav"), str(folder / "b.flac")]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """Experiments below a recipe: two countermeasures and their sums, classifiers of attacks and of seven
    generators, OpenMax on them.
    """
    root = tmp_path_factory.mktemp("recipe")
    (root / "recipe.yaml").write_text("corpus: {name: toy}\n")
    torch.manual_seed(1)
    _audio(root, "lfcc_gmm", ["spoof", "bonafide"], ["model.num_components=2", "model.init_frames=100"])
    _audio(root, "lfcc_lcnn", ["spoof", "bonafide"])
    _audio(root, "lfcc_lcnn_attacks", ATTACKS)
    for name in ("track3_cqt_lcnn", "track3_cqt_ofd", "track3_aasist"):
        taken = "input={kind: features, num_frames: 70, length_rule: tile, features: {name: lfcc}}"
        _audio(root, name, SEVEN, [taken, "model={name: lcnn}"])
    for name, factors in (("lfcc_ensemble", [0.5, 2.0]), ("track3_ensemble", [1.5, 1.2, 1.0])):
        config = load_system_config(name)
        config.model["members"] = list(config.branches)
        model = models.build("ensemble", config.model, len(config.labels))
        model.factors.copy_(torch.tensor(factors))
        model.offset.fill_(-0.25 if name == "lfcc_ensemble" else 0.0)
        save_experiment(root / "exp" / name / "seed_1", config, model)
    for name, known in (("lfcc_lcnn_openmax", ATTACKS), ("track3_openmax", SEVEN)):
        config = load_system_config(name)
        config.labels = [*known, "unknown"]
        model = models.build("open_set", config.model, len(config.labels))
        model.means.copy_(torch.eye(len(known)))
        model.weibull.copy_(torch.tensor([2.0, 3.0, 0.5]).expand(len(known), 3))
        save_experiment(root / "exp" / name / "seed_1", config, model)
    (root / "exp" / "lfcc_ensemble" / "seed_1" / "calibration.json").write_text(
        '{"slope": 2.0, "offset": 0.5}'
    )
    return root


def _audio(root: Path, name: str, labels: list[str], overrides=()) -> None:
    """An audio system with random weights, or estimated from noise."""
    config = load_system_config(name, None, overrides)
    config.labels = labels
    model = models.build("audio", config.model, len(labels))
    if hasattr(model, "estimate"):
        noise = Batch(list("ab"), torch.randn(2, 60, 200), torch.tensor([200, 200]), torch.tensor([0, 1]))
        model.estimate(lambda: iter([noise]), logging.getLogger("test"))
    save_experiment(root / "exp" / name / "seed_1", config, model)


def alone(recipe: Path, name: str, path: str) -> Outputs:
    """What an audio system says, step by step."""
    experiment = of_experiment(recipe / "exp" / name).system.experiment
    config = experiment.config.input
    x = fit_length(torch.from_numpy(read_audio(path, 16_000)), config.num_samples, config.length_rule)
    frames = features.build(config.features)(x[None])[0].T.numpy()
    return run_model(
        experiment.model, Dataset({path: frames}, [path], size=config.num_frames, rule=config.length_rule)
    )


def test_an_ensemble_is_the_sum_of_its_members(recipe, clips):
    detector = of_experiment(recipe / "exp" / "lfcc_ensemble")
    for path in clips:
        gmm, lcnn = (alone(recipe, name, path).logits[0] for name in ("lfcc_gmm", "lfcc_lcnn"))
        scores = {"gmm": float(gmm[1] - gmm[0]), "lcnn": float(lcnn[1] - lcnn[0])}
        verdict = detector(path, options=Options(window="first"))
        assert verdict.branches == pytest.approx(scores, rel=1e-5)
        assert verdict.score == pytest.approx(0.5 * scores["gmm"] + 2 * scores["lcnn"] - 0.25, rel=1e-5)
        assert verdict.probability_bonafide == pytest.approx(1 / (1 + np.exp(-(2 * verdict.score + 0.5))))
        assert (
            verdict.logits == {"bonafide": pytest.approx(verdict.score)}
            and not verdict.classes
            and verdict.decision is None
        )
        assert (
            verdict.window == "lfcc_gmm: full; lfcc_lcnn: tile to 400 frames" and verdict.transcript is None
        )
    words = readable(verdict)
    assert "  gmm: " in words and "  lcnn: " in words and "bona fide at equal priors" in words


def test_an_open_set_system_says_unknown(recipe, clips):
    detector = of_experiment(recipe / "exp" / "lfcc_lcnn_openmax")
    verdict = detector(clips[0])
    logits = alone(recipe, "lfcc_lcnn_attacks", clips[0]).logits.double()
    expected = detector.system.experiment.model.revise(logits).softmax(1)[0]
    assert list(verdict.classes) == [*ATTACKS, "unknown"]
    np.testing.assert_allclose(list(verdict.classes.values()), expected, rtol=1e-5)
    rejected = float(expected.max()) <= 0.25
    assert verdict.decision == ("unknown" if rejected else [*ATTACKS, "unknown"][int(expected.argmax())])
    assert verdict.score == pytest.approx(
        float(expected[0].log() - expected[1:].sum().log()), abs=1e-5
    )  # bona fide against all others
    assert verdict.branches["classifier"] == pytest.approx(
        float(logits[0, 0] - logits[0, 1:].logsumexp(0)), rel=1e-5
    )
    assert "unknown" in readable(verdict) and f"class {verdict.decision}" in readable(verdict)


def test_open_set_on_an_ensemble_without_bona_fide_speech(recipe, clips, detect):
    path = clips[1]
    code, printed, _ = detect("--model", recipe / "exp" / "track3_openmax", path, "--json")
    assert code == 0
    verdict = json.loads(printed)
    members = [
        alone(recipe, f"track3_{name}", path).logits.double() for name in ("cqt_lcnn", "cqt_ofd", "aasist")
    ]
    total = 1.5 * members[0] + 1.2 * members[1] + members[2]
    openmax = of_experiment(recipe / "exp" / "track3_openmax").system.experiment.model
    np.testing.assert_allclose(
        list(verdict["classes"].values()), openmax.revise(total).softmax(1)[0], rtol=1e-4
    )
    assert (verdict["score"], verdict["probability_bonafide"]) == (None, None) and sum(
        verdict["classes"].values()
    ) == pytest.approx(1)
    assert set(verdict["branches"]) == {
        "classifier",
        *(f"classifier/{name}" for name in ("lcnn", "ofd", "aasist")),
    }
    assert "no score" in detect("--model", recipe / "exp" / "track3_openmax", path)[1]


def test_a_long_file_says_what_was_looked_at(recipe, clips):
    verdict = of_experiment(recipe / "exp" / "lfcc_lcnn")(clips[1])
    assert verdict.seconds == 5.0 and verdict.window == "tile to 400 frames"
    assert "5.0 s, lfcc_lcnn (seed 1), audio window: tile to 400 frames" in readable(verdict)


@pytest.mark.parametrize(
    ("name", "overrides", "window"),
    [
        ("res_tssdnet", (), "tile to 6 s"),
        ("lfcc_lcnn", (), "tile to 400 frames"),
        ("lfcc_lcnn", ("input.num_samples=64000", "input.num_frames=null"), "tile to 4 s"),
        ("lfcc_gmm", (), "full"),
    ],
)
def test_thirty_minutes_do_what_the_length_rule_says(name, overrides, window):
    """What is cut gives what its start gives, and nothing long is computed; what is taken whole is refused
    beyond ten minutes.
    """
    config = load_system_config(name, None, overrides)
    torch.manual_seed(1)
    system = System(Experiment(config, config.labels, models.build("audio", config.model, 2).eval()), None)
    assert dict(system.windows()) == {name: window}
    hours = np.zeros(30 * 60 * 16_000, dtype=np.float32)
    hours[:160_000] = speech_like(10.0, 120, seed=1)
    seen = []
    if config.input.kind == "features":
        system._feature.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[-1]))
    if window == "full":
        with pytest.raises(
            DataError, match="long.wav: 1800 s, and lfcc_gmm takes clips whole .*, up to 600 s: cut the file"
        ):
            system.run(Clip("long.wav", hours, "-", str))
        assert not seen
        return
    long, start = (system.run(Clip("long.wav", samples, "-", str)) for samples in (hours, hours[:160_000]))
    torch.testing.assert_close(long.outputs.logits, start.outputs.logits, rtol=1e-5, atol=1e-5)
    assert all(size <= 600 * 16_000 for size in seen)


@pytest.mark.parametrize("name", ["res_tssdnet", "lfcc_lcnn", "lfcc_gmm"])
def test_silence_and_very_short_clips(name):
    """What is repeated is long enough; what is taken whole is refused, saying so, where it has no frame."""
    config = load_system_config(name)
    system = System(Experiment(config, config.labels, models.build("audio", config.model, 2).eval()), None)
    assert np.isfinite(system.run(Clip("silence", np.zeros(32_000, dtype=np.float32), "-", str)).score)
    short = Clip("short", 0.1 * np.ones(200, dtype=np.float32), "-", str)
    if name == "lfcc_gmm":
        with pytest.raises(DataError, match="a clip of 200 samples is shorter than one frame of 480"):
            system.run(short)
    else:
        assert np.isfinite(system.run(short).score)
