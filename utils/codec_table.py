#!/usr/bin/env python3
"""Show how scores change when speech goes through codecs.

Of a data directory with both classes: the EER for each codec, with its interval over speakers, and the mean
score of each class. Of audio files: the score of each file and codec. Codecs run in memory, one utterance
after the other; for large sets, or several systems, write the audio with utils/degrade_data.py.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dada import program
from dada.commands.detect import add_model_arguments
from dada.commands.models import consent_of

if TYPE_CHECKING:
    from dada.score.clip import System

CODECS = ("none", "mp3:128", "mp3:64", "mp3:32", "aac:32", "opus:16", "amr_nb", "alaw", "gsm")
EXAMPLE = """
utils/codec_table.py --system aasist clip.flac other.wav
utils/codec_table.py --model egs/mini/exp/lfcc_lcnn egs/mini/data/test --codec none mp3:32 opus:12
"""


def main() -> None:
    """Score and print a table in Markdown."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument("source", nargs="+", help="a data directory, or audio files")
    parser.add_argument("--codec", nargs="+", default=list(CODECS), help=f"(default: {' '.join(CODECS)})")
    add_model_arguments(parser)
    args = parser.parse_args()
    program.set_up_logging(args.log_level)

    from dada import devices
    from dada.data.codecs import parse
    from dada.detect import detector_of

    devices.use(args.device)
    for codec in args.codec:
        parse(codec)
    system = detector_of(args.model, args.seed, args.system, args.init, consent_of(args)).system
    source = Path(args.source[0])
    lines = of_data(system, source, args.codec) if source.is_dir() else of_files(system, args)
    print("\n".join(lines))


def of_files(system: "System", args) -> list[str]:
    """A row for each file, a column for each codec."""
    lines = [f"| file | {' | '.join(args.codec)} |", "|---|" + "---:|" * len(args.codec)]
    for path in args.source:
        scores = [score_of(system, path, args.speaker, codec) for codec in args.codec]
        lines.append(f"| {Path(path).name} | {' | '.join(f'{score:+.2f}' for score in scores)} |")
    return lines


def of_data(system: "System", folder: Path, codecs: list[str]) -> list[str]:
    """A row for each codec: EER, and mean score of each class."""
    from dada.data.datadir import BONAFIDE, DataDir
    from dada.evaluate.measure import Sampled
    from dada.evaluate.trials import Trials
    from dada.evaluation_settings import EvaluateConfig
    from dada.metrics.named import Named

    data = DataDir.read(folder, require=("wav.scp", "utt2label"))
    is_bonafide = np.array([data["utt2label"][utt] == BONAFIDE for utt in data.utts])
    speakers = Named.of(data.speakers[utt] for utt in data.utts)
    lines = ["| codec | EER % | mean score of bona fide speech | of spoofs |", "|---|---:|---:|---:|"]
    for codec in codecs:
        scores = np.array(
            [score_of(system, data["wav.scp"][utt], data.speakers[utt], codec) for utt in data.utts]
        )
        eer = Sampled(Trials(scores[None], is_bonafide, speakers), EvaluateConfig()).figure("eer")
        ends = "" if eer.low is None or eer.high is None else f" [{100 * eer.low:.1f}, {100 * eer.high:.1f}]"
        means = scores[is_bonafide].mean(), scores[~is_bonafide].mean()
        lines.append(f"| {codec} | {100 * eer.mean:.1f}{ends} | {means[0]:+.2f} | {means[1]:+.2f} |")
    return lines


def score_of(system: "System", location: str, speaker: str | None, codec: str) -> float:
    """The score of one recording after a codec."""
    from dada.data import NO_SPEAKER, SAMPLE_RATE, read_audio
    from dada.data.codecs import parse, transmit
    from dada.errors import DataError
    from dada.score.clip import Clip

    samples = transmit(read_audio(location), SAMPLE_RATE, parse(codec))

    def no_words(_: np.ndarray) -> str:
        raise DataError(f"{system.config.name} reads transcripts: score the recipe's data in its stages")

    score = system.run(Clip(location, samples, speaker or NO_SPEAKER, no_words)).score
    if score is None:
        raise DataError(f"{system.config.name} gives no score for bona fide speech: take another system")
    return score


if __name__ == "__main__":
    sys.exit(program.run(main))
