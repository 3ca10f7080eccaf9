#!/usr/bin/env python3
"""Say which settings and figures of two experiments differ.

Each is the folder of a system, with all its seeds and results, or of one seed.
"""

import sys
from pathlib import Path

from dada import program

EXAMPLE = """
utils/compare_runs.py egs/mini/exp/aasist egs/mini/exp_wide/aasist
utils/compare_runs.py egs/mini/exp/lfcc_lcnn/seed_1 egs/mini/exp/lfcc_lcnn/seed_2
"""


def main() -> None:
    """Read both, print what differs."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("first", type=Path, help="exp/<system> or exp/<system>/seed_<k>")
    parser.add_argument("second", type=Path, help="the other one")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)

    from dada.report.runs import compare_runs, read_run

    print("\n".join(compare_runs(read_run(args.first), read_run(args.second))))


if __name__ == "__main__":
    sys.exit(program.run(main))
