"""Measure every system's scores on dev and the test splits: metrics, intervals by purported speaker,
conditions.

`exp/<system>/results/<split>.json` holds the results over all training seeds, `minus_<other>/<split>.json`
beside it the paired difference to a system of `evaluate.compare`, and `weighted_eer.json` the mean over the
test sets of `evaluate.weighted_eer`. Equal scores give equal files.
"""

import itertools
import logging
from pathlib import Path
from typing import Any

from dada.evaluate import paths
from dada.experiment.folder import ExperimentFolder
from dada.recipe import leakage
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.roles import gives_scores, names_attacks, with_words

VERSION = 2  # 2: F1 at P(bona fide) = .5
SYSTEM, PAIR, WEIGHTED, TRANSCRIPTS = "system", "pair", "weighted_eer", "transcripts"  # kinds of jobs

log = logging.getLogger(__name__)


def plan(recipe: Recipe) -> list[Job]:
    """Return the jobs: one per system and split, per weighted mean, per pair and split, and per
    transcript.
    """
    splits = recipe.scored_splits
    scored = [name for name in recipe.planned if gives_scores(recipe, recipe.system(name))]
    jobs = []
    for system, split in itertools.product(recipe.planned, splits):
        if outputs := _outputs(recipe, system, split):
            asv = recipe.evaluate.asv.get(split)
            jobs.append(
                _job(
                    recipe,
                    (SYSTEM, f"{system}/{split}", paths.result_path(recipe, system, split)),
                    inputs=(*outputs, recipe.data_dir(split), *leakage.reports(recipe, system)),
                    optional_inputs=(
                        *paths.asv_files(recipe, split).values(),
                        *paths.calibrations(recipe, system),
                        *(_of_dev(recipe, system) if split != recipe.splits.dev else ()),
                    ),
                    settings={
                        "seeds": recipe.seeds_of(system),
                        "score_kind": recipe.system(system).score_kind,
                        **({"asv": asv} if asv else {}),
                    },
                    systems=(system,),
                    split=split,
                )
            )
    weights = recipe.evaluate.weighted_eer
    # a run on some of the splits has no weighted mean
    for system in scored if weights and set(weights) <= set(recipe.splits.test) else []:
        place = (WEIGHTED, f"{system}/weighted_eer", paths.weighted_path(recipe, system))
        inputs = tuple(paths.result_path(recipe, system, split) for split in weights)
        jobs.append(_job(recipe, place, inputs, settings={"weighted_eer": weights}, systems=(system,)))
    for (first, second), split in itertools.product(_pairs(recipe, scored), splits):
        place = (PAIR, f"{first}-{second}/{split}", paths.difference_path(recipe, first, second, split))
        seeds = paths.common_seeds(recipe, first, second)
        files = [
            path
            for name in (first, second)
            for path in paths.compared_files(recipe, name, split, seeds, name in scored)
        ]
        inputs, systems = (*files, recipe.data_dir(split)), (first, second)
        jobs.append(_job(recipe, place, inputs, settings={"seeds": seeds}, systems=systems, split=split))
    for split in splits if _is_transcribed(recipe) else []:
        place = (TRANSCRIPTS, f"transcripts/{split}", paths.transcripts_path(recipe, split))
        inputs = (recipe.data_dir(split) / "text", *paths.corpora(recipe))
        jobs.append(_job(recipe, place, inputs, systems=tuple(with_words(recipe)), split=split))
    return jobs


def _is_transcribed(recipe: Recipe) -> bool:
    """Return whether stage transcribe writes the words, rather than that they are given."""
    listed = recipe.config.stages
    return recipe.corpus.audio and bool(with_words(recipe)) and (not listed or "transcribe" in listed)


def _job(recipe: Recipe, place: tuple[str, str, Path], inputs: tuple[Path, ...], **fields: Any) -> Job:
    """Return a job of a kind, name and output; the settings of all jobs begin with those of every figure."""
    kind, name, output = place
    fields["settings"] = {
        "results": paths.VERSION,
        "evaluate": recipe.evaluate.of_one_system(),
        **fields.get("settings", {}),
    }
    fields |= {"stage": "evaluate", "name": f"{recipe.protocol}/{name}", "protocol": recipe.protocol}
    return Job(home=output.parent, kind=kind, inputs=inputs, outputs=(output,), **fields)


def _pairs(recipe: Recipe, scored: list[str]) -> list[list[str]]:
    """Return the pairs of which both systems run. Raise ConfigError for an unknown system."""
    for name in {name for pair in recipe.evaluate.compare for name in pair} - set(scored):
        recipe.system(name)
    of_claims = [name for name in recipe.planned if paths.judges_claims(recipe, name)]
    return [
        pair
        for pair in recipe.evaluate.compare
        if any(set(pair) <= set(group) & set(recipe.requested) for group in (scored, of_claims))
    ]


def _of_dev(recipe: Recipe, system: str) -> list[Path]:
    """Return what the threshold of dev is made of: the scores of all seeds, and the labels."""
    if recipe.splits.dev is None or not recipe.corpus.audio:
        return []
    labels = recipe.data_dir(recipe.splits.dev) / "utt2label"
    return [*paths.score_files(recipe, system, recipe.splits.dev), labels]


def _outputs(recipe: Recipe, system: str, split: str) -> list[Path]:
    """Return the score and class files of a system on a split, by seed; without audio its logits."""
    config, outputs = recipe.system(system), []
    for seed in recipe.seeds_of(system):
        files = ExperimentFolder(recipe.seed_dir(system, seed))
        if not recipe.corpus.audio:
            outputs.append(files.logits(split))
            continue
        outputs += [files.scores(split)] if gives_scores(recipe, config) else []
        outputs += [files.classes(split)] if names_attacks(recipe, config) else []
    return outputs


def run(recipe: Recipe, job: Job) -> None:
    """Write the results of a job."""
    from dada.evaluate.results import write_results

    measures = {SYSTEM: _system, PAIR: _pair, WEIGHTED: _weighted, TRANSCRIPTS: _transcripts}
    write_results(job.outputs[0], measures[job.kind](recipe, job, str(job.split)))


def _system(recipe: Recipe, job: Job, split: str) -> Any:
    from dada.evaluate.split_results import system_results

    notes = leakage.notes(recipe, job.system, split)
    for note in notes:
        log.info("%s on %s: %s", job.system, split, note)
    return system_results(recipe, job.system, split, _outputs(recipe, job.system, split), notes)


def _pair(recipe: Recipe, job: Job, split: str) -> Any:
    from dada.evaluate.split_results import pair_results

    first, second = job.systems
    return pair_results(recipe, first, second, split)


def _weighted(recipe: Recipe, job: Job, split: str) -> Any:
    from dada.evaluate.split_results import weighted_results

    return weighted_results(job.inputs, job.settings["weighted_eer"])


def _transcripts(recipe: Recipe, job: Job, split: str) -> Any:
    from dada.data import DataDir
    from dada.evaluate.transcripts import transcript_results

    data = DataDir.read(recipe.data_dir(split))
    return transcript_results(data, paths.corpora(recipe), recipe.corpus.name, recipe.evaluate)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
