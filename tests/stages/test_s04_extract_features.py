"""Stage extract_features on a few made-up clips."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import kaldiio
import numpy as np
import pytest
import torch

from dada import features
from dada.data import ArkReader, read_table, write_audio, write_table
from dada.data.input import InputConfig
from dada.errors import ConfigError, DataError
from dada.features import _compute
from dada.recipe.stamps import plain, stamp_path, write_stamp
from dada.stages import s04_extract_features as stage

LFCC = InputConfig(kind="features", features={"name": "lfcc"})
TILED = InputConfig(kind="features", num_samples=8000, length_rule="tile", features={"name": "cues"})
TEXT = InputConfig(kind="text_features", features={"name": "text_encoder", "model": "m"})
SYSTEMS = {
    "gmm": SimpleNamespace(task="audio", input=LFCC),
    "lcnn": SimpleNamespace(task="audio", input=dataclasses.replace(LFCC)),
    "cues": SimpleNamespace(task="audio", input=TILED),
    "text": SimpleNamespace(task="text", input=TEXT),
    "raw": SimpleNamespace(task="audio", input=InputConfig()),
    "late": SimpleNamespace(task="fusion", input=InputConfig(kind="branches")),
}


class Recipe(SimpleNamespace):
    """As much of a recipe as the stage asks for."""

    protocol = "line"
    all_splits = ["train", "dev", "test"]
    corpus = SimpleNamespace(audio=True)
    text = SimpleNamespace(name="authors")
    options = SimpleNamespace(force=False)
    other_protocols = ()

    def system(self, name):
        return SYSTEMS[name]

    def data_dir(self, split):
        return self.root / "data" / split

    def text_dir(self, name, split):
        return self.root / "data" / f"text_{name}" / split

    def dump_dir(self, config, split):
        return self.root / "dump" / f"{config.features['name']}-0" / split


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "SHARD", 3)
    monkeypatch.setattr(_compute, "BATCH", 2)
    recipe = Recipe(root=tmp_path, planned=tuple(SYSTEMS))
    rng = np.random.default_rng(0)
    wav_scp = {}
    for i, size in enumerate([6000, 6000, 6000, 7001, 9000, 9000, 6000, 6000]):
        wav_scp[f"utt{i}"] = tmp_path / f"{i}.flac"
        write_audio(wav_scp[f"utt{i}"], (0.1 * rng.normal(size=size)).astype(np.float32))
    write_table(recipe.data_dir("train") / "wav.scp", wav_scp)
    write_table(recipe.data_dir("train") / "text", {utt: f"text of {utt}" for utt in wav_scp})
    return recipe


def run(recipe, job):
    parts = []
    for i, keys in enumerate(stage.shards(recipe, job)):
        parts.append(job.home / f".parts/{i}")
        parts[-1].mkdir(parents=True, exist_ok=True)
        stage.run_shard(recipe, job, keys, parts[-1])
    stage.merge(recipe, job, parts)


def find(recipe, name):
    return next(job for job in stage.plan(recipe) if job.name == name)


def test_plan_shares_what_is_the_same(recipe):
    jobs = stage.plan(recipe)
    assert [job.name for job in jobs] == [
        *(f"line/lfcc-0/{split}" for split in recipe.all_splits),
        *(f"line/cues-0/{split}" for split in recipe.all_splits),
        *(
            f"line/text_encoder-0/{split}"
            for split in (*recipe.all_splits, "text_authors/train", "text_authors/dev")
        ),
    ]
    assert jobs[-1].inputs == (recipe.text_dir("authors", "dev") / "text",)
    assert jobs[-1].outputs == (recipe.root / "dump/text_encoder-0/text_authors/dev/feats.scp",)
    assert jobs[0].outputs == tuple(jobs[0].home / name for name in ("feats.scp", "utt2num_frames"))
    assert jobs[0].settings["features"] == {"name": "lfcc"}


def test_features_are_those_of_each_clip_alone(recipe):
    job = find(recipe, "line/lfcc-0/train")
    assert [len(keys) for keys in stage.shards(recipe, job)] == [3, 3, 2]
    run(recipe, job)
    arrays = ArkReader(job.home / "feats.scp")
    assert list(arrays) == [f"utt{i}" for i in range(8)]
    frames = read_table(job.home / "utt2num_frames")
    feature = features.build({"name": "lfcc"})
    for utt, x in _compute.waveforms(job.settings, read_table(job.inputs[0])):
        assert arrays[utt].dtype == np.float32
        np.testing.assert_allclose(arrays[utt], feature(x[None])[0].T.numpy(), atol=2e-4)
        assert frames[utt] == str(len(arrays[utt])) == str(1 + len(x) // 160)


def test_the_length_rule_comes_before_the_features(recipe):
    job = find(recipe, "line/cues-0/train")
    run(recipe, job)
    durations = {float(array[0, 0]) for array in ArkReader(job.home / "feats.scp").values()}
    assert durations == {0.5}


def test_vectors_of_texts(recipe, monkeypatch):
    """The encoder is found below the recipe's folder, and gets the texts of a shard in order."""

    class TextEncoder:
        def __init__(self, config, device):
            assert config.model == str(recipe.root / "m")

        def encode(self, texts):
            return np.array([[float(text[-1]), 1.0] for text in texts], dtype=np.float32)

    (recipe.root / "m").mkdir()
    monkeypatch.setattr("dada.text.encoder.TextEncoder", TextEncoder)
    job = find(recipe, "line/text_encoder-0/train")
    run(recipe, job)
    arrays = ArkReader(job.home / "feats.scp")
    assert {utt: array.tolist() for utt, array in arrays.items()} == {f"utt{i}": [i, 1.0] for i in range(8)}


def test_a_bad_clip_is_named(recipe, tmp_path):
    job = find(recipe, "line/lfcc-0/train")
    (tmp_path / "1.flac").write_bytes(b"no audio")
    with pytest.raises(DataError, match="utterance utt1: .*1.flac cannot be read"):
        stage.run_shard(recipe, job, ["utt0", "utt1"], Path(tmp_path))
    gmm = dataclasses.replace(
        job, settings={**job.settings, "features": {"name": "lfcc", "variant": "gmm", "window": 480}}
    )
    write_audio(tmp_path / "2.flac", np.full(100, 0.1, dtype=np.float32))
    with pytest.raises(DataError, match="utterance utt2: a clip of 100 samples"):
        stage.run_shard(recipe, gmm, ["utt2"], Path(tmp_path))


def test_a_missing_utterance_is_named(recipe):
    job = find(recipe, "line/lfcc-0/train")
    part = job.home / "part"
    part.mkdir(parents=True)
    stage.run_shard(recipe, job, ["utt0", "utt2"], part)
    with pytest.raises(DataError, match="utt1"):
        stage.merge(recipe, job, [part])
    assert not (job.home / "feats.scp").exists()


class Second(Recipe):
    """Another protocol of the same recipe."""

    protocol = "dialogue"

    def data_dir(self, split):
        return self.root / "data" / "dialogue" / split

    def dump_dir(self, config, split):
        return self.root / "dump" / "dialogue" / f"{config.features['name']}-0" / split


def test_what_another_protocol_has_is_taken_over(recipe, monkeypatch):
    job = find(recipe, "line/lfcc-0/train")
    run(recipe, job)
    write_stamp(stamp_path(job), {"digest": "", "inputs": {}, "settings": plain(job.settings)})
    second = Second(root=recipe.root, planned=recipe.planned, other_protocols=[recipe])
    table = read_table(job.inputs[0])
    chosen = {utt: table[utt] for utt in ("utt1", "utt3", "utt4", "utt6")} | {"utt7": table["utt0"]}
    write_table(second.data_dir("dev") / "wav.scp", chosen)
    other = find(second, "dialogue/lfcc-0/dev")
    assert [one.name for one in other.after] == [f"line/lfcc-0/{split}" for split in recipe.all_splits]
    assert not any(one.after for one in stage.plan(second) if one.settings["kind"] == "text_features")
    computed = []
    waveforms = _compute.waveforms
    monkeypatch.setattr(
        _compute,
        "waveforms",
        lambda settings, wav_scp: computed.extend(wav_scp) or waveforms(settings, wav_scp),
    )
    run(second, other)
    assert computed == ["utt7"]  # the same name, but another recording
    before, arrays = ArkReader(job.home / "feats.scp"), ArkReader(other.home / "feats.scp")
    assert list(arrays) == list(chosen)
    for utt in chosen:
        np.testing.assert_array_equal(arrays[utt], before["utt0" if utt == "utt7" else utt])
    computed.clear()
    second.options = SimpleNamespace(force=True)
    run(second, other)
    assert computed == list(chosen)


def own(scp):
    return SimpleNamespace(
        task="audio", input=InputConfig(kind="features", features={"name": "from_scp", "scp": scp})
    )


@pytest.mark.parametrize("is_absolute", [True, False])
def test_features_of_another_program_are_copied(recipe, monkeypatch, is_absolute):
    """The index may hold other utterances as well, and absolute or relative paths."""
    folder = recipe.root / "feats" / "train"
    utts = [*read_table(recipe.data_dir("train") / "wav.scp"), "zzz"]
    arrays = {utt: np.full((5 + i, 4), i, dtype=np.float32) for i, utt in enumerate(utts)}
    folder.mkdir(parents=True)
    kaldiio.save_ark(str(folder / "raw.1.ark"), arrays, str(folder / "feats.scp"))
    if not is_absolute:
        index = {utt: Path(place).name for utt, place in read_table(folder / "feats.scp").items()}
        write_table(folder / "feats.scp", index)
    monkeypatch.setitem(SYSTEMS, "own", own("feats/{split}/feats.scp"))
    recipe.planned = ("own",)
    job = next(job for job in stage.plan(recipe) if job.split == "train")
    assert job.inputs == (recipe.data_dir("train") / "wav.scp", folder / "feats.scp")
    run(recipe, job)
    finished = ArkReader(job.home / "feats.scp")
    assert list(finished) == utts[:-1]
    assert all(np.array_equal(finished[utt], arrays[utt]) for utt in finished)


def test_features_of_another_program_must_be_whole(recipe, monkeypatch):
    folder = recipe.root / "feats" / "train"
    folder.mkdir(parents=True)
    utts = list(read_table(recipe.data_dir("train") / "wav.scp"))
    kaldiio.save_ark(str(folder / "a.ark"), {utts[0]: np.ones((5, 4), "f4")}, str(folder / "feats.scp"))
    monkeypatch.setitem(SYSTEMS, "own", own("feats/{split}/feats.scp"))
    recipe.planned = ("own",)
    job = next(job for job in stage.plan(recipe) if job.split == "train")
    with pytest.raises(DataError, match=f"feats.scp has no entry for utterance {utts[1]}"):
        run(recipe, job)
    monkeypatch.setitem(SYSTEMS, "own", own(""))
    with pytest.raises(ConfigError, match="from_scp needs scp"):
        stage.plan(recipe)
    feature = features.build({"name": "from_scp", "scp": "x.scp"})
    with pytest.raises(ConfigError, match="read from x.scp: they cannot be computed from audio"):
        feature(torch.zeros(1, 100))
