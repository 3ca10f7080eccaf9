"""Checks of the data directories that a recipe prepared, before they are written."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from dada.data.counts import Counts, differences, tally
from dada.data.datadir import NO_SPEAKER, DataDir, table_of
from dada.data.subset import read_list
from dada.data.validate_files import check_audio_files
from dada.data.validate_report import Report
from dada.errors import ConfigError, DataError

NUM_LISTED = 10  # missing audio files that an error message lists

log = logging.getLogger(__name__)


def check_paths(prepared: Sequence[DataDir], expected: Sequence[Path], program: Path) -> None:
    """Raise DataError unless `program` returned exactly the expected data directories."""
    paths = [data.path for data in prepared]
    if sorted(paths) != sorted(expected):
        raise DataError(
            f"{program} returned {', '.join(map(str, paths))}; expected {', '.join(map(str, expected))}"
        )


def without_listed(prepared: Sequence[DataDir], path: Path) -> list[DataDir]:
    """Return the data directories without the utterances of a list.

    Raise DataError if the list names an utterance that no data directory has.
    """
    names = set(read_list(path))
    unknown = sorted(names.difference(*(data.utts for data in prepared)))
    if unknown:
        raise DataError(
            f"{path} names {len(unknown)} utterances that no split has, e.g. {unknown[0]}: correct the list"
        )
    for data in prepared:
        log.info("%s: %d utterances are left out by %s", data.path, len(names & set(data.utts)), path)
    return [data.subset([utt for utt in data.utts if utt not in names], data.path) for data in prepared]


def check_disjoint(prepared: Sequence[DataDir], properties: Sequence[str]) -> None:
    """Raise DataError if two splits share an utterance, or a value of the given properties (speaker, attack,
    ...).
    """
    for name in ("utterance", *properties):
        owner: dict[str, DataDir] = {}
        for data in prepared:
            values = data.utts if name == "utterance" else set(data[table_of(name)].values()) - {NO_SPEAKER}
            shared = sorted(value for value in values if value in owner)
            if shared:
                where = f"{owner[shared[0]].path} and {data.path}"
                raise DataError(f"{len(shared)} {name}s are in both {where}, e.g. {shared[0]}")
            owner.update(dict.fromkeys(values, data))


def check_counts(prepared: Mapping[str, DataDir], expected: Counts, where: str, generated: bool) -> None:
    """Compare the number of utterances of every split and label with `expected`, which stands in `where`.

    A difference of a downloaded corpus is a warning: it may be a subset or another release. Raise DataError
    for a difference where the recipe generated the corpus itself, and for labels that look swapped.
    Raise ConfigError if `expected` names none of the splits.
    """
    if expected and set(expected).isdisjoint(prepared):
        names = ", ".join(sorted(expected))
        raise ConfigError(f"{where} names {names}; the splits are {', '.join(prepared)}")
    actual = {
        split: tally(data.labels, data.get("utt2attack"), len(data.utts)) for split, data in prepared.items()
    }
    differing = differences(actual, expected)
    if differing and generated:
        raise DataError(f"the corpus does not have its counts: {differing} ({where})")
    if differing:
        log.warning(
            "the corpus does not have its published counts: %s. Is it complete, and the right version? (%s)",
            differing,
            where,
        )


def check_audio(prepared: Sequence[DataDir]) -> None:
    """Raise DataError with a list of missing audio files. The files are not decoded."""
    report = Report()
    for data in prepared:
        check_audio_files(data.path, data["wav.scp"], report)
    if report.errors:
        listed = "\n  ".join(str(finding) for finding in report.errors[:NUM_LISTED])
        raise DataError(f"{len(report.errors)} audio files cannot be used:\n  {listed}")
