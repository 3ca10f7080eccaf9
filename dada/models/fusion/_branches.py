"""What the frozen branches say of N utterances, as a fusion takes it. A authors, D embedding."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Branches:
    """`authors` are the text branch's classes in the order of its posterior; `speakers` are the purported
    ones, `-` where none is named.
    """

    utts: list[str]
    audio_score: Tensor  # (N,) log-odds of bona fide
    audio_embedding: Tensor  # (N, D)
    text_log_posterior: Tensor  # (N, A) log p(author | text)
    text_embedding: Tensor  # (N, D)
    speakers: list[str]
    authors: list[str]

    def some(self, num: int) -> "Branches":
        """`num` of the utterances, evenly spread, or all where there are fewer."""
        return self.rows(torch.linspace(0, len(self.utts) - 1, min(num, len(self.utts))).long().tolist())

    def rows(self, rows: list[int]) -> "Branches":
        """The utterances at some places, in that order."""
        return Branches(
            [self.utts[i] for i in rows],
            self.audio_score[rows],
            self.audio_embedding[rows],
            self.text_log_posterior[rows],
            self.text_embedding[rows],
            [self.speakers[i] for i in rows],
            self.authors,
        )


def claimed_authors(speakers: list[str], authors: list[str]) -> Tensor:
    """Purported speakers to indices into the authors (N,), -1 where the text model was not trained on the
    speaker.
    """
    index = {author: k for k, author in enumerate(authors)}
    return torch.tensor([index.get(speaker, -1) for speaker in speakers], dtype=torch.int64)


def log_odds_of_claim(log_posterior: Tensor, claimed: Tensor) -> Tensor:
    """log p(s|t) - log(1 - p(s|t)) of the claimed author s, (N,); the rest is summed over the others, so that
    1 does not saturate.
    """
    own, others = _split(log_posterior, claimed)
    return own - others.logsumexp(1)


def margin_of_claim(log_posterior: Tensor, claimed: Tensor) -> Tensor:
    """log p(s|t) - log of the largest posterior of anybody else, (N,)."""
    own, others = _split(log_posterior, claimed)
    return own - others.amax(1)


def lift_of_claim(log_posterior: Tensor, claimed: Tensor, prior: Tensor) -> Tensor:
    """log p(s|t) - log p(s): how much the words speak for s beyond how often s wrote in training, (N,)."""
    return _split(log_posterior, claimed)[0] - prior.log()[claimed.clamp(min=0)]


def _split(log_posterior: Tensor, claimed: Tensor) -> tuple[Tensor, Tensor]:
    """The claimed author's own column (N,), and all columns with that one at minus infinity (N, A). A claim
    of -1 reads column 0.
    """
    column = claimed.clamp(min=0)[:, None]
    return log_posterior.gather(1, column)[:, 0], log_posterior.scatter(1, column, -torch.inf)
