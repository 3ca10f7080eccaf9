"""Run the stages of a recipe, in order.

A stage that is up to date is skipped. Flags say how to run, `key=value` what to run: `key=value` changes a
setting of the recipe, or, with --system, of that system.
"""

import argparse
from pathlib import Path

from dada.recipe.command import add_flags, run_command

EXAMPLE = """
dada run egs/mini
dada run egs/mini --list
dada run egs/mini --stage transcribe --stop_stage score --nj 4
dada run egs/mini --stage 5 --system lfcc_lcnn --exp exp_lr train.optim.lr=1e-4
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada run`."""
    parser.add_argument("recipe", type=Path, help="folder of the recipe, e.g. egs/mini")
    parser.add_argument("--stage", help="first stage, by number or name (default: the first)")
    parser.add_argument("--stop_stage", help="last stage, by number or name (default: the last)")
    add_flags(parser)


def run(args: argparse.Namespace) -> None:
    """Run the chosen stages, or list them with --list."""
    run_command(args.recipe, args, args.stage, args.stop_stage)
