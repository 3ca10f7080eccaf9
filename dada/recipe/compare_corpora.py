"""`dada compare-corpora`: one table of systems by corpora, from what stage 9 of several recipes measured.

A system is named by where it was trained, so that `aasist` of egs/asvspoof2019 and `asvspoof2019:aasist` of
egs/asvspoof2021 share a row. Cells that were not measured stay empty.
"""

from dataclasses import replace
from pathlib import Path

from dada.errors import DataError
from dada.program import parser as make_parser
from dada.program import run, set_up_logging
from dada.recipe.recipe import Options, Recipe
from dada.report.corpora import METRICS, corpora_table, find_results
from dada.report.markdown import table_lines
from dada.report.tables import Table
from dada.report.terminal import table_text

EXAMPLE = """
dada compare-corpora egs/asvspoof2019 egs/asvspoof2021 egs/in_the_wild
dada compare-corpora egs/asvspoof2019 egs/asvspoof2021 --metric min_dcf --markdown > table.md
"""


def compare_corpora(
    roots: list[Path], metric: str = "eer", exp: str = "exp", with_dev: bool = False
) -> Table:
    """The table of some recipes' results. Raises DataError where they have none."""
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


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument(
        "recipes", nargs="+", type=Path, help="folders of recipes: the columns, in this order"
    )
    parser.add_argument("--metric", choices=list(METRICS), default="eer", help="what the cells hold")
    parser.add_argument("--exp", default="exp", help="folder of the experiments, below each recipe's")
    parser.add_argument("--dev", action="store_true", help="also the development splits")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    args = parser.parse_args(argv)
    set_up_logging(args.log_level)

    def work() -> None:
        table = compare_corpora(args.recipes, args.metric, args.exp, args.dev)
        print("\n".join(table_lines(table)) if args.markdown else table_text(table))

    return run(work)
