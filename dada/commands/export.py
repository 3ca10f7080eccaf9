"""Write a trained system as a folder that works without its recipe.

The folder holds the weights (safetensors), the settings, the classes, the calibration, thresholds, the origin
and a model card with the measured results. `dada detect --model FOLDER` and `init: FOLDER` read it, and
refuse it where a file was changed.
"""

import argparse
from pathlib import Path

EXAMPLE = """
dada export egs/mini/exp/lfcc_lcnn --out lfcc_lcnn --licence CC-BY-4.0
dada export egs/mini/exp/lfcc_lcnn/seed_2 --out with_graph --onnx
dada detect --model lfcc_lcnn clip.flac
dada export egs/mini/exp/lfcc_lcnn --out for_the_arena --arena
dada export egs/mini/exp/lfcc_lcnn --out lfcc_lcnn --upload somebody/lfcc_lcnn
dada detect --model hf:somebody/lfcc_lcnn clip.flac
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada export`."""
    parser.add_argument("model", type=Path, help="experiment: exp/<system>, or exp/<system>/seed_<k>")
    parser.add_argument("--seed", type=int, help="training run to use (default: the first)")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--onnx",
        action="store_true",
        help="write model.onnx as well, compared with the system: see docs/onnx.md",
    )
    parser.add_argument(
        "--arena",
        action="store_true",
        help="write arena_model.py and meta.yaml as well, for the Speech Anti-Spoofing Arena",
    )
    parser.add_argument(
        "--upload", metavar="OWNER/NAME", help="upload it to the Hugging Face Hub, where it is private"
    )
    parser.add_argument("--licence", help="of the weights, e.g. CC-BY-4.0 (default: none is stated)")


def run(args: argparse.Namespace) -> None:
    """Write the folder, and print its path."""
    from dada.detect.load import recipe_root, seed_folder
    from dada.detect.page import recipe_of
    from dada.export.write import export
    from dada.program import refuse_existing
    from dada.score.clip import System

    refuse_existing(args.out)
    folder = seed_folder(args.model, args.seed)
    root = recipe_root(folder)
    system, recipe = System.load(folder, root), recipe_of(root, folder)
    export(system, folder, recipe, args.out, args.licence, args.onnx, args.arena)
    print(args.out)
    if args.upload:
        from dada.export.hub import upload

        print(upload(args.out, args.upload))
