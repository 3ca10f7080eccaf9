"""Why a system that weighs words said so: words, the author's nearest quotes, and what each branch gave to a fused decision.

Axes: N texts, M utterances of a background.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from dada.data.dataset import Dataset
from dada.models.fusion._branches import Branches
from dada.models.inference import run_model
from dada.score.clip import System
from dada.score.fuse import score_fusion

MAX_QUOTES = 400  # of an author that are looked at


@dataclass
class Contributions:
    """Shapley values of the branches of a fusion: they add up to `score` - `base_score`, log-odds of bona fide speech.

    A branch that is left out says what it says of other utterances, averaged over these. `alpha` is the fixed weight of the audio in a late
    fusion, None of another.
    """

    score: float
    base_score: float
    values: dict[str, float]
    branch_scores: dict[str, float | None]
    alpha: float | None


def contributions(system: System, one: Branches, background: Branches) -> Contributions:
    """What audio and text gave to the fused score of one utterance, against M others."""
    num = len(background.utts)

    def score(audio: Branches, text: Branches) -> float:
        mixed = replace(
            text, utts=background.utts, audio_score=audio.audio_score.expand(num), audio_embedding=audio.audio_embedding.expand(num, -1),
            text_log_posterior=text.text_log_posterior.expand(num, -1), text_embedding=text.text_embedding.expand(num, -1),
            speakers=text.speakers if len(text.speakers) == num else text.speakers * num,
        )  # fmt: skip
        return float(score_fusion(system.experiment.model, system.config, mixed).scores.mean())

    both, audio, text, none = score(one, one), score(one, background), score(background, one), score(background, background)
    values = {"audio": (audio - none + both - text) / 2, "text": (text - none + both - audio) / 2}
    alpha = getattr(system.experiment.model, "alpha", None)
    return Contributions(both, none, values, {}, None if alpha is None else float(alpha))


def nearest_quotes(system: System, transcript: str, quotes: Sequence[str], num: int = 5) -> list[tuple[float, str]]:
    """(cosine, text) of the quotes whose embeddings by a text system lie nearest to that of the transcript, other than itself."""
    others = [text for text in dict.fromkeys(quotes) if text.lower() != transcript.lower()][:MAX_QUOTES]
    if not others or not transcript:
        return []
    embeddings = embed(system, [transcript, *others])
    cosines = embeddings[1:] @ embeddings[0]
    best = np.argsort(-cosines, kind="stable")[:num]
    return [(float(cosines[i]), others[i]) for i in best]


def embed(system: System, texts: Sequence[str]) -> np.ndarray:
    """Unit embeddings (N, D) of texts by a text system."""
    names = [f"{i:06d}" for i in range(len(texts))]
    arrays: Mapping[str, np.ndarray] = dict(zip(names, system.text_inputs(texts), strict=True))
    outputs = run_model(system.experiment.model, Dataset(arrays, names), 64)
    return torch.nn.functional.normalize(outputs.embeddings, dim=1).numpy()
