"""The schema of `evaluate:` in a recipe."""

from dataclasses import asdict, dataclass, field
from string import Formatter
from typing import Annotated, Literal

from dada.errors import ConfigError
from dada.limits import FromZero, Limits, Names, Positive

FIXED_RATES = "asvspoof5"  # in place of a file of ASV scores

Between = Annotated[float, Limits(above=0, below=1)]
# What a countermeasure score is. Only `llr` may be read as natural-log likelihood ratios; the others order
# the trials, and a calibration makes ratios of them.
ScoreKind = Literal[
    "llr",
    "logit_difference",
    "weighted_logits",
    "focal_logits",
    "cosine",
    "mean_frame_llr",
    "log_odds",
    "bonafide_logit",
]
LLR: ScoreKind = "llr"
SCORE_KINDS: dict[str, str] = {
    "llr": "natural-log likelihood ratios",
    "logit_difference": "log odds at the shares of the training set",
    "weighted_logits": "differences of logits that were trained with class weights",
    "focal_logits": "differences of logits that the focal loss trained",
    "cosine": "cosines",
    "mean_frame_llr": "log-likelihood ratios of single frames, averaged over a clip",
    "log_odds": "log odds that no prior was taken out of",
    "bonafide_logit": "logits of bona fide alone",
}


@dataclass
class VerificationConfig:
    """Claims on texts, "would this person say this?": a trial is a claimed speaker and texts of one source.

    A text system is measured on them where `pooled` is not empty.
    """

    # numbers of texts of one source that a claim is judged by, such as [1, 4]; empty measures no claims
    pooled: Annotated[list[Annotated[int, Limits(least=1)]], Limits(distinct=True)] = field(
        default_factory=list
    )
    num_impostors: FromZero = 0  # other speakers who claim each pool; 0 takes all that the split has
    # a table of the texts, such as `decade` for utt2decade: impostors whom the split has texts of with the
    # same value are also measured by themselves; empty for none
    period: str = ""
    metrics: Names = field(default_factory=lambda: ["eer", "auc", "min_cllr"])  # of the catalogue
    cluster: Literal["source", "speaker"] = "source"  # of the words: what is resampled for the intervals


@dataclass
class EvaluateConfig:
    """How the scores of a recipe are measured. Every value is written into the results."""

    num_resamples: int = 1000  # of the speakers, for the intervals
    confidence: Between = 0.95  # share of the resamples inside an interval
    seed: FromZero = 0  # of the resamples and of the ABX triples
    p_spoof: Between = 0.05  # share of spoofs that the detection costs assume
    cost_miss: Positive = 1.0  # of a rejected bona fide trial
    cost_fa: Positive = 10.0  # of an accepted spoof
    abx_triples: int = 10_000
    abx_distance: Literal["cosine", "l2"] = "cosine"
    # Attacks that are the same algorithm as another, such as A16 and A04 of ASVspoof 2019: known where the
    # other is.
    same_attack: dict[str, str] = field(default_factory=dict)
    # Split -> what the tandem metrics need of the speaker verification: {scores: FILE, key: FILE, subset:
    # NAME}. Files are relative to corpus.root, `{protocol}` in them stands for the protocol, `{track}` for
    # what its name has before the first `_` (LA of LA_A01); key and subset are for ASVspoof 2021. `scores:
    # asvspoof5` means the rates that ASVspoof 5 gives.
    asv: dict = field(default_factory=dict)
    # test split -> its weight in one mean of their EERs, as in ADD 2023
    weighted_eer: dict[str, float] = field(default_factory=dict)
    verification: VerificationConfig = field(default_factory=VerificationConfig)
    num_det_points: Annotated[int, Limits(least=2)] = 101  # points of the DET curve kept for plots
    # pairs of systems whose paired difference is measured: [[dada_mid, aasist]]
    compare: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for split, entry in self.asv.items():
            if (
                not isinstance(entry, dict)
                or "scores" not in entry
                or not set(entry) <= {"scores", "key", "subset"}
            ):
                raise ConfigError(
                    f"evaluate.asv.{split} is {entry!r}, and must be {{scores: FILE}}, with key and subset "
                    "where needed"
                )
            names = {
                name for value in entry.values() for _, name, *_ in Formatter().parse(str(value)) if name
            }
            if not names <= {"protocol", "track"}:
                raise ConfigError(
                    f"evaluate.asv.{split} is {entry!r}, and only {{protocol}} and {{track}} may "
                    "stand in braces"
                )
        if self.weighted_eer and not any(self.weighted_eer.values()):
            raise ConfigError("evaluate.weighted_eer gives every split the weight 0: one must be above 0")
        for pair in self.compare:
            if len(pair) != 2 or pair[0] == pair[1] or self.compare.count(pair) > 1:
                raise ConfigError(
                    f"evaluate.compare holds {pair!r}, and must hold pairs of two systems, each once: "
                    "[[dada_mid, aasist]]"
                )

    def of_one_system(self) -> dict:
        """The settings that the figures of one system depend on, on every split."""
        left_out = {"compare", "asv", "weighted_eer"} | (
            set() if self.verification.pooled else {"verification"}
        )
        return {name: value for name, value in asdict(self).items() if name not in left_out}
