#!/usr/bin/env python3
"""Compare experiments: one table of the settings that differ and of the metrics, one row an experiment.

An experiment is a system with all its seeds (exp/<system>), or one training run (exp/<system>/seed_<k>),
whose figures are those of that seed in the results of stage 9. A folder of experiments (exp) stands for
all its systems. Two experiments are also compared in full: every setting and figure that differs.
"""

import sys
from pathlib import Path

from dada import program

EXAMPLE = """
utils/compare_runs.py egs/mini/exp/aasist egs/mini/exp_wide/aasist
utils/compare_runs.py egs/mini/exp/lfcc_lcnn/seed_1 egs/mini/exp/lfcc_lcnn/seed_2
utils/compare_runs.py egs/mini/exp_lr*/aasist --metrics eer,min_dcf --markdown
"""


def main() -> None:
    """Read the experiments, print the table and the differences."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("folders", nargs="+", type=Path, help="exp/<system>, exp/<system>/seed_<k> or exp")
    parser.add_argument(
        "--metrics", default="eer,macro_f1", help="metrics of the table (default: eer,macro_f1)"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)

    from dada.report.markdown import table_lines
    from dada.report.runs import comparison_table, differences, read_runs
    from dada.report.terminal import table_text

    runs = read_runs(args.folders)
    table = comparison_table(runs, args.metrics.split(","))
    print("\n".join(table_lines(table)) if args.markdown else table_text(table))
    if len(runs) == 2:
        print("\n" + "\n".join(differences(*runs)))


if __name__ == "__main__":
    sys.exit(program.run(main))
