"""The schema of `evaluate:` in a recipe."""

from dataclasses import dataclass


@dataclass
class EvaluateConfig:
    """How the scores of a recipe are measured. Every value is written into the results."""

    num_resamples: int = 1000  # of the speakers, for the intervals
    confidence: float = 0.95  # share of the resamples inside an interval
    seed: int = 0  # of the resamples and of the ABX triples
    p_spoof: float = 0.05  # share of spoofs that the detection costs assume
    cost_miss: float = 1.0  # of a rejected bona fide trial
    cost_fa: float = 10.0  # of an accepted spoof
    abx_triples: int = 10_000
    abx_distance: str = "cosine"  # cosine | l2
    num_det_points: int = 101  # points of the DET curve kept for plots
