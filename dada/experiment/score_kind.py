"""What the scores of a system are: whether they may be read as log-likelihood ratios.

It follows from how the system was trained. Logits that balanced batches of both classes trained without class
weights are log odds at equal priors, which are log-likelihood ratios. A loss or a model that makes other
scores says so itself, by a `SCORE_KIND` in its file.
"""

from typing import Any

from dada.data.datadir import BONAFIDE, SPOOF
from dada.evaluation_settings import LLR, ScoreKind
from dada.experiment.config import SystemConfig
from dada.plugin_schema import constant


def score_kind_of(config: SystemConfig) -> ScoreKind:
    """Return the kind of a system's scores: what its configuration says, else what follows from it."""
    if config.score_kind is not None:
        return config.score_kind
    if config.score == "bonafide_logit":
        return "bonafide_logit"
    if config.task in ("text", "open_set"):
        return "log_odds"
    own = constant(f"dada.models.{config.task}", config.model["name"], f"{config.task} model", "SCORE_KIND")
    of_both = set(config.labels) == {SPOOF, BONAFIDE}
    if own is not None:
        return own if own != LLR or of_both else "log_odds"
    last = _last_phase(config)
    of_loss = constant("dada.losses", last["loss"].get("name", "cross_entropy"), "loss", "SCORE_KIND")
    if of_loss is not None:
        return of_loss
    if len(set(last["loss"].get("class_weights") or [1])) > 1:
        return "weighted_logits"
    return LLR if of_both and last["sampler"].startswith("balanced") else "logit_difference"


def has_claim_logits(config: SystemConfig) -> bool:
    """Return whether each logit of a text system is the log odds of a claim by itself: of a binary head."""
    return config.task == "text" and _last_phase(config)["loss"].get("name") == "claims"


def _last_phase(config: SystemConfig) -> dict[str, Any]:
    """Return loss and sampler of the last phase of the training; of a sum of losses the first."""
    whole = {"loss": config.train.loss, "sampler": config.train.sampler}
    last = whole | (config.train.phases[-1] if config.train.phases else {})
    while last["loss"].get("terms"):
        last["loss"] = last["loss"]["terms"][0]
    return last
