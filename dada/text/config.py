"""The schema of `text:` in recipe.yaml: the corpus from which a text model learns authors."""

from dataclasses import dataclass, field
from typing import Annotated

from dada.limits import FromZero, Limits, Share

Fraction = Annotated[float, Limits(least=0, below=1)]


@dataclass
class TextConfig:
    """An author corpus. Its parts are data directories with `text`, `utt2spk` (the author), and if known
    `utt2source`.

    A source is the origin of a text: a page, a speech, a written line. All texts of a source are in the same
    split.
    """

    name: str = "authors"  # of the merged corpus: data/text_<name>/
    # `authors` is data/authors; with a slash, a path from the recipe
    corpora: Annotated[list[str], Limits(distinct=True)] = field(default_factory=lambda: ["authors"])
    transcripts: bool = True  # add Whisper's transcripts of the bona fide training speech
    min_words: int = 6  # shorter texts and chunks are dropped
    max_words: int = 39  # longer texts are cut into chunks at sentence ends
    min_texts: int = 2  # authors with fewer training texts are dropped
    max_per_source: int = 0  # texts of one source to keep, spread evenly over it; 0 keeps all
    dev_fraction: Fraction = 0.3  # of each author's texts, by source; of what is not test
    test_fraction: Fraction = 0.0  # of each author's texts, by source; only in a recipe without audio
    # without audio: additional test splits, data directories as paths from the recipe
    tests: dict[str, str] = field(default_factory=dict)
    # Contamination: a text is left out of train and dev if it shares at least this part of its runs of so
    # many words, or of those of a held-out text where these are fewer, with one text of dev or test of the
    # audio, or of the test splits. overlap_words: 0 leaves out equal texts only.
    overlap_words: FromZero = 5
    overlap_share: Share = 0.2
    seed: FromZero = 1  # of the choice of dev sources
    # CSV `author,speaker`, relative to the recipe: the speaker in utt2spk of the audio for each author. Texts
    # of other authors are left out.
    aliases: str | None = None
