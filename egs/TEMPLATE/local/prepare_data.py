"""Stage 1 for a corpus that is a folder of audio files and a CSV: the lines of the CSV to data/<split>/.

Rewrite `prepare` for a corpus of another form. It must return a DataDir per split of recipe.yaml.
"""

import re
from collections import defaultdict
from pathlib import Path

from dada.data.datadir import BONAFIDE, NO_SPEAKER, DataDir
from dada.data.subset import divide
from dada.errors import ConfigError, DataError
from dada.formats.columns import NO_VALUE, refuse
from dada.formats.csv_list import Row, find_files, map_values, read_rows

TABLES = {"speaker": "utt2spk", "text": "text"}  # columns whose table is not called utt2<column>
NOT_TABLES = ("file", "label", "split")
OPTIONS = ("csv", "columns", "labels_map", "splits_map", "split_by", "shares", "seed")


def prepare(recipe) -> list[DataDir]:
    """Read the CSV of `corpus.options`, and give every line to its split."""
    options = recipe.corpus.options
    lacking = [name for name in OPTIONS if name not in options]
    if lacking:
        raise ConfigError(
            f"corpus.options of recipe.yaml lacks {', '.join(lacking)}: copy the lines from "
            "egs/TEMPLATE/recipe.yaml"
        )
    root = Path(recipe.corpus.root)
    own = recipe.root / options["csv"]  # an absolute path stays as it is
    path = own if own.is_file() else root / options["csv"]
    columns = dict(options["columns"])
    rows = read_rows(path, columns)
    if "split" in columns:
        left_out = {value for value, split in options["splits_map"].items() if split == NO_VALUE}
        rows = [row for row in rows if row.values["split"] not in left_out]
    files = find_files(path, rows, root)
    labels = map_values(path, rows, "label", options["labels_map"], "corpus.options.labels_map")
    names = recipe.all_splits
    splits = assign_splits(path, rows, labels, names, options)
    utts = utterance_ids(path, rows)
    tables: dict[str, dict] = {name: defaultdict(dict) for name in names}
    for row, utt, label, split, file in sorted(
        zip(rows, utts, labels, splits, files, strict=True), key=lambda item: item[1].encode()
    ):
        table = tables[split]
        table["wav.scp"][utt] = file
        table["utt2label"][utt] = label
        for column in columns:
            if column not in NOT_TABLES:
                table[TABLES.get(column, f"utt2{column}")][utt] = value_of(row, column, label)
    check_splits(path, tables)
    return [DataDir(recipe.data_dir(name), dict(tables[name])) for name in names]


def assign_splits(
    path: Path, rows: list[Row], labels: list[str], names: list[str], options: dict
) -> list[str]:
    """Return the split of every row: from the CSV if it has a column for it, else drawn with the seed by
    speaker or by file.
    """
    if "split" in options["columns"]:
        splits = map_values(path, rows, "split", options["splits_map"], "corpus.options.splits_map")
        strangers = sorted(set(splits) - set(names))
        if strangers:
            raise ConfigError(
                f"corpus.options.splits_map names {', '.join(strangers)}, but the splits of recipe.yaml "
                f"are {', '.join(names)}"
            )
        return splits
    shares = options["shares"]
    if set(shares) != set(names):
        raise ConfigError(
            f"corpus.options.shares names {', '.join(shares)}, but the splits of recipe.yaml are "
            f"{', '.join(names)}"
        )
    if options["split_by"] not in ("speaker", "file"):
        raise ConfigError(f"corpus.options.split_by is {options['split_by']!r}: write speaker or file")
    if options["split_by"] == "file":
        owner = {}
        for label in sorted(set(labels)):
            owner |= divide(
                [row.values["file"] for row, other in zip(rows, labels, strict=True) if other == label],
                shares,
                options["seed"],
            )
        return [owner[row.values["file"]] for row in rows]
    if "speaker" not in options["columns"]:
        raise ConfigError(
            "corpus.options.split_by is speaker, but columns has no speaker: name the column, or write "
            "split_by: file"
        )
    nameless = [f"{path}:{row.line}: no speaker is given" for row in rows if not row.values["speaker"]]
    refuse(nameless, "give every line a speaker, or write split_by: file")
    owner = divide([row.values["speaker"] for row in rows], shares, options["seed"])
    return [owner[row.values["speaker"]] for row in rows]


def utterance_ids(path: Path, rows: list[Row]) -> list[str]:
    """Return an id for every row: the file name without ending, folders and blanks as `_`, after the speaker
    if the corpus names speakers.
    """
    lines: dict[str, int] = {}
    for row in rows:
        name = re.sub(r"[\s/\\]+", "_", str(Path(row.values["file"]).with_suffix("")).lstrip("/."))
        speaker = re.sub(r"\s+", "_", row.values.get("speaker", ""))
        utt = f"{speaker}-{name}" if speaker else name
        if utt in lines:
            raise DataError(
                f"{path}:{row.line}: the file of this line and of line {lines[utt]} both give the "
                f"utterance {utt}: rename one"
            )
        lines[utt] = row.line
    return list(lines)


def value_of(row: Row, column: str, label: str) -> str:
    """Return the value for a table. An empty cell is `-`, and `unknown` for the attack of a spoof. Speakers
    have no blanks.
    """
    value = " ".join(row.values[column].split())
    if column == "attack" and label == BONAFIDE:
        return "-"
    if column == "speaker":
        return value.replace(" ", "_") or NO_SPEAKER
    return value or ("unknown" if column == "attack" else "" if column == "text" else "-")


def check_splits(path: Path, tables: dict[str, dict]) -> None:
    """Raise DataError for a split that is empty or has one label only."""
    for name, table in tables.items():
        seen = sorted(set(table["utt2label"].values()))
        if len(seen) < 2:
            what = f"only {seen[0]} utterances" if seen else "no utterances"
            raise DataError(
                f"split {name} of {path} has {what}: change corpus.options.seed, split_by or shares, or "
                "the CSV's split column"
            )
