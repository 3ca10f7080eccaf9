"""Roles of systems in a recipe: which the recipe trains, which files each reads, which outputs it has."""

from pathlib import Path

from dada.data.datadir import BONAFIDE, class_table
from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, names_authors
from dada.plugin_schema import constant
from dada.recipe.foreign_systems import is_foreign
from dada.recipe_view import RecipeView


def of_task(recipe: RecipeView, task: str) -> list[str]:
    """Return the systems of one task that this recipe trains, branches before the fusions on them."""
    return [name for name in trained_here(recipe) if recipe.system(name).task == task]


def trained_here(recipe: RecipeView) -> list[str]:
    """Return the planned systems without those of other recipes."""
    return [name for name in recipe.planned if not is_foreign(name)]


def trained_dir(recipe: RecipeView, name: str, seed: int) -> Path:
    """Return the folder that the training of a system wrote, in this recipe or in another."""
    return recipe.origin(name).trained_dir(seed) if is_foreign(name) else recipe.seed_dir(name, seed)


def splits_for(recipe: RecipeView, names: list[str]) -> list[str]:
    """Return the splits that some systems need; systems of other recipes need no train."""
    return recipe.scored_splits if all(map(is_foreign, names)) else recipe.all_splits


def with_words(recipe: RecipeView) -> list[str]:
    """Return the systems that need transcripts: text models and the fusions on them."""
    return [name for name in recipe.planned if recipe.system(name).task in ("text", "fusion")]


def dump_of(recipe: RecipeView, config: InputConfig, split: str) -> Path | None:
    """Return the folder of the features of a split; None for a system that reads none from arks."""
    has_arks = config.kind in ("features", "text_features") and not config.on_the_fly
    return recipe.dump_dir(config, split) if has_arks else None


def audio_files(recipe: RecipeView, config: InputConfig, split: str) -> tuple[Path, ...]:
    """Return the files of a split that an audio system reads. Raise ConfigError for another kind of input."""
    if config.kind in ("waveform", "features"):
        dump = dump_of(recipe, config, split)
        return (recipe.data_dir(split) / "wav.scp", *(() if dump is None else (dump / "feats.scp",)))
    raise ConfigError(f"an audio system reads `input.kind` waveform or features, not {config.kind}")


def text_files(recipe: RecipeView, config: InputConfig, split: str) -> tuple[Path, ...]:
    """Return the files of a split that a text system reads."""
    dump = dump_of(recipe, config, split)
    return (recipe.data_dir(split) / "text", *(() if dump is None else (dump / "feats.scp",)))


def labels_of(recipe: RecipeView, config: SystemConfig) -> list[str]:
    """Return the classes that a configuration names; empty for the classes of the training data."""
    if config.branches and (config.task == "open_set" or (config.task == "ensemble" and not config.labels)):
        return labels_of(recipe, recipe.system(next(iter(config.branches.values()))))
    return config.labels


def names_attacks(recipe: RecipeView, config: SystemConfig) -> bool:
    """Return whether a system classifies attacks, rather than bona fide and spoofed speech."""
    return (
        config.task in ("audio", "ensemble", "open_set")
        and not names_authors(config)
        and class_table(labels_of(recipe, config)) == "utt2attack"
    )


def fit_roles(recipe: RecipeView, config: SystemConfig) -> list[str]:
    """Return the roles of the splits, train and dev, whose branch outputs a system is fitted to.

    An ensemble of attack classifiers also reads train: an open-set system on it needs its outputs on train.
    """
    if config.task == "ensemble" and not names_attacks(recipe, config):
        return ["dev"]
    if config.task == "fusion":
        return list(fitted_on(config) or ("train", "dev"))
    if config.task == "open_set" and not config.model.get("tune") and config.model.get("fit_on") == "train":
        return ["train"]
    return ["train", "dev"]


def fitted_on(config: SystemConfig) -> tuple[str, ...] | None:
    """Return the roles of the splits that a fusion is fitted to as a whole; None for one that is trained by
    gradient.
    """
    return constant("dada.models.fusion", str(config.model.get("name")), "fusion model", "FITTED_ON")


def feeds_on_train(recipe: RecipeView, name: str) -> bool:
    """Return whether a planned system is fitted to the outputs of this one on train."""
    above = (recipe.system(other) for other in trained_here(recipe))
    return any(name in config.branches.values() and "train" in fit_roles(recipe, config) for config in above)


def has_outputs_on_dev(recipe: RecipeView, config: SystemConfig) -> bool:
    """Return whether the stage that trains a system here also computes its outputs on dev."""
    if is_foreign(config.name) or not recipe.splits.dev:
        return False
    # without train, the weights of an audio system were adopted
    return config.task in ("text", "ensemble") or (config.task == "audio" and bool(recipe.splits.train))


def gives_scores(recipe: RecipeView, config: SystemConfig) -> bool:
    """Return whether a system has countermeasure scores. A text system has them where the corpus names the
    purported speakers.
    """
    if config.task == "text":
        return recipe.corpus.purported_speakers
    if names_authors(config):
        return False
    labels = labels_of(recipe, config)
    return BONAFIDE in labels if labels else recipe.corpus.bonafide
