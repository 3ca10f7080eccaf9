"""Copy the results of a run to the recipe, with the commit.

A run writes its results below the experiments' folder, which git ignores. The copy, RECIPE/RESULTS.md, is the
published snapshot. It names the commit of the checkout, marked `-dirty` where tracked files differ from it,
and the machine that made the report.
"""

import argparse
from pathlib import Path

EXAMPLE = """
dada publish egs/mini
dada publish egs/mini --exp exp_lr
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada publish`."""
    parser.add_argument("recipe", type=Path, help="folder of the recipe, e.g. egs/mini")
    parser.add_argument("--exp", default="exp", help="folder of the experiments, below the recipe's")


def run(args: argparse.Namespace) -> None:
    """Print the path of the copy."""
    from dada.report.publish import publish

    print(publish(args.recipe, args.exp))
