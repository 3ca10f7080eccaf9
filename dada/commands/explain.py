"""Write a page that explains the score of an audio file.

The page plays the file and shows which times and frequencies support each class, and which words. Of a long
file it explains one window, and holds the sound of that and of its surroundings alone.
"""

import argparse
import json
from pathlib import Path

from dada.commands.detect import add_model_arguments
from dada.commands.models import consent_of

EXAMPLE = """
dada explain clip.flac --model egs/mini/exp/lfcc_lcnn --out clip.html
dada explain clip.flac --model egs/mini/exp/dada_late --speaker BOB --out clip.html --figures figures
dada explain clip.flac --model egs/mini/exp/lfcc_lcnn --model egs/mini/exp/dada_audio --out clip.html --json
dada explain interview.mp3 --system aasist --start 1931.5 --out interview.html
dada explain clip.flac --system aasist --background others/*.flac --out clip.html
dada explain clip.flac --model egs/mini/exp/dada_audio --out clip.html integrated_gradients.max_steps=128
"""
LOG_LEVEL = "warning"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada explain`."""
    parser.add_argument("file", help="audio file")
    add_model_arguments(parser)
    parser.add_argument(
        "--background",
        nargs="+",
        default=[],
        metavar="FILE",
        help="audio files to compare with (default: the dev split of the recipe; without a recipe, silence)",
    )
    parser.add_argument(
        "--method",
        help="deep_shap, integrated_gradients, gradient_shap or occlusion (default: what fits the model)",
    )
    parser.add_argument(
        "--start",
        type=float,
        metavar="SECONDS",
        help="of a long file: where the window that is explained begins (default: the window with the lowest "
        "score of the first system)",
    )
    parser.add_argument("--out", type=Path, required=True, help="the page to write, e.g. clip.html")
    parser.add_argument("--figures", type=Path, help="folder for the four figures as PDF, SVG and PNG")
    parser.add_argument("--json", action="store_true", help="print the numbers of the page as JSON")
    parser.add_argument(
        "options",
        nargs="*",
        metavar="method.name=value",
        help="settings of methods, e.g. gradient_shap.zeros=true; write them before --background",
    )


def run(args: argparse.Namespace) -> None:
    """Write the page of one file."""
    from dada.detect.page import Wish, load, page_of
    from dada.detect.panel import Chosen
    from dada.detect.recording import Recording
    from dada.explain.config import AUTO, ExplainConfig, check_method
    from dada.explain.page.combined import page_figures, write_figures
    from dada.report.clip_page import render
    from dada.settings import parse_overrides
    from dada.storage.atomic import require_output, write_text

    require_output(args.out)
    method = args.method or AUTO
    check_method(method)
    options = ExplainConfig(options=parse_overrides(args.options)).options
    flags = args.model, args.seed, args.system, args.init, consent_of(args)
    systems = load(Chosen(*flags, device=args.device))
    wish = Wish(args.start, args.background, method, options)
    page, _ = page_of(systems, Recording(args.file), args.speaker, wish)
    if args.figures is not None:
        write_figures(page.explanations, args.figures)
    write_text(args.out, render(page))
    print(json.dumps(page_figures(args.file, page), indent=1, allow_nan=False) if args.json else args.out)
