"""Checks of the audio files and feature arks that a data directory points to."""

from collections import Counter
from pathlib import Path

import numpy as np

from dada.data.arks import ArkReader
from dada.data.audio import read_native, split_location, unreadable
from dada.data.tables import scan_table
from dada.data.validate_report import ERROR, WARNING, Report
from dada.errors import DataError

DURATION_TOLERANCE = 0.1  # seconds between utt2dur and the audio


def check_audio(data: Path, tables: dict[str, dict[str, str]], report: Report, read: bool) -> None:
    """Look for the files of wav.scp; with `read` also decode them, count rates and channels, and compare utt2dur."""
    path = data / "wav.scp"
    rates: Counter[int] = Counter()
    channels: Counter[int] = Counter()
    owner: dict[str, str] = {}
    for utt, location in tables["wav.scp"].items():
        if location in owner:
            report.add(
                WARNING,
                path,
                f"{utt} and {owner[location]} are the same audio, {location}",
                "keep one of the utterances, unless it is meant so",
            )
        owner.setdefault(location, utt)
        try:
            if not read:
                problem = unreadable(split_location(location)[0])
                if problem:
                    raise DataError(problem)
                continue
            samples, rate = read_native(location)
        except DataError as error:
            what, _, advice = str(error).rpartition(": ")
            report.add(ERROR, path, f"utterance {utt}: {what}", advice)
            continue
        rates[rate] += 1
        channels[samples.shape[1]] += 1
        if not samples.any():
            report.add(WARNING, path, f"utterance {utt}: all samples of {location} are zero", "replace the file or remove the utterance")
        _check_duration(data, tables, utt, len(samples) / rate, report)
    report.notes += [f"{path}: {number} files at {rate} Hz" for rate, number in sorted(rates.items())]
    report.notes += [
        f"{path}: {number} files with {count} channels, averaged when read" for count, number in sorted(channels.items()) if count > 1
    ]


def _check_duration(data: Path, tables: dict[str, dict[str, str]], utt: str, seconds: float, report: Report) -> None:
    text = tables.get("utt2dur", {}).get(utt)
    if text is None:
        return
    advice = "remove utt2dur, or write the seconds of the audio"
    try:
        told = float(text)
    except ValueError:
        report.add(ERROR, data / "utt2dur", f"the duration of {utt} is {text!r}, not a number", advice)
        return
    if not abs(told - seconds) <= DURATION_TOLERANCE:
        report.add(WARNING, data / "utt2dur", f"{utt} has {told:g} s, but its audio {seconds:.2f} s", advice)


def check_feats(scp: Path, utts: dict[str, str], report: Report, read: bool) -> None:
    """Compare feats.scp and utt2num_frames with the utterances, and with `read` with the matrices themselves."""
    advice = "run stage extract_features again"
    tables = {}
    for path in (scp, scp.parent / "utt2num_frames"):
        tables[path], problems = scan_table(path)
        for problem in problems:
            report.add(ERROR, f"{path}:{problem.line}" if problem.line else path, problem.what, advice)
        if problems and not tables[path]:
            continue
        for utt in sorted(utts.keys() ^ tables[path].keys()):
            report.add(ERROR, path, f"has {'no' if utt in utts else 'a'} line for {utt}, unlike the data directory", advice)
    index, num_frames = tables.values()
    if not read or any(f.level == ERROR and f.where.startswith(str(scp)) for f in report.findings):
        return
    reader = ArkReader(scp)
    for utt in index:
        try:
            matrix = reader[utt]
        except DataError as error:
            report.add(ERROR, scp, f"utterance {utt}: {error}", advice)
            continue
        if utt in num_frames and num_frames[utt] != str(len(matrix)):
            report.add(ERROR, scp.parent / "utt2num_frames", f"{utt} has {num_frames[utt]} frames, but its matrix {len(matrix)}", advice)
        if matrix.size == 0 or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
            report.add(ERROR, scp, f"the matrix of {utt} is empty or holds NaN or infinite values", advice)
