#!/usr/bin/env python3
"""Write a data directory whose audio lies in a few arks, for disks on which opening a file takes long.

The audio files are copied as they are, one after the other, and wav.scp points into the arks. Kaldi reads
those with WAV files, kaldiio all of them. A utt2dur is added where there is none.
"""

import sys
from pathlib import Path

from dada import program

EXAMPLE = """
utils/pack_audio.py data/train /network/packed/train
utils/pack_audio.py data/test /network/packed/test --megabytes 500
"""


def main() -> None:
    """Read and write."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("source", type=Path, help="data directory to take from")
    parser.add_argument("dest", type=Path, help="data directory to write; it must not be there")
    parser.add_argument(
        "--megabytes", type=program.positive, default=2048, metavar="N", help="size of an ark (default: 2048)"
    )
    args = parser.parse_args()
    program.set_up_logging(args.log_level)
    program.refuse_existing(args.dest)

    from dada.data.datadir import DataDir
    from dada.data.pack import pack

    data = DataDir.read(args.source, require=("wav.scp",))
    number = pack(data, args.dest, args.megabytes << 20)
    print(f"{args.dest}: {len(data.utts)} utterances in {number} arks")


if __name__ == "__main__":
    sys.exit(program.run(main))
