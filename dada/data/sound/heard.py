"""What the recordings of a split have in common, for a system that was trained on them."""

from pathlib import Path

import numpy as np

from dada.data.datadir import DataDir
from dada.data.sound.checks import Trained
from dada.data.sound.read import read_sound
from dada.errors import DadaError

NUM_RECORDINGS = 20  # whose bands are measured, spread evenly over the split
# Of the bands of those: a recording is unlike a split only where it is unlike its narrow recordings, too.
NARROW = 0.1


def trained_on(folder: Path) -> Trained | None:
    """Return the durations of a data directory, and the bandwidth of its recordings where these are at hand.

    None where there is no such data directory, or it cannot be read: what it tells is an addition only.
    """
    try:
        data = DataDir.read(folder)
        durations = data.durations
    except DadaError:
        return None
    seconds = (min(durations.values()), max(durations.values())) if durations else None
    places = list((data.get("wav.scp") or {}).values())
    return Trained(_bandwidth(places), seconds)


def _bandwidth(places: list[str]) -> float | None:
    number = min(NUM_RECORDINGS, len(places))
    found = []
    for i in range(number):
        try:
            found.append(read_sound(places[i * len(places) // number]).bandwidth)
        except DadaError:
            continue
    return float(np.quantile(found, NARROW, method="lower")) if found else None
