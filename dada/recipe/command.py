"""The flags of `dada run` and of each stage as a program of its own: flags say how, `key=value` says what."""

import argparse
import os
from pathlib import Path

from dada.errors import ConfigError
from dada.program import LEVELS, run, set_up_logging
from dada.recipe import catalog
from dada.recipe.listing import dry_run, list_stages
from dada.recipe.recipe import Options, Recipe
from dada.recipe.runner import Selection, run_recipe
from dada.report import summary

MOST_JOBS = 8
RUN_EXAMPLE = """examples:
  dada run egs/mini
  dada run egs/mini --stage transcribe --stop_stage score --nj 4
  dada run egs/mini --stage 5 --system lfcc_lcnn --exp exp_lr train.optim.lr=1e-4"""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that all ways of running share. A new one is a change of design."""
    only = (
        "work on this system only, and let key=value set its keys (repeat, or a,b; `all` for every one "
        "that applies)"
    )
    side_by_side = (
        "processes side by side, on Slurm jobs, one CPU thread each (default: one a core, at "
        f"most {MOST_JOBS})"
    )
    force = (
        "do the chosen stages again; later ones only where that changed what they read; gives up "
        "experiments with other settings"
    )
    parser.add_argument("--system", action="append", default=[], help=only)
    parser.add_argument("--nj", type=int, help=side_by_side)
    parser.add_argument(
        "--cmd",
        default="local",
        help="where jobs run: local, or slurm, see `slurm:` of local.yaml (default: %(default)s)",
    )
    parser.add_argument(
        "--ngpu", type=int, default=0, help="GPUs of a training job (default: %(default)s, the CPU)"
    )
    parser.add_argument("--force", action="store_true", help=force)
    parser.add_argument("--dry_run", action="store_true", help="print the command of each stage and stop")
    parser.add_argument(
        "--list", action="store_true", help="print the stages, their inputs, outputs and state, and stop"
    )
    parser.add_argument(
        "--exp", default="exp", help="folder of the experiments, below the recipe's (default: %(default)s)"
    )
    parser.add_argument("--log_level", default="info", choices=LEVELS, help="(default: %(default)s)")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="what to run: settings of the recipe or of the chosen system",
    )


def default_jobs() -> int:
    """One process for each core that this one may use; more than MOST_JOBS only on request, since each takes
    a gigabyte or two.
    """
    return min(len(os.sched_getaffinity(0)), MOST_JOBS)


def run_command(root: Path, args: argparse.Namespace, first: str | None, last: str | None) -> Recipe:
    """Do what the flags say with the stages from `first` to `last` (None: the ends)."""
    num_jobs = default_jobs() if args.nj is None else args.nj
    if num_jobs < 1 or args.ngpu < 0:
        raise ConfigError(
            f"--nj is {num_jobs} and --ngpu is {args.ngpu}: --nj wants 1 or more, --ngpu 0 or more"
        )
    known = catalog.stages()
    selection = Selection(
        catalog.find(first).number if first else known[0].number,
        catalog.find(last).number if last else known[-1].number,
    )
    if selection.first > selection.last:
        raise ConfigError(f"--stage {first} comes after --stop_stage {last}")
    systems = [name for entry in args.system for name in entry.split(",") if name]
    options = Options(num_jobs, args.cmd, args.ngpu, args.force, args.exp, args.log_level)
    recipe = Recipe.load(root, args.overrides, systems, options)
    if args.list:
        print(list_stages(recipe, selection))
    elif args.dry_run:
        print(dry_run(recipe, selection, _flags(args)))
    else:
        run_recipe(recipe, selection)
        if selection.last == known[-1].number:
            print(summary(recipe.views))
    return recipe


def run_main(argv: list[str]) -> int:
    """`dada run RECIPE [flags] [key=value ...]`: the stages of a recipe, one after the other."""
    parser = _parser("dada run", "Run the stages of a recipe; what is up to date is skipped.", RUN_EXAMPLE)
    parser.add_argument("recipe", type=Path, help="folder of the recipe, e.g. egs/mini")
    parser.add_argument("--stage", help="first stage, by number or name (default: the first)")
    parser.add_argument("--stop_stage", help="last stage, by number or name (default: the last)")
    add_flags(parser)
    return _main(parser, argv, lambda args: run_command(args.recipe, args, args.stage, args.stop_stage))


def stage_main(file: str, argv: list[str] | None = None) -> int:
    """`python -m dada.stages.s02_transcribe --recipe egs/mini ...`: one stage alone, named by its file."""
    stage = next(entry for entry in catalog.stages() if Path(entry.module.__file__) == Path(file))
    program = f"python -m {stage.module.__name__}"
    parser = _parser(program, stage.module.__doc__, f"example:\n  {program} --recipe egs/mini --nj 2")
    parser.add_argument("--recipe", type=Path, required=True, help="folder of the recipe, e.g. egs/mini")
    add_flags(parser)
    return _main(parser, argv, lambda args: run_command(args.recipe, args, stage.name, stage.name))


def _parser(program: str, description: str, example: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        program, description=description, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _main(parser: argparse.ArgumentParser, argv: list[str] | None, work) -> int:
    args = parser.parse_intermixed_args(argv)
    set_up_logging(args.log_level)
    return run(lambda: work(args) and None)


def _flags(args: argparse.Namespace) -> list[str]:
    """The flags that were given, for a command of one stage."""
    flags = [flag for name in args.system for flag in ("--system", name)]
    for name, default in (("nj", None), ("cmd", "local"), ("ngpu", 0), ("exp", "exp"), ("log_level", "info")):
        if getattr(args, name) != default:
            flags += [f"--{name}", str(getattr(args, name))]
    return flags + (["--force"] if args.force else [])
