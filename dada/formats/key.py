"""Keys: which trials there are, which are bona fide, and under what condition each was made.

Data directories, tables of labels, lists without labels, and the keys of ASVspoof 2019, 2021 and 5 and of
In-the-Wild.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dada.data.datadir import BONAFIDE, NO_SPEAKER, SPOOF, DataDir
from dada.errors import ConfigError, DataError
from dada.formats.columns import Columns, Layout, read_columns, refuse
from dada.plugins import nearest

NO_VALUE = "-"
WORDS = {
    **dict.fromkeys(("bonafide", "bona-fide", "bona_fide", "genuine", "real", "human"), BONAFIDE),
    **dict.fromkeys(("spoof", "spoofed", "fake", "deepfake"), SPOOF),
}
ASV_WORDS = ("target", "nontarget", "spoof")
DEFAULT_SUBSET, ALL_SUBSETS = "eval", "all"
ASVSPOOF2021_PA = (
    "speaker",
    "trial",
    "asv_room",
    "asv_mic",
    "asv_distance",
    "attacker_room",
    "attacker_mic",
    "attacker_distance",
    "talker_distance",
    "label",
    "trim",
    "subset",
)
ASVSPOOF2021 = ("speaker", "trial", "codec", "transmission", "attack", "label", "trim", "subset")
LAYOUTS = (
    Layout("labels", ("trial", "label")),
    Layout("In-the-Wild", ("trial", "speaker", "label")),
    Layout("ASVspoof 2019 protocol", ("speaker", "trial", "environment", "attack", "label")),
    Layout("ASVspoof 2021 LA metadata", ASVSPOOF2021),
    Layout("ASVspoof 2021 PA metadata", ASVSPOOF2021_PA),
    Layout(
        "ASVspoof 2021 DF metadata",
        (
            "speaker",
            "trial",
            "codec",
            "source",
            "attack",
            "label",
            "trim",
            "subset",
            "vocoder",
            "task",
            "team",
            "gender_pair",
            "language",
        ),
    ),
    Layout(
        "ASVspoof 5 protocol",
        (
            "speaker",
            "trial",
            "gender",
            "codec",
            "codec_quality",
            "codec_seed",
            "attack_tag",
            "attack",
            "label",
            "-",
        ),
    ),
    Layout("scores with labels", ("trial", "attack", "label", "score")),
    Layout("list of utterances", ("trial",)),
)
NOT_CONDITIONS = {"trial", "speaker", "label", "asv_label", "subset", "score", "asv_score", "sasv_score", "-"}


@dataclass
class Key:
    """The trials to be scored (N,) and, in the same order, what is known of each. `labels` is None for an
    unlabelled set.
    """

    path: Path
    layout: str
    trials: list[str]
    labels: list[str] | None
    speakers: list[str]
    conditions: dict[str, list[str]] = field(default_factory=dict)
    asv_labels: list[str] | None = None  # target | nontarget | spoof
    subset: str | None = None  # of the trials in the file, where it has subsets
    outside: set[str] = field(default_factory=set)  # trials of its other subsets


def read_key(path: Path, columns: Sequence[str] | None = None, subset: str | None = None) -> Key:
    """Read a key of any known format. Raises DataError for labels that nobody knows, and repeated or
    conflicting trials.
    """
    path = Path(path)
    if path.is_dir():
        return _of_data_dir(path)
    if columns is not None and "trial" not in columns:
        raise ConfigError(
            f"--key_columns {','.join(columns)} names no trial: e.g. trial,label or "
            "speaker,trial,-,attack,label"
        )
    table = read_columns(path, LAYOUTS, {"label": is_any_label}, "key", columns)
    for name, known in (("label", is_label), ("asv_label", ASV_WORDS.__contains__)):
        refuse(
            table.path,
            [
                (line, f"label {value!r}")
                for line, value in zip(table.lines, table.values.get(name, []), strict=False)
                if not known(value)
            ],
            "write bonafide or spoof (target and nontarget belong to --asv_key)"
            if name == "label"
            else "write target, nontarget or spoof",
        )
    return _chosen(_of_columns(table), table, subset)


def is_label(value: str) -> bool:
    """Whether a word says bona fide or spoof, in one of the ways of the corpora."""
    return value.lower() in WORDS


def is_any_label(value: str) -> bool:
    """As `is_label`, or a bare class number: taken for a label column, so that the message about it can name
    its lines.
    """
    return is_label(value) or value in ("0", "1") or value in ASV_WORDS


def label_of(value: str) -> str:
    """bonafide or spoof, from any corpus's word for it."""
    return WORDS[value.lower()]


def conditions_of(table: Columns) -> dict[str, list[str]]:
    """The columns that say how a trial was made; bona fide trials have the attack `-`. A column without any
    value is left out.
    """
    conditions = {}
    for name in [name for name in table.values if name not in NOT_CONDITIONS]:
        column = [
            NO_VALUE if value.lower() in ("", BONAFIDE, "bona-fide") else value
            for value in table.values[name]
        ]
        if set(column) != {NO_VALUE}:
            conditions[name] = column
    return conditions


def _of_data_dir(path: Path) -> Key:
    data = DataDir.read(path)
    utts = data.utts
    conditions = {name: [table[utt] for utt in utts] for name, table in data.conditions.items()}
    labels = None if data.labels is None else [data.labels[utt] for utt in utts]
    return Key(path, "data directory", utts, labels, [data.speakers[utt] for utt in utts], conditions)


def _of_columns(table: Columns) -> Key:
    values = table.values
    trials = values["trial"]
    if "asv_label" in values and "speaker" in values:
        trials = [f"{speaker} {trial}" for speaker, trial in zip(values["speaker"], trials, strict=True)]
    labels = [label_of(value) for value in values["label"]] if "label" in values else None
    _refuse_repeated(table, trials, labels)
    speakers = values.get("speaker", [NO_SPEAKER] * len(trials))
    return Key(
        table.path, table.layout, trials, labels, speakers, conditions_of(table), values.get("asv_label")
    )


def _refuse_repeated(table: Columns, trials: list[str], labels: list[str] | None) -> None:
    if len(set(trials)) == len(trials):
        return
    first: dict[str, int] = {}
    problems = []
    for i, trial in enumerate(trials):
        j = first.setdefault(trial, i)
        if j != i:
            kind = (
                f"with label {labels[i]}, but {labels[j]}"
                if labels and labels[i] != labels[j]
                else "again, as"
            )
            problems.append((table.lines[i], f"{trial} is there {kind} in line {table.lines[j]}"))
    refuse(table.path, problems, f"{len(problems)} lines repeat a trial; keep one line of each")


def _chosen(key: Key, table: Columns, subset: str | None) -> Key:
    """The trials of one subset, where the file has several."""
    subsets = table.values.get("subset")
    if subsets is None:
        if subset not in (None, ALL_SUBSETS):
            raise DataError(f"{key.path} has no column of subsets ({key.layout}): leave --subset out")
        return key
    key.subset = subset or DEFAULT_SUBSET
    if key.subset == ALL_SUBSETS:
        return key
    keep = [i for i, name in enumerate(subsets) if name == key.subset]
    if not keep:
        known = sorted(set(subsets))
        advice = f"give --subset, one of {', '.join(known)}, all"
        raise DataError(f"{key.path} has no subset {key.subset!r}{nearest(key.subset, known)}: {advice}")

    def of(values: list[str] | None) -> list[str] | None:
        return None if values is None else [values[i] for i in keep]

    inside = of(key.trials)
    conditions = {name: of(values) for name, values in key.conditions.items()}
    return Key(
        key.path,
        key.layout,
        inside,
        of(key.labels),
        of(key.speakers),
        conditions,
        of(key.asv_labels),
        key.subset,
        set(key.trials) - set(inside),
    )
