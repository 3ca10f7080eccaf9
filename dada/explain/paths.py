"""Where stage 10 writes, below the folder of the experiments."""

import itertools
from pathlib import Path

from dada.recipe_view import RecipeView

MAPS = ("input", "bonafide", "spoof")
PROFILES = tuple(f"{output}_{axis}" for output in ("bonafide", "spoof") for axis in ("time", "frequency"))


def explain_dir(recipe: RecipeView, system: str) -> Path:
    """Return the folder of the explanations of a system."""
    return recipe.exp_dir(system) / "explain"


def summary_path(recipe: RecipeView, system: str) -> Path:
    """Return where the summary of a system lies; it is written last."""
    return explain_dir(recipe, system) / "summary.json"


def explanation_files(recipe: RecipeView, system: str) -> list[Path]:
    """Return all files of the explanations of a system; `dada.explain.run` describes them."""
    folder = explain_dir(recipe, system)
    arks = [folder / f"{kind}.scp" for kind in (*MAPS, *PROFILES)]
    return [*arks, folder / "shares.csv", summary_path(recipe, system)]


def comparison_path(recipe: RecipeView, first: str, second: str) -> Path:
    """Return where the comparison of two explained systems lies."""
    return explain_dir(recipe, first) / f"with_{second}.json"


def pages_path(recipe: RecipeView) -> Path:
    """Return where the list of the pages of utterances lies; the pages lie beside it."""
    return recipe.exp_dir("explain_pages") / "pages.json"


def explanation_paths(recipe: RecipeView) -> tuple[list[Path], list[Path]]:
    """Return the paths of the summaries of all explained systems, and of the comparisons of all pairs."""
    names = recipe.explain.systems
    pairs = itertools.combinations(names, 2)
    return [summary_path(recipe, name) for name in names], [comparison_path(recipe, *pair) for pair in pairs]
