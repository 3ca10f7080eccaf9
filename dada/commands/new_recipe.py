"""Make a recipe in egs/ for a corpus of your own: audio files, and a list of which are bona fide.

The list is a CSV, ASVspoof-style protocols, or the folders that the files lie in.
"""

import argparse
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dada.errors import UserError

EXAMPLE = """
dada new-recipe my_corpus --audio /corpora/my_corpus --csv /corpora/my_corpus/list.csv
dada new-recipe my_corpus --audio /corpora/my_corpus --folders split/label/attack
dada new-recipe my_corpus --audio LA --protocol train=LA.train.trn.txt dev=LA.dev.trl.txt test=LA.eval.trl.txt
dada new-recipe my_corpus --audio wavs --csv list.csv --test_only --weights /weights
dada new-recipe my_corpus --audio wavs --csv a.csv --columns file=path label=class --labels 1=bonafide 0=spoof
"""
ROOT = Path(__file__).parents[2]  # the checkout


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada new-recipe`."""
    parser.add_argument("name", help="name of the recipe, e.g. my_corpus")
    parser.add_argument(
        "--audio", type=Path, required=True, help="folder that the file names of the list are relative to"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--csv", type=Path, help="one line a file; its first line names the columns")
    kind.add_argument(
        "--protocol", nargs="+", metavar="SPLIT=FILE", help="ASVspoof-style protocols of train, dev and test"
    )
    kind.add_argument(
        "--folders",
        metavar="LEVELS",
        help="meaning of the folders, e.g. split/label/attack (default: by their names)",
    )
    parser.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="NAME=COLUMN",
        help="columns of the CSV for file, label, speaker, attack, split, source, text or any condition; "
        "usual names are recognised",
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="VALUE=LABEL",
        help="bonafide or spoof for each label of the CSV; usual words are recognised",
    )
    parser.add_argument(
        "--splits",
        nargs="+",
        default=[],
        metavar="VALUE=SPLIT",
        help="train, dev or test for each split of the CSV, or - to leave its lines out; usual words are "
        "recognised",
    )
    parser.add_argument(
        "--test_only",
        action="store_true",
        help="make a recipe without train and dev: nothing is trained, published weights are scored on test",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        help="folder of published weights, such as AASIST.pth, for systems that name them",
    )
    parser.add_argument(
        "--split_by",
        choices=("speaker", "file"),
        help="how to draw the splits of a CSV without splits (default: by speaker if it has speakers)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the drawn splits")
    parser.add_argument("--language", default="en", help="language of the speech, as Whisper names it")
    parser.add_argument(
        "--smoke_test", action="store_true", help="also run all stages on a few files, in a temporary folder"
    )
    parser.add_argument("--egs", type=Path, default=ROOT / "egs", help="folder of the recipes")


def run(args: argparse.Namespace) -> None:
    """Make the recipe and print the size of its splits."""
    from dada.recipe.new_recipe import new_recipe
    from dada.recipe.smoke_test import smoke_test

    protocols = {split: Path(file) for split, file in _pairs(args.protocol or [], "--protocol").items()}
    made = new_recipe(
        args.name,
        args.audio,
        args.csv,
        args.egs,
        _pairs(args.columns, "--columns"),
        _pairs(args.labels, "--labels"),
        _pairs(args.splits, "--splits"),
        args.split_by,
        args.seed,
        args.language,
        protocols,
        args.folders.split("/") if args.folders else (),
        args.test_only,
        args.weights,
    )
    home = args.egs / args.name
    for data in made:
        counts = sorted(Counter(data["utt2label"].values()).items())
        labels = ", ".join(f"{number} {label}" for label, number in counts)
        print(f"{data.path.name}: {len(data.utts)} utterances, {labels}")
    print(f"made {home}; the columns, labels and splits are in {home / 'recipe.yaml'}")
    if args.egs.resolve() != ROOT / "egs":
        print(f"it is outside of the checkout: set DADA_ROOT={ROOT} to call its run.sh")
    if args.smoke_test:
        print(smoke_test(home, made))
        print("all stages work; results on so few files mean nothing")
    print(f"next: {shlex.quote(str(home / 'run.sh'))} --stop_stage 1")


def _pairs(texts: Sequence[str], flag: str) -> dict[str, str]:
    """Return {NAME: VALUE} of `NAME=VALUE` arguments. Raise UserError for any other text."""
    wrong = [text for text in texts if not all(text.partition("="))]
    if wrong:
        raise UserError(f"{flag} {wrong[0]}: write NAME=VALUE")
    return {text.partition("=")[0]: text.partition("=")[2] for text in texts}
