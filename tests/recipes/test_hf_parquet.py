"""A data set in the Arena's form from its Parquet shards to results, to a wrapper, and to a submission."""

import importlib.util
import json
import shutil
from pathlib import Path

import arena_rules
import numpy as np
import pytest
import yaml
from fixtures import miniatures
from fixtures.miniatures import hf_parquet
from tiny_runs import dada

from dada.data import DataDir, read_audio, read_table
from dada.formats.key import read_key
from dada.metrics.eer import eer

DETAILS = {
    "dataset": {"id": "org/miniature", "revision": "0ee6c4d", "split": "test"},
    "artifact": {
        "scores_url": "https://example.org/a/b/resolve/0ee6c4d/.eval_results/org/miniature/scores.txt"
    },
    "submitter": {"hf_username": "someone", "contact": "someone@example.org"},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The recipe after all stages, with one seed."""
    recipe = miniatures.make("hf_parquet", tmp_path_factory.mktemp("hf"))
    done = dada("run", recipe, "--nj", "1")
    assert done.returncode == 0, done.stderr[-3000:]
    return recipe


def changed(finished: Path, folder: Path) -> tuple[Path, Path]:
    """A copy of the recipe without what it made, and of the data set."""
    recipe = Path(
        shutil.copytree(finished, folder / "recipe", ignore=shutil.ignore_patterns("data", "exp", "dump"))
    )
    corpus = Path(shutil.copytree(finished.parent / "corpus", folder / "corpus"))
    local = json.loads((recipe / "local.yaml").read_text())
    local["corpus"]["root"] = str(corpus)
    (recipe / "local.yaml").write_text(json.dumps(local))
    return recipe, corpus


def test_shards_become_data_directories(finished):
    test = DataDir.read(finished / "data" / "test")
    assert (len(test.utts), test.utts[0], test["utt2attack"]["TE_0009"]) == (16, "TE_0000", "A1")
    assert test.speakers["TE_0000"] == "speaker_0" and sorted(set(test.labels.values())) == [
        "bonafide",
        "spoof",
    ]
    assert test["utt2attack"]["TE_0000"] == "-" and test["utt2dur"]["TE_0000"] == "0.5"
    rows = [hf_parquet.row_of("test", i, i >= 8, 200) for i in range(16)]
    for row in rows:  # FLAC and MP3, as they were written
        utt = json.loads(row["notes"])["utterance_id"]
        place, _, offset = test["wav.scp"][utt].rpartition(":")
        assert Path(place).name == "audio.0.ark" and offset.isdigit()
        path = finished.parent / f"{utt}.audio"
        path.write_bytes(row["audio"]["bytes"])
        np.testing.assert_array_equal(read_audio(test["wav.scp"][utt]), read_audio(str(path)))
    key = read_key(finished.parent / "corpus" / "data" / "labels.parquet")
    assert dict(zip(key.trials, key.labels, strict=True)) == test.labels
    shard = read_key(finished.parent / "corpus" / "data" / "test-00001-of-00002.parquet")
    assert len(shard.trials) == 8 and set(shard.labels) == {"bonafide", "spoof"}


def test_sets_of_one_class_go_through_all_stages(finished):
    """They have the error rate of their class at the threshold of dev."""
    folder, labels = finished / "exp" / "lfcc_gmm", DataDir.read(finished / "data" / "dev").labels
    dev = {utt: float(s) for utt, s in read_table(folder / "seed_1" / "scores" / "dev.txt").items()}
    classes = ([dev[utt] for utt in dev if labels[utt] == label] for label in ("bonafide", "spoof"))
    threshold = eer(*classes)[1]
    for split, counts in (("test", (8, 8)), ("spoofs_alone", (0, 6)), ("humans_alone", (6, 0))):
        found = json.loads((folder / "results" / f"{split}.json").read_text())
        assert (found["num_bonafide"], found["num_spoof"]) == counts
        table = read_table(folder / "seed_1" / "scores" / f"{split}.txt")
        scores, at_dev = np.array([float(score) for score in table.values()]), found["at_dev"]
        assert len(scores) == sum(counts) and np.isfinite(scores).all()
        if split == "spoofs_alone":
            assert at_dev["far_at_threshold"]["mean"] == np.mean(scores >= threshold)
            assert at_dev["frr_at_threshold"] is None and found["metrics"] is None
        elif split == "humans_alone":
            assert at_dev["frr_at_threshold"]["mean"] == np.mean(scores < threshold)
            assert at_dev["far_at_threshold"] is None
    assert "spoofs_alone" in (finished / "exp" / "RESULTS.md").read_text()


def test_rows_that_cannot_be_used_are_named_and_counted(finished, tmp_path):
    recipe, corpus = changed(finished, tmp_path)
    path = corpus / "data" / "spoofs_alone-00000-of-00001.parquet"
    rows = [hf_parquet.row_of("spoofs_alone", i, True, 300) for i in range(8)]
    rows[1]["notes"] = "no JSON"
    rows[2]["notes"] = json.dumps({"utterance_id": "SP_0000"})
    rows[3]["audio"] = {"bytes": None, "path": None}
    rows[4]["audio"] = {"bytes": b"x" * 300, "path": "SP_0004.flac"}
    rows[5]["label"] = 7
    rows[6]["notes"] = json.dumps({"utterance_id": "a b"})
    hf_parquet.write_shard(path, rows)
    command = ("run", recipe, "--nj", "1", "--stop_stage", "1", "splits.test=[spoofs_alone]")
    done = dada(*command)
    assert done.returncode == 2 and "6 of 8 rows cannot be used" in done.stderr, done.stderr
    for problem in (
        "spoofs_alone-00000-of-00001.parquet, row 1: notes is no JSON",
        "row 2: the id SP_0000 is that of",
        "row 3: it holds no audio",
        "row 4: its audio cannot be read as audio",
        "row 5: the label '7' has no meaning",
        "row 6: the id 'a b' holds a blank",
        "corpus.options.leave_out_bad=true",
    ):
        assert problem in done.stderr, problem
    done = dada(*command, "corpus.options.leave_out_bad=true")
    assert done.returncode == 0, done.stderr
    assert "6 of 8 rows cannot be used; they are left out" in done.stderr
    assert DataDir.read(recipe / "data" / "spoofs_alone").utts == ["SP_0000", "SP_0007"]
    listed = (recipe / "data" / "audio" / "spoofs_alone_left_out.txt").read_text().splitlines()
    assert len(listed) == 6 and listed[2].endswith("row 3: it holds no audio")


def test_an_audio_folder_with_metadata(finished, tmp_path):
    recipe, corpus = changed(finished, tmp_path)
    for split in ("train", "validation", "test"):
        lines = []
        for i in range(6):
            row = hf_parquet.row_of(split, i, i % 2 == 1, 0)
            (corpus / split / "clips").mkdir(parents=True, exist_ok=True)
            (corpus / split / "clips" / row["path"]).write_bytes(row["audio"]["bytes"])
            lines.append(
                {
                    "file_name": f"clips/{row['path']}",
                    "class": ["real", "fake"][i % 2],
                    "about": {"who": "x y"},
                }
            )
        (corpus / split / "metadata.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    shutil.rmtree(corpus / "data")
    columns = {"audio": None, "utt": None, "attack": None, "file": "file_name", "label": "class"}
    local = json.loads((recipe / "local.yaml").read_text())
    local["corpus"]["options"]["columns"] = columns | {"speaker": "about.who"}
    (recipe / "local.yaml").write_text(json.dumps(local))
    done = dada("run", recipe, "--nj", "1", "--stop_stage", "1", "splits.test=[test]")
    assert done.returncode == 0, done.stderr
    test = DataDir.read(recipe / "data" / "test")
    assert test.utts[0] == "clips/TE_0000" and test["wav.scp"]["clips/TE_0000"].endswith(
        "test/clips/TE_0000.flac"
    )
    assert test.speakers["clips/TE_0001"] == "x_y" and test.labels["clips/TE_0001"] == "spoof"


def test_labels_alone_with_audio_elsewhere(finished, tmp_path):
    recipe, corpus = changed(finished, tmp_path)
    rows = [hf_parquet.row_of("test", i, i > 1, 0) for i in range(4)]
    for row in rows[:3]:
        (corpus / "unpacked").mkdir(exist_ok=True)
        (corpus / "unpacked" / row["path"]).write_bytes(row["audio"]["bytes"])
        row["notes"] = json.dumps({"utterance_id": row["path"]})
    hf_parquet.write_labels(corpus / "data" / "labels.parquet", rows[:3])
    local = json.loads((recipe / "local.yaml").read_text())
    names = dict.fromkeys(local["corpus"]["options"]["columns"])
    local["corpus"]["options"] = {
        "columns": names | {"utt": "utterance_id", "file": "utterance_id", "label": "label"},
        "files": {"test": ["data/labels.parquet"]},
        "labels_map": {0: "bonafide", 1: "spoof"},
        "audio_folder": "unpacked",
    }
    (recipe / "local.yaml").write_text(json.dumps(local))
    command = ("run", recipe, "--nj", "1", "--stop_stage", "1", "splits.test=[test]")
    splits = ("splits.train=null", "splits.dev=null", "systems=[aasist_official]")
    done = dada(*command, *splits)
    assert done.returncode == 0, done.stderr
    test = DataDir.read(recipe / "data" / "test")
    assert test.labels == {"TE_0000.flac": "bonafide", "TE_0001.flac": "bonafide", "TE_0002.flac": "spoof"}
    assert test["wav.scp"]["TE_0002.flac"] == str(corpus / "unpacked" / "TE_0002.flac")


@pytest.fixture(scope="module")
def wrapped(finished, tmp_path_factory) -> Path:
    """The folder of an export with the Arena's wrapper."""
    folder = tmp_path_factory.mktemp("arena") / "system"
    done = dada("export", finished / "exp" / "lfcc_lcnn", "--out", folder, "--arena", "--licence", "MIT")
    assert done.returncode == 0, done.stderr
    return folder


def scores_of_the_runner(wrapped: Path, data: DataDir, monkeypatch) -> str:
    """What the Arena's runner writes with the wrapper in a folder."""
    arena_rules.install(monkeypatch)
    spec = importlib.util.spec_from_file_location("arena_model", wrapped / "arena_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.Model.name == "lfcc_lcnn" and module.Model.batch_size > 1
    return arena_rules.run_model(module.Model, [(utt, read_audio(data["wav.scp"][utt])) for utt in data.utts])


def test_the_arena_gets_the_scores_of_the_recipe(finished, wrapped, tmp_path, monkeypatch):
    """Wrapper, runner, submission, check: and the scores are those of stage 8."""
    data = DataDir.read(finished / "data" / "test")
    text = scores_of_the_runner(wrapped, data, monkeypatch)
    own = read_table(finished / "exp" / "lfcc_lcnn" / "seed_1" / "scores" / "test.txt")
    found = dict(line.split() for line in text.splitlines())
    assert list(found) == data.utts
    np.testing.assert_allclose(
        [float(found[utt]) for utt in own], [float(s) for s in own.values()], atol=1e-5
    )

    meta = yaml.safe_load((wrapped / "meta.yaml").read_text())
    assert meta["system"]["slug"] == "lfcc-lcnn" and meta["system"]["checkpoint"] is None
    assert meta["system"]["params_millions"] > 0.01
    meta["system"] |= {"code": "https://example.org/code", "checkpoint": "https://example.org/weights"}
    (tmp_path / "details.yaml").write_text(yaml.safe_dump({**meta, **DETAILS}))
    (tmp_path / "scores.txt").write_text(text)
    labels = finished.parent / "corpus" / "data" / "labels.parquet"
    done = dada(
        *("evaluate", "--scores", tmp_path / "scores.txt", "--key", labels, "--resamples", "0"),
        *("--submission", tmp_path / "out.txt", "--submission_format", "arena"),
        *("--submission_details", tmp_path / "details.yaml"),
    )
    assert done.returncode == 0, done.stderr
    submitted, pointer = (tmp_path / "out.txt").read_text(), (tmp_path / "out.yaml").read_text()
    truth = {utt: int(label == "spoof") for utt, label in data.labels.items()}
    assert sorted(submitted.splitlines()) == sorted(text.splitlines())
    assert arena_rules.problems(pointer, submitted, truth) == []
    first = submitted.splitlines()[0]
    worse = submitted.replace(first, f"{first.split()[0]} nan")
    assert arena_rules.problems(pointer, worse, truth)
    changed_score = "".join(
        f"{line.split()[0]} {-float(line.split()[1]):.6f}\n" for line in submitted.splitlines()
    )
    refused = arena_rules.problems(pointer, changed_score, truth)
    assert "the score file has another digest" in refused and any("recomputed" in what for what in refused)
    assert arena_rules.problems(pointer.replace("schema_version: 4", "schema_version: 5"), submitted, truth)


def test_spoofs_alone_are_submitted_at_the_threshold_of_another_set(finished, tmp_path):
    scores = finished / "exp" / "lfcc_lcnn" / "seed_1" / "scores"
    (tmp_path / "details.yaml").write_text(
        yaml.safe_dump(
            DETAILS
            | {
                "system": {
                    "name": "x",
                    "slug": "x",
                    "description": "x",
                    "code": "https://a.org",
                    "checkpoint": "https://b.org",
                }
            }
        )
    )
    done = dada(
        *("evaluate", "--scores", scores / "spoofs_alone.txt", "--key", finished / "data" / "spoofs_alone"),
        *("--threshold_scores", scores / "test.txt", "--threshold_key", finished / "data" / "test"),
        *("--submission", tmp_path / "out.txt", "--submission_format", "arena", "--resamples", "0"),
        *("--submission_details", tmp_path / "details.yaml"),
    )
    assert done.returncode == 0, done.stderr
    truth = dict.fromkeys(DataDir.read(finished / "data" / "spoofs_alone").utts, 1)
    texts = (tmp_path / "out.yaml").read_text(), (tmp_path / "out.txt").read_text()
    assert arena_rules.problems(*texts, truth, "SpeechAntiSpoofingBenchmarks/DeepVoice") == []
    assert arena_rules.problems(*texts, truth, "another/set") == ["the threshold is of another set"]


def test_what_the_wrapper_refuses(finished, wrapped, tmp_path, monkeypatch):
    """A clip that cannot be scored is left to the runner; a system of words has no wrapper."""
    from dada.errors import ConfigError, DataError
    from dada.export.arena import Scorer, require_audio_alone

    scorer = Scorer(wrapped)
    clip = np.zeros(16_000, dtype=np.float32)
    for bad in (np.full(16_000, np.nan, np.float32), np.zeros((2, 8000), np.float32), clip[:0]):
        with pytest.raises(DataError, match="is no mono audio of finite samples"):
            scorer.scores([clip, bad], [16_000, 16_000])
    monkeypatch.setattr(type(scorer.system), "uses_words", lambda system: True)
    with pytest.raises(ConfigError, match="lfcc_lcnn reads words"):
        require_audio_alone(scorer.system)
