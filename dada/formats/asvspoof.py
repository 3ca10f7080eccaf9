"""Protocols and keys of the ASVspoof challenges, and the data directories made from them.

A line of a 2019 protocol, of the 2021 LA key, and of an ASVspoof 5 protocol:

    LA_0039 LA_E_2834763 - A11 spoof
    LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval
    D_4461 D_0000000169 F - - - AC1 A14 spoof -
"""

from collections.abc import Sequence
from pathlib import Path

from dada.data.datadir import BONAFIDE, NO_ATTACK, SPOOF, DataDir, table_of
from dada.data.find_audio import find_audio, find_folder, listed
from dada.errors import ConfigError, DataError
from dada.formats.columns import (
    Columns,
    Layout,
    condition_value,
    read_layout,
    read_lines,
    refuse_lines,
    repeats,
)

LIST = Layout("list of trials", ("trial",))
ASVSPOOF2019 = Layout("ASVspoof 2019 protocol", ("speaker", "trial", "environment", "attack", "label"))
ASVSPOOF2021_LA = Layout(
    "ASVspoof 2021 LA metadata",
    ("speaker", "trial", "codec", "transmission", "attack", "label", "trim", "subset"),
)
ASVSPOOF2021_PA = Layout(
    "ASVspoof 2021 PA metadata",
    tuple(
        "speaker trial asv_room asv_mic asv_distance attacker_room attacker_mic attacker_distance "
        "talker_distance label trim subset".split()
    ),
)
# The challenge calls the fourth column source. In a data directory, utt2source is what an utterance was
# spoken from, so that the condition is called corpus.
ASVSPOOF2021_DF = Layout(
    "ASVspoof 2021 DF metadata",
    tuple(
        "speaker trial codec corpus attack label trim subset vocoder task team gender_pair language".split()
    ),
)
ASVSPOOF5 = Layout(
    "ASVspoof 5 protocol",
    tuple("speaker trial gender codec codec_quality codec_seed attack_tag attack label -".split()),
)
LAYOUTS = (LIST, ASVSPOOF2019, ASVSPOOF2021_LA, ASVSPOOF2021_PA, ASVSPOOF2021_DF, ASVSPOOF5)
OTHERS = {4: "ASVspoof 2015", 7: "ASVspoof 2017"}  # by the number of their columns; they are not read


def guess_layout(path: Path) -> Layout:
    """Return the layout of a protocol by the number of its columns. Raise DataError for another number."""
    first = next(line for line in read_lines(Path(path)) if line.strip())
    count = len(first.split())
    for layout in LAYOUTS:
        if len(layout.columns) == count:
            return layout
    known = "; ".join(
        f"{layout.name}, {len(layout.columns)}: {' '.join(layout.columns)}" for layout in LAYOUTS
    )
    raise DataError(f"{path} has {count} columns, as {_name_of(count)}; known are {known}")


def read_protocol(path: Path, layout: Layout, prefix: str | tuple[str, ...] = "") -> Columns:
    """Read a protocol or key whose utterances begin with `prefix`.

    Raise DataError for a file that cannot be read, a file of another challenge or part, repeated utterances,
    unknown labels, and labels that contradict the attacks (as swapped labels do).
    """
    path = Path(path)
    lines = read_lines(path)
    if not any(len(line.split()) == len(layout.columns) for line in lines):
        first = next(line for line in lines if line.strip())
        count = len(first.split())
        raise DataError(
            f"{path} has {count} columns, e.g. {first[:80]!r}, as {_name_of(count)}; expected is the "
            f"{layout.name} with {len(layout.columns)}: {' '.join(layout.columns)}. "
            "Is it of another year or track?"
        )
    protocol = read_layout(path, layout, lines)
    _check_trials(protocol, prefix)
    if "label" in protocol.values:
        _check_labels(protocol)
    return protocol


def make_data_dir(path: Path, protocol: Columns, audio: dict[str, str], keep: Sequence[str] = ()) -> DataDir:
    """Make a data directory of the trials that have a file in `audio`.

    `keep` names columns besides speaker, label and attack; one of them that has the same value throughout
    gives no table. The attack or vocoder `bonafide` becomes `-`.
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
            column = [condition_value(value) for value in column]
        table = {utt: column[i] for utt, i in zip(utts, order, strict=True)}
        if name not in keep or len(set(table.values())) > 1:
            tables[table_of(name)] = table
    return DataDir(Path(path), tables)


def require_covered(protocol: Columns, key: Columns, advice: str) -> None:
    """Raise DataError unless the key names exactly the trials of the list, as its right version does."""
    trials, keyed = set(protocol.values["trial"]), set(key.values["trial"])
    lacking, extra = sorted(trials - keyed), sorted(keyed - trials)
    problems = []
    if lacking:
        where = f"{len(protocol):,} trials of {protocol.path} ({listed(lacking[:3])})"
        problems.append(f"lacks {len(lacking):,} of the {where}")
    if extra:
        problems.append(f"has {len(extra):,} trials that it does not list ({listed(extra[:3])})")
    if problems:
        raise DataError(f"{key.path} {' and '.join(problems)}: {advice}")


def _name_of(count: int) -> str:
    """Return the challenge whose files have this number of columns."""
    name = next((layout.name for layout in LAYOUTS if len(layout.columns) == count), None)
    return name or OTHERS.get(count, "no ASVspoof protocol known here")


def _check_trials(protocol: Columns, prefix: str | tuple[str, ...]) -> None:
    trials, lines = protocol.values["trial"], protocol.lines
    strange = [(line, utt) for line, utt in zip(lines, trials, strict=True) if not utt.startswith(prefix)]
    wanted = prefix if isinstance(prefix, str) else " or ".join(prefix)
    advice = f"utterances here begin with {wanted}: is it the protocol of another part, track or year?"
    refuse_lines(protocol.path, strange, advice)
    repeated = [(lines[i], f"{trials[i]} is already in line {lines[j]}") for i, j in repeats(trials)]
    refuse_lines(protocol.path, repeated, "keep one line of each utterance")


def _check_labels(protocol: Columns) -> None:
    advice = f"labels of the {protocol.layout} are {BONAFIDE} and {SPOOF}"
    protocol.refuse("label", (BONAFIDE, SPOOF).__contains__, advice)
    if "attack" not in protocol.values:
        return
    columns = (protocol.values[name] for name in ("trial", "label", "attack"))
    wrong = [
        (line, f"{utt} is {label} with attack {attack!r}")
        for line, utt, label, attack in zip(protocol.lines, *columns, strict=True)
        if (label == BONAFIDE) != (attack in (NO_ATTACK, BONAFIDE))
    ]
    swapped = ": the labels look swapped" if 2 * len(wrong) > len(protocol) else ""
    refuse_lines(protocol.path, wrong, f"bona fide trials have no attack, and spoofs have one{swapped}")


# Split of ASVspoof 2019 -> end of the protocol's name, letter of its utterances.
SPLITS_2019 = {"train": ("train.trn", "T"), "dev": ("dev.trl", "D"), "eval": ("eval.trl", "E")}


def asvspoof2019_split(
    path: Path, root: Path, track: str, split: str, allow_missing: bool = False, attack: str | None = None
) -> DataDir:
    """Make one split (train, dev, eval) of a track (LA, PA) of ASVspoof 2019.

    `root` holds the folder of the track. With an `attack`, the spoofs are those of this attack alone; raise
    DataError if there are none.
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
