"""Paths of what stage 9 reads and writes. The plan of a recipe imports this file, and NumPy is not among its
imports.
"""

import re
from pathlib import Path

from dada.evaluation_settings import FIXED_RATES
from dada.experiment.config import names_authors
from dada.experiment.folder import ExperimentFolder
from dada.recipe_view import RecipeView

VERSION = 4  # of the results; a change of their schema raises it


def result_path(recipe: RecipeView, system: str, split: str) -> Path:
    """Return the path of the results of a system on a split."""
    return recipe.exp_dir(system) / "results" / f"{split}.json"


def difference_path(recipe: RecipeView, first: str, second: str, split: str) -> Path:
    """Return the path of the difference of a pair of systems on a split."""
    return recipe.exp_dir(first) / "results" / f"minus_{re.sub('[:/]', '.', second)}" / f"{split}.json"


def difference_paths(recipe: RecipeView, split: str) -> list[Path]:
    """Return the paths of the differences of all pairs of `evaluate.compare` on a split."""
    return [difference_path(recipe, first, second, split) for first, second in recipe.evaluate.compare]


def weighted_path(recipe: RecipeView, system: str) -> Path:
    """Return the path of the weighted mean of a system's EERs over test splits."""
    return recipe.exp_dir(system) / "results" / "weighted_eer.json"


def transcripts_path(recipe: RecipeView, split: str) -> Path:
    """Return the path of the word error rates of the transcripts of a split."""
    return recipe.exp_dir("transcripts") / "results" / f"{split}.json"


def score_files(recipe: RecipeView, system: str, split: str, seeds: list[int] | None = None) -> list[Path]:
    """Return the score files of a system on a split, of some training seeds or of all."""
    chosen = recipe.seeds_of(system) if seeds is None else seeds
    return [ExperimentFolder(recipe.seed_dir(system, seed)).scores(split) for seed in chosen]


def calibrations(recipe: RecipeView, system: str) -> list[Path]:
    """Return where the calibrations of a system lie, of all training seeds."""
    return [ExperimentFolder(recipe.seed_dir(system, seed)).calibration for seed in recipe.seeds_of(system)]


def judges_claims(recipe: RecipeView, system: str) -> bool:
    """Return whether a system is measured by claims on texts: it names authors, and the recipe wants it."""
    return bool(recipe.evaluate.verification.pooled) and names_authors(recipe.system(system))


def compared_files(recipe: RecipeView, system: str, split: str, seeds: list[int], scored: bool) -> list[Path]:
    """Return the files of a system on a split by which it is compared: its scores where it is `scored`, and
    its logits where it judges claims.
    """
    folders = [ExperimentFolder(recipe.seed_dir(system, seed)) for seed in seeds]
    files = [folder.scores(split) for folder in folders] if scored else []
    return files + ([folder.logits(split) for folder in folders] if judges_claims(recipe, system) else [])


def common_seeds(recipe: RecipeView, first: str, second: str) -> list[int]:
    """Return the training seeds that two systems have in common."""
    return [seed for seed in recipe.seeds_of(first) if seed in recipe.seeds_of(second)]


def corpora(recipe: RecipeView) -> list[Path]:
    """Return the author corpora of a recipe."""
    return [recipe.root / name if "/" in name else recipe.data_dir(name) for name in recipe.text.corpora]


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


def _filled(recipe: RecipeView, file: str) -> str:
    """Fill in the protocol of a file name, and the track, which is the part of the protocol before `_`."""
    return file.format(protocol=recipe.protocol, track=recipe.protocol.partition("_")[0])
