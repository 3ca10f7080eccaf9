"""Protocols and keys of the ASVspoof challenges, as distributed, and the data directories that they become.

A line of a 2019 protocol, of the 2021 LA key, and of an ASVspoof 5 protocol:

    LA_0039 LA_E_2834763 - A11 spoof
    LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval
    D_4461 D_0000000169 F - - - AC1 A14 spoof -
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dada.data.datadir import BONAFIDE, NO_ATTACK, SPOOF, DataDir
from dada.data.find_audio import find_audio, find_folder, listed
from dada.errors import ConfigError, DataError

SHOWN = 5  # lines that one message spells out
NO_VALUE = "-"


@dataclass(frozen=True)
class Format:
    """The columns of one kind of file; `trial` is the utterance, `-` a column without meaning."""

    name: str
    columns: tuple[str, ...]


LIST = Format("list of trials", ("trial",))
ASVSPOOF2019 = Format("ASVspoof 2019 protocol", ("speaker", "trial", "environment", "attack", "label"))
ASVSPOOF2021_LA = Format(
    "ASVspoof 2021 LA metadata",
    ("speaker", "trial", "codec", "transmission", "attack", "label", "trim", "subset"),
)
# The challenge calls the fourth column source; but utt2source is what an utterance was spoken from.
ASVSPOOF2021_DF = Format(
    "ASVspoof 2021 DF metadata",
    (
        "speaker",
        "trial",
        "codec",
        "corpus",
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
)
ASVSPOOF5 = Format(
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
)
FORMATS = (LIST, ASVSPOOF2019, ASVSPOOF2021_LA, ASVSPOOF2021_DF, ASVSPOOF5)
OTHERS = {
    4: "ASVspoof 2015",
    7: "ASVspoof 2017",
    12: "ASVspoof 2021 PA",
}  # number of columns of what is not read here
TABLES = {"speaker": "utt2spk", "label": "utt2label"}  # of the columns whose table is not called utt2<column>


@dataclass
class Protocol:
    """A protocol by columns (N,), in the order of the file."""

    path: Path
    form: Format
    values: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.values["trial"])

    def where(self, column: str, *wanted: str) -> "Protocol":
        """The trials whose `column` has one of some values. Raises DataError, with the values there are, for
        one that none has.
        """
        found = Counter(self.values[column])
        absent = next((value for value in wanted if not found[value]), None)
        if absent is not None:
            known = ", ".join(f"{name} ({number:,})" for name, number in found.most_common(SHOWN))
            raise DataError(f"{self.path} has no trial whose {column} is {absent!r}; there are {known}")
        keep = [i for i, value in enumerate(self.values[column]) if value in wanted]
        return Protocol(
            self.path, self.form, {name: [values[i] for i in keep] for name, values in self.values.items()}
        )


def guess_format(path: Path) -> Format:
    """The format that a file has by the number of its columns (DataError for another number)."""
    lines = _read_lines(Path(path))
    count = len(next(line for line in lines if line.strip()).split())
    for form in FORMATS:
        if len(form.columns) == count:
            return form
    known = "; ".join(f"{form.name}, {len(form.columns)}: {' '.join(form.columns)}" for form in FORMATS)
    raise DataError(
        f"{path} has {count} columns, as {OTHERS.get(count, 'no ASVspoof protocol known here')}; known "
        f"are {known}"
    )


def read_protocol(path: Path, form: Format, prefix: str | tuple[str, ...] = "") -> Protocol:
    """Read a protocol or key whose utterances begin with `prefix`.

    Raises DataError for what cannot be read, a file of another challenge or part, repeated utterances,
    unknown labels, and labels that contradict the attacks (as swapped ones do).
    """
    path = Path(path)
    lines = _read_lines(path)
    values: dict[str, list[str]] = {name: [] for name in form.columns if name != NO_VALUE}
    columns = [values.get(name) for name in form.columns]
    numbers: list[int] = []
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if len(cells) == len(columns):
            numbers.append(number)
            for column, cell in zip(columns, cells, strict=True):
                if column is not None:
                    column.append(sys.intern(cell))
        elif cells:
            problems.append((number, f"{len(cells)} columns"))
    if not numbers:
        raise DataError(_of_another_kind(path, lines, form))
    _refuse(path, problems, f"a line of the {form.name} has {len(columns)}: {' '.join(form.columns)}")
    protocol = Protocol(path, form, values)
    _check_trials(protocol, numbers, prefix)
    if "label" in values:
        _check_labels(protocol, numbers)
    return protocol


def make_data_dir(path: Path, protocol: Protocol, audio: dict[str, str], keep: Sequence[str] = ()) -> DataDir:
    """A data directory of the trials that `audio` has files of; `keep` names the columns besides speaker,
    label and attack.

    A column that has one value throughout tells nothing and gives no table. What bona fide trials call
    `bonafide` as an attack or vocoder becomes `-`.
    """
    trials = protocol.values["trial"]
    order = sorted((i for i, utt in enumerate(trials) if utt in audio), key=lambda i: trials[i].encode())
    utts = [trials[i] for i in order]
    tables = {"wav.scp": {utt: audio[utt] for utt in utts}}
    for name in ("speaker", "label", "attack", *keep):
        if name not in protocol.values:
            continue
        column = protocol.values[name]
        if name != "label":
            column = [NO_VALUE if value == BONAFIDE else value for value in column]
        table = {utt: column[i] for utt, i in zip(utts, order, strict=True)}
        if name not in keep or len(set(table.values())) > 1:
            tables[TABLES.get(name, f"utt2{name}")] = table
    return DataDir(Path(path), tables)


def _read_lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist: unpack the archive that holds it, or correct the path"
        ) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): mend the file or its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}): is it a protocol?") from error
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise DataError(f"{path} is empty: copy it again")
    return lines


def _of_another_kind(path: Path, lines: list[str], form: Format) -> str:
    """What is said of a file none of whose lines has the right number of columns."""
    first = next(line for line in lines if line.strip())
    count = len(first.split())
    name = next(
        (other.name for other in FORMATS if len(other.columns) == count),
        OTHERS.get(count, "no ASVspoof protocol known here"),
    )
    return (
        f"{path} has {count} columns, e.g. {first[:80]!r}, as {name}; expected is the {form.name} with "
        f"{len(form.columns)}: {' '.join(form.columns)}. Is it of another year or track?"
    )


def _check_trials(protocol: Protocol, numbers: list[int], prefix: str | tuple[str, ...]) -> None:
    trials = protocol.values["trial"]
    strange = [
        (number, utt) for number, utt in zip(numbers, trials, strict=True) if not utt.startswith(prefix)
    ]
    wanted = prefix if isinstance(prefix, str) else " or ".join(prefix)
    _refuse(
        protocol.path,
        strange,
        f"utterances here begin with {wanted}: is it the protocol of another part, track or year?",
    )
    if len(set(trials)) < len(trials):
        first: dict[str, int] = {}
        repeated = [
            (number, f"{utt} is already in line {first[utt]}")
            for number, utt in zip(numbers, trials, strict=True)
            if first.setdefault(utt, number) != number
        ]
        _refuse(protocol.path, repeated, "keep one line of each utterance")


def _check_labels(protocol: Protocol, numbers: list[int]) -> None:
    labels = protocol.values["label"]
    unknown = [
        (n, f"the label {label!r}")
        for n, label in zip(numbers, labels, strict=True)
        if label not in (BONAFIDE, SPOOF)
    ]
    _refuse(protocol.path, unknown, f"labels of the {protocol.form.name} are {BONAFIDE} and {SPOOF}")
    wrong = [
        (number, f"{utt} is {label} with attack {attack!r}")
        for number, utt, label, attack in zip(
            numbers, protocol.values["trial"], labels, protocol.values["attack"], strict=True
        )
        if (label == BONAFIDE) != (attack in (NO_ATTACK, BONAFIDE))
    ]
    swapped = ": the labels look swapped" if 2 * len(wrong) > len(labels) else ""
    _refuse(protocol.path, wrong, f"bona fide trials have no attack, and spoofs have one{swapped}")


def _refuse(path: Path, problems: Sequence[tuple[int, str]], advice: str) -> None:
    if problems:
        shown = "\n".join(f"{path}:{number}: {what}" for number, what in problems[:SHOWN])
        more = f"\n… and {len(problems) - SHOWN:,} more lines" if len(problems) > SHOWN else ""
        raise DataError(f"{shown}{more}\n{advice}")


def require_covered(protocol: Protocol, key: Protocol, advice: str) -> None:
    """Raise DataError unless the key names just the trials of the list, as the right version of it does."""
    listed_trials, keyed = set(protocol.values["trial"]), set(key.values["trial"])
    lacking, extra = sorted(listed_trials - keyed), sorted(keyed - listed_trials)
    if lacking or extra:
        said = (
            [
                f"lacks {len(lacking):,} of the {len(protocol):,} trials of {protocol.path} "
                f"({listed(lacking[:3])})"
            ]
            if lacking
            else []
        )
        said += [f"has {len(extra):,} trials that it does not list ({listed(extra[:3])})"] if extra else []
        raise DataError(f"{key.path} {' and '.join(said)}: {advice}")


SPLITS_2019 = {
    "train": ("train.trn", "T"),
    "dev": ("dev.trl", "D"),
    "eval": ("eval.trl", "E"),
}  # end of the name, letter of the utterances


def asvspoof2019_split(
    path: Path, root: Path, track: str, split: str, allow_missing: bool = False, attack: str | None = None
) -> DataDir:
    """One split (train, dev, eval) of a track (LA, PA) of ASVspoof 2019; `root` holds the folder of the
    track.

    With an `attack`, of its spoofs only those (DataError where it has none).
    """
    if split not in SPLITS_2019:
        raise ConfigError(f"ASVspoof 2019 has no split {split!r}; known: {', '.join(SPLITS_2019)}")
    end, letter = SPLITS_2019[split]
    name = f"ASVspoof2019_{track}"
    home = find_folder(root, f"{track}/{name}_cm_protocols")
    protocol = read_protocol(home / f"ASVspoof2019.{track}.cm.{end}.txt", ASVSPOOF2019, f"{track}_{letter}_")
    if attack is not None:
        protocol = protocol.where("attack", NO_ATTACK, attack)
    audio = find_audio([home.parent / f"{name}_{split}" / "flac"], protocol.values["trial"], allow_missing)
    return make_data_dir(path, protocol, audio, keep=("environment",))
