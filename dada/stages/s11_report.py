"""Write RESULTS.md, report.html and results.json from all results, over all protocols.

They lie in the folder of the experiments; `dada publish` copies RESULTS.md and results.json to the recipe.
"""

import shlex
from dataclasses import asdict

from dada.errors import DataError
from dada.evaluate.paths import difference_paths, result_path, transcripts_path, weighted_path
from dada.explain.paths import explanation_paths, pages_path
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.report.paths import PAGE, RESULTS, SUMMARY, text_counts_path
from dada.storage.atomic import write_text
from dada.storage.json_file import write_json

ALL_COMMAND = "./run.sh"


def plan(recipe: Recipe) -> list[Job]:
    """Return one job for the recipe under all its protocols. It reads the results that exist by then."""
    views, splits = recipe.views, recipe.scored_splits
    results = [
        result_path(view, system, split) for view in views for system in view.planned for split in splits
    ]
    others = [
        path
        for view in views
        for split in splits
        for path in (*difference_paths(view, split), transcripts_path(view, split))
    ]
    others += [path for view in views for paths in explanation_paths(view) for path in paths]
    others += [pages_path(view) for view in views]
    others += [view.data_dir(view.splits.train) / "utt2attack" for view in views if view.splits.train]
    others += [text_counts_path(view) for view in views]
    others += [weighted_path(view, system) for view in views for system in view.planned]
    return [
        Job(
            stage="report",
            name="report",
            home=recipe.exp_root,
            kind="report",
            protocol=views[0].protocol,
            inputs=(),
            optional_inputs=(*results, *others),
            outputs=tuple(recipe.exp_root / name for name in (RESULTS, PAGE, SUMMARY)),
            settings={"report": asdict(recipe.report), "protocols": [view.protocol for view in recipe.views]},
        )
    ]


def run(recipe: Recipe, job: Job) -> None:
    """Write the files. Raise DataError where no system has results."""
    from dada.report.load import load
    from dada.report.markdown import markdown
    from dada.report.page import page
    from dada.report.summary import results_summary
    from dada.storage.environment import this_machine

    sections = load(recipe.views)
    if not sections:
        raise DataError(f"no results below {recipe.exp_root}: stage evaluate makes them")
    overrides = shlex.join(recipe.overrides)
    name, machine = recipe.corpus.name, this_machine()
    command = f"./run.sh --stage 9 --stop_stage 11 {overrides}".rstrip()
    whole = f"{ALL_COMMAND} {overrides}".rstrip()
    results, html, summary = job.outputs
    write_json(summary, results_summary(sections))
    write_text(results, markdown(name, sections, command, whole, machine))
    write_text(html, page(name, sections, command, whole, machine, recipe.report.num_det_systems))


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
