"""Stage transcribe: planning, shards, merging, and what it says of audio it cannot read."""

import dataclasses
import json
import logging
import os

import numpy as np
import pytest
from small_recipe import small_recipe

from dada.asr import TranscribeConfig
from dada.asr.base import Transcript
from dada.asr.clips import read_clips
from dada.data import read_table, write_audio, write_table
from dada.errors import ConfigError, DataError
from dada.recipe.options import Options
from dada.recipe.stamps import plain, stamp_path, write_stamp
from dada.stages import s02_transcribe as stage

NUM_UTTS = 9


class FakeTranscriber:
    """Says how long a clip is, and nothing of one of exactly a second."""

    provenance = {"model": "fake", "weights_sha256": "0", "library": "none 1.0", "options": {}}

    def transcribe(self, clips):
        texts = ["" if len(clip) == 16_000 else f"Heard {len(clip)}, é!" for clip in clips]
        return [Transcript(text, -0.123456, 3, 0.01, 1.0, 8.0, len(text) == 0, []) for text in texts]


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    splits = {"train": None, "test": []}
    recipe = small_recipe(
        tmp_path,
        {},
        systems=["dada_text"],
        splits=splits,
        protocols=["line", "dialogue"],
        transcribe={"backend": "transformers"},
    )
    lengths = {f"utt-{i}": 16_000 + 100 * i for i in range(NUM_UTTS)}
    for utt, length in lengths.items():
        write_audio(tmp_path / f"{utt}.wav", np.full(length, 0.1, np.float32))
    write_table(recipe.data_dir("dev") / "wav.scp", {utt: tmp_path / f"{utt}.wav" for utt in lengths})
    monkeypatch.setattr(stage, "_transcriber", lambda settings, root: FakeTranscriber())
    monkeypatch.setattr(stage, "SHARD_SIZE", 4)
    return recipe


def test_the_model_is_loaded_once_with_the_recipes_configuration(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "dada.asr.build", lambda config, root: asked.append((config, root)) or FakeTranscriber()
    )
    config = TranscribeConfig(model="tiny.en", contexts=[30.0])
    config.guard.min_logprob = -2.0
    for _ in range(2):
        stage._transcriber(json.dumps(dataclasses.asdict(config)), tmp_path)
    assert asked == [(config, tmp_path)]


def run(recipe, tmp_path, order) -> tuple[bytes, bytes]:
    """Run the shards in an order, merge them, and give the two files."""
    (job,) = stage.plan(recipe)
    keys = stage.shards(recipe, job)
    parts = [tmp_path / "shards" / str(i) for i in range(len(keys))]
    for i in order(range(len(keys))):
        stage.run_shard(recipe, job, keys[i], parts[i])
    stage.merge(recipe, job, parts)
    return tuple(path.read_bytes() for path in job.outputs)


def test_shards_do_not_depend_on_the_order_they_are_done_in(recipe, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    first = run(recipe, tmp_path, order=list)
    assert run(recipe, tmp_path, order=lambda numbers: reversed(list(numbers))) == first
    texts = read_table(tmp_path / "data" / "dev" / "text")
    assert texts == {f"utt-{i}": f"Heard {16_000 + 100 * i}, é!" if i else "" for i in range(NUM_UTTS)}
    record = json.loads(first[1])
    assert record["made_by"] == FakeTranscriber.provenance
    assert (
        record["utterances"]["utt-3"]["avg_logprob"] == -0.1235
        and "text" not in record["utterances"]["utt-3"]
    )
    assert "9 transcripts" in caplog.text and "1 transcripts are empty (utt-0)" in caplog.text


def test_the_plan_reads_the_configuration_only(recipe):
    (job,) = stage.plan(recipe)
    assert (job.name, job.split, job.systems) == ("line/dev", "dev", ("dada_text",))
    assert [path.name for path in job.outputs] == ["text", "text.json"]
    recipe.data_dir("dev").joinpath("wav.scp").unlink()
    assert stage.plan(recipe) == [job]
    recipe.transcribe.allow_download = True
    assert stage.plan(recipe) == [job]
    recipe.transcribe.beam_size = 5
    assert stage.plan(recipe) != [job]
    recipe.transcribe.backend = "whisperx"
    with pytest.raises(ConfigError, match="transcribe.backend"):
        stage.plan(recipe)


def test_shards_have_a_fixed_size(recipe):
    (job,) = stage.plan(recipe)
    assert [len(keys) for keys in stage.shards(recipe, job)] == [4, 4, 1]


def test_shards_of_auto_hold_clips_of_similar_length(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "SHARD_SIZE_BY_LENGTH", 5)
    (job,) = stage.plan(recipe)
    before = run(recipe, tmp_path / "a", order=list)
    recipe.transcribe.backend = "auto"
    (other,) = stage.plan(recipe)
    assert other.settings != job.settings
    write_audio(tmp_path / "utt-0.wav", np.full(40_000, 0.1, np.float32))
    assert stage.shards(recipe, other) == [
        [f"utt-{i}" for i in range(1, 6)],
        ["utt-6", "utt-7", "utt-8", "utt-0"],
    ]
    after = run(recipe, tmp_path / "b", order=list)
    assert after[0] == before[0].replace(b"utt-0 \n", "utt-0 Heard 40000, é!\n".encode())
    write_table(job.home / "utt2dur", {f"utt-{i}": i for i in range(NUM_UTTS)})
    assert stage.shards(recipe, other)[0] == [f"utt-{i}" for i in range(5)]


def test_another_back_end_does_not_go_on(recipe, tmp_path, monkeypatch):
    """A run that was killed on one machine and goes on where `auto` takes another back end."""
    recipe.transcribe.backend = "auto"
    (job,) = stage.plan(recipe)
    made_by = {**FakeTranscriber.provenance, "options": {"compute_type": "float32"}}
    monkeypatch.setattr(FakeTranscriber, "provenance", made_by)
    stage.run_shard(recipe, job, ["utt-0"], tmp_path / "part.0000")
    monkeypatch.setitem(made_by, "options", {"compute_type": "int8"})
    with pytest.raises(DataError, match=r"part.0000 .*differ in options.compute_type\).*--force"):
        stage.run_shard(recipe, job, ["utt-1"], tmp_path / "part.0001")
    assert not (tmp_path / "part.0001").exists()


def test_unreadable_audio_is_named(recipe, tmp_path):
    (job,) = stage.plan(recipe)
    (tmp_path / "utt-1.wav").write_bytes(b"no audio")
    with pytest.raises(DataError, match=r"utterance utt-1: .*utt-1\.wav cannot be read"):
        stage.run_shard(recipe, job, ["utt-0", "utt-1"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_threads_read_the_same_clips(recipe, tmp_path):
    (job,) = stage.plan(recipe)
    locations = read_table(job.inputs[0])
    utts = sorted(locations)[::-1]
    one, several = (read_clips(utts, locations, job.inputs[0], device) for device in ("cpu", "cuda"))
    assert [len(clip) for clip in one] == [16_000 + 100 * int(utt[-1]) for utt in utts]
    assert all(np.array_equal(a, b) for a, b in zip(one, several, strict=True))
    for utt in ("utt-2", "utt-7"):
        (tmp_path / f"{utt}.wav").write_bytes(b"no audio")
    with pytest.raises(DataError, match="utterance utt-7: "):
        read_clips(utts, locations, job.inputs[0], "cuda")


def test_merge_refuses_missing_utterances(recipe, tmp_path):
    (job,) = stage.plan(recipe)
    stage.run_shard(recipe, job, ["utt-0", "utt-1"], tmp_path / "part")
    with pytest.raises(DataError, match="different utterances"):
        stage.merge(recipe, job, [tmp_path / "part"])
    assert not job.outputs[0].exists()


def test_merge_refuses_two_models(recipe, tmp_path, monkeypatch):
    (job,) = stage.plan(recipe)
    stage.run_shard(recipe, job, ["utt-0"], tmp_path / "a")
    monkeypatch.setattr(FakeTranscriber, "provenance", {"model": "other"})
    stage.run_shard(recipe, job, ["utt-1"], tmp_path / "b")
    with pytest.raises(DataError, match="another model, version or back end"):
        stage.merge(recipe, job, [tmp_path / "a", tmp_path / "b"])


@pytest.fixture
def two(recipe, tmp_path, monkeypatch):
    """The finished job of one protocol, a second one of which utt-1 to utt-4 are in the first, and the
    lengths of what is transcribed.
    """
    (job,) = stage.plan(recipe)
    run(recipe, tmp_path, order=list)
    write_stamp(stamp_path(job), {"digest": "", "inputs": {}, "settings": plain(job.settings)})
    second = recipe.under("dialogue")
    write_audio(tmp_path / "other.wav", np.full(20_000, 0.1, np.float32))
    table = read_table(job.inputs[0])
    chosen = {f"utt-{i}": table[f"utt-{i}"] for i in range(1, 5)} | {"utt-5": tmp_path / "other.wav"}
    write_table(second.data_dir("dev") / "wav.scp", chosen)
    heard = []

    def transcribe(self, clips):
        heard.extend(len(clip) for clip in clips)
        return [
            Transcript(f"Heard {len(clip)}, é!", -0.123456, 3, 0.01, 1.0, 8.0, False, []) for clip in clips
        ]

    monkeypatch.setattr(FakeTranscriber, "transcribe", transcribe)
    return job, second, heard


def test_what_another_protocol_has_is_taken_over(two, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    job, second, heard = two
    (other,) = stage.plan(second)
    assert [one.name for one in other.after] == ["line/dev"]
    texts, record = run(second, tmp_path / "second", order=list)
    assert heard == [20_000] and "4 of 4 utterances were transcribed for another protocol" in caplog.text
    assert texts.decode().splitlines() == [
        *(f"utt-{i} Heard {16_000 + 100 * i}, é!" for i in range(1, 5)),
        "utt-5 Heard 20000, é!",
    ]
    figures, before = json.loads(record)["utterances"], json.loads(job.outputs[1].read_text())["utterances"]
    assert {utt: figures[utt] for utt in list(figures)[:4]} == {utt: before[utt] for utt in list(figures)[:4]}


def newer_recording(job, second):
    path = read_table(job.inputs[0])["utt-2"]
    later = job.outputs[0].stat().st_mtime_ns + 1
    os.utime(path, ns=(later, later))


def other_model(job, second):
    record = json.loads(job.outputs[1].read_text())
    job.outputs[1].write_text(json.dumps(record | {"made_by": {"model": "other"}}))


def other_settings(job, second):
    write_stamp(
        stamp_path(job), {"digest": "", "inputs": {}, "settings": plain(job.settings) | {"shard_size": 3}}
    )


def unfinished(job, second):
    stamp_path(job).unlink()


def later_utterance(job, second):
    """The first protocol lists what it has not transcribed yet."""
    for path in job.outputs:
        path.write_text(path.read_text().replace("utt-2", "utt-20"))


def forced(job, second):
    return dataclasses.replace(second, options=Options(force=True))


@pytest.mark.parametrize(
    ("change", "num_heard"),
    [
        (newer_recording, 2),
        (later_utterance, 2),
        (other_model, 5),
        (other_settings, 5),
        (unfinished, 5),
        (forced, 5),
    ],
)
def test_nothing_old_is_taken_over(two, tmp_path, change, num_heard):
    job, second, heard = two
    run(change(job, second) or second, tmp_path / "second", order=list)
    assert len(heard) == num_heard
