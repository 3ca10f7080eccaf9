"""The flags of `dada run` and of each stage as a program: flags state how to run, `key=value` what to run."""

import argparse
import ast
import os
from pathlib import Path

from dada import program
from dada.errors import ConfigError

MOST_JOBS = 8


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that `dada run` and the programs of the stages share."""
    only = (
        "run this system only, and let key=value set its keys (repeat, or a,b; `all` for every system that "
        "applies)"
    )
    in_parallel = (
        "processes in parallel, on Slurm jobs, with one CPU thread each; fewer run where the memory holds "
        f"fewer (default: one per core, at most {MOST_JOBS})"
    )
    on_gpus = (
        "GPUs of this machine, on Slurm of a job: one process each, and a training job takes all (0: compute "
        "on the CPU)"
    )
    force = (
        "run the chosen stages again, and later stages where their inputs changed; replace experiments with "
        "other settings"
    )
    parser.add_argument("--system", action="append", default=[], help=only)
    parser.add_argument("--nj", type=int, help=in_parallel)
    parser.add_argument(
        "--cmd", default="local", help="where jobs run: local or slurm (see `slurm:` of local.yaml)"
    )
    parser.add_argument("--ngpu", type=int, default=0, help=on_gpus)
    parser.add_argument("--force", action="store_true", help=force)
    parser.add_argument("--dry_run", action="store_true", help="print the command of each stage and stop")
    parser.add_argument(
        "--list", action="store_true", help="print the stages, their inputs, outputs and state, and stop"
    )
    parser.add_argument("--exp", default="exp", help="folder of the experiments, below the recipe's")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="what to run: settings of the recipe or of the chosen system",
    )


def default_jobs() -> int:
    """Return the number of cores that this process may use, at most MOST_JOBS."""
    return min(len(os.sched_getaffinity(0)), MOST_JOBS)


def run_command(root: Path, args: argparse.Namespace, first: str | None, last: str | None) -> None:
    """Run the stages from `first` to `last` (None: the ends), list them, or print their commands."""
    from dada.recipe import catalog
    from dada.recipe.listing import dry_run, list_stages
    from dada.recipe.options import Options
    from dada.recipe.recipe import Recipe
    from dada.recipe.runner import Selection, run_recipe

    num_jobs = default_jobs() if args.nj is None else args.nj
    if num_jobs < 1 or args.ngpu < 0:
        raise ConfigError(f"--nj {num_jobs} --ngpu {args.ngpu}: --nj must be 1 or more, --ngpu 0 or more")
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
            from dada.report.terminal import summary

            print(summary(recipe.views))


def stage_main(file: str, argv: list[str] | None = None) -> int:
    """Run one stage alone, given its file: `python -m dada.stages.s02_transcribe --recipe egs/mini ...`."""
    parser, stage = stage_parser(file), Path(file).stem.partition("_")[2]
    args = parser.parse_intermixed_args(argv)
    program.set_up_logging(args.log_level)
    return program.run(lambda: run_command(args.recipe, args, stage, stage), parser.prog)


def stage_parser(file: str) -> argparse.ArgumentParser:
    """Return the parser of a stage. Its description is the docstring of the file."""
    prog = f"python -m dada.stages.{Path(file).stem}"
    described = ast.get_docstring(ast.parse(Path(file).read_text(encoding="utf-8"))) or ""
    parser = program.parser(described, f"{prog} --recipe egs/mini --nj 2", prog)
    parser.add_argument("--recipe", type=Path, required=True, help="folder of the recipe, e.g. egs/mini")
    add_flags(parser)
    return parser


def _flags(args: argparse.Namespace) -> list[str]:
    """Return the flags that differ from their defaults, for the command of one stage."""
    flags = [flag for name in args.system for flag in ("--system", name)]
    for name, default in (("nj", None), ("cmd", "local"), ("ngpu", 0), ("exp", "exp"), ("log_level", "info")):
        if getattr(args, name) != default:
            flags += [f"--{name}", str(getattr(args, name))]
    return flags + (["--force"] if args.force else [])
