"""Answer whether the speech of audio files is more like bona fide or more like synthetic speech.

A trained experiment or published weights score a file; a higher score is more bona fide. A file that is
longer than the window of the system is scored in overlapping windows, of which those with speech count. The
answer states its uncertainty, and holds for speech like that of the training data. A recording that holds
nothing to score gets the answer `cannot tell`.

Exit codes: 0 every file was answered; 3 some could not be read, and the others were answered; 2 nothing was
answered, since the command line, the system or every file is wrong. See docs/detecting.md.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dada import program
from dada.commands.models import add_consent_arguments, consent_of
from dada.errors import DataError, UserError

if TYPE_CHECKING:
    from dada.detect.panel import Chosen, Panel

EXAMPLE = """
dada detect --system aasist clip.flac
dada detect --model egs/mini/exp/lfcc_lcnn recordings 'more/*.wav' --nj 4 --csv answers.csv
dada detect --model egs/mini/exp/dada_late_calibrated clip.flac --speaker bob --json
dada detect --model egs/mini/exp/lfcc_lcnn --system aasist interview.mp3 --timeline interview.png
dada detect --model egs/mini/exp/dada_late --speakers
"""
LOG_LEVEL = "warning"
SOME_UNREAD = 3  # exit code


def add_model_arguments(parser: argparse.ArgumentParser, speaker: bool = True) -> None:
    """Declare the flags that choose what scores a file: experiments or weights, each as often as you like.

    `speaker` adds the flag of the purported speaker.
    """
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        default=[],
        help="experiment: exp/<system>, or exp/<system>/seed_<k>; repeat to compare",
    )
    parser.add_argument(
        "--system",
        action="append",
        default=[],
        help="published weights that `dada models --weights` lists, or with --init a system that "
        "`dada models` lists; repeat to compare",
    )
    parser.add_argument(
        "--init",
        type=Path,
        action="append",
        default=[],
        help="weights of --system, as its authors published them, or weights.pt of an experiment",
    )
    add_consent_arguments(parser)
    if speaker:
        parser.add_argument("--speaker", help="purported speaker, for systems that use the words")
    parser.add_argument("--seed", type=int, help="training run to use (default: the first)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, or of several GPUs one: cuda:1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada detect`."""
    parser.add_argument("files", nargs="*", help="audio files, folders, or patterns in quotes")
    parser.add_argument(
        "--list",
        action="append",
        default=[],
        metavar="FILE",
        help="a path a line, or a CSV with the columns path and speaker, relative to its folder; - is stdin",
    )
    add_model_arguments(parser)
    parser.add_argument(
        "--speakers", action="store_true", help="list the speakers whose words the system knows"
    )
    parser.add_argument(
        "--window",
        choices=("all", "first"),
        default="all",
        help="of a long file: all windows, or the first alone, as the authors of most systems do",
    )
    parser.add_argument("--hop", type=_seconds, help="seconds between windows (default: 2/3 of a window)")
    parser.add_argument(
        "--vad", choices=("on", "off"), default="on", help="off: all of a file counts as speech"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a file and system")
    parser.add_argument("--table", action="store_true", help="print one line a file and system")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row a file and system as well")
    parser.add_argument(
        "--timeline",
        type=Path,
        metavar="PLACE",
        help="scores over time: a file .csv, .rttm, .png, .svg or .pdf, or a folder for three of each file",
    )
    parser.add_argument("--nj", type=program.positive, default=1, help="processes")


def _seconds(text: str) -> float:
    """Return the value of --hop."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.01 to 3600")
    return value


def run(args: argparse.Namespace) -> int:
    """Answer on every file; return the exit code."""
    from dada.detect.files import collect
    from dada.detect.output import Printer
    from dada.detect.panel import answers
    from dada.detect.timeline import Timelines
    from dada.storage.atomic import require_output

    if args.json and args.table:
        raise UserError("--json and --table are two ways to print: choose one")
    chosen = _chosen(args)
    if args.speakers:
        _print_speakers(chosen.load())
        return 0
    found = collect(args.files, args.list, args.speaker)
    total, num_systems = len(found.requests), max(len(args.model) + len(args.system), 1)
    timelines = None
    if args.timeline is not None:
        timelines = Timelines(args.timeline, total == num_systems == 1)
    if args.csv is not None:
        require_output(args.csv)
    panel = chosen.load()
    requests = panel.with_known_speakers(found.requests)
    if found.left_out and not args.json:
        print(f"{found.left_out} files of the folders are left out: their names do not end as audio does")
    printer = Printer("json" if args.json else "table" if args.table else "text", total, args.csv is not None)
    for answer in answers(panel, chosen, requests, args.nj):
        if timelines is not None:
            for verdict in answer.verdicts:
                timelines.write(verdict)
        printer.print(answer)
    printer.finish()
    if args.csv is not None:
        printer.write_csv(args.csv)
    if printer.unread == total:
        raise DataError(answer.error if total == 1 else f"none of {total} files could be read")
    return SOME_UNREAD if printer.unread else 0


def _chosen(args: argparse.Namespace) -> "Chosen":
    from dada.detect.detector import Options
    from dada.detect.panel import Chosen

    options = Options(args.window, args.hop, args.vad == "on")
    flags = args.model, args.seed, args.system, args.init, consent_of(args)
    return Chosen(*flags, options, args.device)


def _print_speakers(panel: "Panel") -> None:
    authors = panel.authors()
    if not authors:
        raise UserError("none of these systems uses words: it needs no speaker")
    for system, names in authors.items():
        print(f"{system}: {', '.join(names)}")
