"""DADA's mid fusion: audio and text embeddings side by side, then an MLP.

Defence Against the Deepfake Arts (draft, Interspeech 2025), section 3.3.1; sizes of the layers from its
authors' code. 788,481 parameters for 256 + 1024 inputs, 526,337 for 256 + 512. The paper has one sigmoid
output and BCE; here the logits are (0, z), whose cross-entropy is the BCE of z. Ours are:

speaker_evidence  lets the purported speaker, whom the paper's mid fusion does not see, in: two more inputs
                  say how well the words fit that speaker.
residual          z is the log-odds of the audio branch plus what the network adds. The last layer starts at
                  0, so that training starts from the audio alone, and weight decay leads back to it.
branch_size       With `project`, each embedding is reduced to so many numbers: a text embedding has as many
                  dimensions as a small corpus has utterances.
control           A control experiment; see `_controls.py`.

B utterances, D inputs.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.errors import ConfigError
from dada.limits import FromZero, Limits, Rate
from dada.models import Output
from dada.models.fusion._branches import Branches, claimed_authors, lift_of_claim, margin_of_claim
from dada.models.fusion._controls import Control


@dataclass
class Config:
    """Sizes of the branches' embeddings, authors and their shares are filled in from the branches by stage
    train_fusion.
    """

    audio_size: int = 256
    text_size: FromZero = 1024
    hidden: Annotated[list[int], Limits(min_items=1)] = field(default_factory=lambda: [512, 256])
    # each embedding first through BatchNorm and a linear layer, of its own size or of branch_size
    project: bool = False
    branch_size: int = 0
    input_dropout: Rate = 0.0  # of the embeddings; before the projection
    dropout: Rate = 0.0  # after each hidden layer; the paper names none
    # add log p(s|t) - log max of the others, and log p(s|t) - log p(s), of the purported speaker s
    speaker_evidence: bool = False
    unknown_speaker: Literal["audio", "error"] = "audio"  # audio: evidence of 0 where s is no trained author
    residual: bool = False  # add the log-odds of the audio branch
    control: Control = "none"
    authors: list[str] = field(default_factory=list)
    prior: list[float] = field(default_factory=list)  # share of each author in the text model's training

    def __post_init__(self) -> None:
        if self.control == "permuted_claims" and not self.speaker_evidence:
            raise ConfigError(
                "model.control: permuted_claims changes nothing, since this fusion reads no claim: set "
                "model.speaker_evidence=true"
            )
        if self.branch_size and not self.project:
            raise ConfigError("model.branch_size is the size of a projection: set model.project=true")


class Model(nn.Module):
    """Concatenation → Linear → BatchNorm → ReLU → (Linear → ReLU)* → Linear to one log-odds of bona fide."""

    def __init__(self, config: Config, num_classes: int = 2):
        super().__init__()
        self.config = config
        self.sizes = [config.audio_size, config.text_size]
        widths = [min(size, config.branch_size or size) for size in self.sizes]
        self.project = (
            nn.ModuleList(
                nn.Sequential(nn.BatchNorm1d(size), nn.Linear(size, width)) if size else nn.Identity()
                for size, width in zip(self.sizes, widths, strict=True)
            )
            if config.project
            else None
        )
        size = (sum(widths) if config.project else sum(self.sizes)) + 2 * reads_claim(config)
        self.mlp = nn.Sequential()
        for i, width in enumerate(config.hidden):
            norm = [] if i else [nn.BatchNorm1d(width)]
            self.mlp.extend([nn.Linear(size, width), *norm, nn.ReLU(), nn.Dropout(config.dropout)])
            size = width
        self.input_dropout = nn.Dropout(config.input_dropout)
        self.head = nn.Linear(size, 1)
        if config.residual:
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    def forward(self, batch: Batch) -> Output:
        """(B, D) as `inputs` lays them out, to logits (B, 2) and the last hidden layer."""
        rows, score = batch.inputs.tensor_split([batch.inputs.shape[1] - self.config.residual], dim=1)
        audio, text, evidence = rows.tensor_split([self.sizes[0], sum(self.sizes)], dim=1)
        audio, text = self.input_dropout(audio), self.input_dropout(text)
        if self.project is not None:
            audio, text = self.project[0](audio), self.project[1](text)
        hidden = self.mlp(torch.cat([audio, text, evidence], dim=1))
        z = self.head(hidden)
        if self.config.residual:
            z = z + score
        return Output(torch.cat([torch.zeros_like(z), z], dim=1), hidden)


def inputs(config: Config, branches: Branches) -> Tensor:
    """The rows (N, D) that the model reads: audio embedding, text embedding, with `speaker_evidence` two
    numbers, and with `residual` the log-odds of the audio.
    """
    parts = [branches.audio_embedding, branches.text_embedding]
    if reads_claim(config):
        claimed = claimed_authors(branches.speakers, branches.authors)
        prior = torch.tensor(config.prior, dtype=branches.text_log_posterior.dtype)
        evidence = torch.stack(
            [
                margin_of_claim(branches.text_log_posterior, claimed),
                lift_of_claim(branches.text_log_posterior, claimed, prior),
            ],
            dim=1,
        )
        parts.append(torch.where((claimed >= 0)[:, None], evidence, 0.0))
    if config.residual:
        parts.append(branches.audio_score[:, None])
    return torch.cat([part.float() for part in parts], dim=1)


def reads_claim(config: Config) -> bool:
    """Whether the evidence on the purported speaker is an input."""
    return config.speaker_evidence and config.control != "audio_only"


def needs_speaker(config: Config) -> bool:
    """Whether the purported speaker matters to this fusion."""
    return reads_claim(config)
