"""Closed-set and open-set recognition of attacks. N utterances, K known classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dada.data import DataDir, read_table
from dada.data.datadir import UNKNOWN
from dada.data.vectors import Vectors
from dada.errors import DataError
from dada.evaluate.results import Choice, ClassResults, Sweep, SweepRow
from dada.evaluation_settings import EvaluateConfig
from dada.experiment.folder import ExperimentFolder
from dada.metrics.figure import over_seeds
from dada.metrics.recognition import measure_classes
from dada.storage.json_file import read_json


def class_results(
    data: DataDir, folders: Sequence[ExperimentFolder], split: str, config: EvaluateConfig
) -> ClassResults | None:
    """Return the metrics of the decisions of every seed on a split; None where the key names no attacks."""
    if "utt2attack" not in data.tables:
        return None
    known = [name for name in folders[0].read_labels() if name != UNKNOWN]
    index = {name: k for k, name in enumerate(known)}
    same: Mapping[str, str] = config.same_attack
    attacks = data.classes([])
    truth = np.array([index.get(same.get(attacks[utt], attacks[utt]), len(known)) for utt in data.utts])
    decided, closed, unknown = zip(
        *(_decisions(folder, split, data, known) for folder in folders), strict=True
    )
    speakers = [data.speakers[utt] for utt in data.utts]
    measured = measure_classes(
        truth, np.stack(decided), np.stack(closed), np.stack(unknown), len(known), speakers, config
    )
    unseen = sorted({attacks[utt] for utt, k in zip(data.utts, truth, strict=True) if k == len(known)})
    return ClassResults(labels=[*known, UNKNOWN], unknown_attacks=unseen, **measured)


def sweep_of(folders: Sequence[ExperimentFolder]) -> Sweep | None:
    """Return OpenMax on dev with every tail and threshold, over the seeds, and the choice of each seed; None
    for other systems.
    """
    paths = [folder.fitted("open_set") for folder in folders]
    fitted = [read_json(path) for path in paths if path.exists()]
    if not fitted or not all("sweep" in seed for seed in fitted):
        return None
    rows = [
        SweepRow(
            same[0]["tail"],
            same[0]["threshold"],
            *(over_seeds([row[name] for row in same]) for name in ("known_accuracy", "held_out_macro_f1")),
        )
        for same in zip(*(seed["sweep"] for seed in fitted), strict=True)
    ]
    return Sweep(rows, [Choice(seed["tail"], seed["threshold"]) for seed in fitted])


def _decisions(
    folder: ExperimentFolder, split: str, data: DataDir, labels: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decisions of a seed, decisions among the known classes alone, and scores of being unknown, all (N,).

    The score is the log-probability of the unknown class of an open-set system, and of a classifier minus
    the log of its largest probability.
    """
    path = folder.classes(split)
    table = read_table(path)
    if set(table) != set(data.utts):
        raise DataError(
            f"{path} names classes of {len(table)} utterances, but {data.path} has {len(data.utts)} or "
            "others: run stage score"
        )
    index = {name: k for k, name in enumerate([*labels, UNKNOWN])}
    decided = np.array([index[table[utt]] for utt in data.utts])
    logits = _rows(folder.logits(split), data.utts)
    if logits.shape[1] > len(labels):  # its embedding is the classifier's logits
        return decided, _rows(folder.embeddings(split), data.utts).argmax(axis=1), logits[:, -1]
    top = logits.max(axis=1)
    return decided, logits.argmax(axis=1), np.log(np.exp(logits - top[:, None]).sum(axis=1))


def _rows(path: Path, utts: list[str]) -> np.ndarray:
    return Vectors(path).of(utts).astype(np.float64)
