"""Embeddings of a split as one mapped matrix, beside one vector an utterance in a Kaldi ark.

    OMP_NUM_THREADS=1 python benchmarks/embeddings.py
    OMP_NUM_THREADS=1 python benchmarks/embeddings.py --num 20000

Writes and reads all vectors, and reads those of 5,000 utterances, as ABX does. What comes back is compared,
and must be equal. The files lie in the folder for temporary files (TMPDIR).
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from timing import HEAD, medians, row

from dada.data.arks import ArkReader, write_ark
from dada.data.vectors import Vectors, write_vectors

NUM_SOME = 5_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--num", type=int, default=611_829, help="utterances")
    parser.add_argument("--size", type=int, default=160, help="elements of a vector")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    utts = [f"DF_E_{i:07d}" for i in range(args.num)]
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((args.num, args.size), dtype=np.float32)
    some = [utts[i] for i in sorted(rng.permutation(args.num)[:NUM_SOME])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scp, npy = folder / "embed.scp", folder / "embed.npy"

        def from_ark(wanted: list[str] | None = None) -> np.ndarray:
            reader = ArkReader(scp)
            return np.stack([reader[utt] for utt in wanted or reader])

        works = {
            "write": (
                lambda: write_ark(scp, zip(utts, rows, strict=True)),
                lambda: write_vectors(folder, utts, {"embed": rows}),
            ),
            "read all": (from_ark, lambda: np.array(Vectors(npy).rows)),
            f"read {NUM_SOME:,}": (lambda: from_ark(some), lambda: Vectors(npy).of(some)),
        }
        print(f"{args.num:,} x {args.size}\n{HEAD}")
        for title, (before, now) in works.items():
            reference, ours = medians([before, now], args.repetitions, warm_up=title == "write")
            row(title, reference, ours)
        if not np.array_equal(from_ark(), Vectors(npy).rows):
            raise SystemExit("the two differ")


if __name__ == "__main__":
    main()
