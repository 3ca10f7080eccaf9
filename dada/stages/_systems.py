"""Which systems a stage works on, and what they read."""

from pathlib import Path

from dada.data.datadir import BONAFIDE, class_table
from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.recipe.elsewhere import is_elsewhere


def of_task(recipe, task: str) -> list[str]:
    """The systems of one task that are trained here; the recipe lists the branches of a fusion before it."""
    return [name for name in trained_here(recipe) if recipe.system(name).task == task]


def trained_here(recipe) -> list[str]:
    """The systems that are trained here, rather than by another recipe."""
    return [name for name in recipe.systems if not is_elsewhere(name)]


def trained_dir(recipe, name: str, seed: int) -> Path:
    """The folder that the training of a system wrote, here or in another recipe."""
    return recipe.origin(name).trained_dir(seed) if is_elsewhere(name) else recipe.seed_dir(name, seed)


def splits_for(recipe, names: list[str]) -> list[str]:
    """The splits that are needed for some systems: train only for those that are trained here."""
    return recipe.scored_splits if all(map(is_elsewhere, names)) else recipe.all_splits


def with_words(recipe) -> list[str]:
    """The systems that need transcripts: text models and the fusions on them."""
    return [name for name in recipe.systems if recipe.system(name).task in ("text", "fusion")]


def dump_of(recipe, config: InputConfig, split: str) -> Path | None:
    """Where the features of a split lie, for a system that reads any."""
    return recipe.dump_dir(config, split) if config.kind in ("features", "text_features") else None


def audio_files(recipe, config: InputConfig, split: str) -> tuple[Path, ...]:
    """The files of a split that an audio system reads to score it."""
    if config.kind == "waveform":
        return (recipe.data_dir(split) / "wav.scp",)
    if config.kind == "features":
        return (recipe.data_dir(split) / "wav.scp", recipe.dump_dir(config, split) / "feats.scp")
    raise ConfigError(f"an audio system reads `input.kind` waveform or features, not {config.kind}")


def labels_of(recipe, config) -> list[str]:
    """The classes of a system as far as its configuration tells: empty where they are those of the training
    data.
    """
    if config.branches and (config.task == "open_set" or (config.task == "ensemble" and not config.labels)):
        return labels_of(recipe, recipe.system(next(iter(config.branches.values()))))
    return config.labels


def names_attacks(recipe, config) -> bool:
    """Whether a system tells attacks apart, rather than spoofs from bona fide speech."""
    return (
        config.task in ("audio", "ensemble", "open_set")
        and class_table(labels_of(recipe, config)) == "utt2attack"
    )


def gives_scores(recipe, config) -> bool:
    """Whether a system tells bona fide from spoof. A text system does where the corpus says who is supposed
    to speak.
    """
    if config.task == "text":
        return recipe.corpus.purported_speakers
    labels = labels_of(recipe, config)
    return not labels or BONAFIDE in labels
