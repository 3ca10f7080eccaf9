"""Keys: the trials to be scored, which are bona fide, and the conditions under which each was made.

A key is a data directory, a table of labels, a list without labels, a key of ASVspoof 2019, 2021 and 5 or of
In-the-Wild, or a Parquet file of the Speech Anti-Spoofing Arena.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dada.data.datadir import BONAFIDE, NO_SPEAKER, SPOOF, DataDir
from dada.errors import ConfigError, DataError
from dada.formats.asvspoof import (
    ASVSPOOF5,
    ASVSPOOF2019,
    ASVSPOOF2021_DF,
    ASVSPOOF2021_LA,
    ASVSPOOF2021_PA,
    LIST,
)
from dada.formats.columns import (
    NO_VALUE,
    Columns,
    Layout,
    condition_value,
    is_by_name,
    read_columns,
    refuse_lines,
    repeats,
)
from dada.formats.hf_dataset import read_rows_of
from dada.formats.parquet import column_names
from dada.formats.words import ASV_KINDS, label_words
from dada.plugins import nearest

DEFAULT_SUBSET, ALL_SUBSETS = "eval", "all"
SCORED = Layout("scores with labels", ("trial", "attack", "label", "score"))
LAYOUTS = (
    Layout("labels", ("trial", "label")),
    Layout("In-the-Wild", ("trial", "speaker", "label")),
    ASVSPOOF2019,
    ASVSPOOF2021_LA,
    ASVSPOOF2021_PA,
    ASVSPOOF2021_DF,
    ASVSPOOF5,
    SCORED,
    LIST,
)
LABEL_ADVICE = (
    "write bonafide or spoof, or say what the words mean, e.g. --labels 1=bonafide 0=spoof (target and "
    "nontarget belong to --asv_key)"
)
ARENA_LABELS = {"trial": "utterance_id", "label": "label"}  # data/labels.parquet, where labels are numbers
ARENA_SHARD = {"trial": "notes.utterance_id", "label": "label"}
ARENA_NUMBERS = {"0": BONAFIDE, "1": SPOOF}
NOT_CONDITIONS = {"trial", "speaker", "label", "asv_label", "subset", "score", "asv_score", "sasv_score"}


@dataclass
class Key:
    """The trials to be scored (N,), and for each its label, speaker and conditions in the same order."""

    path: Path
    layout: str
    trials: list[str]
    labels: list[str] | None  # None for an unlabelled set
    speakers: list[str]
    conditions: dict[str, list[str]] = field(default_factory=dict)
    asv_labels: list[str] | None = None  # target | nontarget | spoof
    subset: str | None = None  # of the trials in the file, if it has subsets
    outside: set[str] = field(default_factory=set)  # trials that are left out, e.g. those of other subsets

    def some(self, indices: Sequence[int]) -> "Key":
        """Return a key of some trials, with the others in `outside`."""

        def of(values: list[str]) -> list[str]:
            return [values[i] for i in indices]

        return replace(
            self,
            trials=of(self.trials),
            labels=None if self.labels is None else of(self.labels),
            speakers=of(self.speakers),
            conditions={name: of(values) for name, values in self.conditions.items()},
            asv_labels=None if self.asv_labels is None else of(self.asv_labels),
            outside=self.outside | set(self.trials) - set(of(self.trials)),
        )


def read_key(
    path: Path,
    columns: Sequence[str] | None = None,
    subset: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Key:
    """Read a key of any known layout, or with the given `columns`. `labels` are words for the two classes
    beside the usual ones, e.g. {"1": "bonafide", "0": "spoof"}.

    Raise DataError, with file and line, for unknown labels and for repeated or conflicting trials, and
    ConfigError for columns without a trial.
    """
    path = Path(path)
    if path.is_dir():
        return _of_data_dir(path)
    if path.suffix == ".parquet":
        return _of_parquet(path, columns, label_words(labels))
    if columns is not None and not is_by_name(columns) and "trial" not in columns:
        example = "e.g. trial,label or speaker,trial,-,attack,label"
        raise ConfigError(f"--key_columns {','.join(columns)} names no trial: {example}")
    words = label_words(labels)
    # Numbers and kinds of ASV trials count here, so that they are refused by line.
    may_be_label = {*words, "0", "1", *ASV_KINDS}
    table = read_columns(
        path, LAYOUTS, {"label": lambda value: value.lower() in may_be_label}, "key", columns
    )
    table.refuse("label", lambda value: value.lower() in words, LABEL_ADVICE)
    table.refuse("asv_label", ASV_KINDS.__contains__, "write target, nontarget or spoof")
    names = trial_names(table)
    classes = [words[value.lower()] for value in table.values["label"]] if "label" in table.values else None
    _refuse_repeated(table, names, classes)
    key = Key(
        path=table.path,
        layout=table.layout,
        trials=names,
        labels=classes,
        speakers=table.values.get("speaker", [NO_SPEAKER] * len(names)),
        conditions=conditions_of(table),
        asv_labels=table.values.get("asv_label"),
        subset=_subset_of(table, subset),
    )
    if key.subset in (None, ALL_SUBSETS):
        return key
    return key.some([i for i, value in enumerate(table.values["subset"]) if value == key.subset])


def trial_names(table: Columns) -> list[str]:
    """Return the names of the trials: the utterances, each after the claimed speaker if speakers are
    verified.
    """
    trials = table.values["trial"]
    if "speaker" in table.values and {"asv_score", "sasv_score", "asv_label"} & set(table.values):
        return [f"{speaker} {trial}" for speaker, trial in zip(table.values["speaker"], trials, strict=True)]
    return trials


def conditions_of(table: Columns) -> dict[str, list[str]]:
    """Return the columns that tell how a trial was made; bona fide trials have the attack `-`.

    A column without any value is left out.
    """
    conditions = {}
    for name in [name for name in table.values if name not in NOT_CONDITIONS]:
        column = [condition_value(value) for value in table.values[name]]
        if set(column) != {NO_VALUE}:
            conditions[name] = column
    return conditions


def _of_data_dir(path: Path) -> Key:
    data = DataDir.read(path)
    utts = data.utts
    conditions = {name: [table[utt] for utt in utts] for name, table in data.conditions.items()}
    labels = None if data.labels is None else [data.labels[utt] for utt in utts]
    return Key(path, "data directory", utts, labels, [data.speakers[utt] for utt in utts], conditions)


def _of_parquet(path: Path, columns: Sequence[str] | None, words: Mapping[str, str]) -> Key:
    """A Parquet file of the Arena, or any whose columns are named, as in trial=notes.id,label=class."""
    if columns is not None and not is_by_name(columns):
        raise ConfigError(f"{path} names its columns: write --key_columns trial=COLUMN,label=COLUMN")
    named = dict(text.split("=", 1) for text in columns or ())
    if not named:
        labels_alone = ARENA_LABELS["trial"] in column_names(path)
        named = ARENA_LABELS if labels_alone else ARENA_SHARD
        words = {**words, **ARENA_NUMBERS} if labels_alone else words
    if "trial" not in named:
        raise ConfigError(f"--key_columns of {path} names no trial: add trial=COLUMN")
    rows: dict[str, dict[str, str]] = {}
    for row in read_rows_of(path, list(named.values())):
        found = {name: row.value(column) for name, column in named.items()}
        values = {name: NO_VALUE if value is None else str(value) for name, value in found.items()}
        if values["trial"] in rows:
            raise DataError(f"{row.where}: {values['trial']} is in an earlier row too: keep one of them")
        if "label" in values and values["label"].lower() not in words:
            raise DataError(f"{row.where}: label {values['label']!r}: {LABEL_ADVICE}")
        rows[values["trial"]] = values
    table = {name: [row[name] for row in rows.values()] for name in named}
    classes = [words[label.lower()] for label in table["label"]] if "label" in table else None
    conditions = {name: values for name, values in table.items() if name not in NOT_CONDITIONS}
    speakers = table.get("speaker", [NO_SPEAKER] * len(rows))
    return Key(path, "Parquet", list(rows), classes, speakers, conditions)


def _refuse_repeated(table: Columns, trials: list[str], labels: list[str] | None) -> None:
    problems = []
    for i, j in repeats(trials):
        conflict = labels is not None and labels[i] != labels[j]
        how = f"with label {labels[i]}, but {labels[j]}" if labels and conflict else "again, as"
        problems.append((table.lines[i], f"{trials[i]} is there {how} in line {table.lines[j]}"))
    refuse_lines(table.path, problems, f"{len(problems)} lines repeat a trial; keep one line of each")


def _subset_of(table: Columns, subset: str | None) -> str | None:
    """Return the subset to be used; None if the file has no subsets. Raise DataError for an unknown one."""
    subsets = table.values.get("subset")
    if subsets is None:
        if subset not in (None, ALL_SUBSETS):
            raise DataError(f"{table.path} has no column of subsets ({table.layout}): leave --subset out")
        return None
    name = subset or DEFAULT_SUBSET
    known = sorted(set(subsets))
    if name not in (*known, ALL_SUBSETS):
        advice = f"give --subset, one of {', '.join(known)}, all"
        raise DataError(f"{table.path} has no subset {name!r}{nearest(name, known)}: {advice}")
    return name
