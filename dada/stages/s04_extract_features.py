"""Compute the features of every system that reads them from arks, once per settings and split.

Audio features become one matrix per utterance, frames first (N, F); the vectors of a frozen text encoder one
vector (D,). The work is cut into shards of fixed size, and a batch never crosses a shard, so the numbers do
not depend on how many processes there are. What was computed of a recording for another protocol is taken
over.

A text system also gets the vectors of its author corpus: dump/<feature>/text_<name>/<split>/.
"""

import dataclasses
import functools
import itertools
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from dada.recipe import reuse, roles
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job

USES_GPU = True
SHARD = 128  # utterances
BATCH = 16  # utterances at most; all of the same length, so that none is padded
TEXT_SPLITS = ("train", "dev")  # of an author corpus

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job per feature settings and split; systems with the same input share it."""
    jobs: dict[str, Job] = {}
    users: dict[str, list[str]] = {}
    others: dict[Path, tuple[Job, ...]] = {}
    for name in recipe.planned:
        config, splits = recipe.system(name), roles.splits_for(recipe, [name])
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


def _job(recipe, config, split: str, source: Path) -> Job:
    home = recipe.dump_dir(config, split)
    tables = ("feats.scp", "utt2num_frames") if config.kind == "features" else ("feats.scp",)
    return Job(
        stage="extract_features",
        name=f"{recipe.protocol}/{recipe.dump_dir(config, '').name}/{split}",
        home=home,
        kind=config.kind,
        protocol=recipe.protocol,
        split=split,
        inputs=(source,),
        outputs=tuple(home / table for table in tables),
        settings=config.dump_settings(),
    )


def shards(recipe, job: Job) -> list[list[str]]:
    """Utterances in C order, cut after every SHARD of them."""
    from dada.data import read_table

    utts = list(read_table(job.inputs[0]))
    return [utts[i : i + SHARD] for i in range(0, len(utts), SHARD)]


def run_shard(recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write out/feats.scp and out/feats.ark for the utterances `keys`."""
    from dada.data import write_ark
    from dada.data.tables import read_table_once

    owners = reuse.owners(recipe, job, keys)
    if owners:
        log.info("%d of %d utterances were computed for another protocol", len(owners), len(keys))
    table = read_table_once(job.inputs[0])
    values = {utt: table[utt] for utt in keys if utt not in owners}
    computed = COMPUTE[job.kind](recipe.root, job.settings, values)
    write_ark(
        out / "feats.scp",
        ((utt, _array(owners[utt], utt)) if utt in owners else next(computed) for utt in keys),
    )


def merge(recipe, job: Job, parts: list[Path]) -> None:
    """Join the shards; every utterance must be there (DataError)."""
    from dada.data import merge_arks, read_table, write_table
    from dada.data.tables import require_same_keys

    scp = job.home / "feats.scp"
    made = [utt for part in parts for utt in read_table(part / "feats.scp")]
    require_same_keys(job.inputs[0], read_table(job.inputs[0]), scp, made)
    lengths = merge_arks([part / "feats.scp" for part in parts], scp)
    if job.kind == "features":
        write_table(job.home / "utt2num_frames", lengths)


def _matrices(root: Path, settings: dict, wav_scp: dict[str, str]) -> Iterator[tuple[str, object]]:
    """(utterance, features (N, F)) in the order of the table. Raises DataError naming the utterance."""
    import torch

    from dada.errors import DataError

    feature, device = _audio_feature(json.dumps(settings["features"]), root)
    for _, neighbours in itertools.groupby(_waveforms(settings, wav_scp), key=lambda item: item[1].shape[-1]):
        while batch := list(itertools.islice(neighbours, BATCH)):
            try:
                with torch.inference_mode():
                    matrices = (
                        feature(torch.stack([x for _, x in batch]).to(device))
                        .transpose(1, 2)
                        .float()
                        .cpu()
                        .numpy()
                    )
            except DataError as error:
                raise DataError(f"utterance {batch[0][0]}: {error}") from error
            yield from zip((utt for utt, _ in batch), matrices, strict=True)


def _waveforms(settings: dict, wav_scp: dict[str, str]) -> Iterator[tuple[str, object]]:
    """(utterance, waveform (T,)) brought to `num_samples` where that is set."""
    import torch

    from dada.data import fit_length, read_audio
    from dada.errors import DataError

    for utt, location in wav_scp.items():
        try:
            x = torch.from_numpy(read_audio(location, settings["sample_rate"]))
        except DataError as error:
            raise DataError(f"utterance {utt}: {error}") from error
        yield utt, fit_length(x, settings["num_samples"], settings["length_rule"])


def _vectors(root: Path, settings: dict, text: dict[str, str]) -> Iterator[tuple[str, object]]:
    """(utterance, vector (D,)) in the order of the table."""
    yield from zip(
        text, _text_encoder(json.dumps(settings["features"]), root).encode(list(text.values())), strict=True
    )


COMPUTE = {"features": _matrices, "text_features": _vectors}


def _array(job: Job, utt: str):
    """What a job has made of an utterance."""
    scp = job.outputs[0]
    return _reader(scp, scp.stat().st_mtime_ns)[utt]


@functools.lru_cache(maxsize=4)
def _reader(scp: Path, changed: int):
    """An index of features and the arks behind it, read again only when it has changed."""
    from dada.data import ArkReader

    return ArkReader(scp)


# A process works on many shards, and a pretrained encoder takes longer to load than a shard to run.
@functools.lru_cache(maxsize=1)
def _audio_feature(settings: str, root: Path) -> tuple:
    from dada import features

    return features.build(json.loads(settings), root).to(_device()), _device()


@functools.lru_cache(maxsize=1)
def _text_encoder(settings: str, root: Path):
    from dada.text import encoder

    return encoder.build(json.loads(settings), root, _device())


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
