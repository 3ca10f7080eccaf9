"""Measure every system's scores on dev and the test splits: metrics, intervals by purported speaker,
breakdowns.

`exp/<system>/results/<split>.json` speaks of all training seeds together,
`results/minus_<other>/<split>.json` of the paired difference of two systems that `evaluate.compare` names,
`results/weighted_eer.json` of the test sets that `evaluate.weighted_eer` names. They hold nothing that
changes from run to run.
"""

import itertools
import logging
import shlex
from collections import Counter
from pathlib import Path

import numpy as np

from dada.data import BONAFIDE, SPOOF, DataDir, read_table
from dada.formats.asv_scores import FIXED_RATES, read_asv
from dada.metrics.authorship import DEFINITIONS as AUTHOR_DEFINITIONS
from dada.metrics.check import join_scores
from dada.metrics.eer import weighted_eer
from dada.metrics.recognition import DEFINITIONS as CLASS_DEFINITIONS
from dada.metrics.summary import TANDEM, break_down, compare, definitions, measure, over_seeds
from dada.metrics.tdcf import Asv
from dada.recipe import leakage
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe.roles import gives_scores, names_attacks, with_words
from dada.report.load import difference_path
from dada.stages._authorship import authorship, embedding_abx
from dada.stages._open_set import class_results
from dada.stages._transcripts import TRANSCRIPTS, transcript_job, transcript_results
from dada.storage.digest import file_digest
from dada.storage.json_file import read_json, write_json

RESULTS, DIFFERENCE, WEIGHTED = "results", "difference", "weighted_eer"  # kinds of jobs, besides TRANSCRIPTS

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job per system and scored split, over all training seeds, one per pair of systems and split, and
    one for the transcripts.
    """
    splits = [name for name in (recipe.splits.dev, *recipe.splits.test) if name]
    scored = [name for name in recipe.planned if gives_scores(recipe, recipe.system(name))]
    evaluate = recipe.evaluate.of_one_system()
    jobs = []
    for system, split in itertools.product(recipe.planned, splits):
        said = _said(recipe, system, split)
        asv = _asv_of(recipe, split)
        if said:
            jobs.append(
                Job(
                    stage="evaluate",
                    name=f"{recipe.protocol}/{system}/{split}",
                    home=recipe.exp_dir(system) / "results",
                    kind=RESULTS,
                    protocol=recipe.protocol,
                    inputs=(*said, recipe.data_dir(split), *_trained_on(recipe, system)),
                    optional_inputs=tuple(_asv_files(asv)),
                    outputs=(recipe.exp_dir(system) / "results" / f"{split}.json",),
                    settings={
                        "evaluate": evaluate,
                        "seeds": recipe.seeds_of(system),
                        **({"asv": recipe.evaluate.asv[split]} if asv else {}),
                    },
                    systems=(system,),
                    split=split,
                )
            )
    weights = recipe.evaluate.weighted_eer
    for system in (
        scored if weights and set(weights) <= set(recipe.splits.test) else []
    ):  # a run on one of the sets has no such mean
        home = recipe.exp_dir(system) / "results"
        jobs.append(
            Job(
                stage="evaluate",
                name=f"{recipe.protocol}/{system}/weighted_eer",
                home=home,
                kind=WEIGHTED,
                protocol=recipe.protocol,
                inputs=tuple(home / f"{split}.json" for split in weights),
                outputs=(home / "weighted_eer.json",),
                settings={"weighted_eer": weights},
                systems=(system,),
            )
        )
    for (first, second), split in itertools.product(_pairs(recipe, scored), splits):
        path = difference_path(recipe, first, second, split)
        jobs.append(
            Job(
                stage="evaluate",
                name=f"{recipe.protocol}/{first}-{second}/{split}",
                home=path.parent,
                kind=DIFFERENCE,
                protocol=recipe.protocol,
                inputs=(
                    *(path for files in _paired_files(recipe, [first, second], split) for path in files),
                    recipe.data_dir(split),
                ),
                outputs=(path,),
                settings={"evaluate": evaluate, "seeds": _common_seeds(recipe, [first, second])},
                systems=(first, second),
                split=split,
            )
        )
    transcribed = recipe.corpus.audio and with_words(recipe)
    return jobs + ([transcript_job(recipe, split, evaluate) for split in splits] if transcribed else [])


def _pairs(recipe, scored: list[str]) -> list[list[str]]:
    """The pairs to compare of which both are to be run here. Raises ConfigError for a name that no system
    has.
    """
    for name in {name for pair in recipe.evaluate.compare for name in pair} - set(scored):
        recipe.system(name)
    return [pair for pair in recipe.evaluate.compare if set(pair) <= set(scored) & set(recipe.requested)]


def _said(recipe, system: str, split: str) -> list[Path]:
    """The files of scores and of decided classes that a system has on a split, over all seeds; its logits
    where it has neither.
    """
    config = recipe.system(system)
    if not recipe.corpus.audio:
        return [
            recipe.seed_dir(system, seed) / "embed" / split / "logits.scp" for seed in recipe.seeds_of(system)
        ]
    kinds = [
        kind for kind, made in (("scores", gives_scores), ("classes", names_attacks)) if made(recipe, config)
    ]
    return [
        recipe.seed_dir(system, seed) / kind / f"{split}.txt"
        for seed in recipe.seeds_of(system)
        for kind in kinds
    ]


def _score_files(recipe, system: str, split: str) -> list[Path]:
    return [recipe.seed_dir(system, seed) / "scores" / f"{split}.txt" for seed in recipe.seeds_of(system)]


def _common_seeds(recipe, systems: list[str]) -> list[int]:
    """The seeds that both of two systems have."""
    return [seed for seed in recipe.seeds_of(systems[0]) if seed in recipe.seeds_of(systems[1])]


def _paired_files(recipe, systems: list[str], split: str) -> list[list[Path]]:
    """The score files of each of two systems, over the seeds that both have."""
    seeds = _common_seeds(recipe, systems)
    return [
        [recipe.seed_dir(system, seed) / "scores" / f"{split}.txt" for seed in seeds] for system in systems
    ]


def _trained_on(recipe, system: str) -> list[Path]:
    """What stage 8 found of the training data among the trials, for a system of another recipe."""
    return [leakage.report_path(recipe, system)] if is_foreign(system) else []


def _asv_of(recipe, split: str) -> dict | None:
    """The entry of `evaluate.asv` for a split with the paths of its files, None where it has none."""
    entry = recipe.evaluate.asv.get(split)
    if entry is None:
        return None
    found = dict(entry)
    for name in ("scores", "key"):
        if entry.get(name) and entry[name] != FIXED_RATES:
            found[name] = recipe.corpus_root / _of_protocol(recipe, entry[name])
    return found


def _of_protocol(recipe, file: str) -> str:
    """A file of `evaluate.asv` with the names of the protocol in the places that are kept for them."""
    return file.format(protocol=recipe.protocol, track=recipe.protocol.partition("_")[0])


def _asv_files(asv: dict | None) -> list[Path]:
    """The files that an entry names."""
    return [path for path in (asv or {}).values() if isinstance(path, Path)]


def _read_asv(recipe, split: str) -> Asv | None:
    """The speaker verification of a split; None, with a warning, where its files are not there."""
    asv = _asv_of(recipe, split)
    missing = [path for path in _asv_files(asv) if not path.exists()]
    if missing:
        log.warning(
            "%s: no tandem metrics, since %s does not exist: put it there, or correct evaluate.asv.%s",
            split,
            missing[0],
            split,
        )
    return read_asv(str(asv["scores"]), asv.get("key"), asv.get("subset")) if asv and not missing else None


def run(recipe, job: Job) -> None:
    """Write the results of one system on one split, the difference of two, or a system's mean over test sets."""
    measures = {RESULTS: _one_system, DIFFERENCE: _difference, WEIGHTED: _weighted, TRANSCRIPTS: _transcripts}
    result = measures[job.kind](recipe, job)
    write_json(job.outputs[0], result, allow_nan=False)


def _transcripts(recipe, job: Job) -> dict:
    return transcript_results(recipe, DataDir.read(recipe.data_dir(job.split)))


def _one_system(recipe, job: Job) -> dict:
    system, split = job.system, job.split
    data = DataDir.read(recipe.data_dir(split))
    seeds = recipe.seeds_of(system)
    folders = [recipe.seed_dir(system, seed) for seed in seeds]
    config = recipe.system(system)
    notes = leakage.notes(recipe, system, split)
    for note in notes:
        log.info("%s on %s: %s", system, split, note)
    paths = _score_files(recipe, system, split) if gives_scores(recipe, config) else []
    scores = _scores(paths, data) if paths else np.empty((0, len(data.utts)))
    asv = _read_asv(recipe, split)
    return {
        "system": system,
        "task": config.task,
        "protocol": recipe.protocol,
        "split": split,
        "seeds": seeds,
        "notes": notes,
        "num_trials": len(data.utts),
        **_labelled(recipe, data, scores, f"{system} on {split}", _are_llr(paths), asv),
        **({"asv": _of_protocol(recipe, recipe.evaluate.asv[split]["scores"])} if asv else {}),
        "classes": class_results(recipe, data, folders, split) if names_attacks(recipe, config) else None,
        **embedding_abx(recipe, data, [folder / "embed" / split for folder in folders]),
        "authorship": authorship(recipe, data, folders, split) if config.task == "text" else None,
        "provenance": {
            "command": command(recipe, system),
            "scores": _digests(_said(recipe, system, split)),
            "evaluate": recipe.evaluate.of_one_system(),
            "definitions": definitions(tandem=asv is not None) | CLASS_DEFINITIONS | AUTHOR_DEFINITIONS,
        },
    }


def _difference(recipe, job: Job) -> dict:
    """The first system's metrics minus the second's, on the same trials and resamples; None where a class is
    missing.
    """
    systems, split = list(job.systems), job.split
    data = DataDir.read(recipe.data_dir(split))
    scores = [_scores(files, data) for files in _paired_files(recipe, systems, split)]
    found = {"metrics": None, "conditions": {}}
    is_bonafide, speakers, conditions = _what_is_known(data)
    if is_bonafide is not None:
        found = compare(*scores, is_bonafide, speakers, conditions, recipe.evaluate)
    seeds = _common_seeds(recipe, systems)
    return {"systems": systems, "protocol": recipe.protocol, "split": split, "seeds": seeds, **found}


def _weighted(recipe, job: Job) -> dict:
    """The EERs of several test sets as one, of every seed; None where one of the sets is unlabelled."""
    weights = job.settings["weighted_eer"]
    results = [read_json(path) for path in job.inputs]
    value = None
    if all(result["metrics"] for result in results):
        per_seed = zip(*(result["metrics"]["eer"]["per_seed"] for result in results), strict=True)
        value = over_seeds([weighted_eer(eers, list(weights.values())) for eers in per_seed])
    facts = {name: results[0][name] for name in ("system", "protocol", "seeds")}
    return {**facts, "weights": weights, "metrics": {"weighted_eer": value}}


def _scores(paths: list[Path], data: DataDir) -> np.ndarray:
    """Scores (K, N) of all seeds, in the order of the data."""
    return np.stack([join_scores(read_table(path), data.utts, str(path), str(data.path)) for path in paths])


def _what_is_known(data: DataDir) -> tuple[np.ndarray | None, np.ndarray, dict[str, list[str]]]:
    """Whether each trial is bona fide (None unless both classes are there), its speaker, and its conditions."""
    is_bonafide = np.array([(data.labels or {}).get(utt) == BONAFIDE for utt in data.utts])
    both = data.labels is not None and is_bonafide.any() and not is_bonafide.all()
    conditions = {name: [table[utt] for utt in data.utts] for name, table in data.conditions.items()}
    return is_bonafide if both else None, np.array([data.speakers[utt] for utt in data.utts]), conditions


def _digests(paths: list[Path]) -> dict[str, str]:
    """Seed -> SHA-256 of what a system said: its scores, where it has none its classes or logits."""
    seeds = {}
    for path in paths:
        seed = next(part for part in path.parts[::-1] if part.startswith("seed_")).partition("_")[2]
        seeds.setdefault(seed, file_digest(path))
    return seeds


def command(recipe, system: str) -> str:
    """What a user types to make these results again."""
    return shlex.join(
        [
            "./run.sh",
            "--stage",
            "9",
            "--stop_stage",
            "9",
            "--system",
            system,
            *getattr(recipe, "overrides", ()),
        ]
    )


def _labelled(recipe, data: DataDir, scores: np.ndarray, name: str, llr: bool, asv: Asv | None) -> dict:
    """What needs both classes; None for an unlabelled set, one with a single class, or a system without
    scores.
    """
    is_bonafide, speakers, conditions = _what_is_known(data)
    sizes = Counter((data.labels or {}).values())
    counts = {
        "num_bonafide": sizes[BONAFIDE] if data.labels else None,
        "num_spoof": sizes[SPOOF] if data.labels else None,
        "num_speakers": len(set(speakers) - {"-"}),
    }
    if is_bonafide is None or not len(scores):
        return {
            **counts,
            "metrics": None,
            "det": None,
            "histogram": None,
            "calibration": None,
            "conditions": {},
        }
    return {
        **counts,
        **measure(scores, is_bonafide, speakers, recipe.evaluate, name, llr, asv, conditions.get("attack")),
        "conditions": break_down(
            scores, is_bonafide, speakers, conditions, recipe.evaluate, TANDEM if asv else (), llr, asv
        ),
    }


def _are_llr(paths: list[Path]) -> bool:
    """Whether the scores may be read as log-likelihood ratios; the file beside them says `"llr": false` where
    they may not.
    """
    beside = [path.with_suffix(".json") for path in paths]
    return all(read_json(path).get("llr", True) for path in beside if path.exists())


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
