"""Stage extract_features on a few made-up clips."""

import dataclasses
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
from small_recipe import small_recipe

from dada import features
from dada.data import ArkReader, read_table, write_audio, write_table
from dada.data.input import InputConfig
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.features import _compute
from dada.recipe.options import Options
from dada.recipe.stamps import plain, stamp_path, write_stamp
from dada.stages import s04_extract_features as stage

LFCC = SystemConfig(model={"name": "gmm"}, input=InputConfig("features", features={"name": "lfcc"}))
TILED = InputConfig("features", num_samples=8000, length_rule="tile", features={"name": "cues"})
TEXT = InputConfig("text_features", features={"name": "text_encoder", "model": "m"})
SYSTEMS = {
    "gmm": LFCC,
    "lcnn": LFCC,
    "cues": SystemConfig(model={"name": "trivial_cues"}, input=TILED),
    "text": SystemConfig(task="text", model={"name": "dada_text"}, input=TEXT),
    "raw": SystemConfig(model={"name": "rawnet2"}),
    "late": SystemConfig(
        task="fusion",
        model={"name": "late"},
        input=InputConfig("branches"),
        branches={"audio": "gmm", "text": "text"},
    ),
}


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "SHARD", 3)
    monkeypatch.setattr(_compute, "BATCH", 2)
    recipe = small_recipe(tmp_path, SYSTEMS, protocols=["line", "dialogue"])
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


def find(recipe, feature, split):
    jobs = stage.plan(recipe)
    return next(job for job in jobs if (job.settings["features"]["name"], job.split) == (feature, split))


def test_plan_shares_what_is_the_same(recipe):
    jobs = stage.plan(recipe)
    texts = ("text_authors/train", "text_authors/dev")
    assert [(job.settings["features"]["name"], job.split) for job in jobs] == [
        *(("lfcc", split) for split in recipe.all_splits),
        *(("cues", split) for split in recipe.all_splits),
        *(("text_encoder", split) for split in (*recipe.all_splits, *texts)),
    ]
    assert jobs[0].systems == ("gmm", "lcnn")
    assert jobs[-1].inputs == (recipe.text_dir("authors", "dev") / "text",)
    dump = recipe.dump_dir(recipe.system("text").input, texts[1])
    assert (
        jobs[-1].outputs == (dump / "feats.scp",)
        and jobs[-1].name == f"line/{dump.parents[1].name}/{texts[1]}"
    )
    assert jobs[0].outputs == tuple(jobs[0].home / name for name in ("feats.scp", "utt2num_frames"))
    assert jobs[0].settings == recipe.system("gmm").input.dump_settings()


def test_features_are_those_of_each_clip_alone(recipe):
    job = find(recipe, "lfcc", "train")
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
    job = find(recipe, "cues", "train")
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
    job = find(recipe, "text_encoder", "train")
    run(recipe, job)
    arrays = ArkReader(job.home / "feats.scp")
    assert {utt: array.tolist() for utt, array in arrays.items()} == {f"utt{i}": [i, 1.0] for i in range(8)}


def test_a_bad_clip_is_named(recipe, tmp_path):
    job = find(recipe, "lfcc", "train")
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
    job = find(recipe, "lfcc", "train")
    part = job.home / "part"
    part.mkdir(parents=True)
    stage.run_shard(recipe, job, ["utt0", "utt2"], part)
    with pytest.raises(DataError, match="utt1"):
        stage.merge(recipe, job, [part])
    assert not (job.home / "feats.scp").exists()


def test_what_another_protocol_has_is_taken_over(recipe, monkeypatch):
    job = find(recipe, "lfcc", "train")
    run(recipe, job)
    write_stamp(stamp_path(job), {"digest": "", "inputs": {}, "settings": plain(job.settings)})
    second = recipe.under("dialogue")
    table = read_table(job.inputs[0])
    chosen = {utt: table[utt] for utt in ("utt1", "utt3", "utt4", "utt6")} | {"utt7": table["utt0"]}
    write_table(second.data_dir("dev") / "wav.scp", chosen)
    other = find(second, "lfcc", "dev")
    assert [one.name for one in other.after] == [
        find(recipe, "lfcc", split).name for split in recipe.all_splits
    ]
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
    run(dataclasses.replace(second, options=Options(force=True)), other)
    assert computed == list(chosen)


def own(recipe, name, scp):
    """A recipe in the same folder whose system reads the features of another program."""
    features = InputConfig("features", features={"name": "from_scp", "scp": scp})
    return small_recipe(recipe.root, {name: SystemConfig(model={"name": "gmm"}, input=features)})


@pytest.mark.parametrize("is_absolute", [True, False])
def test_features_of_another_program_are_copied(recipe, is_absolute):
    """The index may hold other utterances as well, and absolute or relative paths."""
    folder = recipe.root / "feats" / "train"
    utts = [*read_table(recipe.data_dir("train") / "wav.scp"), "zzz"]
    arrays = {utt: np.full((5 + i, 4), i, dtype=np.float32) for i, utt in enumerate(utts)}
    folder.mkdir(parents=True)
    kaldiio.save_ark(str(folder / "raw.1.ark"), arrays, str(folder / "feats.scp"))
    if not is_absolute:
        index = {utt: Path(place).name for utt, place in read_table(folder / "feats.scp").items()}
        write_table(folder / "feats.scp", index)
    recipe = own(recipe, "own", "feats/{split}/feats.scp")
    job = find(recipe, "from_scp", "train")
    assert job.inputs == (recipe.data_dir("train") / "wav.scp", folder / "feats.scp")
    run(recipe, job)
    finished = ArkReader(job.home / "feats.scp")
    assert list(finished) == utts[:-1]
    assert all(np.array_equal(finished[utt], arrays[utt]) for utt in finished)


def test_features_of_another_program_must_be_whole(recipe):
    folder = recipe.root / "feats" / "train"
    folder.mkdir(parents=True)
    utts = list(read_table(recipe.data_dir("train") / "wav.scp"))
    kaldiio.save_ark(str(folder / "a.ark"), {utts[0]: np.ones((5, 4), "f4")}, str(folder / "feats.scp"))
    recipe = own(recipe, "own", "feats/{split}/feats.scp")
    job = find(recipe, "from_scp", "train")
    with pytest.raises(DataError, match=f"feats.scp has no entry for utterance {utts[1]}"):
        run(recipe, job)
    with pytest.raises(ConfigError, match="from_scp needs scp"):
        stage.plan(own(recipe, "none", ""))
    feature = features.build({"name": "from_scp", "scp": "x.scp"})
    with pytest.raises(ConfigError, match="read from x.scp: they cannot be computed from audio"):
        feature(torch.zeros(1, 100))
