"""What a system says of one file."""

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """The outputs of a system on one file. Scores are natural-log odds or logit differences: higher is more
    bona fide.
    """

    file: str
    system: str
    seed: int | None  # of the training run; None with `weights`
    weights: str | None  # the file that was named instead of an experiment
    seconds: float  # of the file
    window: str  # how the file was cut or extended for the audio models
    score: float | None  # None of a system that has no class of bona fide speech
    probability_bonafide: (
        float | None
    )  # calibrated on dev, for equal priors; None where no calibration was fitted
    labels: list[str]  # the classes, in the order of the logits
    logits: dict[
        str, float
        # by class; of a system with one logit, that of the second class; of an open-set system log-
        # probabilities
    ]
    # the class decided for; None of a countermeasure, whose threshold is the user's
    decision: str | None = None
    # their probabilities, where there are others than spoof and bonafide
    classes: dict[str, float] = field(default_factory=dict)
    speaker: str | None = None  # purported
    transcript: str | None = None
    # the scores of the systems that it stands on, by themselves
    branches: dict[str, float | None] = field(default_factory=dict)
