#!/usr/bin/env python3
"""Write some utterances of a data directory as another one.

Utterances are taken at even distances from the sorted list, so the same command gives the same ones. The
conditions hold together: --speakers first, then --per_speaker, then --num.
"""

import sys
from pathlib import Path

from dada import program

EXAMPLE = """
utils/subset_data_dir.py data/train data/train_small --per_speaker 10
utils/subset_data_dir.py data/test data/test_bob --speakers BOB JOE --num 50
utils/subset_data_dir.py data/test data/test_listed --utts list.txt
"""


def main() -> None:
    """Read, choose, write."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("source", type=Path, help="data directory to take from")
    parser.add_argument("dest", type=Path, help="data directory to write; it must not be there")
    parser.add_argument("--utts", type=Path, help="file whose lines begin with the utterances to keep")
    parser.add_argument(
        "--speakers", nargs="+", default=[], help="only utterances of these (purported) speakers"
    )
    parser.add_argument(
        "--per_speaker", type=program.positive, metavar="N", help="at most so many utterances of each speaker"
    )
    parser.add_argument("--num", type=program.positive, metavar="N", help="so many utterances in all")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)
    chosen = bool(args.speakers or args.per_speaker or args.num)
    if chosen == bool(args.utts):
        parser.error("give either --utts, or some of --speakers, --per_speaker and --num")
    program.refuse_existing(args.dest)

    from dada.data.datadir import DataDir
    from dada.data.subset import read_list, select

    data = DataDir.read(args.source)
    utts = read_list(args.utts) if args.utts else select(data, args.speakers, args.per_speaker, args.num)
    data.subset(utts, args.dest).write()
    print(f"{args.dest}: {len(set(utts))} of {len(data.utts)} utterances")


if __name__ == "__main__":
    sys.exit(program.run(main))
