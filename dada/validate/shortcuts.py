"""Trivial cues that separate the classes of a split: a detector that uses only them looks good, but is
useless.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dada.data.datadir import BONAFIDE, NO_ATTACK
from dada.data.validate_report import WARNING, Report
from dada.features.cues import NAMES
from dada.metrics.auc import auc
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.validate.audio import formats
from dada.validate.probe import Probe

FEWEST = 10  # files of each class that are needed
NOTABLE = 0.65  # area under the curve that the lower end of the interval must reach
Z = 1.96  # of a normal interval at 95 %
ADVICE = "state it with every result, and compare with the system trivial_cues, which hears nothing else"


@dataclass(frozen=True)
class Shortcut:
    """How well a measurement (or format) of a file predicts its class."""

    cue: str
    area: float  # under the curve, 0.5 to 1; for a format, the balanced accuracy of the best guess
    low: float  # lower end of the 95 % interval
    detail: str  # the class with the higher values, or the format


@dataclass(frozen=True)
class AttackCue:
    """The cue that separates the spoofs of one attack best from all bona fide speech."""

    attack: str
    num_spoof: int
    cue: str
    eer: float  # equal error rate of the measurement alone, 0 to 0.5
    detail: str  # the class with the higher values


def attack_cues(
    labels: Mapping[str, str], attacks: Mapping[str, str], probes: Mapping[str, Probe]
) -> list[AttackCue]:
    """Return the strongest cue of every attack by its EER, the best separated attack first; only attacks with
    FEWEST readable files.
    """
    read = {utt: probe.cues for utt, probe in probes.items() if not probe.error and utt in labels}
    bonafide = np.array([cues for utt, cues in read.items() if labels[utt] == BONAFIDE])
    groups: dict[str, list[tuple[float, ...]]] = {}
    for utt, cues in read.items():
        if labels[utt] != BONAFIDE and attacks.get(utt, NO_ATTACK) != NO_ATTACK:
            groups.setdefault(attacks[utt], []).append(cues)
    if len(bonafide) < FEWEST:
        return []
    found = [
        _strongest(attack, bonafide, np.array(rows)) for attack, rows in groups.items() if len(rows) >= FEWEST
    ]
    return sorted(found, key=lambda cue: (cue.eer, cue.attack))


def _strongest(attack: str, bonafide: np.ndarray, spoof: np.ndarray) -> AttackCue:
    """The strongest of the cues (clips, F) in either direction."""
    rates = [
        (eer_of(det(sign * bonafide[:, i], sign * spoof[:, i]))[0], name, detail)
        for i, name in enumerate(NAMES)
        for sign, detail in ((1, "more in bona fide"), (-1, "more in spoofs"))
    ]
    rate, name, detail = min(rates)
    return AttackCue(attack, len(spoof), name.replace("_", " "), rate, detail)


def shortcuts(labels: Mapping[str, str], probes: Mapping[str, Probe]) -> list[Shortcut]:
    """Return every cue of a split, the strongest first; none if a class has fewer than FEWEST readable
    files. Files without a label are passed over.
    """
    read = {utt: probe for utt, probe in probes.items() if not probe.error and utt in labels}
    sides = [[read[u] for u in read if (labels[u] == BONAFIDE) == side] for side in (True, False)]
    if min(map(len, sides)) < FEWEST:
        return []
    cues = [
        _of_number(name, *([probe.cues[i] for probe in side] for side in sides))
        for i, name in enumerate(NAMES)
    ]
    cues += [
        _of_format(what, *values)
        for what, *values in zip(formats([]), *(formats(side).values() for side in sides), strict=True)
    ]
    return sorted(cues, key=lambda cue: -cue.low)


def check_shortcuts(where: str, cues: list[Shortcut], report: Report) -> None:
    """Warn of all notable cues in a single finding."""
    notable = [cue for cue in cues if cue.low > NOTABLE]
    if notable:
        named = ", ".join(f"{c.cue.removeprefix('the ')} ({c.detail}, {c.area:.2f})" for c in notable)
        report.add(WARNING, where, f"the classes can be told apart without listening, by {named}", ADVICE)


def _of_number(cue: str, bonafide: list[float], spoof: list[float]) -> Shortcut:
    area = auc(np.array(bonafide), np.array(spoof))
    detail = "more in bona fide" if area >= 0.5 else "more in spoofs"
    area = max(area, 1 - area)
    return Shortcut(
        cue.replace("_", " "), area, area - Z * standard_error(area, len(bonafide), len(spoof)), detail
    )


def _of_format(what: str, bonafide: Counter[str], spoof: Counter[str]) -> Shortcut:
    shares = {
        value: (bonafide[value] / bonafide.total(), spoof[value] / spoof.total())
        for value in bonafide | spoof
    }
    accuracy = sum(max(pair) for pair in shares.values()) / 2
    value, (real, fake) = max(shares.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    detail = f"{value}: {100 * real:.0f} % of bona fide, {100 * fake:.0f} % of spoofs"
    return Shortcut(
        what, accuracy, accuracy - Z * standard_error(accuracy, bonafide.total(), spoof.total()), detail
    )


def standard_error(area: float, num_bonafide: int, num_spoof: int) -> float:
    """Return the standard error of an area under the curve (Hanley and McNeil, Radiology 143, 1982, eq.
    2).
    """
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    terms = area * (1 - area) + (num_bonafide - 1) * (first - area**2) + (num_spoof - 1) * (second - area**2)
    return math.sqrt(max(terms, 0) / (num_bonafide * num_spoof))
