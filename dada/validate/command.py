"""Splits to check together, and findings for JSON."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dada.errors import ConfigError

if TYPE_CHECKING:
    from dada.validate.corpus import Findings, Request


def groups_of(paths: list[Path], request: "Request") -> list[tuple[str, list[Path], "Request"]]:
    """Return (name, data directories, request) of each set of splits; a recipe has a set per protocol."""
    recipes = [path for path in paths if (path / "recipe.yaml").is_file()]
    if not recipes:
        return [(", ".join(map(str, paths)), paths, request)]
    if len(paths) > 1:
        raise ConfigError(f"{recipes[0]} is a recipe: give it alone, or data directories only")
    from dada.recipe.recipe import Recipe

    groups = []
    for view in Recipe.load(paths[0]).views:
        dirs = [view.data_dir(split) for split in view.all_splits]
        promised = [*request.disjoint, *view.splits.disjoint]
        counts = view.corpus.counts.get(view.protocol, view.corpus.counts)
        groups.append(
            (
                f"{paths[0]}, protocol {view.protocol}",
                dirs,
                replace(request, disjoint=promised, counts=counts),
            )
        )
    return groups


def plain(findings: "Findings") -> dict[str, Any]:
    """Return the findings as plain values, for JSON."""
    return {
        "errors": [asdict(finding) for finding in findings.report.errors],
        "warnings": [asdict(finding) for finding in findings.report.warnings],
        "notes": findings.report.notes,
        "splits": {str(path): facts for path, facts in findings.facts.items()},
        "shortcuts": {str(path): [asdict(cue) for cue in cues] for path, cues in findings.cues.items()},
        "attacks": {str(path): [asdict(cue) for cue in cues] for path, cues in findings.attacks.items()},
    }
