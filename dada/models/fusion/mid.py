"""DADA's mid fusion: audio and text embeddings side by side, then an MLP.

Defence Against the Deepfake Arts (draft, Interspeech 2025), section 3.3.1; sizes of the layers from its
authors' code. 788,481 parameters for 256 + 1024 inputs, 526,337 for 256 + 512. Two things are ours. The paper
has one sigmoid output and BCE; here the logits are (0, z), whose cross-entropy is the BCE of z. And
`speaker_evidence` lets the purported speaker, whom the paper's mid fusion does not see, in: two more inputs
say how well the words fit that speaker. B utterances, D inputs.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.limits import Rate
from dada.models import Output
from dada.models.fusion._branches import Branches, claimed_authors, lift_of_claim, margin_of_claim


@dataclass
class Config:
    """Sizes of the branches' embeddings, authors and their shares are filled in from the branches by stage
    train_fusion.
    """

    audio_size: int = 256
    text_size: int = 1024
    hidden: list[int] = field(default_factory=lambda: [512, 256])
    project: bool = False  # each embedding first through BatchNorm and a linear layer of its own size
    dropout: Rate = 0.0  # after each hidden layer; the paper names none
    # add log p(s|t) - log max of the others, and log p(s|t) - log p(s), of the purported speaker s
    speaker_evidence: bool = False
    unknown_speaker: str = "audio"  # audio: evidence of 0 where s is no trained author | error
    authors: list[str] = field(default_factory=list)
    prior: list[float] = field(default_factory=list)  # share of each author in the text model's training


class Model(nn.Module):
    """Concatenation → Linear → BatchNorm → ReLU → Linear → ReLU → Linear to one log-odds of bona fide."""

    def __init__(self, config: Config, num_classes: int = 2):
        super().__init__()
        self.config = config
        sizes = [config.audio_size, config.text_size]
        self.project = (
            nn.ModuleList(nn.Sequential(nn.BatchNorm1d(n), nn.Linear(n, n)) for n in sizes)
            if config.project
            else None
        )
        size = sum(sizes) + 2 * config.speaker_evidence
        first, second = config.hidden
        self.mlp = nn.Sequential(
            nn.Linear(size, first),
            nn.BatchNorm1d(first),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.head = nn.Linear(second, 1)

    def forward(self, batch: Batch) -> Output:
        """(B, D) as `inputs` lays them out, to logits (B, 2) and the last hidden layer (B, 256)."""
        x = batch.inputs
        if self.project is not None:
            audio, text, rest = x.tensor_split(
                [self.config.audio_size, self.config.audio_size + self.config.text_size], dim=1
            )
            x = torch.cat([self.project[0](audio), self.project[1](text), rest], dim=1)
        hidden = self.mlp(x)
        z = self.head(hidden)
        return Output(torch.cat([torch.zeros_like(z), z], dim=1), hidden)


def inputs(config: Config, branches: Branches) -> Tensor:
    """The rows (N, D) that the model reads: audio embedding, text embedding, and with `speaker_evidence` two
    numbers.
    """
    parts = [branches.audio_embedding, branches.text_embedding]
    if config.speaker_evidence:
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
    return torch.cat([part.float() for part in parts], dim=1)


def needs_speaker(config: Config) -> bool:
    """Whether the purported speaker matters to this fusion."""
    return config.speaker_evidence
