"""Metrics: NumPy arrays in, numbers out. Imports nothing else of the package but its errors.

`bonafide` and `spoof` are the scores of the two classes, in any order; higher always means more bona fide.
"""

from dada.metrics.abx import abx
from dada.metrics.auc import auc
from dada.metrics.bootstrap import Resampler
from dada.metrics.calibration import brier, cllr, ece
from dada.metrics.check import join_scores, unique_table, warn_if_inverted
from dada.metrics.dcf import Costs, act_dcf, min_dcf
from dada.metrics.det import Det, det
from dada.metrics.eer import eer, weighted_eer
from dada.metrics.f1 import accuracy, f1_at_eer, f1_at_half, macro_f1, weighted_f1
from dada.metrics.intervals import bootstrap_difference, bootstrap_eer
from dada.metrics.open_set import reject, unknown_auroc
from dada.metrics.sasv import SasvCosts, a_dcf, t_eer
from dada.metrics.tdcf import ASVSPOOF5_RATES, AsvRates, TandemCosts, asv_rates, min_tdcf

__all__ = [
    "ASVSPOOF5_RATES",
    "AsvRates",
    "Costs",
    "Det",
    "Resampler",
    "SasvCosts",
    "TandemCosts",
    "a_dcf",
    "abx",
    "accuracy",
    "act_dcf",
    "asv_rates",
    "auc",
    "bootstrap_difference",
    "bootstrap_eer",
    "brier",
    "cllr",
    "det",
    "ece",
    "eer",
    "f1_at_eer",
    "f1_at_half",
    "join_scores",
    "macro_f1",
    "min_dcf",
    "min_tdcf",
    "reject",
    "t_eer",
    "unique_table",
    "unknown_auroc",
    "warn_if_inverted",
    "weighted_eer",
    "weighted_f1",
]
