"""Stage 1 on a corpus of the size of ASVspoof 2021 DF: simulated lists and key, and as many names of audio
files in four folders.

    PYTHONPATH=. python benchmarks/prepare.py --num 600000 --folder /scratch/big

The files are hard links to a few of one byte, so that they need no disk to speak of. Prints seconds and the
peak of memory; the aim is two minutes and 2 GB. The making of the corpus, the longer part, is not counted.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINKS = 50_000  # names of one file; some file systems allow no more than 65,000
CODECS = ("nocodec", "low_mp3", "high_mp3", "low_m4a", "high_m4a", "low_ogg", "high_ogg", "mp3m4a", "oggm4a")


def make_corpus(folder: Path, num: int) -> Path:
    """The miniature of ASVspoof 2021 with `num` DF trials in place of its own; returns the recipe."""
    sys.path.insert(0, str(ROOT / "tests"))
    from fixtures import miniatures

    recipe = miniatures.make("asvspoof2021", folder)
    root = folder / "corpus"
    first = root / "ASVspoof2021_DF_eval_part00" / "ASVspoof2021_DF_eval"
    utts = [f"DF_E_{3_000_000 + i}" for i in range(num)]
    for i, utt in enumerate(utts):
        path = (
            root / f"ASVspoof2021_DF_eval_part{i % 4:02d}" / "ASVspoof2021_DF_eval" / "flac" / f"{utt}.flac"
        )
        if i % LINKS == 0:
            source = path
            source.write_bytes(b"x")
        else:
            os.link(source, path)
    (first / "ASVspoof2021.DF.cm.eval.trl.txt").write_text("".join(f"{utt}\n" for utt in utts))
    with open(root / "keys" / "DF" / "CM" / "trial_metadata.txt", "w") as file:
        for i, utt in enumerate(utts):
            kind = "bonafide bonafide" if i % 27 == 0 else f"A{7 + i % 13:02d} spoof"
            vocoder = "bonafide" if i % 27 == 0 else "traditional_vocoder"
            file.write(
                f"LA_{i % 48:04d} {utt} {CODECS[i % 9]} asvspoof {kind} notrim eval {vocoder} - - - -\n"
            )
    return recipe


def main() -> None:
    """Make the corpus, run stage 1, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num", type=int, default=600_000, help="DF trials")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where the corpus is made, and removed again",
    )
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        recipe_folder = make_corpus(Path(folder), args.num)
        from dada.recipe.recipe import Recipe
        from dada.stages import s01_prepare_data as stage

        recipe = Recipe.load(recipe_folder, ["splits.test=[DF_eval]"])
        wall, cpu = time.monotonic(), time.process_time()
        [job] = stage.plan(recipe)
        stage.run(recipe, job)
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(
            f"stage 1 of {args.num:,} trials: {wall:.1f} s ({cpu:.1f} s of one core), peak {gigabytes:.2f} GB"
        )


if __name__ == "__main__":
    main()
