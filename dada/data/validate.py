"""Every problem of a data directory at once, and of several directories against each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dada.data.datadir import BONAFIDE, NO_SPEAKER, SPOOF, table_names, table_of
from dada.data.tables import Problem, invert, scan_table
from dada.data.validate_files import check_audio_files, check_feats
from dada.data.validate_report import ERROR, WARNING, Report
from dada.storage.atomic import write_text

__all__ = ["Report", "scan_tables", "sort_tables", "validate", "validate_splits"]

Scanned = Mapping[
    str, tuple[dict[str, str], list[Problem]]
]  # file name -> what could be read, and what could not
SAME_KEYS = "give every utterance a line in every table, or take it out of all"


@dataclass
class _Scan:
    """What could be read of one folder, and what is wrong with it so far."""

    path: Path
    report: Report = field(default_factory=Report)
    tables: dict[str, dict[str, str]] = field(default_factory=dict)


def scan_tables(data: Path) -> Scanned:
    """Every table of a data directory, and its problems; empty where the directory is not there."""
    return {name: scan_table(Path(data) / name) for name in table_names(data)} if Path(data).is_dir() else {}


def validate(
    data: Path, feats: Path | None = None, read_feats: bool = True, scanned: Scanned | None = None
) -> Report:
    """Check the tables of one data directory; with `feats` (a feats.scp) also the features made from it.

    Audio files are looked for, not read (dada.validate does), and without `read_feats` so are feature
    matrices. Problems are collected, never raised. `scanned` saves reading the tables again.
    """
    data = Path(data)
    scan = _Scan(data)
    if not data.is_dir():
        scan.report.add(ERROR, data, "is not there", "correct the path, or run stage prepare_data")
        return scan.report
    _check_form(scan, scan_tables(data) if scanned is None else scanned)
    _check_keys(scan)
    _check_labels(scan)
    _check_speakers(scan)
    if "wav.scp" in scan.tables:
        check_audio_files(data, scan.tables["wav.scp"], scan.report)
    if feats is None and (data / "feats.scp").exists():
        feats = data / "feats.scp"
    if feats is not None:
        check_feats(Path(feats), _main_table(scan), scan.report, read_feats)
    return scan.report


def validate_splits(
    paths: Iterable[Path], disjoint: Iterable[str] = (), scanned: Mapping[Path, Scanned] | None = None
) -> Report:
    """Check that splits share no utterance and no audio file, nor what `disjoint` promises: speaker, source,
    or any utt2… name.
    """
    report = Report()
    splits = [Path(path) for path in paths if Path(path).is_dir()]
    scanned = scanned or {path: scan_tables(path) for path in splits}
    promised = {table_of(name): name for name in disjoint}
    tables = {path: {name: table for name, (table, _) in scanned[path].items()} for path in splits}
    for path in splits:
        for name in promised:
            if name not in tables[path]:
                report.add(
                    ERROR,
                    path / name,
                    f"does not exist, so the promise of disjoint {promised[name]}s cannot be kept",
                    "write this table in local/prepare_data.py, or drop the promise",
                )
    for number, first in enumerate(splits):
        for second in splits[number + 1 :]:
            _check_pair(report, (first, tables[first]), (second, tables[second]), promised)
    return report


def sort_tables(data: Path) -> list[Path]:
    """Sort the lines of unsorted tables by key in C order and write them back; returns the files that were
    changed.
    """
    changed = []
    for path in [
        Path(data) / name for name in (*table_names(data), "spk2utt") if (Path(data) / name).exists()
    ]:
        if any(problem.kind == "order" for problem in scan_table(path)[1]):
            lines = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
            write_text(
                path,
                "".join(
                    f"{line}\n" for line in sorted(lines, key=lambda line: line.partition(" ")[0].encode())
                ),
            )
            changed.append(path)
    return changed


def _check_form(scan: _Scan, scanned: Scanned) -> None:
    for name, (table, problems) in scanned.items():
        path = scan.path / name
        scan.tables[name] = table
        for problem in problems:
            scan.report.add(
                ERROR, f"{path}:{problem.line}" if problem.line else path, problem.what, problem.advice
            )
    if "wav.scp" not in scan.tables and "text" not in scan.tables:
        scan.report.add(
            ERROR, scan.path, "has neither wav.scp nor text", "a data directory needs one of the two"
        )
    if (scan.path / "segments").exists():
        scan.report.add(
            ERROR,
            scan.path / "segments",
            "segments of recordings are not read here",
            "cut the recordings into one file per utterance",
        )


def _main_table(scan: _Scan) -> dict[str, str]:
    return scan.tables.get("wav.scp") or scan.tables.get("text") or {}


def _check_keys(scan: _Scan) -> None:
    main = "wav.scp" if "wav.scp" in scan.tables else "text"
    if not scan.tables.get(main):
        return  # reported with the form
    for name, table in scan.tables.items():
        if not table:
            continue
        for utt in sorted(scan.tables[main].keys() - table.keys()):
            scan.report.add(ERROR, scan.path / name, f"has no line for {utt}, which {main} has", SAME_KEYS)
        for utt in sorted(table.keys() - scan.tables[main].keys()):
            scan.report.add(ERROR, scan.path / name, f"has a line for {utt}, which {main} has not", SAME_KEYS)


def _check_labels(scan: _Scan) -> None:
    labels = scan.tables.get("utt2label", {})
    path = scan.path / "utt2label"
    for utt, label in labels.items():
        if label not in (BONAFIDE, SPOOF):
            scan.report.add(ERROR, path, f"the label of {utt} is {label!r}", f"write {BONAFIDE} or {SPOOF}")
    if labels and len(set(labels.values())) == 1:
        scan.report.add(
            WARNING,
            path,
            f"all utterances are {next(iter(labels.values()))}",
            "nothing can be trained on this split, and no EER computed",
        )
    for utt, attack in scan.tables.get("utt2attack", {}).items():
        if labels.get(utt) == BONAFIDE and attack != "-":
            scan.report.add(
                WARNING,
                scan.path / "utt2attack",
                f"{utt} is bona fide and has attack {attack!r}",
                "write `-` for bona fide utterances",
            )
        if labels.get(utt) == SPOOF and attack == "-":
            scan.report.add(
                WARNING,
                scan.path / "utt2attack",
                f"{utt} is a spoof without an attack",
                "write the generator's name, or `unknown`",
            )


def _check_speakers(scan: _Scan) -> None:
    path = scan.path / "spk2utt"
    if not path.exists():
        return
    if "utt2spk" not in scan.tables:
        scan.report.add(ERROR, path, "is there without utt2spk", "write utt2spk, or remove spk2utt")
        return
    stored, problems = scan_table(path)
    for problem in problems:
        scan.report.add(
            ERROR, f"{path}:{problem.line}" if problem.line else path, problem.what, problem.advice
        )
    expected = invert(scan.tables["utt2spk"])
    for speaker in sorted(expected.keys() | stored.keys()):
        if set(stored.get(speaker, "").split()) != set(expected.get(speaker, "").split()):
            scan.report.add(
                ERROR,
                path,
                f"the utterances of {speaker} are not those of utt2spk",
                "remove spk2utt (it only repeats utt2spk) or make it again",
            )


def _check_pair(
    report: Report, first: tuple[Path, dict], second: tuple[Path, dict], promised: dict[str, str]
) -> None:
    (path, tables), (other_path, others) = first, second
    where = f"{path} and {other_path}"
    utts = [
        tables.get("wav.scp") or tables.get("text") or {},
        others.get("wav.scp") or others.get("text") or {},
    ]
    for utt in sorted(utts[0].keys() & utts[1].keys()):
        report.add(ERROR, where, f"share the utterance {utt}", "keep it in one of the two splits")
    files, other_files = (
        {str(Path(location).resolve()): utt for utt, location in t.get("wav.scp", {}).items()}
        for t in (tables, others)
    )
    for location in sorted(files.keys() & other_files.keys()):
        if files[location] != other_files[location]:
            report.add(
                ERROR,
                where,
                f"share the audio {location} (as {files[location]} and {other_files[location]})",
                "keep it in one of the two splits",
            )
    for name, what in promised.items():
        shared = (set(tables.get(name, {}).values()) & set(others.get(name, {}).values())) - {NO_SPEAKER}
        for value in sorted(shared):
            report.add(
                ERROR,
                where,
                f"share the {what} {value}, and disjoint {what}s are promised",
                f"move all of one {what} to one split, or drop the promise",
            )
