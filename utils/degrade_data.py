#!/usr/bin/env python3
"""Write a data directory whose utterances went through codecs, for tests of robustness.

Every utterance is written once for each codec, as 16-bit FLAC at 16 kHz, and utt2codec names the codec, by
which `dada evaluate --by codec` breaks scores down. A codec is CODEC, CODEC:KBPS, CODEC@RATE:LOW-HIGH, or
several of them joined by +; `none` keeps the utterance as it is. --list shows the codecs and presets.
"""

import sys
from pathlib import Path

from dada import program

EXAMPLE = """
utils/degrade_data.py data/test data/test_codecs --codec none mp3:32 opus:12 amr_nb gsm
utils/degrade_data.py data/test data/test_df --preset asvspoof2021_df --nj 8
utils/degrade_data.py --list
"""


def main() -> None:
    """Read, transmit, write."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("source", type=Path, nargs="?", help="data directory to read")
    parser.add_argument("dest", type=Path, nargs="?", help="data directory to write; it must not be there")
    parser.add_argument("--codec", nargs="+", default=[], help="codecs, e.g. mp3:32")
    parser.add_argument("--preset", help="the codecs of a challenge")
    parser.add_argument("--seed", type=int, default=0, help="of bit rates between bounds")
    parser.add_argument("--nj", type=program.positive, default=1, help="processes")
    parser.add_argument("--list", action="store_true", help="print the codecs and presets, and stop")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)

    from dada.data.codecs import CODECS, PRESETS

    if args.list:
        for name, codec in CODECS.items():
            rates = ", ".join(
                f"{rate} Hz" + (f" {bounds[0]:g}-{bounds[1]:g} kbit/s" if bounds else "")
                for rate, bounds in codec.rates.items()
            )
            print(f"{name}: {codec.description}; {rates}")
        for name, codecs in PRESETS.items():
            print(f"--preset {name}: {' '.join(codecs)}")
        return
    if args.source is None or args.dest is None or bool(args.codec) == bool(args.preset):
        parser.error("give the data directories, and either --codec or --preset")
    if args.preset and args.preset not in PRESETS:
        parser.error(f"unknown preset {args.preset!r}; known: {', '.join(PRESETS)}")
    program.refuse_existing(args.dest)

    from dada.data.datadir import DataDir
    from dada.data.degrade import degrade

    codecs = args.codec or PRESETS[args.preset]
    number = degrade(DataDir.read(args.source, require=("wav.scp",)), args.dest, codecs, args.seed, args.nj)
    print(f"{args.dest}: {number} utterances through {len(codecs)} codecs")


if __name__ == "__main__":
    sys.exit(program.run(main))
