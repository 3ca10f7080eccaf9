"""What a system says of one file. The fields are the keys of `dada detect --json`."""

from dataclasses import dataclass, field
from typing import Literal

VERSION = 1  # of the schema: it rises when a key changes its meaning or goes
Answer = Literal["more like bona fide speech", "more like synthetic speech", "cannot tell"]
BONAFIDE_LIKE: Answer = "more like bona fide speech"
SYNTHETIC_LIKE: Answer = "more like synthetic speech"
CANNOT_TELL: Answer = "cannot tell"


@dataclass
class WindowScore:
    """A stretch of the file, in seconds. `score` is None where it holds too little speech to be scored."""

    start: float
    end: float
    speech: float  # share of the window, 0 to 1
    score: float | None


@dataclass
class Stretch:
    """Neighbouring windows on the synthetic side, in seconds, with their mean score."""

    start: float
    end: float
    score: float


@dataclass
class Agreement:
    """How many of several systems gave each answer on a file, and that as words."""

    systems: int
    bonafide: int
    synthetic: int
    cannot_tell: int
    sentence: str


@dataclass
class Verdict:
    """The answer of a system on one file, and what it rests on.

    Scores are natural-log odds or logit differences: higher is more bona fide. Where a check finds that the
    file holds nothing to score, the answer is `cannot tell`, and `score`, `llr` and `probability_bonafide`
    are None.
    """

    file: str
    system: str
    seed: int | None  # of the training run; None with `weights`
    weights: str | None  # the file or name of published weights, instead of an experiment
    answer: Answer
    sentence: str  # the answer with its uncertainty, for people
    seconds: float  # of the file
    window: str  # how the file, or each window of it, was cut or extended for the audio models
    rule: str  # how the score follows from the windows
    score: float | None  # None of a system that has no class of bona fide speech
    llr: float | None  # the score as a log-likelihood ratio; None where no calibration was fitted
    # calibrated, for equal priors; None where no calibration was fitted
    probability_bonafide: float | None
    population: str  # the speech that the calibration holds for; empty without one
    labels: list[str]  # the classes, in the order of the logits
    # by class; of a system with one logit, that of the second class; of an open-set system log-probabilities.
    # Means over the windows.
    logits: dict[str, float]
    # the class decided for; None of a countermeasure, whose threshold is the user's
    decision: str | None = None
    # their probabilities, where there are others than spoof and bonafide
    classes: dict[str, float] = field(default_factory=dict)
    decided_by: str = ""  # the branch that answered alone, where the words could not be weighed
    speaker: str | None = None  # purported, as the system spells the name
    transcript: str | None = None
    words: str = ""  # how the transcript was used, of a system that uses words
    # the scores of the systems that it stands on, by themselves
    branches: dict[str, float | None] = field(default_factory=dict)
    worst: WindowScore | None = None  # the window with the lowest score
    windows: list[WindowScore] = field(default_factory=list)
    synthetic_stretches: list[Stretch] = field(default_factory=list)  # from the strongest on
    speech_seconds: float | None = None  # None where speech was not looked for
    native_rate: int = 0  # Hz, as stored
    channels: int = 0  # as stored
    container: str = ""  # as stored, e.g. FLAC/PCM_16
    checks: list[dict[str, str]] = field(default_factory=list)  # name, level and message of each finding
    caveat: str = ""  # on the training data of the system
    agreement: Agreement | None = None  # where several systems were asked
    version: int = VERSION
