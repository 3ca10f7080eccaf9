"""DADA's late fusion: ŷ = α·p(real|audio) + (1 − α)·p(real|text), with several estimates of p(real|text).

Defence Against the Deepfake Arts (draft, Interspeech 2025), equation 3 and section 7. p(a|t) is the author
posterior, s the purported speaker, r_a the share of spoofs among the training utterances purported to be by
a. `rule` chooses the text side:

mean           p(s|t) itself: eq. 3 literally. A posterior over many authors, not P(real), and hence small.
calibrated     Log-odds of p(s|t) against the other authors and of the audio, Platt-scaled on dev; then eq. 3.
log_odds       The same two log-odds; their weighted mean replaces that of the probabilities.
bayes          1 − Σ_a r_a p(a|t) (section 7), then eq. 3. It ignores the purported speaker, and with equal
               r_a it is constant.
bayes_claimed  Our extension to a purported speaker: log-odds log (1 − r_s)/r_s + log p(s|t)/p(s), averaged
               with the audio's. They follow if a spoof's text is by any author, as frequent as in training.

The fused score is the log-odds of ŷ, computed in the log domain. An unknown s leaves the audio alone (α = 1).
B utterances, A authors.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.limits import Share
from dada.models import Output
from dada.models.fusion._branches import (
    Branches,
    claimed_authors,
    lift_of_claim,
    log_odds_of_claim,
    margin_of_claim,
)

FITTED_ON = ("dev",)  # splits whose branch outputs it is fitted to as a whole, without training by gradient
SCORE_KIND = "log_odds"  # of a mean of probabilities, or a weighted mean of log odds
CALIBRATED = ("calibrated", "log_odds")
IN_LOG_ODDS = ("log_odds", "bayes_claimed")


@dataclass
class Config:
    """`authors` and `prior` are filled in from the text branch by stage train_fusion; fitted numbers are in
    the weights.
    """

    rule: Literal["mean", "calibrated", "log_odds", "bayes", "bayes_claimed"] = "mean"
    # calibrated, log_odds: log p(s|t) less log max of the others (margin) or log p(s) (prior)
    evidence: Literal["margin", "prior"] = "margin"
    # dev: the α of a grid with the least EER on dev | learned: by gradient through a sigmoid | fixed
    weight: Literal["dev", "learned", "fixed"] = "dev"
    alpha: Share = 0.5  # weight of the audio, for fixed
    # where s is no trained author: audio takes the score of the audio branch alone
    unknown_speaker: Literal["audio", "error"] = "audio"
    # a control experiment; see _controls.py
    control: Literal["none", "noise_text", "permuted_claims"] = "none"
    authors: list[str] = field(default_factory=list)
    prior: list[float] = field(default_factory=list)  # share of each author in the text model's training


class Model(nn.Module):
    """A rule and its fitted numbers in float64: α, slope and offset per branch, spoof rate per author."""

    alpha: Tensor
    platt: Tensor
    spoof_rates: Tensor
    prior: Tensor

    def __init__(self, config: Config, num_classes: int = 2):
        super().__init__()
        self.config = config
        num_authors = len(config.authors)
        self.register_buffer("alpha", torch.tensor(config.alpha, dtype=torch.float64))
        self.register_buffer(
            "platt", torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
        )  # audio, text: slope, offset
        self.register_buffer("spoof_rates", torch.full((num_authors,), 0.5, dtype=torch.float64))
        self.register_buffer("prior", torch.tensor(config.prior, dtype=torch.float64), persistent=False)

    def forward(self, batch: Batch) -> Output:
        """(B, 1 + A): audio log-odds, log posterior of the authors; to logits (B, 2) and the two log-odds
        that were weighed (B, 2).
        """
        x = batch.inputs.double()
        audio, text = self.branch_log_odds(x, batch.speakers)
        z = self.fuse(audio, text)
        return Output(
            torch.stack([torch.zeros_like(z), z], dim=1), torch.stack([audio, text.nan_to_num(0.0)], dim=1)
        )

    def raw_log_odds(self, x: Tensor, speakers: list[str]) -> tuple[Tensor, Tensor]:
        """Audio and text evidence (B,) before calibration; the text's is NaN for an unknown speaker where the
        rule needs one.
        """
        audio, log_posterior = x[:, 0], x[:, 1:]
        if self.config.rule == "bayes":
            return audio, bayes_log_odds(log_posterior, self.spoof_rates)
        claimed = claimed_authors(speakers, self.config.authors).to(x.device)
        if self.config.rule == "mean":
            text = log_odds_of_claim(log_posterior, claimed)
        elif self.config.rule == "bayes_claimed":
            rate = self.spoof_rates[claimed.clamp(min=0)]
            text = torch.log1p(-rate) - rate.log() + lift_of_claim(log_posterior, claimed, self.prior)
        elif self.config.evidence == "margin":
            text = margin_of_claim(log_posterior, claimed)
        else:
            text = lift_of_claim(log_posterior, claimed, self.prior)
        return audio, torch.where(claimed >= 0, text, torch.nan)

    def branch_log_odds(self, x: Tensor, speakers: list[str]) -> tuple[Tensor, Tensor]:
        """As `raw_log_odds`, calibrated where the rule calibrates."""
        audio, text = self.raw_log_odds(x, speakers)
        (audio_slope, audio_offset), (text_slope, text_offset) = self.platt
        return audio_slope * audio + audio_offset, text_slope * text + text_offset

    def fuse(self, audio: Tensor, text: Tensor) -> Tensor:
        """Log-odds of both branches to fused log-odds (B,); where the text has none, the audio's."""
        if self.config.rule in IN_LOG_ODDS:
            fused = self.alpha * audio + (1 - self.alpha) * text
        else:
            fused = log_odds_of_mean(self.alpha, audio, text)
        return torch.where(text.isnan(), audio, fused)


def inputs(config: Config, branches: Branches) -> Tensor:
    """The rows (N, 1 + A) that the model reads."""
    return torch.cat([branches.audio_score.double()[:, None], branches.text_log_posterior.double()], dim=1)


def needs_speaker(config: Config) -> bool:
    """Whether this fusion uses the purported speaker."""
    return config.rule != "bayes"


def bayes_log_odds(log_posterior: Tensor, spoof_rates: Tensor) -> Tensor:
    """Log-odds of bona fide when p(spoof|t) = Σ_a r_a p(a|t), (B,). Source: section 7 of the draft."""
    spoof = (log_posterior + spoof_rates.log()).logsumexp(1)
    return (log_posterior + torch.log1p(-spoof_rates)).logsumexp(1) - spoof


def spoof_rates(speakers: list[str], spoofed: list[bool], authors: list[str]) -> Tensor:
    """(n_spoof + 1) / (n + 2) of every author (A,): add-one smoothing; an unseen author has 1/2."""
    total, spoof = dict.fromkeys(authors, 0), dict.fromkeys(authors, 0)
    for speaker, is_spoof in zip(speakers, spoofed, strict=True):
        if speaker in total:
            total[speaker] += 1
            spoof[speaker] += bool(is_spoof)
    return torch.tensor([(spoof[a] + 1) / (total[a] + 2) for a in authors], dtype=torch.float64)


def log_odds_of_mean(alpha: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Log-odds of α·σ(first) + (1 − α)·σ(second), (B,), computed in the log domain throughout."""

    def log_mean(a: Tensor, b: Tensor) -> Tensor:
        return torch.logaddexp(
            alpha.log() + nn.functional.logsigmoid(a), torch.log1p(-alpha) + nn.functional.logsigmoid(b)
        )

    return log_mean(first, second) - log_mean(-first, -second)
