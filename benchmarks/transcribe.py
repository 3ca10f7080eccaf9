"""Speed and word error rate of stage transcribe against openai-whisper, side by side in one run.

    python benchmarks/transcribe.py egs/mini/data/dev --num_clips 60 \\
      --model egs/mini/downloads/whisper-tiny.en

The reference is openai-whisper as published: clip by clip, 30 s of context, greedy, float32. The folder has
`text` with the reference transcripts, and `wav.scp` or audio files named after the utterances. One thread,
processor time, so that other work on the machine counts little; the median of `--repeat` rounds. Absolute
times hold for this machine only, so judge by the ratio.
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

# Label, back end, precision, other settings. Those that a machine cannot compute are left out, saying so.
VARIANTS = [
    ("default", "transformers", "float32", {}),
    ("default", "transformers", "bfloat16", {}),
    ("default", "faster_whisper", "float32", {}),
    ("default", "faster_whisper", "int8", {}),
    ("default", "openai_whisper", "float32", {}),
    ("30 s", "faster_whisper", "int8", {"contexts": [30.0]}),
    ("30 s", "transformers", "float32", {"contexts": [30.0]}),
]


def main() -> None:
    """Print one line per variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="clips with a `text` table of reference transcripts")
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a folder made by dada.asr.convert, which serves all back ends",
    )
    parser.add_argument("--num_clips", type=int, default=60, help="the first so many (default 60)")
    parser.add_argument("--repeat", type=int, default=1, help="rounds (default 1)")
    parser.add_argument("--backend", help="this back end only")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips, texts = load_clips(args.folder, args.num_clips)
    print(
        f"{len(clips)} clips of {np.mean([len(c) for c in clips]) / 16000:.1f} s on average, torch "
        f"{torch.__version__}, one thread"
    )
    print(HEAD)
    reference = measure("openai-whisper, one by one", one_by_one(args.model), clips, texts, args.repeat, None)
    for label, backend, precision, settings in VARIANTS:
        if args.backend not in (None, backend):
            continue
        config = TranscribeConfig(
            backend=backend, model=str(args.model.absolute()), compute_type=precision, **settings
        )
        try:
            transcriber = build(config, Path())
        except ConfigError as error:
            print(f"{backend} {precision}: left out: {error}")
            continue
        measure(
            f"{backend} {precision}, {label}", transcriber.transcribe, clips, texts, args.repeat, reference
        )


def load_clips(folder: Path, number: int) -> tuple[list[np.ndarray], list[str]]:
    """The first clips of a folder and what is said in them."""
    texts = read_table(folder / "text")
    if (folder / "wav.scp").exists():
        locations = DataDir.read(folder)["wav.scp"]
    else:
        locations = {
            path.stem: str(path) for path in folder.iterdir() if path.suffix in (".flac", ".wav", ".mp3")
        }
    utts = [utt for utt in texts if utt in locations][:number]
    if not utts:
        raise DataError(f"{folder} has no audio for the utterances of its `text`")
    return [read_audio(locations[utt]) for utt in utts], [texts[utt] for utt in utts]


def one_by_one(model: Path) -> Callable:
    """openai-whisper's own decoding of each clip in turn."""
    import whisper

    loaded = whisper.load_model(str(model / OPENAI_FILE), device="cpu")
    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)

    def transcribe(clips: list[np.ndarray]) -> list:
        return [
            loaded.decode(whisper.log_mel_spectrogram(whisper.pad_or_trim(clip), loaded.dims.n_mels), options)
            for clip in clips
        ]

    return transcribe


def measure(
    name: str, transcribe: Callable, clips: list, texts: list[str], repeat: int, reference: float | None
) -> float:
    """Print milliseconds a clip, ratio, word error rate, and how many clips were read again; returns the
    milliseconds.
    """
    transcribe(clips[:2])  # the first call pays for allocations
    results = []
    (total,) = medians([lambda: results.append(transcribe(clips))], repeat, warm_up=False)
    found, milliseconds = results[-1], total / len(clips)
    rate = word_error_rate((text, result.text) for text, result in zip(texts, found, strict=True))
    redone = sum(getattr(result, "redone", False) for result in found)
    row(name, reference, milliseconds, f"WER {100 * rate:.2f} %, redone {redone}")
    return milliseconds


if __name__ == "__main__":
    main()
