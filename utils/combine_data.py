#!/usr/bin/env python3
"""Write several data directories as one.

A table (utt2attack, text, ...) is kept where all sources have it; the others are named and dropped. An
utterance that two sources describe differently is refused.
"""

import sys
from pathlib import Path

from dada import program

EXAMPLE = "utils/combine_data.py data/train_all data/train data/train_augmented"


def main() -> None:
    """Read, merge, write."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("dest", type=Path, help="data directory to write; it must not be there")
    parser.add_argument("sources", nargs="+", type=Path, help="data directories to combine")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)
    program.refuse_existing(args.dest)

    from dada.data.combine import combine
    from dada.data.datadir import DataDir

    merged = combine([DataDir.read(source) for source in args.sources], args.dest)
    merged.write()
    print(f"{args.dest}: {len(merged.utts)} utterances, tables {', '.join(merged.tables)}")


if __name__ == "__main__":
    sys.exit(program.run(main))
