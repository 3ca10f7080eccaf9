"""Roles of systems in a recipe: who is trained here, what each reads, and what it gives."""

from pathlib import Path

from dada.data.datadir import BONAFIDE, class_table
from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.recipe.foreign_systems import is_foreign


def of_task(recipe, task: str) -> list[str]:
    """Return the systems of one task that are trained here, branches before the fusions on them."""
    return [name for name in trained_here(recipe) if recipe.system(name).task == task]


def trained_here(recipe) -> list[str]:
    """Return the systems that are trained here, rather than by another recipe."""
    return [name for name in recipe.planned if not is_foreign(name)]


def trained_dir(recipe, name: str, seed: int) -> Path:
    """Return the folder that the training of a system wrote, here or in another recipe."""
    return recipe.origin(name).trained_dir(seed) if is_foreign(name) else recipe.seed_dir(name, seed)


def splits_for(recipe, names: list[str]) -> list[str]:
    """Return the splits that some systems need: train only where one of them is trained here."""
    return recipe.scored_splits if all(map(is_foreign, names)) else recipe.all_splits


def with_words(recipe) -> list[str]:
    """Return the systems that need transcripts: text models and the fusions on them."""
    return [name for name in recipe.planned if recipe.system(name).task in ("text", "fusion")]


def dump_of(recipe, config: InputConfig, split: str) -> Path | None:
    """Return the folder of the features of a split; None for a system that reads none."""
    return recipe.dump_dir(config, split) if config.kind in ("features", "text_features") else None


def audio_files(recipe, config: InputConfig, split: str) -> tuple[Path, ...]:
    """Return the files of a split that an audio system reads. Raise ConfigError for another kind of input."""
    if config.kind == "waveform":
        return (recipe.data_dir(split) / "wav.scp",)
    if config.kind == "features":
        return (recipe.data_dir(split) / "wav.scp", recipe.dump_dir(config, split) / "feats.scp")
    raise ConfigError(f"an audio system reads `input.kind` waveform or features, not {config.kind}")


def labels_of(recipe, config) -> list[str]:
    """Return the classes of a system by its configuration; empty where they are those of the training data."""
    if config.branches and (config.task == "open_set" or (config.task == "ensemble" and not config.labels)):
        return labels_of(recipe, recipe.system(next(iter(config.branches.values()))))
    return config.labels


def names_attacks(recipe, config) -> bool:
    """Return whether a system tells attacks apart, rather than spoofs from bona fide speech."""
    return (
        config.task in ("audio", "ensemble", "open_set")
        and class_table(labels_of(recipe, config)) == "utt2attack"
    )


def gives_scores(recipe, config) -> bool:
    """Return whether a system gives countermeasure scores. A text system does where the corpus names the
    purported speakers.
    """
    if config.task == "text":
        return recipe.corpus.purported_speakers
    labels = labels_of(recipe, config)
    return not labels or BONAFIDE in labels
