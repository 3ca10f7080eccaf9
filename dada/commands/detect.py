"""Score audio files with a trained experiment, or with published weights.

Reads every format and sample rate that libsndfile reads. Scores are log-likelihood ratios or differences of
logits: a higher score means more bona fide. A model of a fixed length reads the start of a longer file; the
output gives the length. A score holds for speech like that of the training data.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from dada.commands.models import add_consent_arguments, consent_of

EXAMPLE = """
dada detect --model egs/mini/exp/lfcc_lcnn clip.flac other.wav
dada detect --model egs/mini/exp/dada_late_calibrated clip.flac --speaker BOB --json
dada detect --system aasist clip.flac
dada detect --system aasist --init AASIST.pth clip.flac
"""
LOG_LEVEL = "warning"


def add_model_arguments(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Declare the flags that choose what scores a file: an experiment (or `several`), or weights."""
    parser.add_argument(
        "--model",
        type=Path,
        action="append" if several else "store",
        help="experiment: exp/<system>, or exp/<system>/seed_<k>"
        + ("; repeat to compare" if several else ""),
    )
    parser.add_argument(
        "--system",
        help="instead of --model: published weights that `dada models --weights` lists, or with --init a "
        "system that `dada models` lists",
    )
    parser.add_argument(
        "--init",
        type=Path,
        help="weights of --system, as its authors published them, or weights.pt of an experiment",
    )
    add_consent_arguments(parser)
    parser.add_argument("--speaker", help="purported speaker, for systems that use the words")
    parser.add_argument("--seed", type=int, help="training run to use (default: the first)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, or of several GPUs one: cuda:1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada detect`."""
    parser.add_argument("files", nargs="+", help="audio files")
    add_model_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def run(args: argparse.Namespace) -> None:
    """Print the score of each file as text, or as JSON with one object a line."""
    from dada import devices
    from dada.detect import detector_of, readable

    devices.use(args.device)
    detector = detector_of(args.model, args.seed, args.system, args.init, consent_of(args))
    for path in args.files:
        verdict = detector(path, args.speaker)
        print(json.dumps(asdict(verdict)) if args.json else readable(verdict), flush=True)
