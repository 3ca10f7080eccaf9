"""Train the fusions, ensembles and open-set systems on what their frozen branches say of the audio's train
and dev splits.

A mid fusion learns from train (out-of-fold outputs of the branches) and stops by dev. A late fusion has a few
numbers only, fitted on dev; they are in the weights, and readable in `fusion.json`. All read the branches of
the same seed. Ensembles and open-set systems are in `_on_top`.
"""

import logging
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

from dada.data import SPOOF
from dada.experiment.folder import ExperimentFolder
from dada.recipe import roles
from dada.recipe.job import Job
from dada.stages import _on_top

NEEDS_AUDIO = True
USES_GPU = True

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job per system that is trained here, and seed."""
    makers = {"fusion": _job, "ensemble": _on_top.ensemble_job, "open_set": _on_top.open_set_job}
    found = [(name, makers.get(recipe.system(name).task)) for name in roles.trained_here(recipe)]
    return [make(recipe, name, seed) for name, make in found if make for seed in recipe.seeds_of(name)]


def _job(recipe, name: str, seed: int) -> Job:
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    splits = (recipe.splits.train, recipe.splits.dev)
    branches = [recipe.seed_dir(branch, seed) for branch in branch_names(config)]
    tables = [recipe.data_dir(split) / table for split in splits for table in ("utt2label", "utt2spk")]
    fitted = [ExperimentFolder(home).fitted("fusion")] if config.model.get("name") == "late" else []
    return Job(
        stage="train_fusion",
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=home,
        kind=config.task,
        protocol=recipe.protocol,
        inputs=(
            *(ExperimentFolder(folder).embeddings(split) for folder in branches for split in splits),
            *tables,
        ),
        outputs=(ExperimentFolder(home).weights, *fitted),
        settings={**asdict(config), "seed": seed},
        keep=True,
        systems=(name,),
        seed=seed,
    )


def run(recipe, job: Job) -> None:
    """Train one seed of a system."""
    runs = {"fusion": _run_fusion, "ensemble": _on_top.run_ensemble, "open_set": _on_top.run_open_set}
    runs[job.kind](recipe, job)


def _run_fusion(recipe, job: Job) -> None:
    from dada.data import DataDir
    from dada.models.fusion import late
    from dada.score.fuse import fusion_module, read_branches
    from dada.train.fit import fit

    config, seed = recipe.system(job.system), job.seed
    audio, text = (recipe.seed_dir(branch, seed) for branch in branch_names(config))
    data = {
        split: DataDir.read(recipe.data_dir(split), require=("utt2label",))
        for split in (recipe.splits.train, recipe.splits.dev)
    }
    train, dev = (read_branches(audio, text, split, data[split].speakers) for split in data)
    config = resolve(config, train, _author_counts(recipe, text))
    if fusion_module(config)[0] is late:
        _fit_late(config, data[recipe.splits.train], data[recipe.splits.dev], dev, job.home)
    else:
        fit(
            config,
            _dataset(config, train, data[recipe.splits.train]),
            _dataset(config, dev, data[recipe.splits.dev]),
            job.home,
            seed,
        )


def branch_names(config) -> tuple[str, str]:
    """The audio and the text system of a fusion. Raises ConfigError where `branches` does not name both."""
    from dada.errors import ConfigError

    if set(config.branches) != {"audio", "text"}:
        raise ConfigError(
            f"{config.name}: `branches` must name an audio and a text system, e.g. {{audio: dada_audio, "
            "text: dada_text}"
        )
    return config.branches["audio"], config.branches["text"]


def resolve(config, branches, author_counts: Counter):
    """The configuration with what only the branches tell: the authors and their shares, the sizes of the
    embeddings.
    """
    from dada.score.fuse import fusion_module

    total = sum(author_counts[author] for author in branches.authors)
    known = {
        "authors": branches.authors,
        "prior": [author_counts[author] / total for author in branches.authors],
        "audio_size": branches.audio_embedding.shape[1],
        "text_size": branches.text_embedding.shape[1],
    }
    fields = vars(fusion_module(config)[1])
    return replace(
        config, model={**config.model, **{key: value for key, value in known.items() if key in fields}}
    )


def _author_counts(recipe, text: Path) -> Counter:
    """How often the text branch's classifier saw each author: equally with the balanced sampler, else as
    often as there are texts.

    Each counts at least once, so that no share is 0.
    """
    from dada.data import read_table
    from dada.experiment.trained import read_config
    from dada.train.phases import phases_of

    counts = Counter(read_table(recipe.text_dir(recipe.text.name, "train") / "utt2spk").values())
    authors = ExperimentFolder(text).read_labels()
    if phases_of(read_config(text).train)[-1].sampler == "balanced":
        return Counter(authors)
    return Counter({author: max(counts[author], 1) for author in authors})


def _dataset(config, branches, data):
    """What the fusion reads of each utterance, with its label."""
    from dada.data.dataset import Dataset, class_indices, sources_of
    from dada.score.fuse import fusion_inputs

    rows = fusion_inputs(config, branches).numpy()
    place = {utt: i for i, utt in enumerate(branches.utts)}
    arrays = {utt: rows[place[utt]] for utt in data.utts}
    speakers = [data.speakers[utt] for utt in data.utts]
    return Dataset(
        arrays, data.utts, class_indices(data, config.labels, required=True), speakers, sources_of(data)
    )


def _fit_late(config, train, dev, branches, folder: Path) -> None:
    """Fit a late fusion on dev, and write the experiment folder; the weights come last."""
    from dada import models
    from dada.experiment.trained import save_experiment
    from dada.models.fusion import late
    from dada.score.fit_late import fit_late
    from dada.score.fuse import fusion_inputs

    model = models.build("fusion", config.model, len(config.labels))
    spoofed = [train["utt2label"][utt] == SPOOF for utt in train.utts]
    rates = late.spoof_rates([train.speakers[utt] for utt in train.utts], spoofed, model.config.authors)
    bonafide = [dev["utt2label"][utt] != SPOOF for utt in branches.utts]
    fitted = fit_late(model, fusion_inputs(config, branches), branches.speakers, bonafide, rates)
    log.info(
        "%s: weight of the audio %.2f, EER on dev %.2f %%",
        config.name,
        fitted["alpha"],
        100 * fitted["dev"]["eer"],
    )
    save_experiment(folder, config, model, fitted)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
