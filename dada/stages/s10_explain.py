"""Explain what chosen systems say of sampled utterances: attributions, profiles, shares of speech and
sub-bands, faithfulness.

`exp/<system>/explain/` holds, of the first training seed, arks with (N, F) matrices: `input`, what was
explained (spectral envelopes where the system reads cepstra, levels in dB where it reads waveforms), and
`bonafide` and `spoof`, the signed attributions of both outputs; arks with the profiles of their positive
values, `bonafide_time` (N,), `bonafide_frequency` (F,) and the same of spoof; `shares.csv`, a line for each
utterance and output; `summary.json`, classes with intervals, completeness and faithfulness;
`with_<other>.json`, two systems compared. `exp/explain_pages/` holds pages of single utterances, as
dada/stages/_pages.py says.
"""

import itertools
from collections.abc import Iterator
from dataclasses import asdict

from dada.recipe.job import Job
from dada.stages import _pages
from dada.stages._systems import audio_files
from dada.storage.json_file import write_json

EXPLANATION, COMPARISON = "explanation", "comparison"  # kinds of jobs, besides _pages.PAGES
MAPS = ("input", "bonafide", "spoof")
PROFILES = tuple(f"{output}_{axis}" for output in ("bonafide", "spoof") for axis in ("time", "frequency"))


def plan(recipe) -> list[Job]:
    """One job for each system to be explained, one for each pair of those that are run, and one for the pages
    of utterances.

    None but under the first protocol of the run.
    """
    if recipe.protocol != recipe.views[0].protocol:
        return []
    for name in recipe.explain.systems:
        recipe.system(name)  # a wrong name is told here
    systems = [name for name in recipe.explain.systems if name in recipe.systems]
    jobs = [_job(recipe, name) for name in systems]
    for first, second in itertools.combinations([name for name in systems if name in recipe.selected], 2):
        folders = [recipe.exp_dir(name) / "explain" for name in (first, second)]
        jobs.append(
            Job(
                stage="explain",
                name=f"{recipe.protocol}/{first}-{second}",
                home=folders[0] / f"with_{second}",
                kind=COMPARISON,
                protocol=recipe.protocol,
                inputs=tuple(folder / "summary.json" for folder in folders),
                outputs=(folders[0] / f"with_{second}.json",),
                settings={"evaluate": recipe.evaluate.of_one_system()},
                systems=(first, second),
            )
        )
    return jobs + _pages.jobs(recipe, systems)


def _job(recipe, name: str) -> Job:
    config, folder, chosen = recipe.system(name), recipe.exp_dir(name) / "explain", recipe.explain
    settings = {
        key: value
        for key, value in asdict(chosen).items()
        if key not in ("systems", "methods", "options", "pages")
    }
    own = {"options": chosen.options} if chosen.options else {}
    files = (path for split in recipe.splits.test for path in audio_files(recipe, config.input, split))
    return Job(
        stage="explain",
        name=f"{recipe.protocol}/{name}",
        home=folder,
        kind=EXPLANATION,
        protocol=recipe.protocol,
        inputs=(_pages.first_seed(recipe, name) / "weights.pt", *files),
        outputs=(
            *(folder / f"{kind}.scp" for kind in (*MAPS, *PROFILES)),
            folder / "shares.csv",
            folder / "summary.json",
        ),
        settings={
            "explain": {**settings, **own},
            "method": chosen.methods.get(name, "auto"),
            "evaluate": recipe.evaluate.of_one_system(),
        },
        systems=(name,),
    )


def run(recipe, job: Job) -> None:
    """Write what the head of this file names."""
    {EXPLANATION: _explain, COMPARISON: _compare, _pages.PAGES: _pages.run}[job.kind](recipe, job)


def _explain(recipe, job: Job) -> None:
    import torch

    from dada.data import write_ark
    from dada.experiment.trained import load_experiment
    from dada.explain import checked, shares
    from dada.explain.pool import Pool
    from dada.explain.subject import Subject
    from dada.storage.atomic import write_text

    name, chosen, folder = job.system, recipe.explain, job.home
    torch.set_num_threads(recipe.system(name).threads)
    experiment = load_experiment(_pages.first_seed(recipe, name))
    subject = Subject(experiment, chosen.methods.get(name, "auto"), chosen.options)
    pool = Pool.of_recipe(recipe, subject.config.input)
    results = sorted(_results(subject, pool, chosen), key=lambda result: result.utt.encode())
    for kind in MAPS:
        write_ark(folder / f"{kind}.scp", ((result.utt, result.maps[kind].T) for result in results))
    for kind in PROFILES:
        write_ark(folder / f"{kind}.scp", ((result.utt, result.profiles[kind]) for result in results))
    rows = [row for result in results for row in result.rows]
    write_text(folder / "shares.csv", shares.as_csv(rows))
    summary = {
        "system": name,
        "protocol": recipe.protocol,
        "splits": list(recipe.splits.test),
        "seed": recipe.seeds_of(name)[0],
        "method": results[0].method,
        "num_background": min(result.num_background for result in results),
        "frame_seconds": results[0].frame_seconds,
        "frequencies": results[0].frequencies,
        "bands": shares.band_names() if results[0].frequencies else [],
        "completeness_error": _spread([row.completeness_error for row in rows]),
        "classes": shares.summarise(rows, recipe.evaluate),
        "faithfulness": checked.summarise(
            [check for result in results for check in result.checks], recipe.evaluate
        ),
        "explain": job.settings["explain"],
    }
    write_json(folder / "summary.json", summary, allow_nan=False)


def _results(subject, pool, chosen) -> Iterator:
    """Results of all classes, in groups that share a background."""
    from dada.explain.results import results_of

    groups = pool.groups(chosen, subject)
    for group in groups:
        yield from results_of(subject, group, chosen)


def _spread(errors: list[float]) -> dict:
    """Median, 95th percentile and largest of the relative completeness errors."""
    import numpy as np

    median, high, largest = np.quantile(errors, [0.5, 0.95, 1.0])
    return {"median": float(median), "p95": float(high), "max": float(largest)}


def _compare(recipe, job: Job) -> None:
    from dada.explain.comparison import compare

    found = compare(*(recipe.exp_dir(name) / "explain" for name in job.systems), recipe.evaluate)
    facts = {"systems": list(job.systems), "protocol": recipe.protocol}
    write_json(job.outputs[0], facts | found, allow_nan=False)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
