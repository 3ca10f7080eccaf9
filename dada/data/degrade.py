"""A data directory whose audio went through codecs: every utterance once for each codec."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from dada.data.audio import SAMPLE_RATE, read_audio, write_audio
from dada.data.codecs import parse, transmit
from dada.data.datadir import DataDir
from dada.data.tables import invert, write_table
from dada.storage.atomic import atomic_dir
from dada.storage.digest import value_digest

CONDITION = "utt2codec"
AUDIO = "audio"  # folder of the new files
EVERY = 1_000  # utterances between two lines of progress

log = logging.getLogger(__name__)


def degrade(data: DataDir, dest: Path, codecs: Sequence[str], seed: int = 0, num_jobs: int = 1) -> int:
    """Write `data` to `dest`, each utterance through each of `codecs`, and return the number of utterances.

    `none` among the codecs keeps the utterance as it is. An utterance `x` becomes `x-mp3_32`, and
    `utt2codec` names its codec, so that results break down by it. A bit rate between bounds is drawn from the
    seed and the name. Text, labels and other tables are those of the source. The folder appears whole. Raise
    ConfigError for a codec that is not known, DataError for audio that cannot be read.
    """
    names = {codec: name_of(codec) for codec in codecs}
    tasks = [(utt, codec, f"{utt}-{names[codec]}") for utt in data.utts for codec in names]
    with atomic_dir(dest) as partial_dir:
        (partial_dir / AUDIO).mkdir()
        work = partial(_one, data["wav.scp"], partial_dir / AUDIO, seed)
        for number, _ in enumerate(_mapped(work, tasks, num_jobs), start=1):
            if number % EVERY == 0:
                log.info("%d of %d utterances", number, len(tasks))
        tables = {
            name: {new: table[utt] for utt, _, new in tasks if utt in table}
            for name, table in data.tables.items()
            if name not in ("wav.scp", CONDITION)
        }
        place = dest.absolute() / AUDIO
        tables["wav.scp"] = {new: str(place / f"{new}.flac") for _, _, new in tasks}
        tables[CONDITION] = {new: names[codec] for _, codec, new in tasks}
        for name, table in tables.items():
            write_table(partial_dir / name, table)
        if "utt2spk" in tables:
            write_table(partial_dir / "spk2utt", invert(tables["utt2spk"]))
    return len(tasks)


def name_of(codec: str) -> str:
    """The name of a codec as a part of an utterance's name: mp3:32-64 is mp3_32-64."""
    return str(parse(codec)).translate(str.maketrans(":@+", "___"))


def _mapped(work: partial, tasks: Sequence[tuple[str, str, str]], num_jobs: int) -> Iterator[None]:
    if num_jobs == 1:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(num_jobs) as pool:
        yield from pool.map(work, tasks, chunksize=16)


def _one(locations: dict[str, str], folder: Path, seed: int, task: tuple[str, str, str]) -> None:
    """Write the file of one utterance and codec."""
    utt, codec, new = task
    samples = read_audio(locations[utt])
    rng = np.random.default_rng(int(value_digest([seed, utt, codec])[:15], 16))
    received = transmit(samples, SAMPLE_RATE, parse(codec).draw(rng))
    write_audio(folder / f"{new}.flac", np.clip(received, -1, 1))
