"""Prepare the author corpus: texts of the purported speakers, disjoint from dev and test of the audio.

`data/text_<name>/{train,dev}` hold the author corpora and, with `text.transcripts`, Whisper's transcripts of
the bona fide training speech; `data/text_<name>/test` the transcripts of bona fide test speech, on which
authorship is measured where a corpus names its speakers. Each has text, utt2spk (author) and utt2source.
Where a recipe has no audio, its splits `data/{train,dev,test}` are made of the author corpora.
"""

from dataclasses import asdict
from pathlib import Path

from dada.recipe import roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.text.splits import has_test, write_splits
from dada.text.splits_alone import aliases_beside, own_tests, tests_dir, write_splits_alone

WITH_AUDIO, TEXTS_ALONE = "with_audio", "texts_alone"  # kinds of jobs


def plan(recipe: Recipe) -> list[Job]:
    """Return one job, since all splits follow from one division by source; none without a text system."""
    systems = [name for name in roles.with_words(recipe) if name in roles.trained_here(recipe)]
    if not systems:
        return []
    if not recipe.corpus.audio:
        return [_texts_alone(recipe, systems)]
    name = recipe.text.name
    home = recipe.text_dir(name, "train").parent
    audio = [
        path
        for split in recipe.all_splits
        for path in (recipe.data_dir(split), recipe.data_dir(split) / "text")
    ]
    aliases = [recipe.root / recipe.text.aliases] if recipe.text.aliases else []
    splits = ["train", "dev", *(["test"] if has_test(recipe) else [])]
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
            systems=tuple(systems),
        )
    ]


def _texts_alone(recipe: Recipe, systems: list[str]) -> Job:
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


def run(recipe: Recipe, job: Job) -> None:
    """Write the splits, and `counts.json` with the numbers of texts kept and left out."""
    write = {WITH_AUDIO: write_splits, TEXTS_ALONE: write_splits_alone}[job.kind]
    write(recipe, job.home, corpora(recipe))


def corpora(recipe: Recipe) -> dict[str, Path]:
    """Return name -> folder of each author corpus.

    A name without a slash is a data directory of this protocol, with a slash a path from the recipe's folder.
    """
    return {
        name.replace("/", "-"): recipe.root / name if "/" in name else recipe.data_dir(name)
        for name in recipe.text.corpora
    }


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
