"""Publishing the results of a run: the copies of RESULTS.md and results.json that a recipe keeps under
version control.
"""

from pathlib import Path

from dada.report.paths import RESULTS, SUMMARY
from dada.storage.atomic import write_text
from dada.storage.environment import git_commit
from dada.storage.reading import read_text

SOFTWARE = "* Software: "  # the line of RESULTS.md that the commit follows


def publish(recipe: Path, exp: str = "exp") -> Path:
    """Copy RESULTS.md and results.json of the experiments `exp` to the recipe's folder; return the path of
    RESULTS.md.

    RESULTS.md then also names the commit of the recipe, with `-dirty` where tracked files differ from it;
    hardware and software stand in it already. Raise DataError where stage report has not run.
    """
    advice = f"run {recipe / 'run.sh'} first, stage report writes it"
    results, summary = (read_text(recipe / exp / name, advice) for name in (RESULTS, SUMMARY))
    commit = f"* Commit: {git_commit(recipe) or 'unknown, the recipe is not under version control'}\n"
    lines = results.splitlines(keepends=True)
    place = next((i + 1 for i, line in enumerate(lines) if line.startswith(SOFTWARE)), len(lines))
    write_text(recipe / SUMMARY, summary)
    target = recipe / RESULTS
    write_text(target, "".join([*lines[:place], commit, *lines[place:]]))
    return target
