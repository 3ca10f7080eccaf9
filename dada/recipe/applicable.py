"""The systems that apply to a recipe, and the reasons why the others do not."""

import logging
from collections.abc import Callable
from pathlib import Path

from dada import checkpoints
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, names_authors
from dada.plugins import nearest
from dada.recipe.schema import ALL, RecipeConfig
from dada.recipe.training import keeps_weights
from dada.storage.exported import RECORD, is_exported
from dada.system_files import configured_systems

FETCHED = "downloads/"  # folder into which stage prepare_data downloads models of the recipe
TRAINING = {
    "audio": "train_audio",
    "text": "train_text",
    "fusion": "train_fusion",
    "ensemble": "train_fusion",
    "open_set": "train_fusion",
}

log = logging.getLogger(__name__)


def applicable(root: Path, recipe: RecipeConfig, system: Callable[[str], SystemConfig]) -> list[str]:
    """Return every configured system that applies to the recipe, those of its list first. Log why others do
    not.

    `system` returns the configuration of a system. Raise ConfigError where `leave_out` names an unknown
    system.
    """
    names = configured_systems(root)
    for name in recipe.leave_out:
        if name not in names:
            raise ConfigError(
                f"{root / 'recipe.yaml'}: leave_out: there is no system {name!r}{nearest(name, names)}"
            )
    reasons: dict[str, str] = {}

    def why(name: str) -> str:
        if name not in reasons:
            reasons[name] = "" if name in recipe.systems else _reason(name, system(name), root, recipe, why)
        return reasons[name]

    others = [name for name in names if name not in recipe.systems and not why(name)]
    for name in names:
        if why(name):
            log.info("--system %s leaves out %s: %s", ALL, name, why(name))
    return [*recipe.systems, *others]


def _reason(
    name: str, config: SystemConfig, root: Path, recipe: RecipeConfig, why: Callable[[str], str]
) -> str:
    """Return why a system does not apply; empty where it does."""
    if name in recipe.leave_out:
        return recipe.leave_out[name]
    stage = TRAINING[config.task]
    if recipe.stages and stage not in recipe.stages:
        return f"stage {stage} does not apply to this recipe"
    if lacking := _lacking_data(config, root, recipe):
        return lacking
    missing = [branch for branch in config.branches.values() if why(branch)]
    if missing:
        return f"its branch {missing[0]} is left out"
    if config.init and not weights_path(root, recipe, config.init).is_file():
        return (
            f"the weights {weights_path(root, recipe, config.init)} do not exist: "
            f"{how_to_get_weights(config.init)}"
        )
    return next(filter(None, (_missing_encoder(root, encoder, config) for encoder in encoders(config))), "")


def _lacking_data(config: SystemConfig, root: Path, recipe: RecipeConfig) -> str:
    """Return which data a recipe lacks to train a system; empty where it lacks none."""
    if config.task == "text":
        made = recipe.corpus.options.get("text_only", [])
        for name in recipe.text.corpora:
            if "/" not in name and name not in made and not (root / "data" / name).is_dir():
                return f"it learns from texts, and data/{name} (text.corpora) does not exist"
        return ""
    if names_authors(config) and recipe.corpus.audio:
        return "a pool of text systems is for recipes without audio"
    needed = ("dev",) if config.task == "ensemble" else ("train", "dev")
    absent = [split for split in needed if not getattr(recipe.splits, split)]
    if absent and not keeps_weights(config):
        return f"it is trained, and this recipe has no {absent[0]} split"
    return ""


def encoders(config: SystemConfig) -> list[str]:
    """Return the pretrained models in the settings of a system's features and network: the values of `model`,
    `encoder`, `style_model`, …
    """
    settings = [*config.input.features.items(), *config.model.items()]
    return list(
        dict.fromkeys(
            value
            for key, value in settings
            if key.endswith(("model", "encoder")) and isinstance(value, str) and value
        )
    )


def weights_path(root: Path, recipe: RecipeConfig, init: str) -> Path:
    """Return the file that `init` names: relative to the recipe, to the current folder, or to the folder of
    weights, else a published checkpoint in the cache. Nothing is fetched. Of an exported system it is
    export.json, which has the digests of its other files.
    """
    given = Path(init)
    places = [root / given, given]
    if recipe.weights is not None:
        places.insert(1 if len(given.parts) > 1 else 0, root / recipe.weights / given)
    published = checkpoints.find(init)
    if published is not None and checkpoints.is_cached(published):
        places.append(checkpoints.place(published))
    for place in places:
        if place.is_file():
            return place
        if is_exported(place):
            return place / RECORD
    return places[0]


def how_to_get_weights(init: str) -> str:
    """Return what to do where the weights that `init` names are missing."""
    published = checkpoints.find(Path(init).name)
    fetch = f"`dada models --fetch {published.name}` fetches them, or " if published else ""
    return f"{fetch}set `weights` in local.yaml to the folder that holds them"


def _missing_encoder(root: Path, encoder: str, config: SystemConfig) -> str:
    """Return why an encoder cannot be loaded; empty where it can, or where stage prepare_data downloads
    it.
    """
    from huggingface_hub import try_to_load_from_cache

    if config.input.features.get("allow_download") or config.model.get("allow_download"):
        return ""
    if encoder.startswith(FETCHED) or (root / encoder).is_dir() or Path(encoder).expanduser().is_dir():
        return ""
    if encoder.count("/") == 1 and isinstance(try_to_load_from_cache(encoder, "config.json"), str):
        return ""
    return f"the pretrained encoder {encoder} is not on this machine"
