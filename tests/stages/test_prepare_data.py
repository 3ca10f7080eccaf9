"""Stage 1 with small recipes of its own."""

import numpy as np
import pytest

from dada.data import DataDir, write_audio
from dada.errors import ConfigError, DataError
from dada.recipe.local import load_local
from dada.recipe.recipe import Recipe
from dada.stages import s01_prepare_data as stage

PREPARE = """
from dada.data import DataDir
from .words import LABELS

def prepare(recipe):
    made = []
    for split in recipe.all_splits:
        utts = [f"{split}-{i}" for i in range(len(LABELS))]
        made.append(DataDir(recipe.data_dir(split), {
            "wav.scp": {utt: str(recipe.root / f"{utt}.flac") for utt in utts},
            "utt2label": dict(zip(utts, LABELS)),
        }))
    return made
"""


RECIPE = """
corpus: {name: toy, counts: {train: {bonafide: 1, spoof: 2}}}
splits: {test: []}
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "prepare_data.py").write_text(PREPARE)
    for utt in [f"{split}-{i}" for split in ("train", "dev") for i in range(3)]:
        write_audio(tmp_path / f"{utt}.flac", np.zeros(160, dtype=np.float32))
    (tmp_path / "local" / "words.py").write_text("LABELS = ['bonafide', 'spoof', 'spoof']\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return Recipe.load(tmp_path)


def run(recipe):
    [job] = stage.plan(recipe)
    stage.run(recipe, job)
    return job


def test_writes_what_prepare_returns(recipe):
    job = run(recipe)
    assert DataDir.read(recipe.data_dir("train")).labels == {
        "train-0": "bonafide",
        "train-1": "spoof",
        "train-2": "spoof",
    }
    assert all(path.is_dir() for path in job.outputs) and job.home == recipe.root / "data"


def test_lists_audio_that_is_not_there(recipe):
    (recipe.root / "dev-1.flac").unlink()
    with pytest.raises(
        DataError, match="(?s)1 audio files cannot be used.*utterance dev-1: .*dev-1.flac does not exist"
    ):
        run(recipe)
    assert not recipe.data_dir("train").exists()


def test_two_recipes_do_not_share_their_local_files(recipe, tmp_path):
    other = tmp_path / "other"
    (other / "local").mkdir(parents=True)
    (other / "local" / "words.py").write_text("LABELS = []\n")
    assert len(load_local(recipe.root, "words").LABELS) == 3
    assert load_local(other, "words").LABELS == []


def test_a_change_of_local_files_changes_the_settings(recipe):
    [before] = stage.plan(recipe)
    (recipe.root / "local" / "words.py").write_text("LABELS = ['bonafide']\n")
    [after] = stage.plan(recipe)
    assert before.settings != after.settings


def test_lists_every_count_that_differs(recipe):
    recipe.corpus.counts = {"train": {"bonafide": 5, "spoof": 2}, "dev": {"spoof": 9}}
    with pytest.raises(DataError, match="train: 1 bonafide, expected 5; dev: 2 spoof, expected 9"):
        run(recipe)
    assert not recipe.data_dir("train").exists()


def test_counts_of_an_unknown_split(recipe):
    recipe.corpus.counts = {"trian": {"spoof": 1}}
    with pytest.raises(ConfigError, match="names trian; the splits are train, dev"):
        run(recipe)


def test_an_utterance_in_two_splits(recipe):
    text = PREPARE.replace('f"{split}-{i}"', 'f"utt-{i}"')
    (recipe.root / "local" / "prepare_data.py").write_text(text)
    with pytest.raises(DataError, match="3 utterances are in both .*train and .*dev, e.g. utt-0"):
        run(recipe)


def test_promised_disjoint_speakers(recipe):
    path = recipe.root / "local" / "prepare_data.py"
    path.write_text(PREPARE.replace('"utt2label":', '"utt2spk": dict.fromkeys(utts, "JOE"), "utt2label":'))
    run(recipe)
    recipe.splits.disjoint.append("speaker")
    assert stage.plan(recipe)[0].settings["disjoint"] == ["speaker"]
    with pytest.raises(DataError, match="1 speakers are in both .*train and .*dev, e.g. JOE"):
        run(recipe)


def test_a_label_that_is_neither(recipe):
    (recipe.root / "local" / "words.py").write_text("LABELS = ['bonafide', 'fake', 'spoof']\n")
    with pytest.raises(DataError, match="'fake', expected bonafide or spoof"):
        run(recipe)


def test_other_directories_than_expected(recipe):
    recipe.corpus.options = {"text_only": ["authors"]}
    with pytest.raises(DataError, match="expected .*authors"):
        run(recipe)


def test_a_corpus_without_root(recipe):
    recipe.corpus.root = "???"
    assert stage.plan(recipe)[0].inputs == ()
    with pytest.raises(ConfigError, match="is not set: write .*local.yaml"):
        run(recipe)
    recipe.corpus.root = "corpus"
    assert stage.plan(recipe)[0].inputs == (recipe.root / "corpus",)


def test_a_recipe_without_prepare_data(recipe):
    (recipe.root / "local" / "prepare_data.py").unlink()
    with pytest.raises(ConfigError, match="every recipe with audio needs it"):
        stage.plan(recipe)
