"""Prepare the author corpus: texts of the purported speakers, without anything that belongs to dev and test
of the audio.

`data/text_<name>/{train,dev}` hold the author corpora and, if asked for, Whisper's transcripts of the bona
fide training speech; `data/text_<name>/test` the transcripts of bona fide test speech, to measure authorship
on. Each has text, utt2spk (author), utt2source. Where a recipe has no audio, `data/{train,dev,test}`
themselves are made of the author corpora.
"""

from dataclasses import asdict
from pathlib import Path

from dada.recipe import roles
from dada.recipe.job import Job
from dada.text.splits import write_splits
from dada.text.splits_alone import aliases_beside, own_tests, tests_dir, write_splits_alone

WITH_AUDIO, TEXTS_ALONE = "with_audio", "texts_alone"  # kinds of jobs


def plan(recipe) -> list[Job]:
    """One job, for all splits of the text corpus come from the same split by source; none where no system
    learns words here.
    """
    listens = [name for name in roles.with_words(recipe) if name in roles.trained_here(recipe)]
    if not listens:
        return []
    if not recipe.corpus.audio:
        return [_texts_alone(recipe, listens)]
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


def _texts_alone(recipe, systems: list[str]) -> Job:
    own = own_tests(recipe)
    folders = [tests_dir(recipe, name) for name in recipe.splits.test if name not in own]
    aliases = [recipe.root / recipe.text.aliases] if recipe.text.aliases else []
    outputs = [recipe.data_dir(split) for split in recipe.all_splits]
    return Job(
        stage="prepare_text",
        name=f"{recipe.protocol}/{recipe.text.name}",
        home=recipe.data_root / f"text_{recipe.text.name}",
        kind=TEXTS_ALONE,
        protocol=recipe.protocol,
        inputs=(
            *corpora(recipe).values(),
            *(folder / table for folder in folders for table in ("text", "utt2spk")),
            *aliases,
        ),
        optional_inputs=tuple(path for folder in folders if (path := aliases_beside(folder))),
        outputs=(*outputs, recipe.data_root / f"text_{recipe.text.name}" / "counts.json"),
        settings={**asdict(recipe.text), "splits": asdict(recipe.splits)},
        systems=tuple(systems),
    )


def run(recipe, job: Job) -> None:
    """Write the splits, and `counts.json` with what was left out and why."""
    write = {WITH_AUDIO: write_splits, TEXTS_ALONE: write_splits_alone}[job.kind]
    write(recipe, job.home, corpora(recipe))


def corpora(recipe) -> dict[str, Path]:
    """Name -> folder of each author corpus: a bare name is a data directory of this protocol, with a slash a
    path from the recipe.
    """
    return {
        name.replace("/", "-"): recipe.root / name if "/" in name else recipe.data_dir(name)
        for name in recipe.text.corpora
    }


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
