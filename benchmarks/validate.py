"""Validation of a data directory at the size of ASVspoof 2021 DF, and the rate at which audio is read.

    python benchmarks/validate.py --nj 2

600,000 utterances of 600,000 (empty but for a header) files with six tables: tables, keys, labels and the
files' presence are checked, no audio is read. Then 2,000 generated files of 3 s are read in full, by one
process and by --nj. Bounds: a system call for each file in the first, decoding in the second.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from dada.data import DataDir
from dada.program import positive
from dada.validate.corpus import Request, validate_corpus
from dada.validate.probe import probe_all

NUM_UTTS, NUM_FOLDERS, NUM_SPEAKERS = 600_000, 60, 93
NUM_READ, SECONDS, RATE = 2_000, 3.0, 16_000


def make_corpus(root: Path) -> Path:
    """A data directory of NUM_UTTS utterances whose files are there."""
    tables: dict[str, dict[str, str]] = {
        name: {} for name in ("wav.scp", "utt2label", "utt2attack", "utt2spk", "utt2codec", "utt2lang")
    }
    for folder in range(NUM_FOLDERS):
        (root / "flac" / str(folder)).mkdir(parents=True)
    for number in range(NUM_UTTS):
        utt, spoof = f"DF_E_{number:07d}", number % 27 != 0
        path = root / "flac" / str(number % NUM_FOLDERS) / f"{utt}.flac"
        path.write_bytes(b"fLaC")
        label, attack = ("spoof", f"A{number % 13:02d}") if spoof else ("bonafide", "-")
        values = (path, label, attack, f"LA_{number % NUM_SPEAKERS:04d}", "mp3", "en")
        for table, value in zip(tables.values(), values, strict=True):
            table[utt] = str(value)
    DataDir(root / "eval", tables).write()
    return root / "eval"


def main() -> None:
    """Print seconds and rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nj", type=positive, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = make_corpus(Path(folder))
        start = time.perf_counter()
        found = validate_corpus([data], Request(sample=0))
        spent = time.perf_counter() - start
        if found.report.errors or found.facts[data]["utterances"] != NUM_UTTS:
            sys.exit("the corpus made here has errors: " + "\n".join(found.report.lines()))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{NUM_UTTS} utterances, tables and files: {spent:.1f} s, {memory:.2f} GiB at most")
        noise = np.random.default_rng(1).standard_normal(int(SECONDS * RATE)) * 0.1
        paths = [Path(folder) / f"{number}.flac" for number in range(NUM_READ)]
        for number, path in enumerate(paths):
            soundfile.write(path, np.roll(noise, number), RATE)
        for num_jobs in sorted({1, args.nj}):
            start = time.perf_counter()
            probe_all([str(path) for path in paths], num_jobs)
            spent = time.perf_counter() - start
            print(
                f"{NUM_READ} files of {SECONDS:g} s read by {num_jobs}: {spent:.1f} s, "
                f"{NUM_READ / spent:.0f} files/s"
            )


if __name__ == "__main__":
    main()
