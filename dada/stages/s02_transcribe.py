"""Transcribe every utterance with Whisper: wav.scp to text and text.json.

`text` holds one line an utterance in its original case and punctuation; `text.json` what made it, and of
every utterance the log-probability and the other figures that tell how far to trust it. What was transcribed
for another protocol is taken over.
"""

import dataclasses
import functools
import json
import logging
from pathlib import Path

from dada import asr
from dada.asr.config import GuardConfig, TranscribeConfig, check
from dada.data.audio import read_audio
from dada.data.tables import read_table, read_table_once, require_same_keys, write_table
from dada.errors import DataError
from dada.recipe import reuse, roles
from dada.recipe.job import Job
from dada.storage.json_file import read_json, write_json

NEEDS_AUDIO = True
USES_GPU = True
STAGE = "transcribe"
SHARD_SIZE = 64  # utterances; fixed, so that batches do not depend on the number of jobs
DECIMALS = 4

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """A job for each split that is needed, where a system weighs the words, or the recipe lists this stage by
    name.
    """
    listens = roles.with_words(recipe)
    if not listens and STAGE not in recipe.config.stages:
        return []
    check(recipe.transcribe)
    splits = roles.splits_for(recipe, listens) if listens else recipe.all_splits
    others = tuple(_job(view, split) for view in recipe.other_protocols for split in view.all_splits)
    return [
        dataclasses.replace(_job(recipe, split), systems=tuple(listens), after=others) for split in splits
    ]


def _job(recipe, split: str) -> Job:
    folder = recipe.data_dir(split)
    settings = dataclasses.asdict(recipe.transcribe)
    del settings["allow_download"]  # changes no result
    return Job(
        stage=STAGE,
        name=f"{recipe.protocol}/{split}",
        home=folder,
        kind=STAGE,
        protocol=recipe.protocol,
        split=split,
        inputs=(folder / "wav.scp",),
        outputs=(folder / "text", folder / "text.json"),
        settings={"transcribe": settings, "shard_size": SHARD_SIZE},
    )


def shards(recipe, job: Job) -> list[list[str]]:
    """Utterances in sorted order, SHARD_SIZE at a time."""
    utts = sorted(read_table(job.home / "wav.scp"), key=str.encode)
    return [utts[i : i + SHARD_SIZE] for i in range(0, len(utts), SHARD_SIZE)]


def run_shard(recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write `text` and `text.json` of some utterances into the folder `out`. DataError names an utterance
    that cannot be read.
    """
    transcriber = _transcriber(json.dumps(dataclasses.asdict(recipe.transcribe)), Path(recipe.root))
    texts, figures = _made_before(recipe, job, keys, transcriber.provenance)
    locations = read_table_once(job.home / "wav.scp")
    clips = {}
    for utt in keys:
        try:
            if utt not in texts:
                clips[utt] = read_audio(locations[utt])
        except DataError as error:
            raise DataError(f"{job.home / 'wav.scp'}, utterance {utt}: {error}") from error
    for utt, found in zip(clips, transcriber.transcribe(list(clips.values())) if clips else (), strict=True):
        texts[utt], figures[utt] = found.text, _figures(found)
    _write(Path(out), texts, transcriber.provenance, figures)


def _made_before(recipe, job: Job, keys: list[str], made_by: dict) -> tuple[dict[str, str], dict[str, dict]]:
    """Texts and figures of the utterances that the same model transcribed for another protocol."""
    texts, figures = {}, {}
    for utt, owner in reuse.owners(recipe, job, keys).items():
        text, rest = owner.outputs
        record = _record(rest, rest.stat().st_mtime_ns)
        if record["made_by"] == made_by:
            texts[utt], figures[utt] = read_table_once(text)[utt], record["utterances"][utt]
    if texts:
        log.info("%d of %d utterances were transcribed for another protocol", len(texts), len(keys))
    return texts, figures


@functools.lru_cache(maxsize=4)  # another protocol's splits are read in turn
def _record(path: Path, changed: int) -> dict:
    """A `text.json`, read again only when it has changed."""
    return read_json(path)


def merge(recipe, job: Job, parts: list[Path]) -> None:
    """Join the shards. Raises DataError unless every utterance of wav.scp is there and one model made all of
    it.
    """
    texts: dict[str, str] = {}
    figures: dict[str, dict] = {}
    made_by = None
    for part in map(Path, parts):
        record = read_json(part / "text.json")
        if made_by not in (None, record["made_by"]):
            raise DataError(
                f"{part} was transcribed by another model or version than the others: run the stage again "
                "with --force"
            )
        made_by = record["made_by"]
        texts |= read_table(part / "text")
        figures |= record["utterances"]
    require_same_keys(job.home / "wav.scp", read_table(job.home / "wav.scp"), job.home / "text", texts)
    _write(job.home, texts, made_by, figures)
    empty = [utt for utt in sorted(texts) if not texts[utt]]
    redone = sum(figure["redone"] for figure in figures.values())
    doubtful = sum(bool(figure["doubts"]) for figure in figures.values())
    log.info(
        "%s: %d transcripts; %d were read again with the full context, %d stay doubtful",
        job.name,
        len(texts),
        redone,
        doubtful,
    )
    if empty:
        log.warning(
            "%s: %d transcripts are empty (%s%s)",
            job.name,
            len(empty),
            ", ".join(empty[:3]),
            ", …" if len(empty) > 3 else "",
        )


def _write(folder: Path, texts: dict[str, str], made_by: dict, figures: dict[str, dict]) -> None:
    record = {
        "made_by": made_by,
        "utterances": {utt: figures[utt] for utt in sorted(figures, key=str.encode)},
    }
    write_json(folder / "text.json", record, ensure_ascii=False)
    write_table(folder / "text", texts)


def _figures(transcript) -> dict:
    """What is kept of a transcript beside its text, rounded."""
    figures = dataclasses.asdict(transcript)
    del figures["text"]
    return {
        key: round(value, DECIMALS) if isinstance(value, float) else value for key, value in figures.items()
    }


@functools.lru_cache(maxsize=1)
def _transcriber(settings: str, root: Path):
    """The loaded model, kept for the next shard that this process gets."""
    values = json.loads(settings)
    return asr.build(TranscribeConfig(**values | {"guard": GuardConfig(**values["guard"])}), root)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
