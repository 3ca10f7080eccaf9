"""`dada validate`: every problem of a corpus at once, and what would let a detector look better than it is.

Give data directories, or the folder of a recipe whose stage 1 has run. Looks at the tables, the audio files,
what the splits share, and at trivial cues that tell the classes apart.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

from dada.errors import ConfigError
from dada.program import parser as make_parser
from dada.program import positive, run, set_up_logging

EXAMPLE = """
dada validate egs/mini
dada validate data/train data/dev data/test --disjoint speaker source --nj 8
dada validate data/eval --sample 2000 --json
utils/validate_data_dir.py data/train --no_audio --fix
"""


def main(argv: list[str] | None = None) -> int:
    """Print the report; 2 where there are errors."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument(
        "data",
        nargs="+",
        type=Path,
        help="data directories, which are also checked against each other; or one recipe",
    )
    parser.add_argument(
        "--disjoint",
        nargs="+",
        default=[],
        metavar="NAME",
        help="what the splits must not share, e.g. speaker",
    )
    parser.add_argument("--feats", type=Path, help="a feats.scp to check against the one data directory")
    parser.add_argument(
        "--sample",
        type=positive,
        metavar="N",
        help="read only about N files of each label and split (all, unless given)",
    )
    parser.add_argument(
        "--no_audio", "--no-audio", action="store_true", help="look for the audio files, but read none"
    )
    parser.add_argument("--nj", type=positive, default=1, help="processes that read audio side by side")
    parser.add_argument(
        "--fix", action="store_true", help="sort unsorted tables first; nothing else is changed"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    set_up_logging(args.log_level)
    if args.feats and len(args.data) > 1:
        parser.error("--feats goes with one data directory")
    return run(lambda: _validate(args))


def _validate(args: argparse.Namespace) -> int:
    from dada.data.validate import sort_tables
    from dada.validate.corpus import Request, validate_corpus

    request = Request(args.disjoint, {}, args.feats, 0 if args.no_audio else args.sample, args.nj)
    groups = _groups(args.data, request)
    results = []
    for name, paths, wanted in groups:
        for path in paths if args.fix else []:
            for changed in sort_tables(path) if path.is_dir() else []:
                print(f"sorted {changed}")
        results.append((name, validate_corpus(paths, wanted)))
    if args.json:
        print(json.dumps({name: plain(found) for name, found in results}, indent=1))
    else:
        from dada.validate.readable import readable

        print("\n".join(readable(name, found) for name, found in results))
    return 2 if any(found.report.errors for _, found in results) else 0


def _groups(paths: list[Path], request) -> list[tuple]:
    """(name, data directories, request) of each set of splits: one, or for a recipe one a protocol."""
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


def plain(found) -> dict:
    """What was found, for JSON."""
    return {
        "errors": [asdict(finding) for finding in found.report.errors],
        "warnings": [asdict(finding) for finding in found.report.warnings],
        "notes": found.report.notes,
        "splits": {str(path): facts for path, facts in found.facts.items()},
        "shortcuts": {str(path): [asdict(cue) for cue in cues] for path, cues in found.cues.items()},
    }
