"""Checks of the files that a data directory points to: that audio exists, that feature arks agree with it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dada.data.arks import ArkReader
from dada.data.audio import unreadable
from dada.data.location import split_location
from dada.data.tables import scan_table
from dada.data.validate_report import ERROR, WARNING, Report
from dada.errors import DataError


def check_audio_files(data: Path, locations: Mapping[str, str], report: Report) -> None:
    """Look for the files of wav.scp (`locations` by utterance), without reading them."""
    path = data / "wav.scp"
    owner: dict[str, str] = {}
    for utt, location in locations.items():
        if location in owner:
            report.add(
                WARNING,
                path,
                f"{utt} and {owner[location]} are the same audio, {location}",
                "keep one of the utterances, unless it is meant so",
            )
        owner.setdefault(location, utt)
        try:
            problem = unreadable(*split_location(location))
            if problem:
                raise DataError(problem)
        except DataError as error:
            what, _, advice = str(error).rpartition(": ")
            report.add(ERROR, path, f"utterance {utt}: {what}", advice)


def check_feats(scp: Path, utts: dict[str, str], report: Report, read: bool) -> None:
    """Compare feats.scp and utt2num_frames with the utterances, and with `read` also with the matrices."""
    advice = "run stage extract_features again"
    tables = {}
    for path in (scp, scp.parent / "utt2num_frames"):
        tables[path], problems = scan_table(path)
        for problem in problems:
            report.add(ERROR, f"{path}:{problem.line}" if problem.line else path, problem.what, advice)
        if problems and not tables[path]:
            continue
        for utt in sorted(utts.keys() ^ tables[path].keys()):
            report.add(
                ERROR,
                path,
                f"has {'no' if utt in utts else 'a'} line for {utt}, unlike the data directory",
                advice,
            )
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
            report.add(
                ERROR,
                scp.parent / "utt2num_frames",
                f"{utt} has {num_frames[utt]} frames, but its matrix {len(matrix)}",
                advice,
            )
        if matrix.size == 0 or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
            report.add(ERROR, scp, f"the matrix of {utt} is empty or holds NaN or infinite values", advice)
