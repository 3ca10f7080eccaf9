"""`dada compare-corpora`: one table of systems by corpora, from what stage 9 of several recipes measured.

A system is named by where it was trained, so that `aasist` of egs/asvspoof2019 and `asvspoof2019:aasist` of
egs/asvspoof2021 share a row. Cells that were not measured stay empty.
"""

from dataclasses import replace
from pathlib import Path

from dada.errors import ConfigError, DataError
from dada.plugins import nearest
from dada.recipe.recipe import Options, Recipe
from dada.report.corpora import METRICS, corpora_table, find_results
from dada.report.tables import Table


def compare_corpora(
    roots: list[Path], metric: str = "eer", exp: str = "exp", with_dev: bool = False
) -> Table:
    """The table of some recipes' results.

    Raises DataError where they have none, ConfigError for an unknown metric.
    """
    if metric not in METRICS:
        raise ConfigError(
            f"unknown metric {metric!r}{nearest(metric, list(METRICS))}; known: {', '.join(METRICS)}"
        )
    found = []
    for root in roots:
        recipe = Recipe.load(root, options=Options(exp=exp))
        found += find_results([replace(recipe, protocol=name) for name in recipe.config.protocols], with_dev)
    table = corpora_table(found, list(dict.fromkeys(one.column for one in found)), metric)
    if not table.rows:
        raise DataError(
            f"no results with metrics in {', '.join(str(root / exp) for root in roots)}: ./run.sh of each "
            "recipe makes them"
        )
    return table
