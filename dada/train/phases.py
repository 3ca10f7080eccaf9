"""Phases of a training: each has the settings of `train:` with some keys overridden."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from dada.augment import mixes_labels
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.plugins import nearest
from dada.settings import flatten, override
from dada.train.options import check_options

METRICS = {"eer": -1, "loss": -1, "accuracy": 1, "abx": 1, "claim_eer": -1}  # sign: +1 where higher is better
SAMPLERS = ("shuffle", "balanced", "balanced_corpora", "triplets")
WHOLE_RUN = ("crop_size", "folds", "mixed_precision", "phases")  # keys that apply to all phases


def phases_of(train: TrainConfig) -> list[TrainConfig]:
    """Return the settings of each phase in order, a single phase without `phases`.

    Raise ConfigError for unknown keys or values.
    """
    base = replace(train, phases=[])
    if not train.phases:
        _check(base, "train")
        return [base]
    phases = []
    for i, changes in enumerate(train.phases):
        where = f"train.phases[{i}]"
        for key in WHOLE_RUN:
            if key in changes:
                raise ConfigError(f"{where}.{key}: this applies to the whole training: set train.{key}")
        phases.append(override(base, changes, where))
        _check(phases[-1], where)
    return phases


def _check(phase: TrainConfig, where: str) -> None:
    check_options(phase, where)
    metric = phase.early_stop.metric
    for key, value, known in (
        ("sampler", phase.sampler, SAMPLERS),
        ("triplets_by", phase.triplets_by, ("speaker", "label")),
        ("keep", phase.keep, ("best", "last", "swa")),
        ("early_stop.metric", metric, tuple(METRICS)),
    ):
        if value not in known:
            raise ConfigError(
                f"{where}.{key}: unknown {value!r}{nearest(value, list(known))}; known: {', '.join(known)}"
            )
    if phase.sampler == "triplets" and metric in ("eer", "accuracy", "claim_eer"):
        raise ConfigError(
            f"{where}.early_stop.metric: {metric} needs logits, which triplets do not train: use abx or loss"
        )
    if phase.sampler == "triplets" and mixes_labels(phase.augment):
        raise ConfigError(
            f"{where}.augment: triplets need a class or speaker, which mixed clips do not have: "
            "leave out mixup"
        )
    if phase.sampler == "triplets" and any(entry.get("keep_original") for entry in phase.augment):
        raise ConfigError(
            f"{where}.augment: keep_original doubles a batch, whose order defines the triplets: leave it out"
        )
    if len(phase.classes) == 1 and metric == "eer":
        raise ConfigError(
            f"{where}.early_stop.metric: the EER needs spoofs and bona fide speech, but classes leaves one "
            "of them: use loss"
        )
    if phase.keep == "swa" and phase.trainable:
        raise ConfigError(
            f"{where}.keep: swa computes all batch statistics anew, of frozen parts as well: leave "
            "train.trainable empty"
        )
    if phase.epochs < 0 or phase.max_batches < 0 or phase.batch_size < 1:
        raise ConfigError(f"{where}: batch_size must be at least 1, epochs and max_batches 0 or more")


def differing_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return `key: old -> new` for each setting that differs between two runs' `result_settings`.

    A run without a newer setting had its default.
    """
    old, new, defaults = flatten(old), flatten(new), flatten(asdict(SystemConfig()))
    old |= {key: defaults[key] for key in new.keys() - old.keys() if key in defaults}
    keys = [key for key in sorted(old | new) if old.get(key) != new.get(key)]
    return [f"{key}: {old.get(key)} -> {new.get(key)}" for key in keys]
