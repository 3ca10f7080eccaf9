"""Write a page that explains the score of an audio file.

The page plays the file and shows which times and frequencies support each class, and which words.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dada.commands.detect import add_model_arguments
from dada.commands.models import consent_of

if TYPE_CHECKING:
    from dada.detect import Detector
    from dada.explain.page.live import LiveSource
    from dada.recipe.recipe import Recipe

EXAMPLE = """
dada explain clip.flac --model egs/mini/exp/lfcc_lcnn --out clip.html
dada explain clip.flac --model egs/mini/exp/dada_late --speaker BOB --out clip.html --figures figures
dada explain clip.flac --model egs/mini/exp/lfcc_lcnn --model egs/mini/exp/dada_audio --out clip.html --json
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
    from dada import devices
    from dada.detect.load import detectors_of
    from dada.explain.config import AUTO, ExplainConfig, check_method
    from dada.explain.page.combined import combine, page_figures, write_figures
    from dada.explain.page.content import collect_page
    from dada.report.clip_page import render
    from dada.settings import parse_overrides
    from dada.storage.atomic import require_output, write_text

    require_output(args.out)
    method = args.method or AUTO
    check_method(method)
    options = ExplainConfig(options=parse_overrides(args.options)).options
    devices.use(args.device)
    pages = []
    detectors = detectors_of(args.model, args.seed, args.system, args.init, consent_of(args))
    folders = [*args.model, *[None] * (len(detectors) - len(args.model))]
    for detector, model in zip(detectors, folders, strict=True):
        source = clip_source(detector, model, args.file, args.speaker)
        source = replace(source, files=args.background, method=method, options=options)
        with devices.gradients_in_evaluation():
            pages.append(collect_page(source))
    page = combine(pages)
    if args.figures is not None:
        write_figures(page.explanations, args.figures)
    write_text(args.out, render(page))
    print(json.dumps(page_figures(args.file, page), indent=1, allow_nan=False) if args.json else args.out)


def clip_source(
    detector: "Detector", model: Path | None, file: str, speaker: str | None = None
) -> "LiveSource":
    """Return a file as the source of a page, by a loaded system from the experiment folder `model`.

    `model` is None with published weights. Raise DataError for a file that cannot be used.
    """
    from dada.data import NO_SPEAKER, SAMPLE_RATE, read_audio
    from dada.detect.detector import Options
    from dada.detect.words import described, figures
    from dada.explain.page.live import LiveSource
    from dada.score.clip import Clip

    if detector.system.config.task == "text":
        detector.system.require_speaker(speaker or NO_SPEAKER)
    # The page is about the first window of a longer file.
    verdict = detector(file, speaker, Options(window="first"))
    facts = {
        "System": f"{verdict.seconds:.1f} s, {described(verdict)}",
        "Answer": verdict.sentence,
        "Output": "; ".join(figures(verdict)),
    }
    transcript, root = verdict.transcript or "", detector.system.root
    clip = Clip(file, read_audio(file, SAMPLE_RATE), speaker or NO_SPEAKER, lambda _: transcript)
    recipe = None
    if model is not None and root is not None and detector.origin.seed is not None:
        recipe = recipe_of(root, model)
    return LiveSource(detector.system, clip, facts, recipe, detector.origin.seed)


def recipe_of(root: Path, model: Path) -> "Recipe":
    """Return the recipe of an experiment folder, under the protocol that the folder belongs to."""
    from dada.recipe.recipe import Recipe

    recipe = Recipe.load(root)
    below = model.resolve().parts[len(root.resolve().parts) :]
    first, *others = recipe.config.protocols
    return replace(recipe, protocol=next((name for name in others if name in below), first))
