"""Stage 1 of MLAAD's source tracing: the lists of train, dev and eval to data/<split>/, the synthesizer of
each utterance in utt2attack.
"""

import logging
from pathlib import Path, PurePosixPath

from dada.data import NO_SPEAKER, DataDir
from dada.data.find_audio import find_folder, listed
from dada.errors import ConfigError, DataError
from dada.formats.csv_list import Row, find_files, read_rows

COLUMNS = {"file": "path", "model": "model_name"}
LISTS = {"train": "train.csv", "dev": "dev.csv", "dev_unseen": "dev.csv", "eval": "eval.csv"}

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make the splits. dev holds the synthesizers of train alone, dev_unseen the others of its list."""
    options = recipe.corpus.options
    strange = sorted(set(recipe.all_splits) - set(LISTS))
    if strange:
        raise ConfigError(f"source tracing has no split {strange[0]!r}; known: {', '.join(LISTS)}")
    folder = recipe.option_path("protocols")
    root = find_folder(recipe.corpus_root, "fake").parent
    lists = {
        name: read_rows(folder / name, COLUMNS, ("file", "model")) for name in dict.fromkeys(LISTS.values())
    }
    known = {row.values["model"] for row in lists[LISTS["train"]]}
    log.info("%d synthesizers in train, %d clips", len(known), len(lists[LISTS["train"]]))
    made = []
    for split in recipe.all_splits:
        rows = lists[LISTS[split]]
        if split in ("dev", "dev_unseen"):
            rows = [row for row in rows if (row.values["model"] in known) == (split == "dev")]
        rows = _there(folder / LISTS[split], rows, root, options["allow_missing"])
        if not rows:
            raise DataError(f"{folder / LISTS[split]} has no utterance of {split}: is it the right list?")
        unseen = {row.values["model"] for row in rows} - known
        log.info("%s: %d clips, %d synthesizers that train does not have", split, len(rows), len(unseen))
        made.append(_data_dir(recipe.data_dir(split), folder / LISTS[split], rows, root))
    return made


def _there(path: Path, rows: list[Row], root: Path, allow_missing: bool) -> list[Row]:
    """Return the rows whose audio is there, with a warning; all of them where it must be."""
    if not allow_missing:
        return rows
    missing = [row for row in rows if not (root / row.values["file"]).is_file()]
    if missing:
        names = listed([row.values["file"] for row in missing])
        log.warning("%s: %d clips are left out, since they are not there: %s", path, len(missing), names)
    return [row for row in rows if row not in missing]


def _data_dir(path: Path, protocol: Path, rows: list[Row], root: Path) -> DataDir:
    files = find_files(protocol, rows, root)
    utts = [_utterance(row.values["file"]) for row in rows]
    if len(set(utts)) < len(utts):
        again = next(utt for i, utt in enumerate(utts) if utt in utts[:i])
        raise DataError(f"{protocol} has two files that give the utterance {again}: rename one")
    table = dict(zip(utts, rows, strict=True))
    return DataDir.of(
        path,
        {
            "wav.scp": dict(zip(utts, files, strict=True)),
            "utt2spk": dict.fromkeys(utts, NO_SPEAKER),
            "utt2attack": {utt: "_".join(row.values["model"].split()) for utt, row in table.items()},
            "utt2lang": {utt: _language(row.values["file"]) for utt, row in table.items()},
        },
    )


def _utterance(name: str) -> str:
    """Return `./fake/en/<model>/x.wav` as `en-<model>-x`, without blanks."""
    parts = [part for part in PurePosixPath(name).with_suffix("").parts if part not in (".", "fake")]
    return "_".join("-".join(parts).split())


def _language(name: str) -> str:
    parts = [part for part in PurePosixPath(name).parts if part not in (".", "fake")]
    return parts[0] if len(parts) > 1 else "-"
