"""Datasets: reading, lengths, crops, labels, and naming what is missing."""

import pickle
import re

import numpy as np
import pytest
import torch

from dada.data import DataDir, write_ark, write_audio, write_table
from dada.data.dataset import Dataset, audio_dataset, digest, restrict
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig


@pytest.fixture
def folder(tmp_path) -> DataDir:
    """Four clips of 800, 900, 1000, 1100 samples with features of 5 to 8 frames, in `dump`."""
    rng = np.random.default_rng(0)
    utts = [f"u{i}" for i in range(4)]
    for i, utt in enumerate(utts):
        write_audio(tmp_path / f"{utt}.wav", rng.uniform(-0.5, 0.5, 800 + 100 * i))
    lengths = write_ark(
        tmp_path / "dump" / "feats.scp",
        ((utt, rng.standard_normal((5 + i, 3))) for i, utt in enumerate(utts)),
    )
    write_table(tmp_path / "dump" / "utt2num_frames", lengths)
    tables = {
        "wav.scp": {utt: str(tmp_path / f"{utt}.wav") for utt in utts},
        "utt2label": dict(zip(utts, ["spoof", "bonafide", "spoof", "bonafide"], strict=True)),
        "utt2spk": dict.fromkeys(utts, "BOB"),
        "utt2source": dict(zip(utts, ["l0", "l0", "l1", "l1"], strict=True)),
    }
    DataDir(tmp_path / "data", tables).write()
    return DataDir.read(tmp_path / "data")


def config(kind: str, **values) -> SystemConfig:
    system = SystemConfig(name="x")
    system.input.kind = kind
    for key, value in values.items():
        setattr(system.input if hasattr(system.input, key) else system.train, key, value)
    return system


def test_features_are_turned_to_frames_last_and_padded(folder, tmp_path):
    dataset = audio_dataset(folder, config("features"), tmp_path / "dump", training=True)
    batch = dataset.collate([dataset[1], dataset[3]])
    assert batch.inputs.shape == (2, 3, 8) and batch.lengths.tolist() == [6, 8] and batch.utts == ["u1", "u3"]
    assert (
        batch.labels.tolist() == [1, 1]
        and batch.speakers == ["BOB", "BOB"]
        and not batch.inputs[0, :, 6:].any()
    )
    np.testing.assert_array_equal(batch.inputs[0, :, :6].T, dataset.arrays["u1"])
    assert dataset.lengths == [5, 6, 7, 8] and dataset.sources == ["l0", "l0", "l1", "l1"]


def test_waveforms_and_their_lengths(folder):
    dataset = audio_dataset(folder, config("waveform"), None, training=True)
    assert dataset.lengths == [800, 900, 1000, 1100] and dataset[2][1].shape == (1000,)
    tiled = audio_dataset(
        folder, config("waveform", num_samples=950, length_rule="tile"), None, training=False
    )
    assert tiled.lengths is None and [tiled[i][1].shape[0] for i in range(4)] == [950] * 4
    assert audio_dataset(
        folder, config("waveform", num_samples=950, length_rule="crop"), None, training=False
    ).lengths == [800, 900, 950, 950]


def test_random_stretches_depend_on_seed_epoch_and_utterance_alone(folder, tmp_path):
    def crops(seed, epoch, order=(0, 1, 2, 3), training=True):
        settings = config("features", num_frames=4, length_rule="tile", random_crop=True)
        dataset = audio_dataset(folder, settings, tmp_path / "dump", training, seed)
        dataset.set_epoch(epoch)
        found = {i: dataset[i][1] for i in order}
        return torch.stack([found[i] for i in range(4)])

    assert torch.equal(crops(1, 2), crops(1, 2, order=(3, 1, 0, 2)))
    assert len({crops(seed, epoch).numpy().tobytes() for seed in (1, 2) for epoch in range(4)}) > 4
    assert torch.equal(crops(1, 2, training=False), crops(7, 5, training=False))


def test_training_on_shorter_stretches_than_are_scored(folder, tmp_path):
    settings = config("features", crop_size=3)
    assert {audio_dataset(folder, settings, tmp_path / "dump", True)[i][1].shape[1] for i in range(4)} == {3}
    assert [audio_dataset(folder, settings, tmp_path / "dump", False)[i][1].shape[1] for i in range(4)] == [
        5,
        6,
        7,
        8,
    ]


def test_a_part_is_a_dataset(folder, tmp_path):
    whole = audio_dataset(folder, config("features"), tmp_path / "dump", training=True)
    part = restrict(whole, [3, 0])
    batch = part.collate([part[0], part[1]])
    assert batch.utts == part.utts == ["u3", "u0"] and batch.labels.tolist() == part.labels.tolist() == [1, 0]
    assert part.lengths == [8, 5] and part.sources == ["l1", "l0"]
    assert digest(part) == digest(restrict(whole, [3, 0])) != digest(restrict(whole, [0, 3]))


def test_what_is_missing_is_named(folder, tmp_path):
    with pytest.raises(DataError, match="feats.scp does not exist: run stage extract_features"):
        audio_dataset(folder, config("features"), tmp_path / "nowhere", training=True)
    write_ark(tmp_path / "some" / "feats.scp", [("u0", np.zeros((2, 3)))])
    with pytest.raises(DataError, match=r"lacks 3 utterances .*u1, u2, u3"):
        audio_dataset(folder, config("features"), tmp_path / "some", training=True)
    with pytest.raises(DataError, match="1 of 2 utterances have no data: b"):
        Dataset({"a": np.zeros(3)}, ["a", "b"])
    with pytest.raises(DataError, match="2 utterances, but 1 labels"):
        Dataset({"a": np.zeros(3), "b": np.zeros(3)}, ["a", "b"], torch.zeros(1))
    with pytest.raises(ConfigError, match="waveform or features, not text"):
        audio_dataset(folder, config("text"), None, training=True)


@pytest.mark.parametrize(
    ("shape", "wanted"), [((4, 2), r"\(frames, 3\)"), ((6,), r"\(frames, 3\)"), ((0, 3), r"\(frames, 3\)")]
)
def test_a_wrong_shape_is_named_with_the_feature(folder, tmp_path, shape, wanted):
    arrays = [(f"u{i}", np.zeros(shape if i == 2 else (5, 3))) for i in range(4)]
    write_ark(tmp_path / "wrong" / "feats.scp", arrays)
    settings = config("features")
    settings.input.features = {"name": "lfcc"}
    dataset = pickle.loads(pickle.dumps(audio_dataset(folder, settings, tmp_path / "wrong", training=True)))
    assert dataset[0][1].shape == (3, 5)
    shown = re.escape(str(shape))
    with pytest.raises(
        DataError, match=f"utterance u2: shape {shown}, expected a matrix {wanted} of the feature lfcc"
    ):
        dataset[2]


def test_labels_are_needed_for_training_only(folder, tmp_path):
    del folder.tables["utt2label"]
    assert audio_dataset(folder, config("waveform"), None, training=False).labels is None
    with pytest.raises(DataError, match="utt2label does not exist"):
        audio_dataset(folder, config("waveform"), None, training=True)


def test_attacks_are_classes_where_a_system_names_them(folder):
    folder.tables["utt2attack"] = {"u0": "melgan", "u1": "-", "u2": "world", "u3": "melgan"}
    system = config("waveform")
    system.labels = folder.attack_classes
    assert system.labels == ["bonafide", "melgan", "world"]
    assert audio_dataset(folder, system, None, training=True).labels.tolist() == [1, 0, 2, 1]
    system.labels = ["bonafide", "melgan"]
    assert (
        audio_dataset(folder, system, None, training=False).labels is None
    )  # an attack that training did not know, to be scored
    with pytest.raises(DataError, match="utt2attack: u2 is 'world', which is no class"):
        audio_dataset(folder, system, None, training=True)
    del folder.tables["utt2attack"]
    with pytest.raises(DataError, match="utt2attack does not exist"):
        audio_dataset(folder, system, None, training=True)
