#!/usr/bin/env python3
"""Fill in the columns of egs/systems.csv that follow from the project.

These columns are the configuration, the recipes that run the system, the number of parameters, and the figures of
egs/mini/results.json. All other columns are written by hand. With --check nothing is written, and a file that is
out of date is an error. utils/make_docs.py writes docs/systems.md from the file.
"""

import sys
from pathlib import Path

from dada import program

EXAMPLE = """
utils/systems_table.py
utils/systems_table.py --check
"""
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Compare the file with its wanted content, and write it or raise DataError."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument(
        "--check", action="store_true", help="write nothing: exit code 2 where the file is out of date"
    )
    args = parser.parse_args()
    program.set_up_logging(args.log_level)

    from dada import catalogue, system_table
    from dada.errors import DataError
    from dada.storage.atomic import write_text

    table = ROOT / "egs" / "systems.csv"
    rows = system_table.read_rows(table)
    problem = catalogue.missing_rows(rows)
    if problem:
        raise DataError(problem)
    wanted = system_table.format_rows(catalogue.derive(rows, ROOT))
    if table.read_text(encoding="utf-8") == wanted:
        return
    if args.check:
        raise DataError(f"egs/systems.csv is out of date: run {system_table.REWRITE}")
    write_text(table, wanted)


if __name__ == "__main__":
    sys.exit(program.run(main))
