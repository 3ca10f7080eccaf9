"""Stage 1 of MLAAD: meta.csv of every synthesizer, and the M-AILABS files that they name, to
data/{train,dev,test}.
"""

import logging
import random
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dada.data import BONAFIDE, NO_SPEAKER, SPOOF, DataDir
from dada.data.datadir import NO_ATTACK
from dada.data.find_audio import find_folder, listed, require_folders, walk_audio
from dada.data.subset import divide
from dada.errors import ConfigError, DataError
from dada.formats.asvspoof import asvspoof2019_split
from dada.formats.csv_list import read_rows

COLUMNS = {"file": "path", "original": "original_file"}
UNREAD = ("by_book", "wavs", "female", "male", "mix")  # folders of M-AILABS that name no reader
MIXED = "mix"  # a folder of several readers without names

log = logging.getLogger(__name__)


class Clip(NamedTuple):
    """A file, its model (`-` for human speech), language, the M-AILABS file it was made from, and its
    speaker.
    """

    utt: str
    path: str
    model: str
    language: str
    original: str
    speaker: str


def prepare(recipe) -> list[DataDir]:
    """Make the splits of `recipe.protocol`."""
    options = recipe.corpus.options
    allow_missing = options["allow_missing"]
    root = recipe.corpus_root
    spoofs = [
        clip
        for language in options["languages"]
        for clip in spoofs_of(root, language, options["models"], allow_missing)
    ]
    originals = originals_of(root / options["mailabs"], spoofs, options["deduplicate"], allow_missing)
    num_models = len({clip.model for clip in spoofs})
    log.info(
        "MLAAD version %s: %d models, %d spoofs, %d originals",
        options["version"],
        num_models,
        len(spoofs),
        len(originals),
    )
    if recipe.protocol == "models":
        owner = divide([clip.model for clip in spoofs], options["shares"], options["seed"])
        owner |= divide([clip.original for clip in originals], options["shares"], options["seed"])
        parts = {
            name: [
                [c for c in spoofs if owner[c.model] == name],
                [c for c in originals if owner[c.original] == name],
            ]
            for name in recipe.all_splits
        }
        return [data_dir(recipe.data_dir(name), *classes, options) for name, classes in parts.items()]
    (test,) = recipe.splits.test
    training = {recipe.splits.train: "train", recipe.splits.dev: "dev"}
    la = recipe.option_path("asvspoof2019")
    return [
        *(
            asvspoof2019_split(recipe.data_dir(name), la, "LA", split, allow_missing)
            for name, split in training.items()
        ),
        data_dir(recipe.data_dir(test), spoofs, originals, options),
    ]


def spoofs_of(root: Path, language: str, models: list[str], allow_missing: bool) -> list[Clip]:
    """Return the clips of the synthesizers of a language by their meta.csv. Raise DataError for missing
    files.
    """
    home = find_folder(root, f"fake/{language}")
    there = {path.parent.name: path for path in sorted(home.glob("*/meta.csv"))}
    unknown = sorted(set(models) - set(there))
    if unknown or not there:
        known = listed(list(there)) or "none"
        raise ConfigError(
            f"{home} has no model {', '.join(unknown)}; with a meta.csv there are {known}: correct "
            "corpus.options.models"
        )
    audio = set(walk_audio(home))
    clips, missing = [], []
    for model, path in there.items():
        for row in read_rows(path, COLUMNS, required=("file",)) if not models or model in models else []:
            name = PurePosixPath(row.values["file"])  # `./fake/en/<model>/x.wav`
            if f"{model}/{name.name}" not in audio:
                missing.append(str(name))
                continue
            utt = utterance(f"{language}/{model}/{name.stem}")
            original = str(PurePosixPath(row.values["original"]))
            clips.append(
                Clip(utt, str((home / model / name.name).absolute()), model, language, original, NO_SPEAKER)
            )
    refuse_missing(missing, len(clips), home, allow_missing)
    return clips


def originals_of(real: Path, spoofs: list[Clip], deduplicate: bool, allow_missing: bool) -> list[Clip]:
    """Return the M-AILABS files that the spoofs were made from, once each, or once per spoof.

    Spoofs that name no such file are left out.
    """
    require_folders([real])
    wanted = Counter(clip.original for clip in spoofs if clip.original not in ("", ".", "-"))
    clips, missing = [], []
    for name, number in sorted(wanted.items()):
        path = real / name
        if not path.is_file():
            missing.append(name)
            continue
        utt = utterance(f"real/{PurePosixPath(name).with_suffix('')}")
        for copy in range(1 if deduplicate else number):
            numbered = f"{utt}-{copy}" if copy else utt
            clips.append(
                Clip(numbered, str(path.absolute()), NO_ATTACK, name.partition("_")[0], name, reader_of(name))
            )
    refuse_missing(missing, len(clips), real, allow_missing)
    return clips


def data_dir(path: Path, spoofs: list[Clip], originals: list[Clip], options: dict) -> DataDir:
    """Make a split of both classes. With `balance`, the larger class is cut to the size of the smaller."""
    size = min(len(spoofs), len(originals)) if options["balance"] else max(len(spoofs), len(originals))
    chosen = [clip for clips in (spoofs, originals) for clip in draw(clips, size, options["seed"])]
    tables = {
        "wav.scp": {clip.utt: clip.path for clip in chosen},
        "utt2spk": {clip.utt: clip.speaker for clip in chosen},
        "utt2label": {clip.utt: BONAFIDE if clip.model == NO_ATTACK else SPOOF for clip in chosen},
        "utt2attack": {clip.utt: clip.model for clip in chosen},
    }
    if len(options["languages"]) > 1:
        tables["utt2lang"] = {clip.utt: clip.language for clip in chosen}
    return DataDir.of(path, tables)


def draw(clips: list[Clip], size: int, seed: int) -> list[Clip]:
    """Return `size` of the clips, or all if there are fewer."""
    return random.Random(seed).sample(clips, size) if size < len(clips) else clips


def reader_of(name: str) -> str:
    """Return the reader of `en_US/by_book/female/judy_bieber/the_master_key/wavs/x.wav`; `-` for several."""
    parts = PurePosixPath(name).parts[1:-1]
    named = [part for part in parts if part not in UNREAD]
    return "_".join(named[0].split()) if named and MIXED not in parts else NO_SPEAKER


def utterance(name: str) -> str:
    """Return a path as a name without blanks and slashes."""
    return "_".join(name.replace("/", "-").split())


def refuse_missing(missing: list[str], num_found: int, home: Path, allow_missing: bool) -> None:
    """Raise DataError for missing files of a list, or warn if they may be left out."""
    if missing and (not allow_missing or not num_found):
        raise DataError(
            f"{len(missing):,} files that meta.csv names are not in {home}, e.g. {listed(missing)}: is the "
            "archive unpacked to its end? "
            "corpus.options.allow_missing=true leaves them out"
        )
    if missing:
        log.warning(
            "%d files that meta.csv names are left out, since they are not in %s: %s",
            len(missing),
            home,
            listed(missing),
        )
