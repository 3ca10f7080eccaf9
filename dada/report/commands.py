"""The commands that reproduce a report."""

import shlex
from collections.abc import Sequence

from dada.recipe_view import RecipeView
from dada.report.load import Section

RUN = "./run.sh"


def reproduce(recipe: RecipeView, sections: Sequence[Section], stages: str = "") -> str:
    """Return a shell command that repeats stages for all systems of a report, in the recipe's folder.

    Systems that ran with other arguments (key=value, --exp) have a command of their own. `--system` is left
    out where the recipe runs all these systems without it.
    """
    groups: dict[str, list[str]] = {}  # arguments, quoted -> systems
    for section in sections:
        for system, results in section.results.items():
            arguments = results.provenance.command.partition(f"--system {shlex.quote(system)}")[2]
            group = groups.setdefault(arguments.strip(), [])
            group += [] if system in group else [system]
    default = recipe.with_branches(recipe.config.systems)
    commands = []
    for arguments, systems in groups.items():
        # A system that has run and has no results is one that gives none.
        ran = [name for name in default if name in systems or recipe.exp_dir(name).is_dir()]
        is_default = len(groups) == 1 and set(systems) <= set(default) == set(ran)
        chosen = "" if is_default else f"--system {shlex.quote(','.join(systems))}"
        commands.append(" ".join(filter(None, (RUN, stages, chosen, arguments))))
    return " && ".join(commands)
