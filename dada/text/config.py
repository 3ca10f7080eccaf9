"""The schema of `text:` in recipe.yaml: the corpus that the text model learns authors from."""

from dataclasses import dataclass, field


@dataclass
class TextConfig:
    """An author corpus. Its parts are data directories with `text`, `utt2spk` (the author), and if known
    `utt2source`.

    A source is what a text was taken from: a page, a speech, a written line. All texts of a source fall on
    the same side.
    """

    name: str = "authors"  # of the merged corpus: data/text_<name>/
    corpora: list[str] = field(
        default_factory=lambda: ["authors"]
    )  # `authors` is data/authors; with a slash, a path from the recipe
    transcripts: bool = True  # add Whisper's transcripts of the bona fide training speech
    min_words: int = 6  # shorter texts and leftovers of chunks are dropped
    max_words: int = 39  # longer texts are cut into chunks at sentence ends
    min_texts: int = 2  # authors with fewer training texts are dropped
    max_per_source: int = 0  # texts of one source to keep, spread evenly over it; 0 keeps all
    dev_fraction: float = 0.3  # of each author's texts, by source; of what is not test
    test_fraction: float = 0.0  # of each author's texts, by source; only in a recipe without audio
    tests: dict[str, str] = field(
        default_factory=dict
    )  # without audio: more test splits, data directories as paths from the recipe
    seed: int = 1  # of the choice of dev sources
    # CSV `author,speaker`, relative to the recipe: what utt2spk of the audio calls an author. Texts of all
    # others are left out.
    aliases: str | None = None
