#!/usr/bin/env python3
"""Fill in the columns of egs/systems.csv that the project itself says, and write the README's table of
systems from it.

These columns are: the configuration, the recipes that run the system, the number of parameters, and the
figures of egs/mini/results.json. All others are written by hand. With --check nothing is written, and what is
out of date is an error.
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
    """Compare both files with what they must be, and write or refuse."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument(
        "--check", action="store_true", help="write nothing: exit code 2 where a file is out of date"
    )
    args = parser.parse_args()
    program.set_up_logging(args.log_level)

    from dada import catalogue, system_table
    from dada.errors import DataError
    from dada.storage.atomic import write_text

    table, readme = ROOT / "egs" / "systems.csv", ROOT / "README.md"
    rows = system_table.read_rows(table)
    problem = catalogue.missing_rows(rows)
    if problem:
        raise DataError(problem)
    rows = catalogue.derive(rows, ROOT)
    wanted = {
        table: system_table.format_rows(rows),
        readme: catalogue.with_table(readme.read_text(encoding="utf-8"), rows),
    }
    stale = [path for path, text in wanted.items() if path.read_text(encoding="utf-8") != text]
    if stale and args.check:
        raise DataError(
            f"out of date: {', '.join(path.relative_to(ROOT).as_posix() for path in stale)}; run "
            f"{system_table.REWRITE}"
        )
    for path in stale:
        write_text(path, wanted[path])


if __name__ == "__main__":
    sys.exit(program.run(main))
