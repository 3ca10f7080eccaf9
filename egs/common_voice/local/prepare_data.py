"""Stage 1 of Common Voice: some clips of some speakers of train.tsv and dev.tsv to data/{train,dev}."""

import logging
import random
from collections import defaultdict
from pathlib import Path

from dada.data import BONAFIDE, DataDir
from dada.data.combine import combine
from dada.data.find_audio import find_audio, find_folder
from dada.errors import DataError
from dada.formats.csv_list import Row, read_rows

COLUMNS = {"file": "path", "speaker": "client_id", "sentence": "sentence"}
SPEAKER_SIZE = 16  # of the 128 letters of a client_id: enough to tell all of them apart

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make every split of the official division, which no speaker crosses, with the data of `also`."""
    options = recipe.corpus.options
    home = find_folder(recipe.corpus_root, "train.tsv", f"{recipe.corpus.language}/train.tsv").parent
    made = []
    for split in recipe.all_splits:
        own = split_dir(recipe.data_dir(split), home, split, options)
        others = [DataDir.read(recipe.root / other / "data" / split) for other in options["also"]]
        made.append(combine([own, *others], own.path) if others else own)
    return made


def split_dir(path: Path, home: Path, split: str, options: dict) -> DataDir:
    """Make a split of the chosen clips of a list. Quotation marks in it are letters of the sentences."""
    rows = read_rows(home / f"{split}.tsv", COLUMNS, required=("file", "speaker"), quotes=False)
    num = options["num_clips"][split]
    chosen = {
        Path(row.values["file"]).stem: row.values
        for row in choose(rows, num, options["per_speaker"], options["seed"])
    }
    if len(chosen) < num:
        log.warning("%s/%s.tsv has %d such clips, not %d", home, split, len(chosen), num)
    audio = find_audio([home / "clips"], chosen)
    return DataDir.of(
        path,
        {
            "wav.scp": audio,
            "utt2spk": {utt: values["speaker"][:SPEAKER_SIZE] for utt, values in chosen.items()},
            "utt2label": dict.fromkeys(chosen, BONAFIDE),
            "text": {utt: " ".join(values["sentence"].split()) for utt, values in chosen.items()},
        },
    )


def choose(rows: list[Row], num: int, per_speaker: dict[str, int], seed: int) -> list[Row]:
    """Return about `num` clips: of speakers in random order, `most` random clips of each with at least
    `least`.

    Raise DataError if there is no such speaker.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.values["speaker"]].append(row)
    speakers = sorted(speaker for speaker, clips in groups.items() if len(clips) >= per_speaker["least"])
    if not speakers:
        raise DataError(
            f"no speaker has {per_speaker['least']} clips: lower corpus.options.per_speaker.least"
        )
    rng = random.Random(seed)
    rng.shuffle(speakers)
    chosen: list[Row] = []
    for speaker in speakers:
        size = min(per_speaker["most"], len(groups[speaker]), num - len(chosen))
        if size < per_speaker["least"]:
            break
        chosen += rng.sample(groups[speaker], size)
    return chosen
