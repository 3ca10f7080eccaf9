"""Train the fusions, ensembles and open-set systems on the outputs of their branches of the same seed.

A mid fusion learns from train (out-of-fold outputs of the branches) and stops by dev. A late fusion has a few
parameters, fitted on dev; they are in the weights, and readable in `fusion.json`. An agreement fusion also
reads train, for the voices of the authors. An ensemble is fitted on dev; in a recipe without audio it may be
one of text systems. An open-set system is fitted on the outputs of a classifier on train, or on train and
dev.
"""

from pathlib import Path

from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, names_authors
from dada.experiment.folder import ExperimentFolder
from dada.recipe import roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.training import required_split, training_job

USES_GPU = True
TASKS = ("fusion", "ensemble", "open_set")
EMBEDDED = ("audio", "ensemble")  # tasks whose training ends with outputs on train and dev


def plan(recipe: Recipe) -> list[Job]:
    """Return a job for each such system that is trained in this recipe, and each seed."""
    names = [name for name in roles.trained_here(recipe) if recipe.system(name).task in TASKS]
    return [_job(recipe, name, seed) for name in names for seed in recipe.seeds_of(name)]


def _job(recipe: Recipe, name: str, seed: int) -> Job:
    config, files = recipe.system(name), ExperimentFolder(recipe.seed_dir(name, seed))
    _check_branches(recipe, config)
    splits, fitted = _data_splits(recipe, config), _fit_splits(recipe, config)
    outputs = []
    if config.task != "fusion" or roles.fitted_on(config):
        outputs.append(files.fitted(config.task))
    if config.task == "ensemble":
        outputs += files.outputs(fitted)
    branches = [recipe.seed_dir(config.branches[branch], seed) for branch in _branch_order(config)]
    read = [path for folder in branches for path in ExperimentFolder(folder).outputs(fitted)]
    inputs = (*read, *_tables(recipe, config, splits))
    return training_job(recipe, "train_fusion", name, seed, inputs, outputs, config.task)


def run(recipe: Recipe, job: Job) -> None:
    """Train one seed of a system."""
    from dada.score.author_ensemble import train_author_ensemble
    from dada.score.ensemble import train_ensemble
    from dada.score.open_set import train_open_set
    from dada.score.train_fusion import train_fusion

    config = recipe.system(job.system)
    if names_authors(config):
        train_author_ensemble(recipe, config, job.training_seed)
        return
    train = {"fusion": train_fusion, "ensemble": train_ensemble, "open_set": train_open_set}[job.kind]
    train(recipe, config, job.training_seed, _data_splits(recipe, config))


def _fit_splits(recipe: Recipe, config: SystemConfig) -> list[str]:
    """Return the splits whose branch outputs a system is fitted to."""
    return [required_split(recipe, config.name, role) for role in roles.fit_roles(recipe, config)]


def _data_splits(recipe: Recipe, config: SystemConfig) -> list[str]:
    """Return the splits whose labels and speakers a system is fitted to; a fusion needs both."""
    if config.task != "fusion":
        return _fit_splits(recipe, config)
    return [required_split(recipe, config.name, role) for role in ("train", "dev")]


def _tables(recipe: Recipe, config: SystemConfig, splits: list[str]) -> list[Path]:
    """Return the tables of labels and speakers that fitting reads."""
    names = {"fusion": ["utt2label", "utt2spk"], "open_set": ["utt2attack"], "ensemble": ["utt2label"]}
    if names_authors(config):
        return [recipe.data_dir(split) / "utt2spk" for split in splits]
    if config.task == "ensemble" and roles.names_attacks(recipe, config):
        return []
    return [recipe.data_dir(split) / name for split in splits for name in names[config.task]]


def _branch_order(config: SystemConfig) -> list[str]:
    """Return the names of the branches in the order of the inputs."""
    return sorted(config.branches) if config.task == "fusion" else list(config.branches)


def _check_branches(recipe: Recipe, config: SystemConfig) -> None:
    """Raise ConfigError for branches that do not suit the task."""
    name = config.name
    if config.task == "fusion":
        if set(config.branches) != {"audio", "text"}:
            example = "{audio: dada_audio, text: dada_text}"
            raise ConfigError(f"{name}: `branches` must name an audio and a text system, e.g. {example}")
        return
    tasks: dict[str, str] = {key: recipe.system(system).task for key, system in config.branches.items()}
    if names_authors(config):
        _check_pool(recipe, config, tasks)
        return
    wrong = [key for key, task in tasks.items() if task not in EMBEDDED]
    if wrong:
        raise ConfigError(
            f"{name}: branches.{wrong[0]} is a {tasks[wrong[0]]} system; only audio systems and ensembles "
            "can be a branch"
        )
    if config.task == "ensemble" and not tasks:
        raise ConfigError(f"{name}: `branches` must name the members, e.g. {{lcnn: cqt_lcnn, gmm: lfcc_gmm}}")
    if config.task == "open_set" and set(tasks) != {"classifier"}:
        example = "{classifier: lfcc_lcnn_attacks}"
        raise ConfigError(f"{name}: `branches` must name the classifier below OpenMax, e.g. {example}")
    if config.task == "open_set" and not roles.names_attacks(recipe, config):
        raise ConfigError(
            f"{name}: {config.branches['classifier']} has the classes spoof and bonafide; OpenMax needs a "
            "classifier of attacks (labels: [])"
        )


def _check_pool(recipe: Recipe, config: SystemConfig, tasks: dict[str, str]) -> None:
    """Raise ConfigError for a pool of others than text systems, or in a recipe with audio."""
    if recipe.corpus.audio:
        raise ConfigError(
            f"{config.name}: a pool of text systems (model authors) is for recipes without audio: "
            "leave it out"
        )
    wrong = [key for key, task in tasks.items() if task != "text"]
    if wrong or not tasks:
        example = "{words: tfidf, vectors: text_logistic}"
        raise ConfigError(f"{config.name}: `branches` must name text systems, e.g. {example}")


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
