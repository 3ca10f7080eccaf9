"""Explanations of systems that use words: words, the author's nearest quotes, and the branches of a fusion.

Axes: N texts, M utterances of a background.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from dada.data import NO_SPEAKER, DataDir
from dada.experiment.trained import Experiment
from dada.explain.tokens import attribute_words, text_predictor
from dada.models.fusion._branches import Branches
from dada.score.clip import System
from dada.score.fuse import score_fusion

MAX_QUOTES = 400  # of an author that are compared
NUM_BACKGROUND = 50  # utterances that a fusion's branches are compared with

log = logging.getLogger(__name__)


@dataclass
class WordExplanation:
    """A transcript with a value for each word, and the author's nearest quotes."""

    author: str
    words: list[str]
    values: list[float]  # what each word adds to log p(author | words)
    quotes: list[tuple[float, str]]  # (cosine, text), nearest first


def explain_words(
    system: System, transcript: str, speaker: str, quotes_of: Callable[[str], Sequence[str]]
) -> WordExplanation | None:
    """Explain the words of a transcript for the purported speaker, or the likeliest author where it is `-`.

    Return None with a warning for a speaker whom the system does not know. Raise DataError for a transcript
    without words.
    """
    name, authors = system.config.name, system.experiment.labels
    if speaker not in (*authors, NO_SPEAKER):
        log.warning(
            "%s knows no texts of %s: the words are not explained; it knows %s",
            name,
            speaker,
            ", ".join(authors),
        )
        return None
    predict = text_predictor(system)
    author = authors[int(predict([transcript])[0].argmax())] if speaker == NO_SPEAKER else speaker
    attribution = attribute_words(predict, transcript, [authors.index(author)])
    quotes = nearest_quotes(system, transcript, quotes_of(author))
    return WordExplanation(author, attribution.words, attribution.values[0].tolist(), quotes)


def read_quotes(folder: Path) -> dict[str, list[str]]:
    """Return author -> texts of a data directory; empty where the folder does not exist."""
    quotes: dict[str, list[str]] = {}
    if folder.is_dir():
        data = DataDir.read(folder, require=("text",))
        for utt in data.utts:
            quotes.setdefault(data.speakers[utt], []).append(data["text"][utt])
    return quotes


def nearest_quotes(
    system: System, transcript: str, quotes: Sequence[str], num: int = 5
) -> list[tuple[float, str]]:
    """Return (cosine, text) of the `num` quotes whose embeddings are nearest to that of the transcript.

    The transcript itself is left out.
    """
    others = [text for text in dict.fromkeys(quotes) if text.lower() != transcript.lower()][:MAX_QUOTES]
    if not others or not transcript:
        return []
    embeddings = torch.nn.functional.normalize(
        system.run_texts([transcript, *others]).embeddings, dim=1
    ).numpy()
    cosines = embeddings[1:] @ embeddings[0]
    best = np.argsort(-cosines, kind="stable")[:num]
    return [(float(cosines[i]), others[i]) for i in best]


@dataclass
class Contributions:
    """Shapley values of the branches of a fusion, which add up to `score` - `base_score`.

    All are log-odds of bona fide speech. The outputs of a branch that is left out are those on the
    background, and the score is averaged over these.
    """

    score: float
    base_score: float
    values: dict[str, float]  # branch -> Shapley value
    branch_scores: dict[str, float | None]  # branch -> its own score; None where it does not know the speaker
    alpha: float | None  # fixed weight of the audio in a late fusion; None without


def branch_contributions(fusion: Experiment, clip: Branches, background: Branches) -> Contributions:
    """Return the contributions of audio and text to the fused score of one clip, against M others."""
    num = len(background.utts)

    def mean_score(audio: Branches, text: Branches) -> float:
        mixed = replace(
            text,
            utts=background.utts,
            audio_score=audio.audio_score.expand(num),
            audio_embedding=audio.audio_embedding.expand(num, -1),
            text_log_posterior=text.text_log_posterior.expand(num, -1),
            text_embedding=text.text_embedding.expand(num, -1),
            speakers=text.speakers if len(text.speakers) == num else text.speakers * num,
        )
        return float(score_fusion(fusion.model, fusion.config, mixed).scores.mean())

    audio, text = mean_score(clip, background), mean_score(background, clip)
    neither = mean_score(background, background)
    fused = score_fusion(fusion.model, fusion.config, clip)
    both = float(fused.scores[0])
    values = {"audio": (audio - neither + both - text) / 2, "text": (text - neither + both - audio) / 2}
    own = {name: float(scores[0]) for name, scores in fused.contributions.items()}
    branch_scores = {name: None if np.isnan(score) else score for name, score in own.items()}
    alpha = getattr(fusion.model, "alpha", None)
    return Contributions(both, neither, values, branch_scores, None if alpha is None else float(alpha))
