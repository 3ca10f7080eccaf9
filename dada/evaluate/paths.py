"""Where stage 9 reads scores and writes results, below the folder of an experiment."""

import re
from pathlib import Path
from typing import Any


def result_path(recipe: Any, system: str, split: str) -> Path:
    """Results of a system on a split."""
    return recipe.exp_dir(system) / "results" / f"{split}.json"


def difference_path(recipe: Any, first: str, second: str, split: str) -> Path:
    """The difference of a pair of systems on a split."""
    return recipe.exp_dir(first) / "results" / f"minus_{re.sub('[:/]', '.', second)}" / f"{split}.json"


def difference_paths(recipe: Any, split: str) -> list[Path]:
    """The differences of all pairs of `evaluate.compare` on a split."""
    return [difference_path(recipe, first, second, split) for first, second in recipe.evaluate.compare]


def weighted_path(recipe: Any, system: str) -> Path:
    """The weighted mean of a system's EERs over test splits."""
    return recipe.exp_dir(system) / "results" / "weighted_eer.json"


def transcripts_path(recipe: Any, split: str) -> Path:
    """Word error rates of the transcripts of a split."""
    return recipe.exp_dir("transcripts") / "results" / f"{split}.json"


def score_files(recipe: Any, system: str, split: str, seeds: list[int] | None = None) -> list[Path]:
    """Score files of a system on a split, of some training seeds or of all."""
    chosen = recipe.seeds_of(system) if seeds is None else seeds
    return [recipe.seed_dir(system, seed) / "scores" / f"{split}.txt" for seed in chosen]


def common_seeds(recipe: Any, first: str, second: str) -> list[int]:
    """The training seeds that both of two systems have."""
    return [seed for seed in recipe.seeds_of(first) if seed in recipe.seeds_of(second)]


def corpora(recipe: Any) -> list[Path]:
    """The author corpora of a recipe."""
    return [recipe.root / name if "/" in name else recipe.data_dir(name) for name in recipe.text.corpora]
