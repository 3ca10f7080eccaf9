"""Neighbouring windows on the synthetic side: what a mean over an hour hides."""

from collections.abc import Callable, Sequence

from dada.detect.verdict import Stretch, WindowScore

SYNTHETIC = -0.69  # log-likelihood ratio from which a window counts, two to one
SHORTEST = 2  # windows: one alone among thousands is as often chance


def synthetic_stretches(
    windows: Sequence[WindowScore], llr_of: Callable[[float], float | None]
) -> list[Stretch]:
    """Return the stretches of at least SHORTEST windows below SYNTHETIC, those with the most evidence first.

    Windows without a score, in pauses, do not end a stretch.
    """
    runs: list[list[WindowScore]] = [[]]
    evidence = {}
    for window in windows:
        llr = None if window.score is None else llr_of(window.score)
        if window.score is None:
            continue
        if llr is not None and llr <= SYNTHETIC:
            runs[-1].append(window)
            evidence[id(window)] = llr
        elif runs[-1]:
            runs.append([])
    long = [run for run in runs if len(run) >= SHORTEST]
    long.sort(key=lambda run: sum(evidence[id(window)] for window in run))
    return [
        Stretch(run[0].start, run[-1].end, sum(window.score or 0.0 for window in run) / len(run))
        for run in long
    ]
