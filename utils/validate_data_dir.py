#!/usr/bin/env python3
"""Find every problem of data directories; of several, also what they share."""

import sys
from pathlib import Path

from dada import program

EXAMPLE = """
utils/validate_data_dir.py egs/mini/data/train egs/mini/data/dev --disjoint source
utils/validate_data_dir.py --no_audio --fix data/test
"""


def main() -> int:
    """Print the report; 2 where there are errors."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("data", nargs="+", type=Path, help="data directories; several are also checked against each other, as splits")
    parser.add_argument("--feats", type=Path, help="a feats.scp to check against the one data directory")
    parser.add_argument("--no_audio", "--no-audio", action="store_true", help="look for the audio files, but don't read them")
    parser.add_argument(
        "--disjoint",
        nargs="+",
        default=[],
        metavar="NAME",
        help="what the splits must not share: speaker, source, attack, ... (any utt2...)",
    )
    parser.add_argument("--fix", action="store_true", help="sort unsorted tables first; nothing else is changed")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)
    if args.feats and len(args.data) > 1:
        parser.error("--feats goes with one data directory")

    from dada.data.validate import Report, sort_tables, validate, validate_splits

    report = Report()
    for path in args.data:
        if args.fix and path.is_dir():
            for changed in sort_tables(path):
                print(f"sorted {changed}")
        report.extend(validate(path, args.feats, not args.no_audio))
    report.extend(validate_splits(args.data, args.disjoint))
    for line in report.lines():
        print(line)
    print(f"{', '.join(map(str, args.data))}: {len(report.errors)} errors, {len(report.warnings)} warnings")
    return 2 if report.errors else 0


if __name__ == "__main__":
    sys.exit(program.run(main))
