"""Comparison of two classifiers by the support of their outputs on the same utterances.

"Explaining deepfake detection with SHAP" (Ge et al., ICASSP 2022), section 5.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dada.data import ArkReader
from dada.errors import DataError
from dada.evaluation_settings import EvaluateConfig
from dada.explain import support
from dada.explain.shares import OUTPUTS, entry, sorted_classes
from dada.storage.json_file import read_json

# Bands in which spectral profiles are compared: equal widths up to the lower of the highest frequencies.
NUM_BANDS = 16


def compare(first: Path, second: Path, evaluate: EvaluateConfig) -> dict[str, Any]:
    """Return correlations of profiles, and paired differences of speech share and noise, by class.

    `first` and `second` are explanation folders; differences are first minus second. Temporal profiles are
    compared over the time that both systems read. Raise DataError where no utterance is in both.
    """
    summaries = [read_json(folder / "summary.json") for folder in (first, second)]
    tables = [read_shares(folder) for folder in (first, second)]
    utts = sorted({utt for utt, _ in tables[0]} & {utt for utt, _ in tables[1]}, key=str.encode)
    if not utts:
        raise DataError(f"{first} and {second} explain no utterance in common: explain both anew")
    columns = {output: _columns((first, second), summaries, tables, utts, output) for output in OUTPUTS}
    classes = [tables[0][utt, OUTPUTS[0]]["class"] for utt in utts]
    speakers = [tables[0][utt, OUTPUTS[0]]["speaker"] for utt in utts]
    result = {}
    for kind in ("all", *sorted_classes(classes)):
        own = [i for i, name in enumerate(classes) if kind in ("all", name)]
        names = [speakers[i] for i in own]
        result[kind] = {
            output: {key: entry([values[i] for i in own], names, evaluate) for key, values in table.items()}
            for output, table in columns.items()
        }
    return {"num_utterances": len(utts), "classes": result}


def read_shares(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return (utterance, output) -> the line of shares.csv."""
    with open(folder / "shares.csv", encoding="utf-8", newline="") as file:
        return {(line["utt"], line["output"]): line for line in csv.DictReader(file)}


def _columns(
    folders: Sequence[Path],
    summaries: Sequence[dict[str, Any]],
    tables: Sequence[dict[tuple[str, str], dict[str, str]]],
    utts: Sequence[str],
    output: str,
) -> dict[str, list[float]]:
    """Return one value per utterance of everything that is compared."""
    times = [ArkReader(folder / f"{output}_time.scp") for folder in folders]
    frequencies = [ArkReader(folder / f"{output}_frequency.scp") for folder in folders]
    numbers = {
        key: [[float(table[utt, output][key]) for utt in utts] for table in tables]
        for key in ("speech_share", "noisiness", "map_noise")
    }
    steps = [summary["frame_seconds"] for summary in summaries]
    columns = {
        "time_correlation": [time_correlation([ark[utt] for ark in times], steps) for utt in utts],
        **{
            f"{key}_{place}": values[i]
            for key, values in numbers.items()
            for i, place in enumerate(("first", "second"))
        },
        **{
            f"{key}_difference": np.subtract(values[0], values[1]).tolist() for key, values in numbers.items()
        },
    }
    axes = [np.array(summary["frequencies"]) for summary in summaries]
    if all(len(axis) for axis in axes):
        columns["frequency_correlation"] = [
            frequency_correlation([ark[utt] for ark in frequencies], axes) for utt in utts
        ]
    return columns


def time_correlation(profiles: Sequence[np.ndarray], steps: Sequence[float]) -> float:
    """Return the correlation of two temporal profiles with frames of `steps` s over their common time."""
    common = min(len(profile) * step for profile, step in zip(profiles, steps, strict=True))
    return support.correlation(
        *(profile[: max(1, round(common / step))] for profile, step in zip(profiles, steps, strict=True))
    )


def frequency_correlation(profiles: Sequence[np.ndarray], axes: Sequence[np.ndarray]) -> float:
    """Return the correlation of the mass of two spectral profiles in equal bands of their common range."""
    edges = np.linspace(0, min(axis[-1] for axis in axes), NUM_BANDS + 1)
    masses = [
        np.histogram(axis, edges, weights=profile)[0] for profile, axis in zip(profiles, axes, strict=True)
    ]
    return support.correlation(*masses)
