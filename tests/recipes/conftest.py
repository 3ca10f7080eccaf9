"""A whole recipe on a tiny generated corpus with tiny random encoders: every stage is the real one, only the
sizes are not.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from explained_recipe import SETTINGS
from tiny_runs import dada
from tiny_systems import write_systems

from dada.recipe.recipe import Recipe
from dada.stages import s10_explain

PREPARE = '''
"""Harmonic tones of three speakers; spoofs have a hum. Every utterance speaks a line, and the lines are the
authors' corpus.
"""

import numpy as np

from dada.data import DataDir, write_audio

WORDS = {"ANN": "the cat sat on mat", "BEN": "dog ran far away home", "CAT": "it is so very far"}


def prepare(recipe):
    made, authors = [], {"text": {}, "utt2spk": {}, "utt2source": {}, "utt2split": {}}
    for number, split in enumerate(recipe.all_splits):
        tables = {name: {} for name in ("wav.scp", "utt2spk", "utt2label", "utt2attack", "utt2source")}
        for speaker, (name, words) in enumerate(WORDS.items()):
            for turn in range(8):
                spoof = turn % 2
                utt = f"{name}-{split}-{turn}"
                rng = np.random.default_rng([number, speaker, turn])
                time = np.arange(int(16000 * (0.8 + 0.1 * turn))) / 16000
                tone = sum(np.sin(2 * np.pi * (90 + 40 * speaker) * k * time) / k for k in range(1, 9))
                hum = 0.03 * np.sin(2 * np.pi * 3000 * time) if spoof else 0
                x = 0.05 * tone * (1 + np.sin(2 * np.pi * 3 * time)) + hum
                x += 0.01 * rng.standard_normal(len(time))
                path = recipe.root / "data" / "audio" / f"{utt}.flac"
                write_audio(path, x.astype(np.float32))
                line = f"line-{split}-{speaker}-{turn}"
                tables["wav.scp"][utt] = str(path)
                tables["utt2spk"][utt] = name
                tables["utt2label"][utt] = "spoof" if spoof else "bonafide"
                tables["utt2attack"][utt] = f"A0{1 + turn // 4}" if spoof else "-"
                tables["utt2source"][utt] = line
                key = f"{name}-{line}"
                authors["text"][key] = f"{words} {words.split()[turn % 5]} {split} {turn}"
                authors["utt2spk"][key] = name
                authors["utt2source"][key] = line
                authors["utt2split"][key] = split
        made.append(DataDir(recipe.data_dir(split), tables))
    for speaker, (name, words) in enumerate(WORDS.items()):
        for turn in range(20):
            key = f"{name}-other-{turn:02d}"
            rng = np.random.default_rng([9, speaker, turn])
            authors["text"][key] = " ".join(rng.permutation(words.split())) + f" {turn}"
            authors["utt2spk"][key], authors["utt2source"][key], authors["utt2split"][key] = name, key, "none"
    ordered = {name: dict(sorted(table.items())) for name, table in authors.items()}
    return [*made, DataDir(recipe.data_dir("authors"), ordered)]
'''

RECIPE = """
corpus:
  name: tiny
  purported_speakers: true
  counts: {{train: {{bonafide: 12, spoof: 12}}}}
  options: {{text_only: [authors]}}
systems: [trivial_cues, lfcc_gmm, lfcc_lcnn, dada_audio, dada_text,
  dada_late, dada_late_calibrated, dada_late_bayes, dada_mid]
seeds: [1, 2]
transcribe:
  backend: transformers
  model: {whisper}
  language: en
  max_tokens_per_second: 1
  extra_tokens: 4
  # a random network would read every clip again
  guard: {{max_words_per_second: 99, min_distinct_words: 0, min_logprob: -99, max_compression: 99}}
# the lines of a speaker differ in two words, so that all of them overlap
text: {{name: lines, corpora: [authors], min_words: 3, dev_fraction: 0.3, overlap_words: 0}}
evaluate: {{num_resamples: 50, abx_triples: 200}}
"""


@pytest.fixture(scope="session")
def make_recipe(whisper_folder, tiny_bert) -> Callable[[Path], Path]:
    """`make_recipe(folder)` writes the recipe `tiny` there and returns its folder."""

    def make(folder: Path) -> Path:
        (folder / "local").mkdir(parents=True)
        (folder / "local" / "prepare_data.py").write_text(PREPARE)
        (folder / "recipe.yaml").write_text(RECIPE.format(whisper=whisper_folder))
        write_systems(folder, whisper_folder, tiny_bert)
        return folder

    return make


@pytest.fixture(scope="session")
def finished(make_recipe, tmp_path_factory) -> Path:
    """The tiny recipe after an undisturbed run of all stages in one process."""
    root = make_recipe(tmp_path_factory.mktemp("recipe") / "tiny")
    done = dada("run", root, "--nj", "1")
    assert done.returncode == 0, done.stderr[-3000:]
    return root


@pytest.fixture
def copy_of_finished(finished, tmp_path) -> Path:
    """A copy of the finished recipe that a test may spoil. Absolute paths in it still lead to the original's
    audio.
    """
    return Path(shutil.copytree(finished, tmp_path / "tiny", copy_function=shutil.copy2))


@pytest.fixture(scope="session")
def explained(finished, tmp_path_factory) -> Recipe:
    """The recipe with three systems explained; backgrounds are the few other utterances of a class."""
    root = Path(
        shutil.copytree(finished, tmp_path_factory.mktemp("explained") / "tiny", copy_function=shutil.copy2)
    )
    recipe = Recipe.load(root, SETTINGS)
    for job in s10_explain.plan(recipe):
        s10_explain.run(recipe, job)
        assert all(path.exists() for path in job.outputs)
    return recipe
