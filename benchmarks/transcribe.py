"""Speed and word error rate of stage transcribe against openai-whisper, in alternation.

    python benchmarks/transcribe.py egs/mini/data/train --references egs/mini/data/authors \\
      --model egs/mini/downloads/whisper-tiny.en-hf --num_clips 64
    python benchmarks/transcribe.py ... --backend faster_whisper --margins 2 4 7 10 --num_clips 400

The reference is openai-whisper as published: clip by clip, 30 s of context, greedy, float32. What was to be
said is the text of each utterance's source in `--references`, else the folder's own `text`. One thread,
processor time, so that other work on the machine counts little; the median of `--repeat` rounds, in each of
which every variant has its turn. Absolute times hold for this machine only, so judge by the ratio.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from timing import HEAD, medians, row

from dada.asr import TranscribeConfig, build
from dada.asr.convert import OPENAI_FILE
from dada.data import DataDir, read_audio, read_table
from dada.errors import ConfigError, DataError
from dada.metrics.wer import word_error_rate

# Back end, precision, other settings. Those that a machine cannot compute are left out, saying so.
VARIANTS = [
    ("auto", "auto", {}),
    ("faster_whisper", "float32", {}),
    ("transformers", "float32", {}),
    ("transformers", "bfloat16", {}),
    ("openai_whisper", "float32", {}),
    ("faster_whisper", "int8", {"contexts": [30.0]}),
]
Clips = list[np.ndarray]


def main() -> None:
    """Print one line per variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a data directory")
    parser.add_argument("--references", type=Path, help="a text corpus with the sources of the utterances")
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a folder made by dada.asr.convert, which serves all back ends",
    )
    parser.add_argument(
        "--num_clips", type=int, default=64, help="so many, spread over all with a reference (default 64)"
    )
    parser.add_argument("--repeat", type=int, default=1, help="rounds (default 1)")
    parser.add_argument("--backend", help="this back end only, in its own precision")
    parser.add_argument("--margins", type=float, nargs="+", help="each variant with each of these margins")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips, texts = load_clips(args.folder, args.references, args.num_clips)
    seconds = sum(len(clip) for clip in clips) / 16000 / len(clips)
    print(f"{len(clips)} clips of {seconds:.1f} s on average, torch {torch.__version__}, one thread")
    works = {"openai-whisper, one by one": one_by_one(args.model)}
    works |= variants(args.model, args.backend, args.margins)
    compare(works, clips, texts, args.repeat)


def load_clips(folder: Path, references: Path | None, number: int) -> tuple[Clips, list[str]]:
    """Clips of a data directory and what was to be said in them."""
    data = DataDir.read(folder)
    if references is None:
        texts = dict(data["text"])
    else:
        sources, written = read_table(references / "utt2source"), read_table(references / "text")
        of_source = {source: written[utt] for utt, source in sources.items()}
        texts = {utt: of_source[source] for utt, source in data["utt2source"].items() if source in of_source}
    if not texts:
        raise DataError(f"{folder}: no utterance has a reference: name its text corpus with --references")
    utts = sorted(texts)[:: max(1, len(texts) // number)][:number]
    return [read_audio(data["wav.scp"][utt]) for utt in utts], [texts[utt] for utt in utts]


def one_by_one(model: Path) -> Callable[[Clips], list]:
    """openai-whisper's own decoding of each clip in turn."""
    import whisper

    loaded = whisper.load_model(str(model / OPENAI_FILE), device="cpu")
    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)

    def transcribe(clips: Clips) -> list:
        return [
            loaded.decode(whisper.log_mel_spectrogram(whisper.pad_or_trim(clip), loaded.dims.n_mels), options)
            for clip in clips
        ]

    return transcribe


def variants(model: Path, backend: str | None, margins: list[float] | None) -> dict[str, Callable]:
    """Our transcribers, by name."""
    chosen = [(backend, "auto", {})] if backend else VARIANTS
    works: dict[str, Callable] = {}
    for name, precision, settings in chosen:
        for margin in margins or [None]:
            more = {} if margin is None else {"margin": margin}
            config = TranscribeConfig(
                backend=name, model=str(model.absolute()), compute_type=precision, **settings, **more
            )
            try:
                transcriber = build(config, Path())
            except ConfigError as error:
                print(f"{name} {precision}: left out: {error}")
                continue
            used = transcriber.config
            label = f"{used.backend} {used.compute_type}, margin {used.margin:g}"
            label += ", 30 s" if settings else ""
            works[f"auto: {label}" if name == "auto" else label] = transcriber.transcribe
    return works


def compare(works: dict[str, Callable[[Clips], list]], clips: Clips, texts: list[str], repeat: int) -> None:
    """Print milliseconds a clip, ratio to the first work, word error rate, and how many clips were read
    again.
    """
    found: dict[str, list] = {}

    def run(name: str) -> Callable[[], None]:
        return lambda: found.update({name: works[name](clips)})

    for transcribe in works.values():
        transcribe(clips[:2])  # the first call pays for allocations
    totals = medians([run(name) for name in works], repeat, warm_up=False)
    print(HEAD)
    for (name, results), total in zip(found.items(), totals, strict=True):
        rate = word_error_rate((text, result.text) for text, result in zip(texts, results, strict=True))
        redone = sum(getattr(result, "redone", False) for result in results)
        reference = None if name == next(iter(works)) else totals[0] / len(clips)
        row(name, reference, total / len(clips), f"WER {100 * rate:.2f} %, redone {redone}")


if __name__ == "__main__":
    main()
