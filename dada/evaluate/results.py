"""The schema of results: what stage 9 and `dada evaluate` measure, and the JSON that holds it."""

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.evaluate.paths import VERSION
from dada.metrics.figure import Figure
from dada.storage.json_file import read_json, write_json


@dataclass(kw_only=True)
class ConditionResults:
    """Spoofs with one value of a condition against all bona fide trials, and `within` those with the
    value.
    """

    num_bonafide: int
    num_spoof: int
    num_bonafide_within: int
    metrics: dict[str, Figure | None] = field(default_factory=dict)
    within: dict[str, Figure | None] | None = None  # None where no bona fide trial has the value
    asv: str | None = None  # the trials of the ASV that the tandem metrics assume
    asv_within: str | None = None


@dataclass(kw_only=True)
class Measurements:
    """Metrics of a system over all trials and by condition; `metrics` is None where a class is missing."""

    num_trials: int
    num_bonafide: int | None = None  # None for an unlabelled set
    num_spoof: int | None = None
    num_speakers: int = 0
    asv: str | None = None
    metrics: dict[str, Figure | None] | None = None
    missing: dict[str, str] = field(default_factory=dict)  # metric -> why it has no value
    conditions: dict[str, dict[str, ConditionResults]] = field(default_factory=dict)


@dataclass(kw_only=True)
class Difference(Figure):
    """A metric of the first minus that of the second system; `first` and `second` are means over seeds."""

    first: float
    second: float


@dataclass(kw_only=True)
class Comparison:
    """Paired differences of two systems: of metrics, and of the EER by condition and value."""

    metrics: dict[str, Difference] | None = None  # None where a class is missing
    conditions: dict[str, dict[str, Difference]] = field(default_factory=dict)


@dataclass
class DetCurve:
    """Points of a detection error trade-off curve, and the ends of its band."""

    p_fa: list[float]
    p_miss: list[float]
    low: list[float] | None
    high: list[float] | None


@dataclass
class Histogram:
    """Counts of both classes in the bins between `edges`."""

    edges: list[float]
    bonafide: list[int]
    spoof: list[int]


@dataclass
class Calibration:
    """Points of a calibration plot: see `reliability` of dada.metrics.calibration."""

    predicted: list[float]
    true: list[float]
    weight: list[float]
    calibrated: bool  # whether the scores were calibrated on dev; else they are likelihood ratios themselves


@dataclass
class SweepRow:
    """OpenMax with one tail and threshold on dev."""

    tail: int
    threshold: float
    known_accuracy: Figure
    held_out_macro_f1: Figure


@dataclass
class Choice:
    """The tail and threshold of one training seed."""

    tail: int
    threshold: float


@dataclass
class Sweep:
    """All tails and thresholds of OpenMax on dev, and the choice of every seed."""

    rows: list[SweepRow]
    chosen: list[Choice]


@dataclass(kw_only=True)
class ClassResults:
    """Recognition of attacks; see dada.metrics.recognition for the metrics."""

    labels: list[str]
    unknown_attacks: list[str]
    num_known: int
    num_unknown: int
    closed_accuracy: Figure | None
    closed_macro_f1: Figure | None
    accuracy: Figure | None
    macro_f1: Figure | None
    unknown_auc: Figure | None
    unknown_eer: Figure | None = None
    unknown_fpr95: Figure | None = None
    confusion: list[list[int]]  # true classes by decisions, summed over the seeds
    sweep: Sweep | None = None


@dataclass(kw_only=True)
class Abx(Figure):
    """ABX discrimination of embeddings."""

    num_classes: int
    num_triples: int
    distance: str


@dataclass(kw_only=True)
class AuthorResults:
    """Recognition of authors; see dada.metrics.authorship for the metrics."""

    num_texts: int  # by authors that the system knows
    num_unknown: int  # by others
    num_authors: int
    num_sources: int
    chance: float
    accuracy: Figure
    macro_f1: Figure
    weighted_f1: Figure


@dataclass(kw_only=True)
class WordErrors(Figure):
    """Word error rate of some utterances."""

    num_utterances: int
    num_words: int


@dataclass
class Provenance:
    """How results were made: a command, digests of the outputs by seed, settings, definitions of metrics."""

    command: str
    scores: dict[str, str]
    evaluate: dict[str, Any]
    definitions: dict[str, str]


@dataclass(kw_only=True)
class SystemResults(Measurements):
    """One system on one split, over all training seeds."""

    system: str
    task: str
    protocol: str
    split: str
    seeds: list[int]
    score_kind: str | None = None  # of SCORE_KINDS; None without scores
    notes: list[str] = field(default_factory=list)
    # Error rates at the threshold of the EER on dev; empty on dev itself, and where dev gives no threshold.
    at_dev: dict[str, Figure | None] = field(default_factory=dict)
    det: DetCurve | None = None
    histogram: Histogram | None = None
    calibration: Calibration | None = None
    classes: ClassResults | None = None
    abx_speaker: Abx | None = None
    abx_across: Abx | None = None
    abx_label: Abx | None = None
    authorship: AuthorResults | None = None
    # of claims on texts, by the number of pooled texts; bona fide stands for true claims
    verification: dict[str, Measurements] = field(default_factory=dict)
    provenance: Provenance


@dataclass(kw_only=True)
class PairResults(Comparison):
    """The first minus the second of two systems on one split, over the seeds that both have."""

    systems: list[str]
    protocol: str
    split: str
    seeds: list[int]
    verification: dict[str, Comparison] = field(default_factory=dict)  # of text systems, as in SystemResults


@dataclass(kw_only=True)
class WeightedResults:
    """The EERs of several test splits as one; None where one of the splits has no EER."""

    system: str
    protocol: str
    seeds: list[int]
    weights: dict[str, float]
    metrics: dict[str, Figure | None]


@dataclass(kw_only=True)
class TranscriptResults:
    """Word error rates of the transcripts of one split: of all utterances, and by label."""

    engine: dict[str, Any] | None
    corpus: str
    num_utterances: int
    wer: dict[str, WordErrors | None]


@dataclass(kw_only=True)
class Submission:
    """A submission that was written."""

    path: str
    format: str
    num_trials: int
    sha256: str
    beside: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class FileResults(Measurements):
    """What `dada evaluate` measures of a score file."""

    scores: str
    layout: str
    key: str
    key_layout: str
    subset: str | None
    num_left_out: int
    num_resamples: int = 0
    confidence: float = 0.95
    cluster: str = "speaker"
    warnings: list[str] = field(default_factory=list)
    submission: Submission | None = None
    threshold: float | None = None  # of the rates at a threshold
    threshold_source: str | None = None
    definitions: dict[str, str] = field(default_factory=dict)
    other_scores: str | None = None  # the score file that is compared with
    compare: Comparison | None = None


# The types that JSON gives a value of a field: 1.0 may be written as 1.
SCALARS: dict[Any, tuple[type, ...]] = {str: (str,), bool: (bool,), int: (int,), float: (float, int)}

KINDS: dict[str, type] = {
    "system": SystemResults,
    "pair": PairResults,
    "weighted_eer": WeightedResults,
    "transcripts": TranscriptResults,
    "score_file": FileResults,
}


def as_json(results: Any) -> dict[str, Any]:
    """Plain values of results, with their kind and version."""
    kind = next(name for name, schema in KINDS.items() if type(results) is schema)
    return {"version": VERSION, "kind": kind, **dataclasses.asdict(results)}


def write_results(path: Path, results: Any) -> None:
    """Write results as JSON."""
    write_json(path, as_json(results), allow_nan=False)


def read_results(path: Path) -> Any:
    """Read results of any kind. Raise DataError for a damaged file or another version."""
    content = read_json(path)
    again = "run stage evaluate again"
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION:
        raise DataError(f"{path} holds results of version {version}, and this is version {VERSION}: {again}")
    try:
        values = {name: value for name, value in content.items() if name not in ("version", "kind")}
        return from_plain(KINDS[content["kind"]], values)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise DataError(f"{path} does not hold what stage evaluate writes ({error}): {again}") from error


def from_plain(schema: Any, value: Any) -> Any:
    """An instance of a dataclass, or of lists and dicts of such, from plain values."""
    if dataclasses.is_dataclass(schema):
        hints = typing.get_type_hints(schema)
        return typing.cast(type, schema)(
            **{name: from_plain(hints[name], inner) for name, inner in value.items()}
        )
    origin, arguments = typing.get_origin(schema), typing.get_args(schema)
    if origin is types.UnionType:
        return None if value is None else from_plain(arguments[0], value)
    if origin is dict:
        return {name: from_plain(arguments[1], inner) for name, inner in value.items()}
    if origin is list:
        return [from_plain(arguments[0], inner) for inner in value]
    if schema in SCALARS and type(value) not in SCALARS[schema]:
        raise TypeError(f"{value!r} is no {schema.__name__}")
    return value
