#!/usr/bin/env python3
"""Make a miniature of a corpus, and a copy of its recipe that runs on it in seconds: to try a recipe without
the corpus.

The audio is generated tones, so results mean nothing; folders, names and line formats are those of the corpus
as distributed.
"""

import argparse
import sys
from pathlib import Path

from dada import program
from dada.errors import UserError
from dada.plugins import nearest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = """
utils/make_miniature.py --list
utils/make_miniature.py asvspoof2019 try_2019
DADA_ROOT=$PWD try_2019/recipe/run.sh
"""


def main() -> None:
    """Write the corpus and the recipe, and say how to run it."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("corpus", nargs=argparse.OPTIONAL, help="which one; see --list")
    parser.add_argument("folder", nargs=argparse.OPTIONAL, type=Path, help="where to; it must not be there")
    parser.add_argument("--list", action="store_true", help="list the corpora that have a miniature")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)
    sys.path.insert(0, str(ROOT / "tests"))
    from fixtures import miniatures

    if args.list:
        print("\n".join(miniatures.names()))
        return
    if args.corpus is None or args.folder is None:
        parser.error("name a corpus and a folder, or give --list")
    if args.corpus not in miniatures.names():
        raise UserError(
            f"no miniature of {args.corpus!r}{nearest(args.corpus, miniatures.names())}: "
            f"{', '.join(miniatures.names())}"
        )
    program.refuse_existing(args.folder)
    recipe = miniatures.make(args.corpus, args.folder)
    if recipe is None:
        print(f"made {args.folder / 'corpus'}")
    else:
        print(f"made {recipe.parent / 'corpus'} and {recipe}\nnext: DADA_ROOT={ROOT} {recipe}/run.sh")


if __name__ == "__main__":
    sys.exit(program.run(main))
