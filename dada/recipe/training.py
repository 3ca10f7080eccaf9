"""Jobs that train one seed of a system, and the splits that training needs."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, result_settings
from dada.experiment.folder import ExperimentFolder
from dada.recipe.job import Job
from dada.recipe_view import RecipeView

KIND = "train"


def training_job(
    recipe: RecipeView,
    stage: str,
    name: str,
    seed: int,
    inputs: Iterable[Path],
    outputs: Iterable[Path],
    kind: str = KIND,
) -> Job:
    """Return the job of one training run, which writes its weights and `outputs`."""
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    return Job(
        stage=stage,
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=home,
        kind=kind,
        protocol=recipe.protocol,
        inputs=tuple(inputs),
        outputs=(ExperimentFolder(home).weights, *outputs),
        settings={**result_settings(asdict(config)), "seed": seed},
        keep=True,
        systems=(name,),
        seed=seed,
    )


def required_split(recipe: RecipeView, system: str, role: str) -> str:
    """Return the name of the split `train` or `dev`. Raise ConfigError if the recipe has none."""
    split = {"train": recipe.splits.train, "dev": recipe.splits.dev}[role]
    if not split:
        raise ConfigError(
            f"{system} is trained on train and dev, and this recipe has no {role} split: set splits.{role}, "
            f"score the system as another recipe trained it (RECIPE:{system}), or leave it out"
        )
    return split


def keeps_weights(config: SystemConfig) -> bool:
    """Return whether training a system only loads the weights of its `init`."""
    train = config.train
    epochs = [phase.get("epochs", train.epochs) for phase in train.phases] or [train.epochs]
    return bool(config.init) and not any(epochs)
