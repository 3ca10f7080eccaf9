"""A data directory whose audio lies in a few arks instead of one file an utterance."""

import logging
from collections.abc import Iterator
from pathlib import Path

from dada.data.audio import read_header, read_stored
from dada.data.audio_arks import write_audio_arks
from dada.data.datadir import DataDir
from dada.data.tables import invert, write_table
from dada.errors import DataError
from dada.storage.atomic import atomic_dir

ARK_SIZE = 2 << 30  # bytes
EVERY = 50_000  # utterances between two lines of progress

log = logging.getLogger(__name__)


def pack(data: DataDir, dest: Path, size: int = ARK_SIZE) -> int:
    """Write `data` to `dest`, its audio files as they are in arks of about `size` bytes. Return their number.

    `utt2dur` is written where it is missing, exact to the sample, so that no header is opened later. The
    folder appears whole, when all of it is there. Raise DataError for audio that cannot be read.
    """
    locations, durations = data["wav.scp"], {}

    def contents() -> Iterator[tuple[str, bytes]]:
        for number, (utt, location) in enumerate(locations.items(), start=1):
            try:
                header = read_header(location)
                content = read_stored(location)
            except DataError as error:
                raise DataError(f"utterance {utt}: {error}") from error
            durations[utt] = repr(header.num_samples / header.rate)
            if number % EVERY == 0:
                log.info("%d of %d utterances", number, len(locations))
            yield utt, content

    with atomic_dir(dest) as partial:
        packed = write_audio_arks(partial, contents(), size, place=dest)
        tables = {**data.tables, "wav.scp": packed}
        if data.durations is None:
            tables["utt2dur"] = durations
        for name, table in tables.items():
            write_table(partial / name, table)
        if "utt2spk" in tables:
            write_table(partial / "spk2utt", invert(tables["utt2spk"]))
    return len({place.rpartition(":")[0] for place in packed.values()})
