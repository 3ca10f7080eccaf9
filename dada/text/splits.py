"""Splits of an author corpus beside audio: no text and no source of the audio's dev and test is in train."""

import logging
from pathlib import Path

from dada.data import BONAFIDE, NO_SPEAKER, DataDir
from dada.data.datadir import sources_of
from dada.recipe_view import RecipeView
from dada.storage.json_file import write_json
from dada.text.corpus import Corpus, HeldOut, Text, build_corpus, read_aliases, read_authors, write_texts
from dada.text.names import match_names, read_redirects
from dada.text.normalise import normalise, one_line

NO_SPEECH = "no bona fide speech there is by an author of the corpus"

log = logging.getLogger(__name__)


def write_splits(recipe: RecipeView, home: Path, folders: dict[str, Path]) -> None:
    """Write the splits below `home`, and `counts.json` with what was left out and why.

    `folders` is name -> folder of each author corpus.
    """
    audio = {split: DataDir.read(recipe.data_dir(split), require=("text",)) for split in recipe.all_splits}
    texts: list[Text] = []
    redirects: dict[str, str] = {}
    held_out = held_out_of([data for split, data in audio.items() if split != recipe.splits.train])
    for name, folder in folders.items():
        own, also_held_out = read_authors(folder)
        texts += [text._replace(key=f"{name}-{text.key}") for text in own]
        redirects |= read_redirects(folder.parent)
        held_out.sources |= also_held_out.sources
        held_out.texts |= also_held_out.texts
    num_read = len(texts)
    if recipe.corpus.purported_speakers:
        speakers = {speaker for data in audio.values() for speaker in data.speakers.values()}
        texts = under_speakers_names(recipe, texts, speakers, redirects)
    num_others = num_read - len(texts)
    if recipe.text.transcripts and recipe.splits.train:
        texts += transcripts(audio[recipe.splits.train])
    corpus = build_corpus(texts, held_out, recipe.text)
    if recipe.text.aliases:
        corpus.counts["by authors who are none of the speakers"] = num_others
    write_texts(home / "train", corpus.train, NO_SPEECH)
    write_texts(home / "dev", corpus.dev, "raise `text.dev_fraction`")
    if has_test(recipe):
        write_texts(
            home / "test", _test_texts(corpus, [audio[split] for split in recipe.splits.test]), NO_SPEECH
        )
    write_json(home / "counts.json", corpus.counts)
    log.info(
        "text corpus %s: %s",
        recipe.text.name,
        ", ".join(f"{name} {count}" for name, count in corpus.counts.items()),
    )


def has_test(recipe: RecipeView) -> bool:
    """Return whether there are test texts: those of test speech by known persons."""
    return bool(recipe.splits.test) and recipe.corpus.purported_speakers


def under_speakers_names(
    recipe: RecipeView, texts: list[Text], speakers: set[str], redirects: dict[str, str]
) -> list[Text]:
    """Texts with authors called as the audio's utt2spk calls them, by the table of aliases, redirects and
    spelling.

    Speakers without texts are named. A recipe with a table of aliases wants its speakers only: the texts of
    other authors are left out.
    """
    aliases = read_aliases(recipe.root / recipe.text.aliases if recipe.text.aliases else None)
    names = match_names(speakers, {text.author for text in texts}, aliases, redirects)
    names.report(recipe.text.name)
    speaker_of = {author: speaker for speaker, author in names.authors.items()}
    wanted = [text for text in texts if not aliases or text.author in speaker_of]
    return [text._replace(author=speaker_of.get(text.author, text.author)) for text in wanted]


def transcripts(data: DataDir) -> list[Text]:
    """Transcripts of bona fide speech with a named speaker, keyed `speech-<utterance>`. Only real speech
    tells how a person talks.
    """
    labels = data["utt2label"]
    return [
        Text(f"speech-{utt}", data.speakers[utt], source, one_line(data["text"][utt]))
        for utt, source in zip(data.utts, sources_of(data), strict=True)
        if labels[utt] == BONAFIDE and data.speakers[utt] != NO_SPEAKER
    ]


def held_out_of(audio: list[DataDir]) -> HeldOut:
    """The sources and transcripts of dev and test, bona fide and spoofed: a spoof's words are asked about
    there as well.
    """
    return HeldOut(
        {source for data in audio if data.get("utt2source") for source in data["utt2source"].values()},
        {normalise(text) for data in audio for text in data["text"].values()},
    )


def _test_texts(corpus: Corpus, audio: list[DataDir]) -> list[Text]:
    """Transcripts of bona fide test speech by the authors of the corpus; others cannot be attributed, and are
    counted.
    """
    authors = {text.author for text in corpus.train}
    texts = [text for data in audio if data.labels for text in transcripts(data) if text.text]
    kept = [text for text in texts if text.author in authors]
    corpus.counts |= {
        "test texts": len(kept),
        "test texts by other speakers, left out": len(texts) - len(kept),
    }
    return kept
