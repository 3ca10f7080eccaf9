"""Rows of keys and score files in the layouts of the challenges, made of the same few trials."""

import numpy as np

from dada import metrics


def eer_of(trials, keep=lambda row: True):
    parts = [
        [row[4] for row in trials if row[3] == label and (label == "bonafide" or keep(row))]
        for label in ("bonafide", "spoof")
    ]
    return metrics.eer(*parts)[0]


def rows_2019(row):
    return row[1], row[0], "-", row[2], row[3]


def rows_2021_la(row):
    return row[1], row[0], "alaw", "ita_tx", row[2] if row[2] != "-" else "bonafide", row[3], "notrim", "eval"


def rows_2021_pa(row):
    spoof = row[3] == "spoof"
    return (
        row[1],
        row[0],
        "R3",
        "M3",
        "d4",
        *(("r1", "m1", "s4", "c4") if spoof else "----"),
        row[3],
        "notrim",
        "eval",
    )


def rows_2021_df(row):
    return (
        row[1],
        row[0],
        "low_m4a",
        "vcc2020",
        row[2],
        row[3],
        "notrim",
        "eval",
        "unknown",
        "Task1",
        "team20",
        "FF",
        "E",
    )


def rows_5(row):
    return row[1], row[0], "F", "-", "-", "-", "AC1", row[2] if row[2] != "-" else "bonafide", row[3], "-"


def asv_trials():
    rng = np.random.default_rng(1)
    kinds = [("target", 3)] * 30 + [("nontarget", -1)] * 40 + [("spoof", 1)] * 30
    return [(f"SPK{i % 4}", f"U{i}", kind, rng.normal() + mean) for i, (kind, mean) in enumerate(kinds)]
