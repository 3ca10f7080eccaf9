"""What several systems say of one clip, as a sentence with its uncertainty."""

import math
from collections.abc import Mapping

DECIDED = math.log(2)  # a likelihood ratio of less than two to one, either way, is no answer


def joint_answer(ratios: Mapping[str, float]) -> str:
    """Return what systems say, from system -> log-likelihood ratio of bona fide speech; empty without any.

    >>> joint_answer({"a": 2.0, "b": -3.0, "c": -1.0})
    'More like synthetic speech: b, c. More like bona fide speech: a.'
    >>> joint_answer({"a": 0.1})
    'Cannot tell: a (less than two to one either way).'
    """
    sides: dict[str, list[str]] = {"synthetic": [], "bona fide": [], "none": []}
    for name, ratio in ratios.items():
        sides["none" if abs(ratio) < DECIDED else "bona fide" if ratio > 0 else "synthetic"].append(name)
    undecided = sides.pop("none")
    ordered = sorted(sides.items(), key=lambda side: -len(side[1]))
    said = [f"More like {kind} speech: {', '.join(names)}." for kind, names in ordered if names]
    if undecided:
        said.append(f"Cannot tell: {', '.join(undecided)} (less than two to one either way).")
    return " ".join(said)
