"""Explain the outputs of chosen systems on sampled utterances, and make pages of single utterances.

Attributions, profiles, shares of speech and sub-bands and faithfulness are in `exp/<system>/explain/`
(see dada/explain/run.py), the pages in `exp/explain_pages/` (see dada/report/clip_pages.py).
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dada.experiment.folder import ExperimentFolder
from dada.explain.paths import comparison_path, explain_dir, explanation_files, pages_path, summary_path
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.roles import audio_files, gives_scores

USES_GPU = True
VERSION = 2  # 2: the noise of maps is measured
EXPLANATION, COMPARISON, PAGES = "explanation", "comparison", "pages"  # kinds of jobs


def plan(recipe: Recipe) -> list[Job]:
    """Return a job for each system, for each pair of those that are run, and for the pages of utterances.

    Only the first protocol of a run has any.
    """
    if recipe.protocol != recipe.views[0].protocol:
        return []
    for name in recipe.explain.systems:
        recipe.system(name)  # raises ConfigError for an unknown name
    systems = [name for name in recipe.explain.systems if name in recipe.planned]
    pairs = itertools.combinations([name for name in systems if name in recipe.requested], 2)
    return [
        *(_explanation(recipe, name) for name in systems),
        *(_comparison(recipe, first, second) for first, second in pairs),
        *_pages(recipe, systems),
    ]


def _explanation(recipe: Recipe, name: str) -> Job:
    chosen, files = recipe.explain, explanation_files(recipe, name)
    explain = asdict(chosen)
    for key in ("systems", "methods", "pages", *([] if chosen.options else ["options"])):
        del explain[key]
    inputs = [_first_seed(recipe, name).weights]
    for split in recipe.splits.test:
        inputs += audio_files(recipe, recipe.system(name).input, split)
    return _job(
        recipe,
        EXPLANATION,
        name,
        explain_dir(recipe, name),
        files,
        inputs=tuple(inputs),
        settings={
            "explain": explain,
            "method": chosen.methods.get(name, "auto"),
            "evaluate": recipe.evaluate.of_one_system(),
        },
        systems=(name,),
        seed=recipe.seeds_of(name)[0],
    )


def _comparison(recipe: Recipe, first: str, second: str) -> Job:
    path = comparison_path(recipe, first, second)
    return _job(
        recipe,
        COMPARISON,
        f"{first}-{second}",
        path.with_suffix(""),
        [path],
        inputs=tuple(summary_path(recipe, name) for name in (first, second)),
        settings={"evaluate": recipe.evaluate.of_one_system()},
        systems=(first, second),
    )


def _pages(recipe: Recipe, explained: Sequence[str]) -> list[Job]:
    """Return one job for all pages; a page shows the systems that have been run by then."""
    chosen, listing, splits = recipe.explain, pages_path(recipe), recipe.splits.test
    if not explained or not (chosen.pages or chosen.utterances):
        return []
    listed = recipe.with_branches(recipe.config.systems)
    others = [name for name in listed if recipe.system(name).task in ("text", "fusion")]
    files = [summary_path(recipe, name) for name in explained]
    for name in (*explained, *others):
        folder = _first_seed(recipe, name)
        files.append(folder.calibration)
        has_scores = name not in others or gives_scores(recipe, recipe.system(name))
        files += map(folder.scores, splits) if has_scores else [folder.weights]
    files += [recipe.data_dir(split) / "text" for split in splits]
    files += [recipe.data_dir(recipe.splits.train) / "utt2attack"] if recipe.splits.train else []
    files += [recipe.text_dir(recipe.text.name, "train") / "text"] if others else []
    settings = {"pages": chosen.pages, "utterances": chosen.utterances, "seed": chosen.seed}
    settings["systems"] = [*explained, *others]
    options = {"optional_inputs": tuple(files), "settings": settings, "systems": tuple(explained)}
    return [_job(recipe, PAGES, "pages", listing.parent, [listing], inputs=(), **options)]


def _job(recipe: Recipe, kind: str, name: str, home: Path, outputs: Sequence[Path], **fields: Any) -> Job:
    protocol = recipe.protocol
    fields |= {"stage": "explain", "name": f"{protocol}/{name}", "protocol": protocol}
    return Job(home=home, kind=kind, outputs=tuple(outputs), **fields)


def _first_seed(recipe: Recipe, name: str) -> ExperimentFolder:
    return ExperimentFolder(recipe.seed_dir(name, recipe.seeds_of(name)[0]))


def run(recipe: Recipe, job: Job) -> None:
    """Write the outputs of a job."""
    {EXPLANATION: _run_explanation, COMPARISON: _run_comparison, PAGES: _run_pages}[job.kind](recipe, job)


def _run_explanation(recipe: Recipe, job: Job) -> None:
    from dada.explain.run import explain_system

    explain_system(recipe, job.system, job.settings["explain"])


def _run_comparison(recipe: Recipe, job: Job) -> None:
    from dada.explain.run import compare_systems

    compare_systems(recipe, *job.systems)


def _run_pages(recipe: Recipe, job: Job) -> None:
    from dada.explain.page.stored import StoredClips
    from dada.report.clip_pages import write_pages

    others = [name for name in job.settings["systems"] if name not in job.systems]
    clips, chosen = StoredClips(recipe, job.systems, others), job.settings
    write_pages(clips, job.outputs[0], chosen["pages"], chosen["utterances"], chosen["seed"])


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
