"""Train a fusion on the outputs of its audio and text branches."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from dada import models
from dada.data import SPOOF, DataDir, read_table
from dada.data.dataset import Dataset, class_indices, sources_of
from dada.experiment import trained
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.models.fusion import agreement, late
from dada.models.fusion._branches import Branches
from dada.recipe_view import RecipeView
from dada.score.fit_agreement import fit_agreement
from dada.score.fit_late import fit_late
from dada.score.fuse import check_speakers, fusion_inputs, fusion_module, read_branches, under_control
from dada.train.fit import fit
from dada.train.phases import phases_of

log = logging.getLogger(__name__)


def train_fusion(recipe: RecipeView, config: SystemConfig, seed: int, splits: Sequence[str]) -> None:
    """Train one seed of a fusion on its branches of the same seed; `splits` are train and dev.

    A late fusion reads the outputs of its branches on dev alone.
    """
    home = recipe.seed_dir(config.name, seed)
    audio, text = (recipe.seed_dir(config.branches[branch], seed) for branch in ("audio", "text"))
    data = [DataDir.read(recipe.data_dir(split), require=("utt2label",)) for split in splits]
    on_dev = under_control(config, read_branches(audio, text, splits[1], data[1].speakers))
    config = _resolve(config, on_dev, author_counts(recipe, text))
    module = fusion_module(config)[0]
    if module is late:
        _train_late(config, data, on_dev, home)
        return
    on_train = under_control(config, read_branches(audio, text, splits[0], data[0].speakers))
    if module is agreement:
        _train_agreement(config, data, (on_train, on_dev), home)
    else:
        fit(config, _dataset(config, on_train, data[0]), _dataset(config, on_dev, data[1]), home, seed)


def _resolve(config: SystemConfig, branches: Branches, counts: Counter[str]) -> SystemConfig:
    """Fill in the settings that depend on the branches: the authors, their shares and the embedding sizes."""
    total = sum(counts[author] for author in branches.authors)
    known = {
        "authors": branches.authors,
        "prior": [counts[author] / total for author in branches.authors],
        "audio_size": branches.audio_embedding.shape[1],
        "text_size": branches.text_embedding.shape[1],
    }
    fields = vars(fusion_module(config)[1])
    filled = {key: value for key, value in known.items() if key in fields}
    return replace(config, model={**config.model, **filled})


def author_counts(recipe: RecipeView, text: Path) -> Counter[str]:
    """Return how often the classifier of the text branch saw each author in training.

    With the balanced sampler all authors count the same; else each counts as often as it has texts, and at
    least once, so that no share is 0.
    """
    counts = Counter(read_table(recipe.text_dir(recipe.text.name, "train") / "utt2spk").values())
    authors = ExperimentFolder(text).read_labels()
    if phases_of(trained.read_config(text).train)[-1].sampler == "balanced":
        return Counter(authors)
    return Counter({author: max(counts[author], 1) for author in authors})


def _dataset(config: SystemConfig, branches: Branches, data: DataDir) -> Dataset:
    """Return the inputs of the fusion for each utterance, with their labels."""
    rows = dict(zip(branches.utts, fusion_inputs(config, branches).numpy(), strict=True))
    speakers = [data.speakers[utt] for utt in data.utts]
    labels = class_indices(data, config.labels, required=True)
    return Dataset({utt: rows[utt] for utt in data.utts}, data.utts, labels, speakers, sources_of(data))


def _train_late(config: SystemConfig, data: Sequence[DataDir], branches: Branches, home: Path) -> None:
    """Fit a late fusion on dev (`branches`), and write its folder; `data` is train and dev."""
    train = data[0]
    model = cast(late.Model, models.build("fusion", config.model, len(config.labels)))
    spoofed = [train["utt2label"][utt] == SPOOF for utt in train.utts]
    rates = late.spoof_rates([train.speakers[utt] for utt in train.utts], spoofed, model.config.authors)
    rows = fusion_inputs(config, branches)
    fitted = fit_late(model, rows, branches.speakers, _bonafide(data[1], branches), rates)
    message = "%s: weight of the audio %.2f, EER on dev %.2f %%"
    log.info(message, config.name, fitted["alpha"], 100 * fitted["dev"]["eer"])
    trained.save_experiment(home, config, model, fitted)


def _train_agreement(
    config: SystemConfig, data: Sequence[DataDir], branches: tuple[Branches, Branches], home: Path
) -> None:
    """Fit an agreement fusion on the branches of train and dev, and write its folder."""
    on_train, on_dev = branches
    check_speakers(config, on_dev)
    model = cast(agreement.Model, models.build("fusion", config.model, len(config.labels)))
    bonafide = [_bonafide(part, read) for part, read in zip(data, branches, strict=True)]
    fitted = fit_agreement(model, on_train, bonafide[0].tolist(), on_dev, bonafide[1])
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in fitted["weights"].items())
    log.info("%s: weights %s; EER on dev %.2f %%", config.name, weights, 100 * fitted["dev"]["eer"])
    trained.save_experiment(home, config, model, fitted)


def _bonafide(data: DataDir, branches: Branches) -> np.ndarray:
    """Return which utterances of the branches (N,) are bona fide."""
    return np.array([data["utt2label"][utt] != SPOOF for utt in branches.utts])
