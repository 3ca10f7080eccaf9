"""Why a system that weighs words said so: words, the author's nearest quotes, and what each branch gave to a
fused decision.

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

MAX_QUOTES = 400  # of an author that are looked at
NUM_OTHERS = 50  # utterances against which a fusion's branches are weighed

log = logging.getLogger(__name__)


@dataclass
class Words:
    """A transcript with a value for each word: positive ones make it more like `author`, in log probability.
    Quotes with their cosines.
    """

    author: str
    words: list[str]
    values: list[float]
    quotes: list[tuple[float, str]]


def explain_words(
    system: System, transcript: str, speaker: str, quotes_of: Callable[[str], Sequence[str]]
) -> Words | None:
    """The words of a transcript by a text system, for the purported speaker, or for the likeliest author
    where none is named (`-`).

    None, with a warning, for a speaker whom the system does not know. Raises DataError for a transcript
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
    found = attribute_words(predict, transcript, [authors.index(author)])
    return Words(
        author, found.words, found.values[0].tolist(), nearest_quotes(system, transcript, quotes_of(author))
    )


def read_quotes(folder: Path) -> dict[str, list[str]]:
    """Author -> texts of a data directory; nothing where it is not there."""
    quotes: dict[str, list[str]] = {}
    if folder.is_dir():
        data = DataDir.read(folder, require=("text",))
        for utt in data.utts:
            quotes.setdefault(data.speakers[utt], []).append(data["text"][utt])
    return quotes


def nearest_quotes(
    system: System, transcript: str, quotes: Sequence[str], num: int = 5
) -> list[tuple[float, str]]:
    """(cosine, text) of the quotes whose embeddings by a text system lie nearest to that of the transcript,
    other than itself.
    """
    others = [text for text in dict.fromkeys(quotes) if text.lower() != transcript.lower()][:MAX_QUOTES]
    if not others or not transcript:
        return []
    embeddings = torch.nn.functional.normalize(
        system.ask_texts([transcript, *others]).embeddings, dim=1
    ).numpy()
    cosines = embeddings[1:] @ embeddings[0]
    best = np.argsort(-cosines, kind="stable")[:num]
    return [(float(cosines[i]), others[i]) for i in best]


@dataclass
class Contributions:
    """Shapley values of the branches of a fusion: they add up to `score` - `base_score`, log-odds of bona
    fide speech.

    A branch that is left out says what it says of other utterances, averaged over these. `branch_scores` are
    those of the branches by themselves, None of a text branch that does not know the speaker. `alpha` is the
    fixed weight of the audio in a late fusion, None of another.
    """

    score: float
    base_score: float
    values: dict[str, float]
    branch_scores: dict[str, float | None]
    alpha: float | None


def contributions(fusion: Experiment, one: Branches, background: Branches) -> Contributions:
    """What audio and text gave to the fused score of one utterance, against M others."""
    num = len(background.utts)

    def score(audio: Branches, text: Branches) -> float:
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

    audio, text, none = score(one, background), score(background, one), score(background, background)
    found = score_fusion(fusion.model, fusion.config, one)
    both, alone = (
        float(found.scores[0]),
        {name: float(values[0]) for name, values in found.contributions.items()},
    )
    values = {"audio": (audio - none + both - text) / 2, "text": (text - none + both - audio) / 2}
    alpha = getattr(fusion.model, "alpha", None)
    branch_scores = {name: None if np.isnan(value) else value for name, value in alone.items()}
    return Contributions(both, none, values, branch_scores, None if alpha is None else float(alpha))
