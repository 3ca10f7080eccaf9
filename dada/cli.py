"""The `dada` program: one command a line below, each with its own `--help`."""

import importlib
import sys

from dada import __version__

COMMANDS = {
    "run": ("dada.recipe.command:run_main", "run the stages of a recipe"),
    "compare-corpora": (
        "dada.recipe.compare_corpora:main",
        "one table of systems by corpora, from the results of several recipes",
    ),
    "new-recipe": ("dada.recipe.new_recipe:command", "make a recipe of a folder of audio and a CSV"),
    "validate": ("dada.validate.command:main", "find every problem of a corpus, and its shortcuts"),
    "evaluate": ("dada.evaluate:main", "measure anybody's score files, compare two, write a submission"),
    "detect": ("dada.detect:main", "score audio files with a trained experiment, or with published weights"),
    "explain": (
        "dada.explain_clip:main",
        "say why: a page with the sound, what spoke for and against it, and its words",
    ),
    "models": (
        "dada.catalogue:main",
        "list the systems, their sizes, published figures and what has been verified",
    ),
}
HELP = (
    "usage: dada COMMAND ...\n\nAudio deepfake detection with context awareness.\n\ncommands:\n"
    + "".join(f"  {name:15s} {summary}\n" for name, (_, summary) in COMMANDS.items())
    + "\n`dada COMMAND --help` says more; `dada --version` gives the version.\n"
)


def main() -> int:
    """Hand the arguments to the command. Exit codes: 0 done, 1 failed, 2 the command, configuration or data
    is wrong.
    """
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"dada {__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"dada: error: unknown command {arguments[0]!r}; known: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module, _, function = COMMANDS[arguments[0]][0].partition(":")
    return getattr(importlib.import_module(module), function)(arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
