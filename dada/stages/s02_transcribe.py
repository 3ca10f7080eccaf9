"""Transcribe every utterance with Whisper: wav.scp to text and text.json.

`text` keeps case and punctuation. `text.json` has the provenance, and for every utterance the log-probability
and other values that show how reliable its text is. Transcripts of the same recording under another protocol
are reused.

With `backend: auto` a shard holds clips of similar length, as many as a batch on a GPU, so that batches are
full.
"""

import dataclasses
import functools
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dada.asr.auto import identity
from dada.asr.config import AUTO, GuardConfig, TranscribeConfig, check
from dada.data.tables import read_table, read_table_once, require_same_keys
from dada.recipe import reuse, roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dada.asr.base import Transcriber

NEEDS_AUDIO = True
USES_GPU = True
STAGE = "transcribe"
# Utterances of a shard: fixed, so that batches do not depend on the number of jobs, nor on the device.
SHARD_SIZE = 64  # in the order of their names
SHARD_SIZE_BY_LENGTH = 128

log = logging.getLogger(__name__)


def plan(recipe: Recipe) -> list[Job]:
    """Return a job for each split, if a system needs transcripts or the recipe names this stage."""
    systems = roles.with_words(recipe)
    if not systems and STAGE not in recipe.config.stages:
        return []
    check(recipe.transcribe)
    splits = roles.splits_for(recipe, systems) if systems else recipe.all_splits
    others = tuple(_job(view, split) for view in recipe.other_protocols for split in view.all_splits)
    return [
        dataclasses.replace(_job(recipe, split), systems=tuple(systems), after=others) for split in splits
    ]


def _job(recipe: Recipe, split: str) -> Job:
    folder = recipe.data_dir(split)
    settings: dict[str, Any] = {"transcribe": identity(recipe.transcribe), "shard_size": SHARD_SIZE}
    if recipe.transcribe.backend == AUTO:
        settings |= {"shard_size": SHARD_SIZE_BY_LENGTH, "order": "length"}
    return Job(
        stage=STAGE,
        name=f"{recipe.protocol}/{split}",
        home=folder,
        kind=STAGE,
        protocol=recipe.protocol,
        split=split,
        inputs=(folder / "wav.scp",),
        outputs=(folder / "text", folder / "text.json"),
        settings=settings,
    )


def shards(recipe: Recipe, job: Job) -> list[list[str]]:
    """Return the utterances of each shard, by name or by length."""
    from dada.asr.order import by_length

    locations = read_table(job.home / "wav.scp")
    utts = sorted(locations, key=str.encode)
    if job.settings.get("order") == "length":
        utts = by_length(utts, locations, job.home / "utt2dur")
    size = job.settings["shard_size"]
    return [utts[i : i + size] for i in range(0, len(utts), size)]


def run_shard(recipe: Recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write `text` and `text.json` of the utterances `keys`.

    Raise DataError naming an unreadable utterance, or where another model made the finished shards.
    """
    from dada.asr.clips import read_clips
    from dada.asr.device import choose_device
    from dada.asr.records import Transcripts, require_same_maker

    transcriber = _transcriber(json.dumps(dataclasses.asdict(recipe.transcribe)), Path(recipe.root))
    transcripts = Transcripts(transcriber.provenance)
    finished = next(out.parent.glob("part.*"), None)
    if finished is not None:
        require_same_maker(finished, transcriber.provenance)
    for utt, owner in reuse.owners(recipe, job, keys).items():
        transcripts.reuse(utt, *owner.outputs)
    if transcripts.texts:
        log.info(
            "%d of %d utterances were transcribed for another protocol", len(transcripts.texts), len(keys)
        )
    new = [utt for utt in keys if utt not in transcripts.texts]
    if new:
        clips = read_clips(
            new, read_table_once(job.inputs[0]), job.inputs[0], choose_device(recipe.transcribe)
        )
        for utt, transcript in zip(new, transcriber.transcribe(clips), strict=True):
            transcripts.add(utt, transcript)
    transcripts.write(Path(out))


def merge(recipe: Recipe, job: Job, parts: list[Path]) -> None:
    """Join the shards. Raise DataError unless one model transcribed exactly the utterances of wav.scp."""
    from dada.asr.records import join

    joined = join(parts)
    require_same_keys(job.home / "wav.scp", read_table(job.home / "wav.scp"), job.home / "text", joined.texts)
    joined.write(job.home)
    redone = sum(values["redone"] for values in joined.values.values())
    doubtful = sum(bool(values["doubts"]) for values in joined.values.values())
    message = "%s: %d transcripts; %d were read again with the full context, %d stay doubtful"
    log.info(message, job.name, len(joined.texts), redone, doubtful)
    if empty := sorted(utt for utt, text in joined.texts.items() if not text):
        named = ", ".join(empty[:3]) + (", …" if len(empty) > 3 else "")
        log.warning("%s: %d transcripts are empty (%s)", job.name, len(empty), named)


@functools.lru_cache(maxsize=1)
def _transcriber(settings: str, root: Path) -> "Transcriber":
    """Return the loaded model, kept for the next shard of this process."""
    from dada import asr

    values = json.loads(settings)
    return asr.build(TranscribeConfig(**values | {"guard": GuardConfig(**values["guard"])}), root)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
