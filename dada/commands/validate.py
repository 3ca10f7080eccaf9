"""Check a corpus: report every problem at once, and the trivial cues that tell its classes apart.

Give data directories, or the folder of a recipe whose stage 1 has run. Checks the tables, the audio files,
and what the splits share. The exit code is 2 where there are errors.
"""

import argparse
import json
from pathlib import Path

from dada.errors import UserError
from dada.program import positive

EXAMPLE = """
dada validate egs/mini
dada validate data/train data/dev data/test --disjoint speaker source --nj 8
dada validate data/eval --sample 2000 --json
dada validate data/train --no_audio --fix
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada validate`."""
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
    parser.add_argument("--feats", type=Path, help="a feats.scp to check against the only data directory")
    parser.add_argument(
        "--sample",
        type=positive,
        metavar="N",
        help="read only about N files of each label and split (default: all)",
    )
    parser.add_argument("--no_audio", action="store_true", help="check that the audio files exist, read none")
    parser.add_argument("--nj", type=positive, default=1, help="processes that read audio in parallel")
    parser.add_argument(
        "--fix", action="store_true", help="sort unsorted tables first; nothing else is changed"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the report. Return 2 where there are errors, else 0."""
    from dada.data.validate import sort_tables
    from dada.validate.command import groups_of, plain
    from dada.validate.corpus import Request, validate_corpus
    from dada.validate.readable import readable

    if args.feats and len(args.data) > 1:
        raise UserError("--feats goes with one data directory")
    request = Request(args.disjoint, {}, args.feats, 0 if args.no_audio else args.sample, args.nj)
    results = []
    for name, paths, group_request in groups_of(args.data, request):
        for path in paths if args.fix else []:
            for changed in sort_tables(path) if path.is_dir() else []:
                print(f"sorted {changed}")
        results.append((name, validate_corpus(paths, group_request)))
    if args.json:
        print(json.dumps({name: plain(result) for name, result in results}, indent=1))
    else:
        print("\n".join(readable(name, result) for name, result in results))
    return 2 if any(result.report.errors for _, result in results) else 0
