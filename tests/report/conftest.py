"""A recipe with finished experiments: made-up scores over data directories as egs/mini has them, in two
protocols.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from small_recipe import small_recipe

from dada.data import DataDir, write_table
from dada.data.vectors import write_vectors
from dada.experiment.config import SystemConfig
from dada.recipe.recipe import Recipe
from dada.storage.json_file import write_json

SPEAKERS = ["BOB", "CHIEF", "FAYE", "JIM", "JOE", "NAOMI", "ORACLE", "SPARKY"]
ATTACKS = {  # attack: (known, how much harder than a trivial one)
    "codec2": ("unknown", 2.4),
    "espeak": ("known", 0.0),
    "festival": ("unknown", 1.4),
    "flite": ("known", 0.6),
    "griffin_lim": ("known", 1.6),
    "hibari": ("unknown", 1.8),
    "piper": ("known", 1.2),
    "world": ("known", 2.2),
}
COPY = {"codec2", "griffin_lim", "world"}
# system: (task, separation in standard deviations, gain from the words, scale of its scores)
SYSTEMS = {
    "trivial": ("audio", 1.4, 0.0, 0.7),
    "lfcc_gmm": ("audio", 3.0, 0.0, 3.0),
    "dada_text": ("text", 0.4, 1.2, 1.0),
}


def make_recipe(
    root: Path, systems: tuple[str, ...], protocols=("line", "dialogue"), seeds=(1, 2, 3), num_resamples=100
) -> Recipe:
    """Data directories, scores and embeddings of every system under every protocol; returns the first
    view.
    """
    recipe = small_recipe(
        root,
        {"trivial": SystemConfig(model={"name": "gmm"})},
        corpus={"name": "Made up", "root": ".", "purported_speakers": True},
        protocols=list(protocols),
        systems=list(systems),
        seeds=list(seeds),
        text={"corpora": ["authors"]},
        evaluate={"num_resamples": num_resamples},
    )
    for number, view in enumerate(recipe.views):
        for split in ("dev", "test"):
            data = _data_dir(view.data_dir(split), split)
            for index, system in enumerate(systems):
                for seed in seeds:
                    rng = np.random.default_rng([number, index, seed, len(split)])
                    _experiment(
                        view.seed_dir(system, seed), split, data, SYSTEMS[system], rng, 1 - 0.1 * number
                    )
    return recipe


def _data_dir(path: Path, split: str) -> DataDir:
    rows = {}
    for speaker in SPEAKERS:
        for i in range(18):
            rows[f"{speaker}-bona-{i:03d}"] = (speaker, "bonafide", "-", "-", "-")
        for attack, (known, _) in ATTACKS.items():
            if split == "test" or known == "known":
                for i in range(4):
                    quote = "copy_synthesis" if attack in COPY else ("in_character", "misattributed")[i % 2]
                    rows[f"{speaker}-{attack}-{i:03d}"] = (speaker, "spoof", attack, known, quote)
    names = ("utt2spk", "utt2label", "utt2attack", "utt2known", "utt2quote")
    utts = sorted(rows, key=str.encode)
    tables = {name: {utt: rows[utt][column] for utt in utts} for column, name in enumerate(names)}
    data = DataDir(path, {"wav.scp": {utt: f"{utt}.flac" for utt in utts}, **tables})
    data.write()
    return data


def _experiment(folder: Path, split: str, data: DataDir, kind, rng, strength: float) -> None:
    task, separation, words, scale = kind
    speaker_shift = dict(zip(SPEAKERS, rng.normal(0, 0.4, len(SPEAKERS)), strict=True))
    scores = {}
    for utt in data.utts:
        score = rng.normal() + speaker_shift[data.speakers[utt]]
        if data.labels[utt] == "spoof":
            hard = ATTACKS[data["utt2attack"][utt]][1]
            score -= strength * max(separation - hard, 0.3) if task != "text" else 0.0
            score -= words if data["utt2quote"][utt] == "misattributed" else 0.0
        scores[utt] = f"{scale * (score + separation / 2):.6f}"
    write_table(folder / "scores" / f"{split}.txt", scores)
    (folder / "scores" / f"{split}.json").write_text(
        json.dumps({"system": folder.parent.name, "score_kind": "llr"})
    )
    if folder.parent.name != "trivial":
        write_json(folder / "calibration.json", {"slope": 1.2, "offset": -0.3, "fitted_on": "dev"})
    centres = np.random.default_rng(9).normal(size=(len(SPEAKERS), 6))
    (folder / "labels.txt").write_text(
        "".join(f"{name}\n" for name in (SPEAKERS if task == "text" else ["spoof", "bonafide"]))
    )
    vectors = {utt: centres[SPEAKERS.index(data.speakers[utt])] + 2 * rng.normal(size=6) for utt in data.utts}
    matrices = {"embed": np.stack(list(vectors.values()))}
    if task == "text":
        matrices["logits"] = np.stack([centres @ vector for vector in vectors.values()])
    write_vectors(folder / "embed" / split, list(vectors), matrices)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A recipe whose two systems, under two protocols, are scored."""
    return make_recipe(tmp_path_factory.mktemp("recipe"), systems=("lfcc_gmm", "dada_text"), num_resamples=60)


@pytest.fixture
def small(tmp_path):
    """One system, one protocol, two seeds, to be spoiled."""
    return make_recipe(tmp_path, systems=("lfcc_gmm",), protocols=("line",), seeds=(1, 2), num_resamples=20)


@pytest.fixture(scope="module")
def two_systems(tmp_path_factory):
    """Two systems, one protocol, two seeds."""
    root = tmp_path_factory.mktemp("pair")
    return make_recipe(
        root, systems=("lfcc_gmm", "trivial"), protocols=("line",), seeds=(1, 2), num_resamples=40
    )
