"""The findings of a validation for a terminal."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from dada.validate.corpus import Findings

WIDEST = 240  # columns; a table takes what it needs
STRONGEST = 5  # cues that are shown of each split
MOST_ATTACKS = 20  # attacks that are shown of each split
COLUMNS = (
    "utterances",
    "bonafide",
    "spoof",
    "speakers",
    "generators",
    "repeated texts",
    "read",
    "hours read",
)


def readable(name: str, findings: Findings) -> str:
    """Return the findings, a table of the splits, and a table of the cues."""
    lines = findings.report.lines()
    if findings.facts:
        rows = [
            [
                str(path),
                *(str(facts[column]) for column in COLUMNS),
                " / ".join(map(str, facts["seconds"])),
                _formats(facts["formats"]),
            ]
            for path, facts in findings.facts.items()
        ]
        lines += ["", _table(("split", *COLUMNS, "s: min / median / max", "formats"), rows)]
    cues = [
        [str(path), cue.cue, f"{cue.area:.2f}", f"{cue.low:.2f}", cue.detail]
        for path, cues in findings.cues.items()
        for cue in cues[:STRONGEST]
    ]
    if cues:
        lines.append(
            "Cues that separate the classes without listening (area under the curve; 0.5: none, 1: full)"
        )
        lines.append(_table(("split", "cue", "area", "at least", ""), cues))
    attacks = [
        [str(path), cue.attack, str(cue.num_spoof), cue.cue, f"{100 * cue.eer:.1f}", cue.detail]
        for path, cues in findings.attacks.items()
        for cue in cues[:MOST_ATTACKS]
    ]
    if attacks:
        lines.append("The cue that separates each attack best from bona fide speech (its EER in %; 50: none)")
        lines.append(_table(("split", "attack", "spoofs", "cue", "EER", ""), attacks))
    return "\n".join(
        [*lines, f"{name}: {len(findings.report.errors)} errors, {len(findings.report.warnings)} warnings"]
    )


def _formats(counted: dict[str, dict[str, int]]) -> str:
    return "; ".join(", ".join(values) for values in counted.values() if values)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    table = Table(*headers, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(file=out, width=WIDEST, color_system=None, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n")
