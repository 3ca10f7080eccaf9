"""All checks of a corpus: data directories, alone and against each other, or the splits of a recipe."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dada.data.counts import differences, tally
from dada.data.datadir import BONAFIDE, NO_ATTACK, NO_SPEAKER, SPOOF
from dada.data.validate import scan_tables, validate, validate_splits
from dada.data.validate_report import ERROR, WARNING, Report
from dada.errors import DataError
from dada.validate.audio import check_audio, count_checks, formats
from dada.validate.overlap import Tables, check_duplicates, duplicate_share, overlaps
from dada.validate.probe import Probe, probe_all
from dada.validate.shortcuts import AttackCue, Shortcut, attack_cues, check_shortcuts, shortcuts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What is checked. `sample` is the number of files of each label that are read: None all, 0 none."""

    disjoint: Sequence[str] = ()  # what the splits promise not to share: speaker, source, attack, ...
    # Split -> label -> the published number.
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    feats: Path | None = None
    sample: int | None = None
    num_jobs: int = 1


@dataclass
class Findings:
    """The report, and the facts of each split by its folder."""

    report: Report = field(default_factory=Report)
    facts: dict[Path, dict[str, Any]] = field(default_factory=dict)
    cues: dict[Path, list[Shortcut]] = field(default_factory=dict)
    attacks: dict[Path, list[AttackCue]] = field(default_factory=dict)


def validate_corpus(paths: Sequence[Path], request: Request) -> Findings:
    """Check data directories. Problems are collected, never raised."""
    findings = Findings()
    splits: dict[Path, tuple[Tables, dict[str, Probe]]] = {}
    scanned = {path: scan_tables(path) for path in map(Path, paths)}
    for path, scan in scanned.items():
        findings.report.extend(validate(path, request.feats, request.sample != 0, scan))
        tables = {name: table for name, (table, _) in scan.items()}
        if not tables:
            continue
        probes = _probe(path, tables, request)
        if "wav.scp" in tables:
            check_audio(path, tables, probes, findings.report)
        splits[path] = tables, probes
        findings.facts[path] = _facts(tables, probes)
        _check_counts(path, tables, request.counts.get(path.name, {}), findings.report)
        if set(tables.get("utt2label", {}).values()) == {BONAFIDE, SPOOF} and probes:
            findings.cues[path] = shortcuts(tables["utt2label"], probes)
            check_shortcuts(str(path), findings.cues[path], findings.report)
            if "utt2attack" in tables:
                findings.attacks[path] = attack_cues(tables["utt2label"], tables["utt2attack"], probes)
    findings.report.extend(validate_splits(paths, request.disjoint, scanned))
    check_duplicates(splits, findings.report)
    findings.report.notes += overlaps({path: tables for path, (tables, _) in splits.items()})
    return findings


def _probe(path: Path, tables: Tables, request: Request) -> dict[str, Probe]:
    """Read the files of one split, or evenly spaced ones of each label."""
    chosen = {utt: location for utt, location in tables.get("wav.scp", {}).items() if _is_there(location)}
    if request.sample is not None:
        labels = tables.get("utt2label", {})
        groups: dict[str | None, list[str]] = {}
        for utt in chosen:
            groups.setdefault(labels.get(utt), []).append(utt)
        kept = [
            utt
            for group in groups.values()
            for utt in group[:: max(1, -(-len(group) // max(request.sample, 1)))]
        ]
        chosen = {utt: chosen[utt] for utt in (kept if request.sample else [])}
    if chosen:
        log.info("%s: reading %d of %d files", path, len(chosen), len(tables["wav.scp"]))
    return dict(zip(chosen, probe_all(list(chosen.values()), request.num_jobs), strict=True))


def _is_there(location: str) -> bool:
    """Whether a location can be read. Missing files are reported with the tables."""
    from dada.data.audio import unreadable
    from dada.data.location import split_location

    try:
        return unreadable(*split_location(location)) is None
    except DataError:
        return False


def _facts(tables: Tables, probes: dict[str, Probe]) -> dict[str, Any]:
    """Return counts of a split as plain values."""
    labels = Counter(tables.get("utt2label", {}).values())
    read = [probe for probe in probes.values() if not probe.error]
    seconds = sorted(probe.seconds for probe in read)
    return {
        "utterances": len(tables.get("wav.scp") or tables.get("text") or {}),
        BONAFIDE: labels[BONAFIDE],
        SPOOF: labels[SPOOF],
        "speakers": len(set(tables.get("utt2spk", {}).values()) - {NO_SPEAKER}),
        "generators": len(set(tables.get("utt2attack", {}).values()) - {NO_ATTACK}),
        "repeated texts": round(duplicate_share(tables), 3),
        "read": len(read),
        "hours read": round(sum(seconds) / 3600, 3),
        "seconds": [round(seconds[int(q * (len(seconds) - 1))], 2) for q in (0, 0.5, 1)] if seconds else [],
        "findings": dict(count_checks(read)),
        "formats": {what.removeprefix("the "): dict(values) for what, values in formats(read).items()},
    }


def _check_counts(path: Path, tables: Tables, published: Mapping[str, int], report: Report) -> None:
    total = len(tables.get("wav.scp") or tables.get("text") or {})
    counts = {path.name: tally(tables.get("utt2label"), tables.get("utt2attack"), total)}
    try:
        differing = differences(counts, {path.name: published})
    except DataError as error:
        report.add(ERROR, path, str(error), "is local/prepare_data.py right, and the list of the corpus?")
    else:
        if differing:
            report.add(
                WARNING,
                path,
                f"does not have its published counts: {differing}",
                "is it complete, and the right version?",
            )
