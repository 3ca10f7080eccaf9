"""Prepare the corpus: write one Kaldi data directory per split, checked against the published counts.

`prepare(recipe) -> list[DataDir]` of the recipe's own local/prepare_data.py does the work.
"""

import logging
from dataclasses import asdict
from pathlib import Path

from dada.errors import ConfigError
from dada.recipe.job import Job
from dada.recipe.local import PREPARE, load_local, local_digests
from dada.recipe.recipe import Recipe

log = logging.getLogger(__name__)


def plan(recipe: Recipe) -> list[Job]:
    """Return one job for a protocol. It runs again when a file of local/ changes."""
    root = recipe.corpus_root if recipe.has_corpus_root else None
    splits = recipe.all_splits if recipe.corpus.audio else []  # stage 3 makes those of texts
    names = [*splits, *recipe.corpus.options.get("text_only", [])]
    if not names:
        raise ConfigError(
            f"{recipe.root / 'recipe.yaml'}: a recipe without audio names its author corpora in "
            "corpus.options.text_only"
        )
    outputs = tuple(recipe.data_dir(name) for name in names)
    corpus = asdict(recipe.corpus)
    del corpus["derived_from"], corpus["bonafide"]  # these change no data directory
    return [
        Job(
            stage=PREPARE,
            name=recipe.protocol,
            home=outputs[0].parent,
            kind=PREPARE,
            protocol=recipe.protocol,
            inputs=tuple(path for path in (root, _exclude_list(recipe)) if path is not None),
            outputs=outputs,
            settings={
                "corpus": corpus,
                "dirs": names,
                "protocol": recipe.protocol,
                "local": local_digests(recipe.root),
                **({"disjoint": recipe.splits.disjoint} if recipe.splits.disjoint else {}),
            },
        )
    ]


def run(recipe: Recipe, job: Job) -> None:
    """Call the recipe's `prepare`, check the returned data directories, and write them."""
    from dada.data import prepared as checks
    from dada.data.counts import count

    if recipe.corpus.root is not None:
        log.info("corpus: %s", recipe.corpus_root)  # ConfigError where it is not set
    program, path = load_local(recipe.root, PREPARE), recipe.root / "local" / f"{PREPARE}.py"
    if not hasattr(program, "prepare"):
        raise ConfigError(f"{path} has no function prepare(recipe): write it, see egs/TEMPLATE")
    prepared = program.prepare(recipe)
    checks.check_paths(prepared, job.outputs, path)
    for data in prepared:
        data.check()
    if exclude := _exclude_list(recipe):
        prepared = checks.without_listed(prepared, exclude)
    with_audio = [data for data in prepared if "wav.scp" in data.tables]
    checks.check_disjoint(with_audio, recipe.splits.disjoint)
    counts = recipe.corpus.counts
    expected = counts.get(recipe.protocol, counts)
    where = f"corpus.counts of {recipe.root / 'recipe.yaml'}"
    checks.check_counts(
        {data.path.name: data for data in prepared}, expected, where, recipe.corpus.root is None
    )
    checks.check_audio(with_audio)
    for data in prepared:
        data.write()
        labels = "".join(f", {number} {label}" for label, number in count(data).items())
        log.info("%s: %d utterances%s", data.path, len(data.utts), labels)


def _exclude_list(recipe: Recipe) -> Path | None:
    """Return the list of utterances to leave out, such as damaged ones, which `corpus.options.exclude`
    names.
    """
    name = recipe.corpus.options.get("exclude")
    return None if name is None else recipe.root / name


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
