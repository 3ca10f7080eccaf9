"""The `dada` program: finds the command and runs it."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from dada import __version__, program

COMMANDS = {
    "run": "run the stages of a recipe",
    "new-recipe": "make a recipe for a corpus of your own",
    "validate": "check a corpus: its problems, and trivial cues that tell the classes apart",
    "detect": "score audio files with a trained experiment, or with published weights",
    "export": "write a trained system as a folder that works without its recipe",
    "explain": "write a page that explains the score of an audio file",
    "serve": "show a page in the browser where an audio file is dropped and explained",
    "evaluate": "measure score files of any system, compare two, write a submission",
    "models": "list the systems, their sizes, published figures and what the tests verify",
    "publish": "copy the results of a run to the recipe, with the commit",
    "compare-corpora": "print one table of systems by corpora, from the results of several recipes",
}
HELP = (
    "usage: dada COMMAND ...\n\nAudio deepfake detection with context awareness.\n\ncommands:\n"
    + "".join(f"  {name:15s} {summary}\n" for name, summary in COMMANDS.items())
    + "\n`dada COMMAND --help` describes a command; `dada --version` prints the version.\n"
)


def load(command: str) -> ModuleType:
    """The module of a command, which imports nothing slow."""
    return importlib.import_module(f"dada.commands.{command.replace('-', '_')}")


def underscored(arguments: Sequence[str]) -> list[str]:
    """Write the dashes in the names of long flags as underscores: `--stop-stage` becomes `--stop_stage`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    parts = [argument.partition("=") for argument in arguments[:end]]
    names = [f"--{name[2:].replace('-', '_')}" if name.startswith("--") else name for name, _, _ in parts]
    return [name + equals + value for name, (_, equals, value) in zip(names, parts, strict=True)] + list(
        arguments[end:]
    )


def build_parser(command: str) -> argparse.ArgumentParser:
    """The parser of a command."""
    module = load(command)
    log_level = getattr(module, "LOG_LEVEL", "info")
    parser = program.parser(module.__doc__ or "", module.EXAMPLE, f"dada {command}", log_level)
    module.add_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name.

    Exit codes: 0 success, 1 failure, 2 where the command line, the configuration or the data is wrong.
    """
    program.print_any_text()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0 if arguments else 2
    command = arguments[0]
    if command == "--version":
        print(f"dada {__version__}")
        return 0
    if command not in COMMANDS:
        print(f"dada: error: unknown command {command!r}; known: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    args = build_parser(command).parse_intermixed_args(underscored(arguments[1:]))
    program.set_up_logging(args.log_level)
    return program.run(lambda: load(command).run(args), f"dada {command}")


if __name__ == "__main__":
    sys.exit(main())
