"""Measure every system's scores on dev and the test splits: metrics, intervals by purported speaker, breakdowns.

`exp/<system>/results/<split>.json` speaks of all training seeds together. It holds nothing that changes from run to run.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np

from dada.data import BONAFIDE, ArkReader, DataDir, read_table, write_text
from dada.metrics.abx import abx
from dada.metrics.check import join_scores
from dada.metrics.f1 import DEFINITIONS, accuracy, weighted_f1
from dada.metrics.recognition import DEFINITIONS as CLASS_DEFINITIONS
from dada.metrics.summary import METRICS, break_down, measure, over_seeds
from dada.recipe.stage import Job
from dada.stages._open_set import class_results
from dada.stages._systems import gives_scores, names_attacks


def plan(recipe) -> list[Job]:
    """One job per system and scored split, over all training seeds."""
    jobs = []
    for system in recipe.systems:
        config = recipe.system(system)
        kinds = [kind for kind, made in (("scores", gives_scores), ("classes", names_attacks)) if made(recipe, config)]
        for split in [name for name in (recipe.splits.dev, *recipe.splits.test) if name and kinds]:
            said = [recipe.seed_dir(system, seed) / kind / f"{split}.txt" for seed in recipe.seeds for kind in kinds]
            jobs.append(Job(
                stage="evaluate",
                name=f"{recipe.protocol}/{system}/{split}",
                home=recipe.exp_dir(system) / "results",
                inputs=(*said, recipe.data_dir(split)),
                outputs=(recipe.exp_dir(system) / "results" / f"{split}.json",),
                settings={"evaluate": asdict(recipe.evaluate), "seeds": list(recipe.seeds)},
                args={"system": system, "split": split},
            ))
    return jobs


def run(recipe, job: Job) -> None:
    """Write the results of one system on one split."""
    system, split = job.args["system"], job.args["split"]
    data = DataDir.read(recipe.data_dir(split))
    folders = [recipe.seed_dir(system, seed) for seed in recipe.seeds]
    config = recipe.system(system)
    paths = [folder / "scores" / f"{split}.txt" for folder in folders] if gives_scores(recipe, config) else []
    scores = np.array([join_scores(read_table(path), data.utts, str(path), str(data.path)) for path in paths])
    result = {
        "system": system,
        "task": config.task,
        "protocol": recipe.protocol,
        "split": split,
        "seeds": list(recipe.seeds),
        "num_trials": len(data.utts),
        **_labelled(recipe, data, scores, f"{system} on {split}", _are_llr(paths)),
        "classes": class_results(recipe, data, folders, split) if names_attacks(recipe, config) else None,
        **_embeddings(recipe, data, [folder / "embed" / split for folder in folders]),
        "authorship": _authorship(data, folders, split) if config.task == "text" else None,
        "provenance": {
            "command": command(recipe, system),
            "scores": _digests(folders, "scores" if paths else "classes", split),
            "evaluate": asdict(recipe.evaluate),
            "definitions": METRICS | CLASS_DEFINITIONS | {"weighted_f1": DEFINITIONS["weighted_f1"]},
        },
    }
    write_text(job.outputs[0], json.dumps(result, indent=1, allow_nan=False) + "\n")


def _digests(folders: list[Path], kind: str, split: str) -> dict[str, str]:
    """Seed -> SHA-256 of its scores, or of its classes where the system gives no scores."""
    return {folder.name.partition("_")[2]: hashlib.sha256((folder / kind / f"{split}.txt").read_bytes()).hexdigest() for folder in folders}


def command(recipe, system: str) -> str:
    """What a user types to make these results again."""
    return " ".join(["./run.sh", "--stage", "9", "--stop_stage", "9", "--system", system, *getattr(recipe, "overrides", ())])


def _labelled(recipe, data: DataDir, scores: np.ndarray, name: str, llr: bool) -> dict:
    """What needs both classes; None for an unlabelled set, one with a single class, or a system without scores."""
    labels = data.labels or {}
    is_bonafide = np.array([labels.get(utt) == BONAFIDE for utt in data.utts])
    speakers = np.array([data.speakers[utt] for utt in data.utts])
    counts = {
        "num_bonafide": int(is_bonafide.sum()) if labels else None,
        "num_spoof": int((~is_bonafide).sum()) if labels else None,
        "num_speakers": len(set(speakers) - {"-"}),
    }
    if not len(scores) or not labels or is_bonafide.all() or not is_bonafide.any():
        return {**counts, "metrics": None, "det": None, "histogram": None, "conditions": {}}
    conditions = {name: [table[utt] for utt in data.utts] for name, table in data.conditions.items()}
    return {
        **counts,
        **measure(scores, is_bonafide, speakers, recipe.evaluate, name, llr),
        "conditions": break_down(scores, is_bonafide, speakers, conditions, recipe.evaluate),
    }


def _embeddings(recipe, data: DataDir, folders: list[Path]) -> dict:
    """ABX of the embeddings, where the system has any: by purported speaker over bona fide speech, and by label."""
    entries: dict[str, dict | None] = {"abx_speaker": None, "abx_label": None}
    if data.labels is None or not all((folder / "embed.scp").exists() for folder in folders):
        return entries
    config = recipe.evaluate
    settings = (config.abx_triples, config.abx_distance, config.seed)
    bonafide = [utt for utt in data.utts if data.labels[utt] == BONAFIDE]
    groups = {"abx_speaker": (bonafide, data.speakers), "abx_label": (data.utts, data.labels)}
    for name, (utts, classes) in groups.items():
        labels = [classes[utt] for utt in utts]
        sizes = Counter(labels).values()
        if len(sizes) < 2 or max(sizes) < 2:  # a corpus without speakers, or without spoofs, has no triples
            continue
        values = [abx(_vectors(folder / "embed.scp", utts), labels, *settings) for folder in folders]
        counts = {"num_classes": len(sizes), "num_triples": config.abx_triples, "distance": config.abx_distance}
        entries[name] = {**over_seeds(values), **counts}
    return entries


def _authorship(data: DataDir, folders: list[Path], split: str) -> dict | None:
    """How often a text system names the speaker of bona fide speech, among those speakers that it knows."""
    if data.labels is None or not all((folder / "embed" / split / "logits.scp").exists() for folder in folders):
        return None
    accuracies, f1s, known, authors = [], [], [], []
    for folder in folders:
        authors = (folder / "labels.txt").read_text(encoding="utf-8").split("\n")
        authors = [author for author in authors if author]
        known = [utt for utt in data.utts if data.labels[utt] == BONAFIDE and data.speakers[utt] in authors]
        if not known:
            return None
        predicted = [authors[i] for i in _vectors(folder / "embed" / split / "logits.scp", known).argmax(axis=1)]
        spoken = [data.speakers[utt] for utt in known]
        accuracies.append(accuracy(predicted, spoken))
        f1s.append(weighted_f1(predicted, spoken))
    return {
        "num_texts": len(known), "num_authors": len(authors), "chance": 1 / len(authors),
        "accuracy": over_seeds(accuracies), "weighted_f1": over_seeds(f1s),
    }


def _vectors(scp: Path, utts: list[str]) -> np.ndarray:
    reader = ArkReader(scp)
    return np.stack([reader[utt] for utt in utts])


def _are_llr(paths: list[Path]) -> bool:
    """Whether the scores may be read as log-likelihood ratios; the file beside them says `"llr": false` where they may not."""
    beside = [path.with_suffix(".json") for path in paths]
    return all(json.loads(path.read_text(encoding="utf-8")).get("llr", True) for path in beside if path.exists())


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
