"""Stage 1 of In-the-Wild: meta.csv to data/{train,dev,test}, by speaker or, under `whole`, as a test split
with training data of 2019.
"""

import logging
from collections import Counter, defaultdict
from pathlib import Path

from dada.data import BONAFIDE, NO_SPEAKER, SPOOF, DataDir
from dada.data.counts import differences
from dada.data.find_audio import find_audio, find_folder
from dada.data.subset import divide
from dada.errors import ConfigError, DataError
from dada.formats.asvspoof import asvspoof2019_split
from dada.formats.csv_list import Row, map_values, read_rows

COLUMNS = {"file": "file", "speaker": "speaker", "label": "label"}
LABELS = {"bona-fide": BONAFIDE, "spoof": SPOOF}
PROTOCOLS = ("speakers", "whole")

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make the splits of `recipe.protocol`."""
    if recipe.protocol not in PROTOCOLS:
        raise ConfigError(f"unknown protocol {recipe.protocol!r}; known: {', '.join(PROTOCOLS)}")
    options = recipe.corpus.options
    allow_missing = options.get("allow_missing", False)
    home = find_folder(recipe.corpus_root, "release_in_the_wild", "meta.csv")
    home = home.parent if home.name == "meta.csv" else home
    labels, speakers = read_meta(home / "meta.csv", options.get("total", {}))
    audio = find_audio([home], labels, allow_missing)
    tables = {"wav.scp": audio, "utt2spk": speakers, "utt2label": labels}
    whole = DataDir(
        home,
        {name: {utt: table[utt] for utt in sorted(audio, key=str.encode)} for name, table in tables.items()},
    )
    if recipe.protocol == "speakers":
        owner = by_speaker(whole, options["shares"], options["seed"])
        return [
            whole.subset([utt for utt in whole.utts if owner[utt] == name], recipe.data_dir(name))
            for name in recipe.all_splits
        ]
    (test,) = recipe.splits.test
    training = {recipe.splits.train: "train", recipe.splits.dev: "dev"}
    root = recipe.option_path("asvspoof2019")
    return [
        *(
            asvspoof2019_split(recipe.data_dir(name), root, "LA", split, allow_missing)
            for name, split in training.items()
        ),
        whole.subset(whole.utts, recipe.data_dir(test)),
    ]


def read_meta(path: Path, total: dict[str, int]) -> tuple[dict[str, str], dict[str, str]]:
    """Return utterance -> label, and utterance -> purported speaker with `_` for blanks.

    Warn if the counts of the labels are not `total`.
    """
    rows = read_rows(path, COLUMNS)
    utts = utterance_ids(path, rows)
    labels = dict(zip(utts, map_values(path, rows, "label", LABELS, "the recipe"), strict=True))
    speakers = {
        utt: "_".join(row.values["speaker"].split()) or NO_SPEAKER
        for utt, row in zip(utts, rows, strict=True)
    }
    differing = differences({"all": Counter(labels.values())}, {"all": total})
    if differing:
        log.warning("%s does not have the published counts: %s", path, differing)
    return labels, speakers


def utterance_ids(path: Path, rows: list[Row]) -> list[str]:
    """Return the name of every file without its ending. Raise DataError for two files of the same name."""
    lines: dict[str, int] = {}
    for row in rows:
        utt = Path(row.values["file"]).stem
        if utt in lines:
            raise DataError(
                f"{path}:{row.line}: {row.values['file']} and the file of line {lines[utt]} are both "
                f"called {utt}: rename one"
            )
        lines[utt] = row.line
    return list(lines)


def by_speaker(data: DataDir, shares: dict[str, float], seed: int) -> dict[str, str]:
    """Return utterance -> split. Every split gets its share of each speaker and label; groups that are too
    small to divide go to the first split.
    """
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for utt in data.utts:
        groups[data.speakers[utt], data.labels[utt]].append(utt)
    owner: dict[str, str] = {}
    for (speaker, label), utts in sorted(groups.items()):
        if len(utts) < len(shares):
            log.warning(
                "%s has %d %s utterances, too few to divide: they go to %s",
                speaker,
                len(utts),
                label,
                next(iter(shares)),
            )
            owner |= dict.fromkeys(utts, next(iter(shares)))
        else:
            owner |= divide(utts, shares, seed)
    return owner
