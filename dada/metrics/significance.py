"""Which of several comparisons differ: a correction over the family of those that are shown together."""

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values: at most `level` where the difference holds at that level for the whole family.

    None, a comparison without a test, stays None and does not count. Source: Holm, A simple sequentially
    rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.

    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    known = [(value, place) for place, value in enumerate(p_values) if value is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, place) in enumerate(sorted(known)):
        largest = max(largest, min(1.0, (len(known) - rank) * value))
        adjusted[place] = largest
    return adjusted


def differ(p_values: Sequence[float | None], confidence: float) -> list[bool]:
    """Which comparisons (N,) of a family differ at `confidence`, by Holm's correction."""
    return [value is not None and value < 1 - confidence for value in holm(p_values)]
