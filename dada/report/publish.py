"""Publication of results: copies of RESULTS.md and results.json that a recipe keeps under version control."""

from pathlib import Path

from dada.errors import DataError
from dada.report.summary import FILE
from dada.storage.atomic import write_text
from dada.storage.environment import git_commit

RESULTS = "RESULTS.md"
SOFTWARE = "* Software: "  # the line of RESULTS.md that the commit follows


def publish(recipe: Path, exp: str = "exp") -> Path:
    """Copy RESULTS.md and results.json of the experiments `exp` to the recipe's folder; return the path of
    RESULTS.md.

    RESULTS.md then also names the commit of the recipe, with `-dirty` where tracked files differ from it;
    hardware and software stand in it already. Raise DataError where stage report has not run.
    """
    source, target = recipe / exp / RESULTS, recipe / RESULTS
    if not source.is_file() or not (recipe / exp / FILE).is_file():
        raise DataError(f"{source} does not exist: run {recipe / 'run.sh'} first, stage report writes it")
    commit = f"* Commit: {git_commit(recipe) or 'unknown, the recipe is not under version control'}\n"
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next((i + 1 for i, line in enumerate(lines) if line.startswith(SOFTWARE)), len(lines))
    write_text(recipe / FILE, (recipe / exp / FILE).read_text(encoding="utf-8"))
    write_text(target, "".join([*lines[:place], commit, *lines[place:]]))
    return target
