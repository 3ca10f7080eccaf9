"""What every augmentation must keep, over all files of dada/augment."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch

from dada import augment, plugins
from dada.augment import Chain, seeded
from dada.data.audio import write_audio
from dada.data.batch import Batch
from dada.data.sampling import Draw
from dada.errors import ConfigError, DadaError

NAMES = plugins.names("dada.augment")
SHAPES = {"waveform": (6, 9_000), "features": (6, 100, 60)}


def augmentation(name):
    return plugins.load("dada.augment", name, "augmentation")


KINDS = [(name, kind) for name in NAMES for kind in SHAPES if kind in augmentation(name).Augment.INPUTS]
# Augmentations without a `probability` that a clip is changed, and why. Every other one must have it.
WITHOUT_PROBABILITY = {
    "ffm": "each mask has the probability of the paper or of the public code",
    "filter_augment": "every batch gets filters; their range in dB sets the strength",
    "mixup": "the weight drawn from the Beta distribution decides how much a clip changes",
    "one_of": "every clip gets one of the choices; those have probabilities",
    "specaugment": "widths are drawn from 0 on, so that a mask may be empty",
}
FROM_FOLDERS = ("recorded_noise", "recorded_rooms")
NEEDED: dict[str, dict] = {}  # settings without a default
CHOICES = {
    "waveform": [[{"name": "noise"}], [{"name": "drop_bands"}, {"name": "drop_chunks"}]],
    "features": [[{"name": "ffm"}, {"name": "specaugment"}], [{"name": "cutout"}]],
}


def make_batch(kind: str, labels: bool = True) -> Batch:
    """Speech-like random inputs of two lengths, padded with zeros."""
    shape = SHAPES[kind]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    x = 0.1 * x * torch.sin(torch.arange(shape[-1]) / 700) if kind == "waveform" else x + 5
    lengths = torch.tensor([shape[-1], shape[-1] // 2, shape[-1] // 2] * 2)
    batch = Batch([f"u{i}" for i in range(6)], x, lengths, torch.arange(6) % 2 if labels else None, ["s"] * 6)
    batch.inputs = x * (batch.mask if kind == "waveform" else batch.mask[:, None])
    return batch


@pytest.fixture(scope="module", autouse=True)
def recordings(tmp_path_factory) -> None:
    """Two recordings, of noise and of a room's response, for the augmentations that read a folder."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    for number, size in enumerate((700, 12_000)):
        decay = np.exp(-np.arange(size) / 200) * rng.standard_normal(size)
        write_audio(folder / f"{number}.wav", (0.5 * decay / np.abs(decay).max()).astype(np.float32))
    for name in FROM_FOLDERS:
        NEEDED[name] = {"folder": str(folder)}


def settings_of(name: str, kind: str, **settings) -> dict:
    """The defaults, but for what has none."""
    needed = {"choices": CHOICES[kind]} if name == "one_of" else NEEDED.get(name, {})
    return {"name": name, **needed, **settings}


def draws(epoch: int = 0, occurrence: int = 0, num: int = 6) -> list[Draw]:
    return [Draw(i, epoch, occurrence) for i in range(num)]


def run(settings: dict, kind: str, seed: int = 1, epoch: int = 2, occurrence: int = 3) -> Batch:
    return Chain([settings], kind, 2, seed)(make_batch(kind), draws(epoch, occurrence))


def test_every_augmentation_is_found():
    assert NAMES == [
        "codec",
        "cutout",
        "drop_bands",
        "drop_chunks",
        "ffm",
        "filter_augment",
        "mixup",
        "noise",
        "one_of",
        "pitch",
        "rawboost",
        "recorded_noise",
        "recorded_rooms",
        "rooms",
        "sinc_mask",
        "specaugment",
        "speed",
    ]
    assert len(KINDS) == 19 and {name for name, _ in KINDS} == set(NAMES)


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_contract(name, kind):
    assert dataclasses.is_dataclass(augmentation(name).Config)
    settings = settings_of(name, kind)
    before, batch, chain = make_batch(kind), make_batch(kind), Chain([settings], kind, 2, seed=1)
    state = torch.get_rng_state()
    result = chain(batch, draws(2, 3))
    assert torch.equal(torch.get_rng_state(), state), "random numbers must come from the generator"
    assert torch.equal(batch.inputs, before.inputs) and torch.equal(batch.labels, before.labels), (
        "the batch given must stay as it is"
    )
    assert result.inputs.shape == before.inputs.shape
    assert result.inputs.dtype == torch.float32 and result.inputs.device == before.inputs.device
    assert result.utts == before.utts and result.speakers == before.speakers
    assert not torch.equal(result.inputs, before.inputs)
    behind = ~result.mask if kind == "waveform" else ~result.mask[:, None].expand_as(result.inputs)
    assert behind.any() and not result.inputs[behind].any()
    again = run(settings, kind)
    assert torch.equal(again.inputs, result.inputs) and torch.equal(again.labels, result.labels)
    others = [run(settings, kind, *numbers).inputs for numbers in ((9, 2, 3), (1, 9, 3), (1, 2, 9))]
    assert not any(torch.equal(other, result.inputs) for other in others)
    if augment.mixes_labels([{"name": name}]):
        assert result.labels.shape == (6, 2) and torch.allclose(result.labels.sum(1), torch.ones(6))
    else:
        assert torch.equal(result.labels, before.labels) and torch.equal(result.lengths, before.lengths)


def test_every_augmentation_has_a_probability_or_a_reason_for_none():
    without = {
        name
        for name in NAMES
        if "probability" not in {f.name for f in dataclasses.fields(augmentation(name).Config)}
    }
    assert without == set(WITHOUT_PROBABILITY)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kind in KINDS if name not in WITHOUT_PROBABILITY]
)
def test_probability_zero_changes_nothing(name, kind):
    assert torch.equal(run(settings_of(name, kind, probability=0.0), kind).inputs, make_batch(kind).inputs)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kind in KINDS if name not in WITHOUT_PROBABILITY]
)
def test_probability_is_that_of_a_clip(name, kind):
    """At 0.5, some of 60 clips are changed and some are not."""
    before = [make_batch(kind).inputs for _ in range(10)]
    after = [run(settings_of(name, kind, probability=0.5), kind, epoch=epoch).inputs for epoch in range(10)]
    unchanged = (torch.cat(before) == torch.cat(after)).flatten(1).all(1)
    assert 10 <= int(unchanged.sum()) <= 50


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_silence_stays_finite(name, kind):
    batch = make_batch(kind)
    batch.inputs = torch.zeros_like(batch.inputs)
    assert torch.isfinite(Chain([settings_of(name, kind)], kind, 2, 1)(batch, draws()).inputs).all()


def test_several_one_after_the_other():
    names = ["mixup", "ffm", "specaugment"]
    batch = Chain([{"name": name} for name in names], "features", 2, 1)(make_batch("features"), draws())
    first = Chain([{"name": "mixup"}], "features", 2, 1)(make_batch("features"), draws())
    kept = batch.inputs != 0
    assert (
        torch.equal(batch.labels, first.labels)
        and torch.equal(batch.inputs[kept], first.inputs[kept])
        and 0.3 < kept.float().mean() < 1
    )
    nothing = make_batch("features")
    assert Chain([], "features", 2, 1)(nothing, draws()) is nothing


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_clip_is_augmented_alike_in_any_batch(name, kind):
    """Alone, without padding, as in a batch of longer clips; but for those that say they need the batch."""
    chain = Chain([settings_of(name, kind)], kind, 2, seed=1)
    if chain.steps[0][1].NEEDS_BATCH:
        assert name in ("filter_augment", "mixup")
        return
    batch = make_batch(kind)
    whole = chain(batch, draws(2, 3))
    alone = Batch(["u1"], batch.inputs[1:2, ..., : batch.lengths[1]], batch.lengths[1:2], batch.labels[1:2])
    result = chain(alone, draws(2, 3)[1:2])
    assert torch.equal(result.inputs[0], whole.inputs[1, ..., : batch.lengths[1]])


def test_draws_are_the_same_everywhere():
    digest = hashlib.sha256(torch.rand(8, generator=seeded(1, 2, 3, 0)).numpy().tobytes()).hexdigest()
    assert digest[:16] == "337abc153261a2af"


def test_values_that_are_not_finite_stop_the_run():
    batch = make_batch("waveform")
    batch.inputs[2, 5] = float("nan")
    with pytest.raises(DadaError, match="augmentation sinc_mask gave values that are not finite for u2"):
        Chain([{"name": "sinc_mask"}], "waveform", 2, 1)(batch, draws())


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("waveform", {"name": "ffm"}, "works on features, but input.kind is waveform"),
        ("features", {"name": "rawboost"}, "works on waveform, but input.kind is features"),
        ("features", {"name": "mixupp"}, "did you mean 'mixup'"),
        ("features", {"name": "mixup", "alpha": 0.0}, "alpha is 0.0, and must be above 0"),
        ("features", {"name": "mixup", "partner": "last"}, "known: next, random"),
        ("features", {"name": "ffm", "masks": ["middle"]}, "known: low, high, random"),
        ("features", {"name": "ffm", "low": [12, 7]}, r"low is \[12, 7\]"),
        ("features", {"name": "cutout", "probability": 1.5}, "at least 0 and at most 1"),
        ("features", {"name": "cutout", "alpha": -1.0}, "above 0"),
        ("features", {"name": "filter_augment", "scale": "log"}, "known: amplitude, ln"),
        ("features", {"name": "filter_augment", "num_bands": [1, 3]}, "two bands at least"),
        ("features", {"name": "specaugment", "band_width": 0}, "band_width is 0, and must be at least 1"),
        ("waveform", {"name": "noise", "colour": "blue"}, "known: white, pink, brown"),
        ("waveform", {"name": "codec", "preset": "asvspoof2021"}, "no preset 'asvspoof2021', did you mean"),
        ("waveform", {"name": "codec", "chains": ["mp4:32"]}, "codec 'mp4' is not known"),
        ("waveform", {"name": "rawboost", "algorithm": 9}, "at least 1 and at most 8"),
        ("waveform", {"name": "rawboost", "impulses": 120.0}, "0 to 100 percent"),
        ("waveform", {"name": "rawboost", "sample_rate": 8000}, "half of the sample rate"),
        ("waveform", {"name": "rooms", "width": [0.5, 2.0]}, "sides must be longer"),
        ("waveform", {"name": "recorded_noise"}, "set folder to a folder of recordings"),
        ("waveform", {"name": "recorded_rooms", "folder": "$NO_SUCH_NAME/x"}, "NO_SUCH_NAME is not set"),
        ("waveform", {"name": "recorded_rooms", "folder": "x", "max_seconds": 0}, "above 0"),
        ("waveform", {"name": "speed", "factors": [1.0, 1.23456]}, "1.23456 is no ratio of whole numbers"),
        ("waveform", {"name": "speed", "factors": [0.0]}, "0.0 is no ratio"),
        ("waveform", {"name": "pitch", "semitones": [2.0, -2.0]}, "semitones is"),
        ("waveform", {"name": "pitch", "semitones": [0.0, 30.0]}, "within ±24"),
        ("waveform", {"name": "sinc_mask", "max_masked": 71}, "there are 70 filters"),
        ("waveform", {"name": "drop_bands", "width": 1.5}, "width lie between 0 and 1"),
        ("waveform", {"name": "drop_bands", "num_taps": 256}, "num_taps be odd"),
        ("waveform", {"name": "drop_chunks", "size": [2000, 1000]}, r"size is \[2000, 1000\]"),
        ("waveform", {"name": "drop_chunks", "size": [0, 10]}, "must be at least 1"),
        ("features", {"name": "one_of"}, "choices must be lists of augmentations"),
        ("features", {"name": "one_of", "choices": [[{"name": "ffm"}], []]}, "none of them empty"),
        (
            "features",
            {"name": "one_of", "choices": [[{"name": "mixup"}]]},
            "put mixup and keep_original beside the choices",
        ),
        (
            "waveform",
            {"name": "one_of", "choices": [[{"name": "one_of", "keep_original": True}]]},
            "put mixup and keep_original beside",
        ),
        (
            "features",
            {"name": "one_of", "choices": [[{"name": "noise"}]]},
            "one_of works on waveform, but input.kind is features",
        ),
        (
            "features",
            {"name": "one_of", "choices": [[{"name": "noise"}], [{"name": "ffm"}]]},
            "inputs are of one kind",
        ),
    ],
)
def test_bad_settings_are_refused(kind, settings, message):
    with pytest.raises(ConfigError, match=message):
        Chain([settings], kind, 2, 1)


def test_too_few_rows_are_refused():
    batch = make_batch("features")
    batch.inputs = batch.inputs[:, :60]
    with pytest.raises(ConfigError, match="mask high needs 88 rows, but the features have 60"):
        Chain([{"name": "ffm"}], "features", 2, 1)(batch, draws())
    batch.inputs = batch.inputs[:, :4]
    with pytest.raises(ConfigError, match="4 rows"):
        Chain([{"name": "filter_augment"}], "features", 2, 1)(batch, draws())
