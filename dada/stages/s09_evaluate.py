"""Measure every system's scores on dev and the test splits: metrics, intervals by purported speaker,
breakdowns.

`exp/<system>/results/<split>.json` holds the results over all training seeds, `minus_<other>/<split>.json`
beside it the paired difference to a system of `evaluate.compare`, and `weighted_eer.json` the mean over the
test sets of `evaluate.weighted_eer`. They hold nothing that changes from run to run.
"""

import itertools
import logging
from pathlib import Path
from typing import Any

from dada.data import DataDir
from dada.evaluate.paths import (
    common_seeds,
    corpora,
    difference_path,
    result_path,
    score_files,
    transcripts_path,
    weighted_path,
)
from dada.evaluate.results import VERSION, write_results
from dada.evaluate.split_asv import asv_files
from dada.evaluate.split_results import pair_results, system_results, weighted_results
from dada.evaluate.transcripts import transcript_results
from dada.recipe import leakage
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe.roles import gives_scores, names_attacks, with_words

SYSTEM, PAIR, WEIGHTED, TRANSCRIPTS = "system", "pair", "weighted_eer", "transcripts"  # kinds of jobs

log = logging.getLogger(__name__)


def plan(recipe: Any) -> list[Job]:
    """Return the jobs: one per system and split, per weighted mean, per pair and split, and per transcript."""
    splits = [name for name in (recipe.splits.dev, *recipe.splits.test) if name]
    scored = [name for name in recipe.planned if gives_scores(recipe, recipe.system(name))]
    jobs = []
    for system, split in itertools.product(recipe.planned, splits):
        if outputs := _outputs(recipe, system, split):
            asv = recipe.evaluate.asv.get(split)
            jobs.append(
                _job(
                    recipe,
                    (SYSTEM, f"{system}/{split}", result_path(recipe, system, split)),
                    inputs=(*outputs, recipe.data_dir(split), *_seen_reports(recipe, system)),
                    optional_inputs=tuple(asv_files(recipe, split).values()),
                    settings={"seeds": recipe.seeds_of(system), **({"asv": asv} if asv else {})},
                    systems=(system,),
                    split=split,
                )
            )
    weights = recipe.evaluate.weighted_eer
    # a run on some of the splits has no weighted mean
    for system in scored if weights and set(weights) <= set(recipe.splits.test) else []:
        jobs.append(
            _job(
                recipe,
                (WEIGHTED, f"{system}/weighted_eer", weighted_path(recipe, system)),
                inputs=tuple(result_path(recipe, system, split) for split in weights),
                settings={"weighted_eer": weights},
                systems=(system,),
            )
        )
    for (first, second), split in itertools.product(_pairs(recipe, scored), splits):
        seeds = common_seeds(recipe, first, second)
        files = [path for name in (first, second) for path in score_files(recipe, name, split, seeds)]
        jobs.append(
            _job(
                recipe,
                (PAIR, f"{first}-{second}/{split}", difference_path(recipe, first, second, split)),
                inputs=(*files, recipe.data_dir(split)),
                settings={"seeds": seeds},
                systems=(first, second),
                split=split,
            )
        )
    for split in splits if recipe.corpus.audio and with_words(recipe) else []:
        jobs.append(
            _job(
                recipe,
                (TRANSCRIPTS, f"transcripts/{split}", transcripts_path(recipe, split)),
                inputs=(recipe.data_dir(split) / "text", *corpora(recipe)),
                systems=tuple(with_words(recipe)),
                split=split,
            )
        )
    return jobs


def _job(recipe: Any, what: tuple[str, str, Path], **fields: Any) -> Job:
    """A job of a kind, name and output; its settings begin with what every figure depends on."""
    kind, name, output = what
    settings = {"results": VERSION, "evaluate": recipe.evaluate.of_one_system(), **fields.pop("settings", {})}
    protocol = recipe.protocol
    place = {"name": f"{protocol}/{name}", "home": output.parent, "outputs": (output,), "protocol": protocol}
    return Job(stage="evaluate", kind=kind, settings=settings, **place, **fields)


def _pairs(recipe: Any, scored: list[str]) -> list[list[str]]:
    """The pairs whose systems both run. Raise ConfigError for an unknown system."""
    for name in {name for pair in recipe.evaluate.compare for name in pair} - set(scored):
        recipe.system(name)
    return [pair for pair in recipe.evaluate.compare if set(pair) <= set(scored) & set(recipe.requested)]


def _outputs(recipe: Any, system: str, split: str) -> list[Path]:
    """Score and class files of a system on a split, by seed; without audio its logits."""
    kinds = (("scores", gives_scores), ("classes", names_attacks))
    names = [f"{kind}/{split}.txt" for kind, gives in kinds if gives(recipe, recipe.system(system))]
    if not recipe.corpus.audio:
        names = [f"embed/{split}/logits.scp"]
    return [recipe.seed_dir(system, seed) / name for seed in recipe.seeds_of(system) for name in names]


def _seen_reports(recipe: Any, system: str) -> list[Path]:
    """The report of stage 8 on trials that a system of another recipe was trained on."""
    return [leakage.report_path(recipe, system)] if is_foreign(system) else []


def run(recipe: Any, job: Job) -> None:
    """Write the results of a job."""
    measures = {SYSTEM: _system, PAIR: _pair, WEIGHTED: _weighted, TRANSCRIPTS: _transcripts}
    write_results(job.outputs[0], measures[job.kind](recipe, job))


def _system(recipe: Any, job: Job) -> Any:
    notes = leakage.notes(recipe, job.system, job.split or "")
    for note in notes:
        log.info("%s on %s: %s", job.system, job.split, note)
    outputs = _outputs(recipe, job.system, job.split or "")
    return system_results(recipe, job.system, job.split or "", outputs, notes)


def _pair(recipe: Any, job: Job) -> Any:
    return pair_results(recipe, job.systems[0], job.systems[1], job.split or "")


def _weighted(recipe: Any, job: Job) -> Any:
    return weighted_results(job.inputs, job.settings["weighted_eer"])


def _transcripts(recipe: Any, job: Job) -> Any:
    data = DataDir.read(recipe.data_dir(job.split))
    return transcript_results(data, corpora(recipe), recipe.corpus.name, recipe.evaluate)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
