"""`dada detect` as a program: a long file, many short files, and the start.

    OMP_NUM_THREADS=1 python benchmarks/detect.py long AASIST.pth CLIPS --minutes 60
    OMP_NUM_THREADS=1 python benchmarks/detect.py many AASIST.pth CLIPS --num 1000
    OMP_NUM_THREADS=1 python benchmarks/detect.py start AASIST.pth CLIPS

CLIPS is a folder of speech at 16 kHz. `long` joins its clips to one file; `many` takes them again and again,
by one process and by two. Every run is a process of its own, with the published weights of AASIST.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dada.data import SAMPLE_RATE, read_audio

PAUSE = np.zeros(SAMPLE_RATE // 2, dtype=np.float32)  # between two clips of the long file


@dataclass
class Cost:
    """What a process and its children took."""

    wall: float  # seconds
    processor: float  # seconds
    peak: float  # GB of the largest of them, or of all before it if one was larger


def cost(command: list[str]) -> Cost:
    """Run a program without its output."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - start, used, after.ru_maxrss / 1024**2)


def detect(weights: Path, *arguments: str) -> Cost:
    """Run `dada detect` with AASIST."""
    program = [sys.executable, "-m", "dada.cli", "detect", "--system", "aasist", "--init", str(weights)]
    return cost([*program, "--table", *arguments])


def long(weights: Path, clips: list[Path], minutes: float, folder: Path) -> None:
    """Score one long file."""
    path, left = folder / "long.flac", round(60 * minutes * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, subtype="PCM_16") as file:
        while left:
            for clip in clips:
                part = np.concatenate([read_audio(str(clip)), PAUSE])[:left]
                file.write(part)
                left -= len(part)
    found = detect(weights, str(path))
    speed = 60 * minutes / found.processor
    print(
        f"{minutes:g} minutes: {found.processor:.0f} s of the processor, {speed:.1f} times faster than real "
        f"time, {found.peak:.2f} GB"
    )


def many(weights: Path, clips: list[Path], num: int, folder: Path) -> None:
    """Score many files by one process and by two."""
    names = folder / "list.txt"
    names.write_text("".join(f"{clips[i % len(clips)].resolve()}\n" for i in range(num)))
    one, two = (detect(weights, "--list", str(names), "--nj", nj) for nj in ("1", "2"))
    for nj, found in ((1, one), (2, two)):
        print(f"--nj {nj}: {found.wall:.0f} s, {found.processor:.0f} s of the processor")
    print(f"two processes: {one.wall / two.wall:.2f} times faster; alone on two cores the processor's time")
    print(f"allows {2 * one.processor / two.processor:.2f}")


def start(weights: Path, clips: list[Path]) -> None:
    """Score one file, and compare with the import of torch."""
    runs = [detect(weights, str(clips[0])).processor for _ in range(5)]
    imports = [cost([sys.executable, "-c", "import torch"]).processor for _ in range(5)]
    print(f"to the first score: {min(runs):.2f} s of the processor; `import torch` takes {min(imports):.2f}")


def main() -> None:
    """Run one of the works."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", choices=("long", "many", "start"))
    parser.add_argument("weights", type=Path, help="AASIST.pth of its authors")
    parser.add_argument("clips", type=Path, help="folder of .flac files")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--num", type=int, default=1000)
    args = parser.parse_args()
    clips = sorted(args.clips.glob("*.flac"))
    with tempfile.TemporaryDirectory() as name:
        if args.work == "long":
            long(args.weights, clips, args.minutes, Path(name))
        elif args.work == "many":
            many(args.weights, clips, args.num, Path(name))
        else:
            start(args.weights, clips)


if __name__ == "__main__":
    main()
