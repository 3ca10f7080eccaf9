"""A recipe whose scores follow from integer formulas, so that every processor makes the same files."""

import json
from pathlib import Path

import numpy as np

from dada.data import DataDir, write_table
from dada.data.vectors import write_vectors
from dada.recipe.recipe import Recipe
from dada.storage.atomic import write_text
from dada.storage.json_file import write_json

SPEAKERS = ("ANN", "BEN", "CID", "DOT", "EVE", "FAY")
ATTACKS = ("A01", "A02", "A03")
CODECS = ("alaw", "gsm")
SPLITS = ("dev", "test", "test2")
SEEDS = (1, 2, 3)
KINDS = ("llr", "cosine", "log_odds")  # of the scores of lfcc_gmm, trivial_cues and dada_text
WORDS = ("one", "two", "three", "four", "five", "six")
RECIPE = """
corpus: {name: Formula, root: ., purported_speakers: true}
splits: {train: train, dev: dev, test: [test, test2]}
systems: [lfcc_gmm, trivial_cues, lfcc_lcnn_attacks, dada_text]
seeds: [1, 2, 3]
text: {corpora: [authors]}
evaluate:
  num_resamples: 50
  abx_triples: 500
  num_det_points: 11
  asv: {test: {scores: asv.txt}}
  weighted_eer: {test: 0.4, test2: 0.6}
  compare: [[lfcc_gmm, trivial_cues]]
"""


def unit(*numbers: int) -> float:
    """A number in [0, 1) that depends on all of `numbers`, by integer arithmetic alone."""
    state = 88172645463325252
    for number in numbers:
        state = (state * 6364136223846793005 + number + 1442695040888963407) % 2**64
        state ^= state >> 29
    return (state >> 11) % 1_000_003 / 1_000_003


def bell(*numbers: int) -> float:
    """A number with mean 0 and variance 1, about normal."""
    return sum(unit(*numbers, i) for i in range(12)) - 6


def make_recipe(root: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Data directories and outputs of four systems and three seeds, as stages 1 to 8 leave them."""
    write_text(root / "recipe.yaml", RECIPE)
    for system, kind in (("lfcc_gmm", KINDS[0]), ("trivial_cues", KINDS[1]), ("lfcc_lcnn_attacks", "llr")):
        write_text(root / "conf" / f"{system}.yaml", f"score_kind: {kind}\n")
    recipe = Recipe.load(root, overrides)
    write_text(root / "asv.txt", "".join(_asv_lines()))
    authors = recipe.data_dir("authors")
    authors.mkdir(parents=True)
    lines = {f"line{i}": " ".join(WORDS[(i + j) % len(WORDS)] for j in range(4)) for i in range(5)}
    write_table(authors / "text", {f"w-{line}": text for line, text in lines.items()})
    write_table(authors / "utt2source", {f"w-{line}": line for line in lines})
    for number, split in enumerate(SPLITS):
        data = _data_dir(recipe.data_dir(split), number, lines)
        for seed in SEEDS:
            for index, system in enumerate(("lfcc_gmm", "trivial_cues", "dada_text")):
                _scores(recipe.seed_dir(system, seed), split, data, (number, seed, index))
            _classes(recipe.seed_dir("lfcc_lcnn_attacks", seed), split, data, (number, seed))
            _texts(recipe.seed_dir("dada_text", seed), split, data, (number, seed))
    return recipe


def _asv_lines() -> list[str]:
    kinds = [("target", 3.0)] * 40 + [("nontarget", 0.0)] * 40 + [("spoof", 1.5)] * 60
    return [
        f"{ATTACKS[i % 2] if kind == 'spoof' else 'bonafide'} {kind} {bell(7, i) + mean:.6f}\n"
        for i, (kind, mean) in enumerate(kinds)
    ]


def _data_dir(path: Path, number: int, lines: dict[str, str]) -> DataDir:
    tables: dict[str, dict[str, str]] = {}
    for s, speaker in enumerate(SPEAKERS):
        for i in range(16):
            attack = "-" if i < 7 else ATTACKS[i % 3]
            utt, line = f"{speaker}-{number}-{i:02d}", f"line{(s + i) % 7}"
            words = lines.get(line, "none at all").split()
            kept = [word for j, word in enumerate(words) if unit(5, number, s, i, j) > 0.25]
            values = {
                "wav.scp": f"{utt}.flac",
                "text": " ".join(kept) or "nothing",
                "utt2spk": speaker,
                "utt2label": "bonafide" if attack == "-" else "spoof",
                "utt2attack": attack,
                "utt2codec": CODECS[i % 2],
                "utt2source": line,
            }
            for name, value in values.items():
                tables.setdefault(name, {})[utt] = value
    data = DataDir.of(path, tables)
    data.write()
    (path / "text.json").write_text(json.dumps({"made_by": {"model": "m", "library": "l 1"}}))
    return data


def _scores(folder: Path, split: str, data: DataDir, numbers: tuple[int, ...]) -> None:
    hard = {"-": 2.0, "A01": 0.0, "A02": 0.7, "A03": 1.3}
    scores = {
        utt: f"{hard[data['utt2attack'][utt]] + bell(1, *numbers, i) - 1:.6f}"
        for i, utt in enumerate(data.utts)
    }
    write_table(folder / "scores" / f"{split}.txt", scores)
    kind, slope = KINDS[numbers[-1]], 1.5 - 0.25 * numbers[1]
    write_text(folder / "scores" / f"{split}.json", json.dumps({"score_kind": kind}))
    if kind == "cosine":
        write_json(folder / "calibration.json", {"slope": slope, "offset": -0.5, "fitted_on": "dev"})


def _classes(folder: Path, split: str, data: DataDir, numbers: tuple[int, ...]) -> None:
    """Logits of a classifier that knows A01 and A02, whose decisions are right in about two thirds."""
    labels = ["bonafide", "A01", "A02"]
    write_text(folder / "labels.txt", "".join(f"{label}\n" for label in labels))
    rows, scores, classes = {}, {}, {}
    for i, (utt, label) in enumerate(data.classes([]).items()):
        row = [bell(2, *numbers, i, k) + 1.5 * (label == name) for k, name in enumerate(labels)]
        rows[utt] = np.array(row, dtype=np.float32)
        scores[utt] = f"{row[0] - max(row[1:]):.6f}"
        classes[utt] = labels[max(range(3), key=row.__getitem__)]
    matrix = np.stack(list(rows.values()))
    write_vectors(folder / "embed" / split, list(rows), {"logits": matrix, "embed": matrix})
    write_table(folder / "classes" / f"{split}.txt", classes)
    write_table(folder / "scores" / f"{split}.txt", scores)


def _texts(folder: Path, split: str, data: DataDir, numbers: tuple[int, ...]) -> None:
    """Logits of a text system that knows four of the six speakers, and its embeddings."""
    known = SPEAKERS[:4]
    write_text(folder / "labels.txt", "".join(f"{name}\n" for name in known))
    rows = {
        utt: np.array(
            [bell(3, *numbers, i, k) + 1.2 * (data.speakers[utt] == name) for k, name in enumerate(known)],
            dtype=np.float32,
        )
        for i, utt in enumerate(data.utts)
    }
    matrix = np.stack(list(rows.values()))
    write_vectors(folder / "embed" / split, list(rows), {"logits": matrix, "embed": matrix})
