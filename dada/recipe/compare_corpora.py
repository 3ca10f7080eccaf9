"""`dada compare-corpora`: one table of systems by corpora, from the results of stage 9 of several recipes.

The name of a system includes the recipe that trained it, so that `aasist` of egs/asvspoof2019 and
`asvspoof2019:aasist` of egs/asvspoof2021 share a row. A cell without a result is empty.
"""

from dataclasses import replace
from pathlib import Path

from dada.errors import ConfigError, DataError
from dada.metrics.measures import table_metrics
from dada.plugins import nearest
from dada.recipe.options import Options
from dada.recipe.recipe import Recipe
from dada.report.corpora import Found, corpora_table, find_results
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
    results: list[Found] = []
    for root in roots:
        recipe = Recipe.load(root, options=Options(exp=exp))
        results += find_results(
            [replace(recipe, protocol=name) for name in recipe.config.protocols], with_dev
        )
    table = corpora_table(results, list(dict.fromkeys(each.column for each in results)), metric)
    if not table.rows:
        raise DataError(
            f"no results with metrics in {', '.join(str(root / exp) for root in roots)}: ./run.sh of each "
            "recipe makes them"
        )
    return table
