"""Score files: one `utterance score` a line, higher is more bona fide, each with a JSON file of its
provenance.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dada.data.input import InputConfig
from dada.data.tables import read_table, write_table
from dada.errors import DataError
from dada.experiment.folder import ExperimentFolder
from dada.experiment.score_kind import score_kind_of
from dada.experiment.trained import Experiment
from dada.storage.digest import file_digest, value_digest
from dada.storage.environment import utc_now
from dada.storage.json_file import read_json, write_json


def write_scores(
    path: Path, utts: Sequence[str], scores: np.ndarray | Sequence[float], provenance: Mapping[str, object]
) -> None:
    """Write scores/<split>.json and then scores/<split>.txt, with all digits of a float32.

    Raise DataError for scores that are not finite.
    """
    values = np.asarray(scores, dtype=np.float32)
    bad = [utt for utt, value in zip(utts, values, strict=True) if not np.isfinite(value)]
    if bad:
        raise DataError(f"{path}: {len(bad)} scores are not finite, first that of {bad[0]}")
    write_json(Path(path).with_suffix(".json"), dict(provenance), indent=2, ensure_ascii=False)
    write_table(
        path,
        {
            utt: np.format_float_positional(value, unique=True, trim="0")
            for utt, value in zip(utts, values, strict=True)
        },
    )


def read_scores(path: Path) -> dict[str, float]:
    """Return utterance -> score. Raise DataError for a value that is no finite number."""
    table = read_table(path)
    scores = {}
    for utt, value in table.items():
        try:
            scores[utt] = float(value)
        except ValueError as error:
            raise DataError(f"{path}: the score of {utt} is {value!r}, expected a number") from error
        if not np.isfinite(scores[utt]):
            raise DataError(f"{path}: the score of {utt} is {value}, expected a finite number")
    return scores


def provenance(
    folder: Path, experiment: Experiment, split: str, data_files: Iterable[Path], root: Path
) -> dict[str, object]:
    """Return the provenance of the scores of a split: system, settings, weights, data, window and date.

    Data files are named relative to `root`, the folder of the recipe: two branches have files of one name.
    """
    config = experiment.config
    return {
        "system": config.name,
        "split": split,
        "config": value_digest(read_json(ExperimentFolder(folder).config)),
        "weights": file_digest(ExperimentFolder(folder).weights),
        "data": {os.path.relpath(path, root): file_digest(path) for path in data_files},
        "window": window_policy(config.input),
        "score_kind": score_kind_of(config),
        "date": utc_now(),
    }


def window_policy(config: InputConfig) -> str:
    """Return the part of an utterance that a system reads: `tile to 4 s`, `tile to 400 frames`, `full`."""
    if config.length_rule == "full":
        return "full"
    cuts = [f"{config.num_samples / config.sample_rate:g} s"] if config.num_samples else []
    cuts += [f"{config.num_frames} frames"] if config.kind == "features" and config.num_frames else []
    return ", then ".join(f"{config.length_rule} to {cut}" for cut in cuts) or "full"
