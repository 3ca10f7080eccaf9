"""The speaker verification system (ASV) that `evaluate.asv` of a recipe gives for a split."""

import logging

from dada.evaluate.paths import asv_files
from dada.formats.asv_scores import read_asv
from dada.metrics.tdcf import Asv
from dada.recipe_view import RecipeView

log = logging.getLogger(__name__)


def split_asv(recipe: RecipeView, split: str) -> Asv | None:
    """Return the ASV of a split; None without an ASV, and, with a warning, where a file of it does not
    exist.
    """
    entry, files = recipe.evaluate.asv.get(split), asv_files(recipe, split)
    missing = [path for path in files.values() if not path.exists()]
    if missing:
        log.warning(
            "%s: no tandem metrics, since %s does not exist: put it there, or correct evaluate.asv.%s",
            split,
            missing[0],
            split,
        )
    if entry is None or missing:
        return None
    return read_asv(str(files.get("scores", entry["scores"])), files.get("key"), entry.get("subset"))
