"""Agreement fusion: whether the voice and the words name the same person.

The introduction of Defence Against the Deepfake Arts (draft, Interspeech 2025) describes a final layer that
detects a mismatch between the author predicted from the audio and the author predicted from the text; its
sections on fusion give no such layer. This one is our reading. With the author posterior p(a|t) of the words,
the share p(a) of an author in the text model's training, and the speaker posterior

    q(a|x) = softmax over the authors of scale · cos(embedding of x, mean embedding of a's genuine speech)

a logistic regression, fitted on dev, weighs five numbers:

audio       log-odds of bona fide of the audio branch
agreement   log Σ_a q(a|x) p(a|t) / p(a): the log-likelihood ratio of the words under the speakers that the
            voice allows, against any author
divergence  minus KL(q‖p̃), p̃ the author posterior under equal shares
voice       log q(s|x) - log max of the others, of the purported speaker s
words       log p(s|t) - log p(s)

The last two are 0 without a purported speaker that both sides know. Authors without genuine training speech
have no voice, and q is 0 for them. No weight is negative. B utterances, A authors, D embedding.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.models import Output
from dada.models.fusion._branches import Branches, claimed_authors, lift_of_claim, margin_of_claim

FITTED_ON = ("train", "dev")  # voices come from train, the weights from dev
SCORE_KIND = "llr"  # the fit weighs both classes the same
EVIDENCE = ("audio", "agreement", "divergence", "voice", "words")


@dataclass
class Config:
    """`audio_size`, `authors` and `prior` are filled in from the branches by stage train_fusion; fitted
    numbers are in the weights.
    """

    # where s is no trained author: audio leaves the voice and the words of s out
    unknown_speaker: Literal["audio", "error"] = "audio"
    # a control experiment; see _controls.py
    control: Literal["none", "noise_text", "permuted_claims"] = "none"
    audio_size: int = 256
    authors: list[str] = field(default_factory=list)
    prior: list[float] = field(default_factory=list)  # share of each author in the text model's training


class Model(nn.Module):
    """Voices of the authors, the scale of the cosine, and the weights of the evidence, in float64."""

    voices: Tensor
    scale: Tensor
    weights: Tensor
    offset: Tensor
    prior: Tensor

    def __init__(self, config: Config, num_classes: int = 2):
        super().__init__()
        self.config = config
        zeros = torch.zeros(len(config.authors), config.audio_size, dtype=torch.float64)
        self.register_buffer("voices", zeros)  # of unit length; 0 for an author without a voice
        self.register_buffer("scale", torch.tensor(10.0, dtype=torch.float64))
        self.register_buffer("weights", torch.zeros(len(EVIDENCE), dtype=torch.float64))
        self.register_buffer("offset", torch.tensor(0.0, dtype=torch.float64))
        self.register_buffer("prior", torch.tensor(config.prior, dtype=torch.float64), persistent=False)

    def forward(self, batch: Batch) -> Output:
        """(B, 1 + D + A) as `inputs` lays them out, to logits (B, 2) and the evidence (B, 5)."""
        evidence = self.evidence(batch.inputs, batch.speakers)
        z = evidence @ self.weights + self.offset
        return Output(torch.stack([torch.zeros_like(z), z], dim=1), evidence)

    def evidence(self, x: Tensor, speakers: list[str]) -> Tensor:
        """The numbers (B, 5) of EVIDENCE."""
        audio, embedding, log_text = x.double().tensor_split([1, 1 + self.config.audio_size], dim=1)
        log_voice = speaker_log_posterior(embedding, self.voices, self.scale)
        lift = log_text - self.prior.log()
        equal = lift.log_softmax(1)
        has_voice = log_voice.isfinite()
        divergence = torch.where(has_voice, log_voice.exp() * (log_voice - equal), 0.0).sum(1)
        claimed = claimed_authors(speakers, self.config.authors).to(x.device)
        known = (claimed >= 0) & has_voice.gather(1, claimed.clamp(min=0)[:, None])[:, 0]
        of_claim = torch.stack(
            [margin_of_claim(log_voice, claimed), lift_of_claim(log_text, claimed, self.prior)], dim=1
        )
        agreement = (log_voice + lift).logsumexp(1)
        return torch.cat(
            [audio, torch.stack([agreement, -divergence], dim=1), torch.where(known[:, None], of_claim, 0.0)],
            dim=1,
        )


def speaker_log_posterior(embedding: Tensor, voices: Tensor, scale: Tensor) -> Tensor:
    """log q(a|x) (B, A) of embeddings (B, D); minus infinity for an author without a voice (A, D)."""
    cosines = nn.functional.normalize(embedding, dim=1) @ voices.T
    has_voice = voices.any(dim=1)
    return torch.where(has_voice, scale * cosines, -torch.inf).log_softmax(1)


def inputs(config: Config, branches: Branches) -> Tensor:
    """The rows (N, 1 + D + A) that the model reads."""
    parts = [branches.audio_score[:, None], branches.audio_embedding, branches.text_log_posterior]
    return torch.cat([part.double() for part in parts], dim=1)


def needs_speaker(config: Config) -> bool:
    """Whether the purported speaker matters to this fusion."""
    return True
