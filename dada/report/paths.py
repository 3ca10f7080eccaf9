"""Names of the files of a report, in the folder of the experiments and, published, in that of the recipe, and
of what it shows of other stages.
"""

from pathlib import Path

from dada.recipe_view import RecipeView
from dada.storage.json_file import read_json

RESULTS = "RESULTS.md"
PAGE = "report.html"
SUMMARY = "results.json"


def text_counts_path(recipe: RecipeView) -> Path:
    """Return where stage prepare_text writes how many texts it kept and left out."""
    return recipe.data_dir(f"text_{recipe.text.name}") / "counts.json"


def read_text_counts(recipe: RecipeView) -> dict[str, int]:
    """Return reason -> number of texts, empty where a recipe has no text corpus."""
    path = text_counts_path(recipe)
    return dict(read_json(path)) if path.exists() else {}
