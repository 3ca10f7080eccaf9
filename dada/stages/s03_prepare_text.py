"""Prepare the author corpus: texts of the purported speakers, without anything that belongs to dev and test of the audio.

`data/text_<name>/{train,dev}` hold the author corpora and, if asked for, Whisper's transcripts of the bona fide training speech;
`data/text_<name>/test` the transcripts of bona fide test speech, to measure authorship on. Each has text, utt2spk (author), utt2source.
"""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from dada.data import BONAFIDE, NO_SPEAKER, DataDir, write_text
from dada.data.dataset import sources_of
from dada.errors import DataError
from dada.recipe.stage import Job
from dada.stages import _systems
from dada.text.corpus import Corpus, HeldOut, Text, build_corpus, read_aliases, read_authors
from dada.text.normalise import normalise, one_line

TABLES = ("text", "utt2spk", "utt2source")

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job, for all splits of the text corpus come from the same split by source; none where no system learns words here."""
    listens = [name for name in _systems.with_words(recipe) if name in _systems.own(recipe)]
    if not listens:
        return []
    name = recipe.text.name
    home = recipe.text_dir(name, "train").parent
    audio = [path for split in recipe.all_splits for path in (recipe.data_dir(split), recipe.data_dir(split) / "text")]
    aliases = [recipe.root / recipe.text.aliases] if recipe.text.aliases else []
    splits = ["train", "dev", "test"] if recipe.splits.test else ["train", "dev"]
    return [Job(
        stage="prepare_text",
        name=f"{recipe.protocol}/{name}",
        home=home,
        inputs=(*corpora(recipe).values(), *aliases, *audio),
        outputs=(*(home / split for split in splits), home / "counts.json"),
        settings=asdict(recipe.text),
        args={"systems": listens},
    )]


def run(recipe, job: Job) -> None:
    """Write the splits, and `counts.json` with what was left out and why."""
    aliases = read_aliases(recipe.root / recipe.text.aliases if recipe.text.aliases else None)
    audio = {split: DataDir.read(recipe.data_dir(split), require=("text",)) for split in recipe.all_splits}
    texts, num_others, held_out = [], 0, held_out_of([data for split, data in audio.items() if split != recipe.splits.train])
    for name, folder in corpora(recipe).items():
        found, also_held_out = read_authors(folder)
        named = [text for text in found if not aliases or text.author in aliases]
        num_others += len(found) - len(named)
        texts += [text._replace(key=f"{name}-{text.key}", author=aliases.get(text.author, text.author)) for text in named]
        held_out.sources |= also_held_out.sources
        held_out.texts |= also_held_out.texts
    if recipe.text.transcripts and recipe.splits.train:
        spoken = transcripts(audio[recipe.splits.train])
        named = [text for text in spoken if not aliases or text.author in aliases.values()]
        num_others += len(spoken) - len(named)
        texts += named
    corpus = build_corpus(texts, held_out, recipe.text)
    if aliases:
        corpus.counts[f"by authors that {recipe.text.aliases} does not name"] = num_others
    _write(job.home, "train", corpus.train)
    _write(job.home, "dev", corpus.dev)
    if recipe.splits.test:
        _write(job.home, "test", _test_texts(corpus, [audio[split] for split in recipe.splits.test]))
    write_text(job.home / "counts.json", json.dumps(corpus.counts, indent=1) + "\n")
    log.info("text corpus %s: %s", recipe.text.name, ", ".join(f"{name} {count}" for name, count in corpus.counts.items()))


def corpora(recipe) -> dict[str, Path]:
    """Name -> folder of each author corpus: a bare name is a data directory of this protocol, with a slash a path from the recipe."""
    return {name.replace("/", "-"): recipe.root / name if "/" in name else recipe.data_dir(name) for name in recipe.text.corpora}


def transcripts(data: DataDir) -> list[Text]:
    """Transcripts of bona fide speech with a named speaker, keyed `speech-<utterance>`. Only real speech tells how a person talks."""
    labels = data["utt2label"]
    return [
        Text(f"speech-{utt}", data.speakers[utt], source, one_line(data["text"][utt]))
        for utt, source in zip(data.utts, sources_of(data), strict=True)
        if labels[utt] == BONAFIDE and data.speakers[utt] != NO_SPEAKER
    ]


def held_out_of(audio: list[DataDir]) -> HeldOut:
    """The sources and transcripts of dev and test, bona fide and spoofed: a spoof's words are asked about there as well."""
    return HeldOut(
        {source for data in audio if data.get("utt2source") for source in data["utt2source"].values()},
        {normalise(text) for data in audio for text in data["text"].values()},
    )


def _test_texts(corpus: Corpus, audio: list[DataDir]) -> list[Text]:
    """Transcripts of bona fide test speech by the authors of the corpus; others cannot be attributed, and are counted."""
    authors = {text.author for text in corpus.train}
    texts = [text for data in audio if data.labels for text in transcripts(data) if text.text]
    kept = [text for text in texts if text.author in authors]
    corpus.counts |= {"test texts": len(kept), "test texts by other speakers, left out": len(texts) - len(kept)}
    return kept


def _write(home: Path, split: str, texts: list[Text]) -> None:
    if not texts:
        raise DataError(
            f"the {split} split of the text corpus would be empty: "
            + ("raise `text.dev_fraction`" if split == "dev" else "no bona fide speech there is by an author of the corpus")
        )
    keys = [text.key for text in texts]
    if len(set(keys)) < len(keys):
        raise DataError(f"{home / split}: utterance {next(key for key in keys if keys.count(key) > 1)} is in two parts of the text corpus")
    columns = ({t.key: t.text for t in texts}, {t.key: t.author for t in texts}, {t.key: t.source for t in texts})
    tables = {name: {key: column[key] for key in sorted(column, key=str.encode)} for name, column in zip(TABLES, columns, strict=True)}
    DataDir(home / split, tables).write()


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
