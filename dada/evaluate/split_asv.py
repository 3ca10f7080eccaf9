"""The speaker verification system (ASV) that `evaluate.asv` of a recipe gives for a split."""

import logging
from pathlib import Path

from dada.formats.asv_scores import FIXED_RATES, read_asv
from dada.metrics.tdcf import Asv
from dada.recipe_view import RecipeView

log = logging.getLogger(__name__)


def asv_name(recipe: RecipeView, split: str) -> str:
    """Return the name of the ASV scores in the recipe, with the protocol filled in."""
    return _filled(recipe, recipe.evaluate.asv[split]["scores"])


def asv_files(recipe: RecipeView, split: str) -> dict[str, Path]:
    """Return the files of the ASV of a split by key (`scores`, `key`); empty without an ASV or with fixed
    rates.
    """
    entry = (recipe.evaluate.asv.get(split) or {}) if recipe.has_corpus_root else {}
    return {
        name: recipe.corpus_root / _filled(recipe, entry[name])
        for name in ("scores", "key")
        if entry.get(name) and entry[name] != FIXED_RATES
    }


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


def _filled(recipe: RecipeView, file: str) -> str:
    """Fill in the protocol of a file name, and the track, which is the part of the protocol before `_`."""
    return file.format(protocol=recipe.protocol, track=recipe.protocol.partition("_")[0])
