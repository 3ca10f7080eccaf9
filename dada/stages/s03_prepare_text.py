"""Prepare the author corpus: texts of the purported speakers, without anything that belongs to dev and test
of the audio.

`data/text_<name>/{train,dev}` hold the author corpora and, if asked for, Whisper's transcripts of the bona
fide training speech; `data/text_<name>/test` the transcripts of bona fide test speech, to measure authorship
on. Each has text, utt2spk (author), utt2source. Where a recipe has no audio, `data/{train,dev,test}`
themselves are made of the author corpora.
"""

import logging
from dataclasses import asdict
from pathlib import Path

from dada.data import BONAFIDE, NO_SPEAKER, DataDir
from dada.data.dataset import sources_of
from dada.recipe import roles
from dada.recipe.job import Job
from dada.stages import _texts_alone
from dada.storage.json_file import write_json
from dada.text.corpus import Corpus, HeldOut, Text, build_corpus, read_aliases, read_authors, write_texts
from dada.text.names import match_names, read_redirects
from dada.text.normalise import normalise, one_line

WITH_AUDIO = "with_audio"  # the kind of a job whose corpus is cut beside that of the audio
NO_SPEECH = "no bona fide speech there is by an author of the corpus"

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job, for all splits of the text corpus come from the same split by source; none where no system
    learns words here.
    """
    listens = [name for name in roles.with_words(recipe) if name in roles.trained_here(recipe)]
    if not listens:
        return []
    if not recipe.corpus.audio:
        return [_texts_alone.job(recipe, corpora(recipe), listens)]
    name = recipe.text.name
    home = recipe.text_dir(name, "train").parent
    audio = [
        path
        for split in recipe.all_splits
        for path in (recipe.data_dir(split), recipe.data_dir(split) / "text")
    ]
    aliases = [recipe.root / recipe.text.aliases] if recipe.text.aliases else []
    splits = ["train", "dev", "test"] if recipe.splits.test else ["train", "dev"]
    return [
        Job(
            stage="prepare_text",
            name=f"{recipe.protocol}/{name}",
            home=home,
            kind=WITH_AUDIO,
            protocol=recipe.protocol,
            inputs=(*corpora(recipe).values(), *aliases, *audio),
            outputs=(*(home / split for split in splits), home / "counts.json"),
            settings=asdict(recipe.text),
            systems=tuple(listens),
        )
    ]


def run(recipe, job: Job) -> None:
    """Run a job of either kind."""
    {WITH_AUDIO: _with_audio, _texts_alone.KIND: _texts_alone.run}[job.kind](recipe, job, corpora(recipe))


def _with_audio(recipe, job: Job, folders: dict[str, Path]) -> None:
    """Write the splits, and `counts.json` with what was left out and why."""
    audio = {split: DataDir.read(recipe.data_dir(split), require=("text",)) for split in recipe.all_splits}
    texts, redirects = [], {}
    held_out = held_out_of([data for split, data in audio.items() if split != recipe.splits.train])
    for name, folder in folders.items():
        found, also_held_out = read_authors(folder)
        texts += [text._replace(key=f"{name}-{text.key}") for text in found]
        redirects |= read_redirects(folder.parent)
        held_out.sources |= also_held_out.sources
        held_out.texts |= also_held_out.texts
    num_read = len(texts)
    texts = under_speakers_names(
        recipe, texts, {speaker for data in audio.values() for speaker in data.speakers.values()}, redirects
    )
    num_others = num_read - len(texts)
    if recipe.text.transcripts and recipe.splits.train:
        texts += transcripts(audio[recipe.splits.train])
    corpus = build_corpus(texts, held_out, recipe.text)
    if recipe.text.aliases:
        corpus.counts["by authors who are none of the speakers"] = num_others
    write_texts(job.home / "train", corpus.train, NO_SPEECH)
    write_texts(job.home / "dev", corpus.dev, "raise `text.dev_fraction`")
    if recipe.splits.test:
        write_texts(
            job.home / "test", _test_texts(corpus, [audio[split] for split in recipe.splits.test]), NO_SPEECH
        )
    write_json(job.home / "counts.json", corpus.counts)
    log.info(
        "text corpus %s: %s",
        recipe.text.name,
        ", ".join(f"{name} {count}" for name, count in corpus.counts.items()),
    )


def corpora(recipe) -> dict[str, Path]:
    """Name -> folder of each author corpus: a bare name is a data directory of this protocol, with a slash a
    path from the recipe.
    """
    return {
        name.replace("/", "-"): recipe.root / name if "/" in name else recipe.data_dir(name)
        for name in recipe.text.corpora
    }


def under_speakers_names(
    recipe, texts: list[Text], speakers: set[str], redirects: dict[str, str]
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


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
