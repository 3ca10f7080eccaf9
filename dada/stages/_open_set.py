"""Stage 9 for systems that name attacks: closed-set and open-set results. N utterances, K known classes."""

from pathlib import Path

import numpy as np

from dada.data import ArkReader, DataDir, read_table
from dada.data.datadir import UNKNOWN
from dada.errors import DataError
from dada.metrics.recognition import measure_classes
from dada.metrics.summary import over_seeds
from dada.storage.json_file import read_json


def class_results(recipe, data: DataDir, folders: list[Path], split: str) -> dict | None:
    """`measure_classes` of every seed's decisions on a split, with the names of the classes; None where
    nothing says the attacks.
    """
    if "utt2attack" not in data.tables:
        return None
    labels = [
        name
        for name in (folders[0] / "labels.txt").read_text(encoding="utf-8").splitlines()
        if name != UNKNOWN
    ]
    index = {name: k for k, name in enumerate(labels)}
    same = recipe.evaluate.same_attack
    attacks = data.classes([])
    truth = np.array([index.get(same.get(attacks[utt], attacks[utt]), len(labels)) for utt in data.utts])
    decided, closed, unknown = zip(
        *(_decisions(folder, split, data, labels) for folder in folders), strict=True
    )
    speakers = [data.speakers[utt] for utt in data.utts]
    measured = measure_classes(
        truth, np.stack(decided), np.stack(closed), np.stack(unknown), len(labels), speakers, recipe.evaluate
    )
    swept = sweep_of(folders) if split == recipe.splits.dev else None
    unseen = sorted({attacks[utt] for utt, k in zip(data.utts, truth, strict=True) if k == len(labels)})
    return {"labels": [*labels, UNKNOWN], "unknown_attacks": unseen, **measured, "sweep": swept}


def sweep_of(folders: list[Path]) -> dict | None:
    """How OpenMax did on dev with every tail and threshold that was tried, over the seeds, and what each seed
    chose; None without.
    """
    fitted = [read_json(folder / "openmax.json") for folder in folders if (folder / "openmax.json").exists()]
    if not fitted or not all("sweep" in one for one in fitted):
        return None
    rows = [
        {"tail": same[0]["tail"], "threshold": same[0]["threshold"]}
        | {name: over_seeds([row[name] for row in same]) for name in ("known_accuracy", "held_out_macro_f1")}
        for same in zip(*(one["sweep"] for one in fitted), strict=True)
    ]
    return {"rows": rows, "chosen": [{"tail": one["tail"], "threshold": one["threshold"]} for one in fitted]}


def _decisions(
    folder: Path, split: str, data: DataDir, labels: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one seed, all (N,): the classes decided for, those among the known ones alone, and how unknown each
    utterance looks.

    The latter is the log-probability of the unknown class of an open-set system, and of a classifier minus
    the log of its largest probability.
    """
    path = folder / "classes" / f"{split}.txt"
    table = read_table(path)
    if set(table) != set(data.utts):
        raise DataError(
            f"{path} names classes of {len(table)} utterances, but {data.path} has {len(data.utts)} or "
            "others: run stage score"
        )
    index = {name: k for k, name in enumerate([*labels, UNKNOWN])}
    decided = np.array([index[table[utt]] for utt in data.utts])
    logits = _rows(folder / "embed" / split / "logits.scp", data.utts)
    if logits.shape[1] > len(labels):  # its embedding is the classifier's logits
        return decided, _rows(folder / "embed" / split / "embed.scp", data.utts).argmax(axis=1), logits[:, -1]
    top = logits.max(axis=1)
    return decided, logits.argmax(axis=1), np.log(np.exp(logits - top[:, None]).sum(axis=1))


def _rows(scp: Path, utts: list[str]) -> np.ndarray:
    reader = ArkReader(scp)
    return np.stack([np.asarray(reader[utt], dtype=np.float64) for utt in utts])
