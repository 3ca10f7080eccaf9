"""Measure a score file against a key, compare two systems, or write a submission.

Score files: `utterance score`, ASVspoof 2019, 2021 and 5, or any columns that --columns names. Keys: data
directories, `utterance label`, ASVspoof 2019, 2021 and 5, In-the-Wild, Parquet files of the Speech
Anti-Spoofing Arena, or --key_columns. A higher score must mean more bona fide.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dada.program import positive

Add = Callable[..., Any]  # of a parser
EXAMPLE = r"""
dada evaluate --scores scores.txt --key ASVspoof2019.LA.cm.eval.trl.txt \
    --asv_scores ASVspoof2019.LA.asv.eval.gi.trl.scores.txt --by attack
dada evaluate --scores a.txt --compare b.txt --key egs/mini/data/test --metrics eer,min_dcf
dada evaluate --scores out.csv --columns -,trial,score --key meta.csv --json
dada evaluate --scores out.csv --columns trial=clip,score=llr --key key.csv --key_columns trial=id,label=class
dada evaluate --scores eval.txt --key eval.csv --labels 1=bonafide 0=spoof --threshold_scores dev.txt \
    --threshold_key dev.csv
dada evaluate --scores spoofs.txt --key spoofs.csv --threshold 0.5
dada evaluate --scores scores.txt --key list.txt --submission score.tsv --submission_format asvspoof5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `dada evaluate`."""
    add = parser.add_argument
    _add_measures(add)
    _add_form(add)
    _add_threshold(add)
    _add_submission(add)
    add("--json", action="store_true", help="print JSON")


def _add_measures(add: Add) -> None:
    from dada.evaluate.request import CLUSTERS
    from dada.evaluation_settings import FIXED_RATES
    from dada.metrics.measures import MEASURES

    add("--scores", type=Path, required=True, help="score file, plain or gzip")
    add("--key", type=Path, help="key or data directory; optional where the score file has labels")
    add(
        "--asv_scores",
        metavar="FILE",
        help="ASV scores for the tandem metrics, the C012 file of ASVspoof 2021, or "
        f"`{FIXED_RATES}` for the published rates",
    )
    add("--asv_key", type=Path, metavar="FILE", help="trial metadata of the ASV, which ASVspoof 2021 needs")
    add("--metrics", type=_names, help=f"some of {', '.join(MEASURES)} (default: all that can be measured)")
    add(
        "--by",
        type=_names,
        default=[],
        metavar="CONDITIONS",
        help="conditions to break down by, e.g. attack,codec: the EER, and the t-DCF or the --metrics",
    )
    add("--compare", type=Path, metavar="OTHER", help="another score file: paired difference and interval")
    add("--subset", help="subset of a key that has several, or `all` (default: eval)")
    add(
        "--common",
        action="store_true",
        help="leave out, and name, the trials that one file lacks, instead of refusing them",
    )
    add("--resamples", type=from_zero, default=1000, help="resamples for the intervals; 0 for none")
    add("--cluster", choices=CLUSTERS, default="speaker", help="what is resampled")


def _add_form(add: Add) -> None:
    add(
        "--columns",
        type=_names,
        help="columns of the score files in order, `-` for a column to skip: trial,-,score; or by their "
        "names in the header: trial=clip,score=llr",
    )
    add(
        "--key_columns",
        type=_names,
        help="columns of the key, in order or by name, as for --columns; any other name makes a condition",
    )
    add(
        "--labels",
        nargs="+",
        type=_meaning,
        metavar="WORD=CLASS",
        help="words for the classes beside the usual ones: 1=bonafide 0=spoof",
    )


def _add_threshold(add: Add) -> None:
    add(
        "--threshold",
        type=finite,
        help="decide at this score, and give the rates of both errors; the set may be of one class",
    )
    add("--threshold_scores", type=Path, metavar="FILE", help="decide at the EER of these scores, as of dev")
    add("--threshold_key", type=Path, metavar="FILE", help="key of --threshold_scores")


def _add_submission(add: Add) -> None:
    from dada.formats.submission import FORMATS

    add(
        "--submission",
        type=Path,
        metavar="FILE",
        help="write the scores in the order of the key, with or without labels; .zip packs them",
    )
    add("--submission_format", choices=FORMATS, help="(default: the format of the key's challenge)")
    add(
        "--submission_details",
        type=Path,
        metavar="YAML",
        help="for the Arena: its blocks system, dataset, artifact and submitter, checked against its schema",
    )


def run(args: argparse.Namespace) -> None:
    """Print the results, as text or as JSON."""
    from dada.evaluate.request import Request, evaluate
    from dada.evaluate.results import as_json
    from dada.evaluation_settings import EvaluateConfig
    from dada.report.evaluation import readable_results

    config = EvaluateConfig(num_resamples=args.resamples or 1)
    flags = {name: value for name, value in vars(args).items() if name in Request.__dataclass_fields__}
    flags["labels"] = dict(args.labels or [])
    results = evaluate(Request(**flags, config=config, intervals=args.resamples > 0))
    print(json.dumps(as_json(results), indent=1, allow_nan=False) if args.json else readable_results(results))


def from_zero(text: str) -> int:
    """Return the value of a flag as a number from 0."""
    return 0 if text == "0" else positive(text)


def finite(text: str) -> float:
    """Return the value of a flag as a finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _meaning(text: str) -> tuple[str, str]:
    word, found, meaning = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: write WORD=bonafide or WORD=spoof")
    return word, meaning


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
