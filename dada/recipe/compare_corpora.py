"""`dada compare-corpora`: one table of systems by corpora, from the results of stage 9 of several recipes.

The name of a system includes the recipe that trained it, so that `aasist` of egs/asvspoof2019 and
`asvspoof2019:aasist` of egs/asvspoof2021 share a row. A cell without a result is empty.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dada.errors import ConfigError, DataError
from dada.evaluate.results import SystemResults, read_results
from dada.metrics.measures import table_metrics
from dada.plugins import nearest
from dada.recipe.foreign_systems import FOLDER, MARK, recipe_folders
from dada.recipe.options import Options
from dada.recipe.recipe import Recipe
from dada.report.corpora import CorpusResults, corpora_table
from dada.report.tables import Table


def compare_corpora(
    roots: list[Path], metric: str = "eer", exp: str = "exp", with_dev: bool = False
) -> Table:
    """Return the table of the results of some recipes.

    Raise DataError where they have none, ConfigError for an unknown metric.
    """
    known = table_metrics()
    if metric not in known:
        raise ConfigError(f"unknown metric {metric!r}{nearest(metric, known)}; known: {', '.join(known)}")
    results: list[CorpusResults] = []
    for root in roots:
        recipe = Recipe.load(root, options=Options(exp=exp))
        for protocol in recipe.config.protocols:
            results += _results(replace(recipe, protocol=protocol), with_dev)
    table = corpora_table(results, metric)
    if not table.rows:
        raise DataError(
            f"no results with metrics in {', '.join(str(root / exp) for root in roots)}: ./run.sh of each "
            "recipe makes them"
        )
    return table


def _results(recipe: Recipe, with_dev: bool) -> Iterator[CorpusResults]:
    """All results under one protocol: of systems trained in this recipe or in others."""
    home, root = recipe.exp_dir("x").parent, recipe.root.resolve()
    below = recipe.protocol if recipe.protocol != recipe.config.protocols[0] else ""
    for split in recipe.scored_splits if with_dev else recipe.splits.test:
        for depth in ("*", f"{FOLDER}*/*", f"{FOLDER}*/*/*"):
            for path in sorted(home.glob(f"{depth}/results/{split}.json")):
                results = read_results(path)
                if not isinstance(results, SystemResults):  # of the transcripts
                    continue
                place = path.parents[1].relative_to(home).parts
                trained_in, system = root, "/".join(filter(None, (below, *place)))
                if depth != "*":
                    trained_in, system = _origin(root, results.system), "/".join(place[1:])
                yield CorpusResults(trained_in, system, root, " ".join(filter(None, (below, split))), results)


def _origin(root: Path, system: str) -> Path:
    """Return the folder of the recipe that trained a system, though it may not exist any more."""
    folders = recipe_folders(root, system.partition(MARK)[0])
    return next((path for path in folders if path.is_dir()), folders[0]).resolve()
