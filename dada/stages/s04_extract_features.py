"""Compute the features of every system that reads them from arks, once per settings and split.

A system with `input.on_the_fly` has no arks.

Audio features are one matrix (N, F) per utterance, frames first. The vectors of a frozen text encoder are one
vector (D,) per text; a text system also gets those of its author corpus, in
dump/<feature>/text_<name>/<split>/. Shards have a fixed size and no batch crosses a shard, so that the values
do not depend on the number of processes. Features of the same recording under another protocol are reused.
Matrices that another program has computed (`from_scp`) are copied into arks of the recipe.
"""

import dataclasses
import logging
from pathlib import Path

from dada.data.input import InputConfig
from dada.data.tables import read_table, read_table_once, require_same_keys, write_table
from dada.errors import ConfigError
from dada.recipe import reuse, roles
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe

USES_GPU = True
SHARD = 128  # utterances
TEXT_SPLITS = ("train", "dev")  # of an author corpus

log = logging.getLogger(__name__)


def plan(recipe: Recipe) -> list[Job]:
    """Return one job per feature settings and split; systems with the same input share it."""
    jobs: dict[str, Job] = {}
    users: dict[str, list[str]] = {}
    others: dict[Path, tuple[Job, ...]] = {}
    for name in recipe.planned:
        config, splits = recipe.system(name), roles.splits_for(recipe, [name])
        if config.input.on_the_fly:
            continue
        if config.input.kind == "features":
            sources = {split: recipe.data_dir(split) / "wav.scp" for split in splits}
        elif config.input.kind == "text_features":
            sources = {split: recipe.data_dir(split) / "text" for split in splits}
            if config.task == "text" and recipe.corpus.audio and not is_foreign(name):
                corpus = recipe.text.name
                sources |= {
                    f"text_{corpus}/{split}": recipe.text_dir(corpus, split) / "text" for split in TEXT_SPLITS
                }
        else:
            continue
        for split, source in sources.items():
            job = _job(recipe, config.input, split, source)
            jobs.setdefault(job.name, job)
            users.setdefault(job.name, []).append(name)
        if config.input.kind == "features" and (home := recipe.dump_dir(config.input, "")) not in others:
            others[home] = tuple(
                _job(view, config.input, split, view.data_dir(split) / "wav.scp")
                for view in recipe.other_protocols
                for split in view.all_splits
            )
    return [
        dataclasses.replace(job, systems=tuple(users[name]), after=others.get(job.home.parent, ()))
        for name, job in jobs.items()
    ]


def _job(recipe: Recipe, config: InputConfig, split: str, source: Path) -> Job:
    home = recipe.dump_dir(config, split)
    tables = ("feats.scp", "utt2num_frames") if config.kind == "features" else ("feats.scp",)
    return Job(
        stage="extract_features",
        name=f"{recipe.protocol}/{recipe.dump_dir(config, '').name}/{split}",
        home=home,
        kind=config.kind,
        protocol=recipe.protocol,
        split=split,
        inputs=(source, *_index(recipe, config, split)),
        outputs=tuple(home / table for table in tables),
        settings=config.dump_settings(),
    )


def _index(recipe: Recipe, config: InputConfig, split: str) -> tuple[Path, ...]:
    """Return the index of features that another program has computed; empty for all others."""
    if config.features.get("name") != "from_scp":
        return ()
    if not config.features["scp"]:
        raise ConfigError("input.features: from_scp needs scp, e.g. feats/{split}/feats.scp")
    scp = config.features["scp"].replace("{split}", split).replace("{protocol}", recipe.protocol)
    return (recipe.root / scp,)


def shards(recipe: Recipe, job: Job) -> list[list[str]]:
    """Return the utterances in C order, SHARD at a time."""
    utts = list(read_table(job.inputs[0]))
    return [utts[i : i + SHARD] for i in range(0, len(utts), SHARD)]


def run_shard(recipe: Recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write out/feats.scp and out/feats.ark of the utterances `keys`."""
    from dada.data import write_ark
    from dada.data.arks import ark_once
    from dada.data.dataset import FeatureArk
    from dada.features._compute import matrices
    from dada.text.vectors import vectors

    if job.inputs[1:]:
        arrays = FeatureArk(job.inputs[1], "from_scp")
        write_ark(out / "feats.scp", ((utt, arrays[utt]) for utt in keys))
        return
    owners = reuse.owners(recipe, job, keys)
    if owners:
        log.info("%d of %d utterances were computed for another protocol", len(owners), len(keys))
    table = read_table_once(job.inputs[0])
    values = {utt: table[utt] for utt in keys if utt not in owners}
    compute = {"features": matrices, "text_features": vectors}[job.kind]
    computed = compute(recipe.root, job.settings, values)
    write_ark(
        out / "feats.scp",
        ((utt, ark_once(owners[utt].outputs[0])[utt]) if utt in owners else next(computed) for utt in keys),
    )


def merge(recipe: Recipe, job: Job, parts: list[Path]) -> None:
    """Join the shards. Raise DataError unless every utterance is there."""
    from dada.data import merge_arks

    scp = job.home / "feats.scp"
    utts = [utt for part in parts for utt in read_table(part / "feats.scp")]
    require_same_keys(job.inputs[0], read_table(job.inputs[0]), scp, utts)
    lengths = merge_arks([part / "feats.scp" for part in parts], scp)
    if job.kind == "features":
        write_table(job.home / "utt2num_frames", lengths)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
