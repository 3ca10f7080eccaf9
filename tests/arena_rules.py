"""The rules of the Speech Anti-Spoofing Arena (speech-spoof-bench 0.4.1), written out again: how its runner
calls a model, and what its check of a submission refuses. Nothing of the package under test is used.
"""

import datetime
import hashlib
import math
import re
import sys
import types
from collections.abc import Iterable

import numpy as np
import yaml

MOST_SKIPPED = 0.05
BLOCKS = {  # block -> its fields, those that may be left out behind a `?`
    "system": "name slug description code checkpoint params_millions? paper?",
    "dataset": "id revision split",
    "scores": "n_trials n_skipped eer_percent? srr_complement?",
    "artifact": "scores_url scores_sha256 bench_version",
    "submitter": "hf_username contact",
}


class AntiSpoofingModel:
    """The base class: what a wrapper may rely on."""

    name = "unnamed"
    expected_sample_rate = 16_000
    batch_size = 1

    def unload(self) -> None:
        """Optional."""


def install(monkeypatch) -> None:
    """Put a package of that name with the base class in the place of the real one."""
    package, module = types.ModuleType("speech_spoof_bench"), types.ModuleType("speech_spoof_bench.model")
    module.AntiSpoofingModel = AntiSpoofingModel
    package.model = module
    for name, value in (("speech_spoof_bench", package), ("speech_spoof_bench.model", module)):
        monkeypatch.setitem(sys.modules, name, value)


def run_model(model_class: type, clips: Iterable[tuple[str, np.ndarray]]) -> str:
    """The score file of a model: clips in batches, each clip of a failing batch alone, and left out where it
    fails again.
    """
    model = model_class()
    assert issubclass(model_class, AntiSpoofingModel) and model.name != "unnamed"
    model.load()
    lines, num_skipped, waiting = [], 0, list(clips)
    total, size = len(waiting), max(1, int(model.batch_size))
    for batch in (waiting[i : i + size] for i in range(0, total, size)):
        for (utt, _), score in zip(batch, _scores(model, [audio for _, audio in batch]), strict=True):
            if score is None:
                num_skipped += 1
            else:
                lines.append(f"{utt} {score:.6f}\n")
    model.unload()
    assert num_skipped <= MOST_SKIPPED * total, f"{num_skipped} of {total} clips were skipped"
    return "".join(lines)


def _scores(model: AntiSpoofingModel, audios: list[np.ndarray]) -> list[float | None]:
    rates = [model.expected_sample_rate] * len(audios)
    try:
        found = model.score_batch(audios, rates)
        assert isinstance(found, list) and len(found) == len(audios)
        return [float(score) for score in found]
    except Exception:  # the runner goes on clip by clip, and counts clips that fail
        return [None] if len(audios) == 1 else [_scores(model, [audio])[0] for audio in audios]


def problems(
    submission: str, scores: str, labels: dict[str, int], calibration: str | None = None
) -> list[str]:
    """What the check of a pull request finds wrong with a YAML file and its score file.

    `labels` are those of the data set, 0 bona fide and 1 spoof. `calibration` is the name of the set whose
    threshold counts for spoofs alone.
    """
    content = yaml.safe_load(submission)
    found = _schema(content)
    if found:
        return found
    rows = [line.split() for line in scores.splitlines()]
    if any(len(row) != 2 or not math.isfinite(float(row[1])) for row in rows):
        return ["a line of the score file is not `id score`"]
    by_id = {utt: float(score) for utt, score in rows}
    counts = content["scores"]
    if len(by_id) != len(rows) or not set(by_id) <= set(labels):
        found.append("ids are repeated or unknown")
    if len(rows) + counts["n_skipped"] != counts["n_trials"] or counts["n_trials"] != len(labels):
        found.append("the numbers of trials do not agree")
    if hashlib.sha256(scores.encode()).hexdigest() != content["artifact"]["scores_sha256"]:
        found.append("the score file has another digest")
    bonafide, spoof = ([by_id[utt] for utt in by_id if labels.get(utt) == k] for k in (0, 1))
    if "eer_percent" in counts:
        found += _compare("eer_percent", counts, equal_error_rate(bonafide, spoof))
    else:
        given = content["calibration"]
        if given["source_dataset"] != calibration:
            found.append("the threshold is of another set")
        passed = sum(score >= given["threshold"] for score in spoof)
        found += _compare("srr_complement", counts, 100 * passed / len(spoof))
    return found


def _compare(name: str, counts: dict, value: float) -> list[str]:
    return [] if abs(counts[name] - value) <= 1e-6 else [f"{name} is {counts[name]}, recomputed {value}"]


def _schema(content: dict) -> list[str]:
    found = []
    calibrated = "calibration" in content
    needed = {*BLOCKS, "schema_version", "reproduction", "submitted_at"} | ({"calibration"} & set(content))
    if not needed <= set(content) <= needed | {"notes"}:
        found.append(f"the blocks are {sorted(content)}")
    for block, fields in BLOCKS.items():
        names = {name.rstrip("?"): not name.endswith("?") for name in fields.split()}
        given = content.get(block) or {}
        if not {name for name, is_needed in names.items() if is_needed} <= set(given) <= set(names):
            found.append(f"the fields of {block} are {sorted(given)}")
    if found:
        return found
    scores = content["scores"]
    checks = {
        "schema_version": content["schema_version"] == (5 if calibrated else 4),
        "calibration": calibrated == ("srr_complement" in scores),
        "metrics": ("eer_percent" in scores) != ("srr_complement" in scores),
        "counts": all(type(scores[name]) is int and scores[name] >= 0 for name in ("n_trials", "n_skipped")),
        "slug": re.fullmatch("[a-z0-9][a-z0-9-]*", content["system"]["slug"]),
        "addresses": all(
            str(content["system"][name]).startswith("https://") for name in ("code", "checkpoint")
        ),
        "id": re.fullmatch("[^/]+/[^/]+", content["dataset"]["id"]),
        "revision": re.fullmatch("[0-9a-f]{7,40}", content["dataset"]["revision"]),
        "scores_url": re.match(
            "https://[^/]+/[^/]+/[^/]+/resolve/[0-9a-f]{7,40}/", content["artifact"]["scores_url"]
        ),
        "digest": re.fullmatch("[0-9a-f]{64}", content["artifact"]["scores_sha256"]),
        "submitted_at": isinstance(content["submitted_at"], str)
        and datetime.date.fromisoformat(content["submitted_at"]),
        "reproduction": content["reproduction"] == {},
        "texts": all(isinstance(value, str) and value for value in content["submitter"].values()),
    }
    return [name for name, is_right in checks.items() if not is_right]


def equal_error_rate(bonafide: list[float], spoof: list[float]) -> float:
    """The Arena's rule in percent, for every threshold by counting."""
    thresholds = sorted({*bonafide, *spoof})
    rates = [
        (sum(s >= t for s in spoof) / len(spoof), sum(b < t for b in bonafide) / len(bonafide))
        for t in thresholds
    ]
    signs = [(far > frr) - (far < frr) for far, frr in rates]
    for (first, second), (far, frr), (next_far, next_frr) in zip(
        zip(signs, signs[1:], strict=False), rates, rates[1:], strict=False
    ):
        if first != second:
            before, after = far - frr, next_far - next_frr
            share = before / (before - after)
            return 50 * ((1 - share) * (far + frr) + share * (next_far + next_frr))
    return 50 * sum(min(rates, key=lambda pair: abs(pair[0] - pair[1])))
