"""Audio that occurs twice, and speakers, texts and generators that splits share."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from dada.data.datadir import NO_ATTACK
from dada.data.validate_report import ERROR, WARNING, Report
from dada.validate.probe import Probe

SHARED = {"utt2spk": "speakers", "utt2attack": "generators", "text": "texts"}
Tables = Mapping[str, Mapping[str, str]]


def check_duplicates(splits: Mapping[Path, tuple[Tables, Mapping[str, Probe]]], report: Report) -> None:
    """Find files with the same samples: an error across splits and across labels, a warning within."""
    same: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for path, (_, probes) in splits.items():
        for utt, probe in probes.items():
            if not probe.error and probe.peak > 0:  # silence is reported as silence
                same[probe.content].append((path, utt))
    for group in same.values():
        if len(group) < 2:
            continue
        names = ", ".join(f"{utt} of {path}" for path, utt in group[:4]) + (", …" if len(group) > 4 else "")
        labels = {splits[path][0].get("utt2label", {}).get(utt) for path, utt in group}
        where = " and ".join(str(path) for path in dict.fromkeys(path for path, _ in group))
        if len(labels) > 1:
            report.add(
                ERROR,
                where,
                f"the same samples are labelled both ways: {names}",
                "find out which label is right, and keep one",
            )
        elif len({path for path, _ in group}) > 1:
            report.add(
                ERROR,
                where,
                f"the same samples are in several splits: {names}",
                "keep each audio in one split",
            )
        else:
            what = f"the same samples are there {len(group)} times: {names}"
            report.add(WARNING, where, what, "keep one, unless it is intended")


def overlaps(splits: Mapping[Path, Tables]) -> list[str]:
    """Return sentences on the speakers, generators and texts that each pair of splits shares."""
    sentences = []
    paths = list(splits)
    for number, first in enumerate(paths):
        for second in paths[number + 1 :]:
            parts = []
            for name, what in SHARED.items():
                values = [_values(splits[path], name) for path in (first, second)]
                if all(values):
                    parts.append(
                        f"{len(values[0] & values[1])} {what} (of {len(values[0])} and {len(values[1])})"
                    )
            if parts:
                sentences.append(f"{first} and {second} share {', '.join(parts)}")
    return sentences


def duplicate_share(tables: Tables) -> float:
    """Return the share of the utterances whose text occurs in another utterance of the split."""
    texts = Counter(filter(None, map(_normal, tables.get("text", {}).values())))
    return 1 - len(texts) / texts.total() if texts else 0.0


def _values(tables: Tables, name: str) -> set[str]:
    values = set(tables.get(name, {}).values())
    return {_normal(value) for value in values} - {""} if name == "text" else values - {NO_ATTACK}


def _normal(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()
