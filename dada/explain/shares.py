"""Shares of the support: of each utterance, as a table, and of each class of utterances, with intervals.

A class is bona fide speech or an attack. Support is measured for both outputs, bona fide and spoof.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dada.data import BONAFIDE, SPOOF
from dada.evaluation_settings import EvaluateConfig
from dada.explain import support
from dada.metrics.intervals import bootstrap_mean

OUTPUTS = (BONAFIDE, SPOOF)
COLUMNS = (
    "utt",
    "class",
    "speaker",
    "output",
    "speech_time",
    "speech_share",
    "noisiness",
    "map_noise",
    "completeness_error",
)


@dataclass
class Row:
    """The support of one output for one utterance. Shares are parts of the positive values."""

    utt: str
    kind: str  # bonafide, or the attack
    speaker: str
    output: str
    speech_time: float  # share of the frames that is speech
    speech_share: float  # NaN where nothing supports the output
    noisiness: float  # of the temporal profile
    map_noise: float  # of the signed map
    completeness_error: float
    bands: list[float]  # shares of the sub-bands; empty where rows are no frequencies


def measure(values: np.ndarray, speech: np.ndarray, frequencies: np.ndarray | None) -> dict[str, Any]:
    """Return the numbers of a Row from the values (F, N) of one output and the speech mask (N,)."""
    profile = support.temporal_profile(values)
    return {
        "speech_time": float(speech.mean()),
        "speech_share": support.share(profile, speech),
        "noisiness": support.noisiness(profile),
        "map_noise": support.map_noise(values),
        "bands": [] if frequencies is None else support.band_shares(values, frequencies).tolist(),
    }


def band_names() -> list[str]:
    """Return the names of the sub-bands, e.g. `0-0.5 kHz`."""
    return [
        f"{low / 1000:g}-{high / 1000:g} kHz"
        for low, high in zip(support.BANDS, support.BANDS[1:], strict=False)
    ]


def as_csv(rows: Sequence[Row]) -> str:
    """Return the table with one line for each utterance and output."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    has_bands = any(row.bands for row in rows)
    writer.writerow([*COLUMNS, *(band_names() if has_bands else [])])
    for row in rows:
        measured = (row.speech_time, row.speech_share, row.noisiness, row.map_noise)
        numbers = (*measured, row.completeness_error, *row.bands)
        writer.writerow(
            [row.utt, row.kind, row.speaker, row.output, *(f"{number:.6g}" for number in numbers)]
        )
    return out.getvalue()


def summarise(rows: Sequence[Row], evaluate: EvaluateConfig) -> dict[str, dict[str, Any]]:
    """Return means and their intervals over resampled speakers for every class."""
    return {
        kind: _of_class([row for row in rows if row.kind == kind], evaluate)
        for kind in sorted_classes(row.kind for row in rows)
    }


def sorted_classes(names: Iterable[str]) -> list[str]:
    """Return the distinct classes: bona fide first, then the attacks in C order."""
    return sorted(set(names), key=lambda name: (name != BONAFIDE, name.encode()))


def _of_class(rows: Sequence[Row], evaluate: EvaluateConfig) -> dict[str, Any]:
    by_output = {output: [row for row in rows if row.output == output] for output in OUTPUTS}
    first = by_output[OUTPUTS[0]]
    speakers = [row.speaker for row in first]
    summary: dict[str, Any] = {
        "num": len(first),
        "speech_time": entry([row.speech_time for row in first], speakers, evaluate),
        "completeness_error": float(np.median([row.completeness_error for row in rows])),
    }
    for output, own in by_output.items():
        summary[output] = {
            "speech_share": entry([row.speech_share for row in own], speakers, evaluate),
            "noisiness": entry([row.noisiness for row in own], speakers, evaluate),
            "map_noise": entry([row.map_noise for row in own], speakers, evaluate),
            "bands": [
                entry(list(column), speakers, evaluate)
                for column in zip(*(row.bands for row in own), strict=True)
            ],
        }
    pairs = [
        np.subtract(a.bands, b.bands) for a, b in zip(by_output[BONAFIDE], by_output[SPOOF], strict=True)
    ]
    summary["band_difference"] = [
        entry(list(column), speakers, evaluate) for column in zip(*pairs, strict=True)
    ]
    return summary


def entry(
    values: Sequence[float], speakers: Sequence[str], evaluate: EvaluateConfig
) -> dict[str, Any] | None:
    """Return mean and interval over resampled speakers, as reports show it; None where no value is finite."""
    known = np.isfinite(values)
    if not known.any():
        return None
    interval = bootstrap_mean(values, speakers, evaluate.num_resamples, evaluate.seed, evaluate.confidence)
    return {
        "mean": float(np.mean(np.asarray(values)[known])),
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "spread": None,
        "num": int(known.sum()),
    }
