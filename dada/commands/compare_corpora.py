"""Print one table of systems by corpora, from the results that stage 9 of several recipes wrote.

A row is named by where its system was trained, so that `aasist` of egs/asvspoof2019 and `asvspoof2019:aasist`
of egs/asvspoof2021 share a row. A cell without a result is empty.
"""

import argparse
from pathlib import Path

EXAMPLE = """
dada compare-corpora egs/asvspoof2019 egs/asvspoof2021 egs/in_the_wild
dada compare-corpora egs/asvspoof2019 egs/asvspoof2021 --metric min_dcf --markdown > table.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada compare-corpora`."""
    parser.add_argument(
        "recipes", nargs="+", type=Path, help="folders of recipes, in the order of the columns"
    )
    parser.add_argument("--metric", default="eer", help="metric of the cells, e.g. min_dcf")
    parser.add_argument("--exp", default="exp", help="folder of the experiments, below each recipe's")
    parser.add_argument("--dev", action="store_true", help="add the development splits")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    from dada.recipe.compare_corpora import compare_corpora
    from dada.report.markdown import table_lines
    from dada.report.terminal import table_text

    table = compare_corpora(args.recipes, args.metric, args.exp, args.dev)
    print("\n".join(table_lines(table)) if args.markdown else table_text(table))
