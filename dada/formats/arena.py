"""Submissions to the Speech Anti-Spoofing Arena: a score file, and the YAML file that a pull request to the
data set's repository adds.

The rules are those of the package speech-spoof-bench 0.4.1 (Apache-2.0): scores with six decimals, the metric
computed from the written file, no field beyond the schema. A set with both classes is measured by the EER; a
set of spoofs by 1 - SRR at the EER threshold of another set, which the block `calibration` names.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dada.errors import DataError
from dada.metrics.eer import eer_interpolated
from dada.storage.environment import utc_now

DECIMALS = 6
VERSION, CALIBRATED_VERSION = 4, 5  # of the schema, without and with `calibration`
CALIBRATION_SET = "SpeechAntiSpoofingBenchmarks/DeepVoice"  # gives the threshold of the board's 1 - SRR
BENCH = "speech-spoof-bench==0.4.1"
METRICS = ("eer_percent", "srr_complement")


@dataclass(frozen=True)
class Details:
    """What the scores do not tell: the submitter's blocks, and the threshold of 1 - SRR where that is the
    metric.
    """

    blocks: Mapping[str, Any] = field(default_factory=dict)  # of the YAML file: system, dataset, submitter, …
    threshold: float | None = None
    num_skipped: int = 0  # trials of the set without a score


def score_lines(trials: Sequence[str], scores: Sequence[float]) -> list[str]:
    """Return `trial score` with six decimals. Raise DataError for a trial with a blank in its name."""
    blank = next((trial for trial in trials if trial.split() != [trial]), None)
    if blank is not None:
        raise DataError(f"the Arena splits lines at blanks, and the trial {blank!r} holds one: rename it")
    return [f"{trial} {score:.{DECIMALS}f}" for trial, score in zip(trials, scores, strict=True)]


def rounded(scores: Iterable[float]) -> list[float]:
    """Return scores as the file holds them."""
    return [float(f"{score:.{DECIMALS}f}") for score in scores]


def pointer(text: str, bonafide: Sequence[float], spoof: Sequence[float], details: Details) -> str:
    """Return the YAML file for a score file's text, given the rounded scores of each class.

    Without the submitter's blocks their fields are null. Raise DataError where they are given and break the
    schema, and for a set of one class without a threshold.
    """
    content = _content(text, bonafide, spoof, details)
    broken = problems(content) if details.blocks else []
    if broken:
        raise DataError("the Arena would refuse this submission:\n  " + "\n  ".join(broken))
    lines = []
    for name, value in content.items():
        if isinstance(value, dict) and value:
            lines += [f"{name}:", *(f"  {key}: {json.dumps(inner)}" for key, inner in value.items())]
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    return "".join(f"{line}\n" for line in lines)


def _content(
    text: str, bonafide: Sequence[float], spoof: Sequence[float], details: Details
) -> dict[str, Any]:
    given, threshold = details.blocks, details.threshold
    digest = hashlib.sha256(text.encode()).hexdigest()
    total = len(bonafide) + len(spoof) + details.num_skipped
    counts = {"n_trials": total, "n_skipped": details.num_skipped}
    content: dict[str, Any] = {
        "schema_version": VERSION if threshold is None else CALIBRATED_VERSION,
        "system": dict.fromkeys(("name", "slug", "description", "code", "checkpoint")),
        "dataset": {"id": None, "revision": None, "split": "test"},
        "scores": _metric(bonafide, spoof, threshold) | counts,
        "calibration": {"source_dataset": CALIBRATION_SET, "threshold": threshold},
        "artifact": {"scores_url": None, "scores_sha256": digest, "bench_version": BENCH},
        "reproduction": {},
        "submitter": {"hf_username": None, "contact": None},
        "submitted_at": utc_now()[:10],
    }
    for name, block in given.items():
        known = content.get(name)
        if isinstance(known, dict) and isinstance(block, Mapping):
            block = {**known, **block}
        content[name] = block
    if threshold is None:
        del content["calibration"]
    return content


def _metric(bonafide: Sequence[float], spoof: Sequence[float], threshold: float | None) -> dict[str, float]:
    """Return the board's metric in percent."""
    if threshold is not None:
        if not spoof:
            raise DataError("1 - SRR is a share of spoofs, and the key has none")
        return {"srr_complement": 100 * (1 - sum(score < threshold for score in spoof) / len(spoof))}
    if not bonafide or not spoof:
        raise DataError(
            "the set has trials of one class, which the Arena measures at the threshold of another set: give "
            f"--threshold_scores and --threshold_key of {CALIBRATION_SET}, or --threshold"
        )
    return {"eer_percent": 100 * eer_interpolated(bonafide, spoof)[0]}


def problems(content: Mapping[str, Any]) -> list[str]:
    """Return how a submission breaks the schema, field by field; empty for one that is accepted."""
    calibrated = "srr_complement" in content.get("scores", {})
    needed = set(SCHEMA) - {"notes", "calibration"} | ({"calibration"} if calibrated else set())
    found = _names("", content, needed, needed | {"notes"})
    for block, fields in SCHEMA.items():
        value = content.get(block)
        if value is None:
            continue
        if not isinstance(fields, Mapping):
            found += [] if fields.accepts(value) else [f"{block} is {value!r}: {fields.wanted}"]
        elif not isinstance(value, Mapping):
            found.append(f"{block} is {value!r}: a mapping is expected")
        else:
            found += _block(block, value, fields)
    if sum(name in content.get("scores", {}) for name in METRICS) != 1:
        found.append(f"scores holds one of {' and '.join(METRICS)}")
    return found


@dataclass(frozen=True)
class Rule:
    """What a field may hold."""

    wanted: str
    accepts: Callable[[Any], bool]
    optional: bool = False


def _block(block: str, values: Mapping[str, Any], fields: Mapping[str, Rule]) -> list[str]:
    found = _names(f"{block}.", values, {name for name, rule in fields.items() if not rule.optional}, fields)
    for name, rule in fields.items():
        value = values.get(name)
        if value is not None and not rule.accepts(value):
            found.append(f"{block}.{name} is {value!r}: {rule.wanted}")
    return found


def _names(prefix: str, values: Mapping[str, Any], needed: set[str], known: Any) -> list[str]:
    missing = [f"{prefix}{name} is missing" for name in sorted(needed) if values.get(name) is None]
    return missing + [f"{prefix}{name} is not in the schema" for name in values if name not in known]


def _matching(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_paper(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"arxiv_id", "url", "bibtex"}
        and all(isinstance(text, str) for text in value.values())
    )


TEXT = Rule("text is expected", lambda value: isinstance(value, str) and bool(value.strip()))
URI = Rule("an address is expected, https://…", _matching(r"https?://\S+"))
DATASET = Rule("a data set is named org/name", _matching(r"[\w.-]+/[\w.-]+"))
COUNT = Rule("a number from 0 is expected", lambda value: type(value) is int and value >= 0)
SHARE = Rule("a percentage is expected", lambda value: _is_number(value) and 0 <= value <= 100, optional=True)
SCHEMA: dict[str, Rule | dict[str, Rule]] = {
    "schema_version": Rule("4 or 5 is expected", lambda value: value in (VERSION, CALIBRATED_VERSION)),
    "system": {
        "name": TEXT,
        "slug": Rule("small letters, digits and hyphens are expected", _matching("[a-z0-9][a-z0-9-]*")),
        "description": TEXT,
        "code": URI,
        "checkpoint": URI,
        "params_millions": Rule("a number is expected", lambda v: _is_number(v) and v >= 0, optional=True),
        "paper": Rule("arxiv_id, url and bibtex are expected", _is_paper, optional=True),
    },
    "dataset": {
        "id": DATASET,
        "revision": Rule("a commit is expected, 7 to 40 digits of hex", _matching("[0-9a-f]{7,40}")),
        "split": TEXT,
    },
    "scores": {"n_trials": COUNT, "n_skipped": COUNT, **dict.fromkeys(METRICS, SHARE)},
    "calibration": {"source_dataset": DATASET, "threshold": Rule("a finite number is expected", _is_number)},
    "artifact": {
        "scores_url": Rule(
            "an address pinned to a commit is expected, https://…/resolve/COMMIT/…/scores.txt",
            _matching(r"https://\S+/resolve/[0-9a-f]{7,40}/\S+"),
        ),
        "scores_sha256": Rule("64 digits of hex are expected", _matching("[0-9a-f]{64}")),
        "bench_version": Rule(f"{BENCH} or the like is expected", _matching(r"speech-spoof-bench==\S+")),
    },
    "reproduction": Rule("it is empty until the maintainers fill it in", lambda value: value == {}),
    "submitter": {"hf_username": TEXT, "contact": TEXT},
    "submitted_at": TEXT,
    "notes": TEXT,
}
