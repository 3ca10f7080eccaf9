"""How seconds and memory grow with the number of utterances, from 1,000 to 600,000.

    PYTHONPATH=. python benchmarks/scaling.py --clips CLIPS --folder DIR --sizes 1000 10000
    PYTHONPATH=. python benchmarks/scaling.py --simulate --folder DIR --sizes 10000 100000 600000 --json OUT

Every size is a recipe of its own, of train and a test split with that many utterances each and a dev split of
200. Their audio is that of a few hundred files: those below CLIPS, or else generated tones of half a second,
each under many names. Every step is a program of its own with `--nj 1`, so that its peak of memory is that of
one process:

    prepare    stage 1                      extract   stage 4, both splits
    validate   dada validate, which reads   train     stage 5, one seed; `lfcc_lcnn`: one epoch
               1,000 files of each label    score     stage 8
    evaluate   stage 9, test, three seeds   report    stage 11
    rerun      the whole recipe again, with nothing to do

The three seeds of `evaluate` are copies of the one that was trained. With --simulate nothing reads audio:
`extract`, `train` and `score` are left out, and scores and embeddings of 160 values are drawn at random, for
the sizes at which networks would take days. Times are of the processor, since other work on the machine
changes them little. The exponent is the slope between the two largest sizes: 1 is linear, and below it what
does not grow still counts.
"""

import argparse
import json
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
NUM_DEV, NUM_CLIPS, NUM_SPEAKERS, NUM_EMBEDDED = 200, 300, 93, 160
SEEDS = (1, 2, 3)
CODECS = ("nocodec", "low_mp3", "high_mp3", "low_m4a", "high_m4a", "low_ogg", "high_ogg", "mp3m4a", "oggm4a")
RECIPE = """
corpus: {{name: scaling, purported_speakers: true}}
systems: [{system}]
seeds: [1, 2, 3]
"""
SIMULATED = "stages: [prepare_data, evaluate, report]\n"
CONF = {"lfcc_lcnn": "input: {num_frames: 64}\ntrain: {epochs: 1, batch_size: 32}\n"}
PREPARE = '''"""Many utterances of few files."""
import json
from dada.data import DataDir

SETTINGS = json.loads({settings!r})

def prepare(recipe):
    """Return train, dev and test."""
    return [_split(recipe, name) for name in recipe.all_splits]

def _split(recipe, name):
    number, clips = SETTINGS["sizes"][name], SETTINGS["clips"]
    tables = {{table: {{}} for table in ("wav.scp", "utt2label", "utt2attack", "utt2spk", "utt2codec")}}
    for i in range(number):
        spoof = i % 10 != 0
        label, attack = ("spoof", f"A{{i % 13:02d}}") if spoof else ("bonafide", "-")
        speaker, codec = f"S{{i % SETTINGS['speakers']:04d}}", SETTINGS["codecs"][i % len(SETTINGS["codecs"])]
        values = (clips[i % len(clips)], label, attack, speaker, codec)
        for table, value in zip(tables.values(), values):
            table[f"{{name}}_{{i:07d}}"] = value
    return DataDir(recipe.data_dir(name), tables)
'''


@dataclass
class Measured:
    """What a step took: seconds by the clock and of the processor, and the peak of memory of a process."""

    step: str
    size: int
    seconds: float
    processor: float
    gigabytes: float


def make_recipe(folder: Path, clips: list[str], size: int, system: str, simulate: bool) -> Path:
    """Write a recipe of `size` utterances of train and of test."""
    (folder / "local").mkdir(parents=True)
    (folder / "conf").mkdir()
    text = RECIPE.format(system=system) + (SIMULATED if simulate else "")
    (folder / "recipe.yaml").write_text(text)
    if system in CONF:
        (folder / "conf" / f"{system}.yaml").write_text(CONF[system])
    settings = {
        "sizes": {"train": size, "dev": NUM_DEV, "test": size},
        "clips": clips,
        "speakers": NUM_SPEAKERS,
        "codecs": CODECS,
    }
    (folder / "local" / "prepare_data.py").write_text(PREPARE.format(settings=json.dumps(settings)))
    return folder


def generated_clips(folder: Path) -> list[str]:
    """Write NUM_CLIPS files of about half a second."""
    sys.path.insert(0, str(ROOT / "tests"))
    from fixtures.miniatures._shared import write_clip

    paths = [folder / f"{i:03d}.flac" for i in range(NUM_CLIPS)]
    for i, path in enumerate(paths):
        write_clip(path, seed=i, spoof=i % 10 != 0)
    return [str(path) for path in paths]


def run(step: str, size: int, *arguments: str) -> Measured:
    """Run a command of dada and return what it took. End the program where it fails."""
    command = [sys.executable, "-m", "dada.cli", *arguments]
    with tempfile.TemporaryFile("w+") as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        if status != 0:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{output.read()[-2000:]}")
    measured = Measured(step, size, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9)
    print(
        f"{step:10} {size:9,} {seconds:9.1f} s {measured.processor:9.1f} s of the processor "
        f"{measured.gigabytes:6.2f} GB",
        flush=True,
    )
    return measured


def measure(folder: Path, clips: list[str], size: int, system: str, simulate: bool) -> Iterator[Measured]:
    """Yield the steps of one size."""
    recipe = make_recipe(folder, clips, size, system, simulate)

    def stage(step: str, number: int, *more: str) -> Measured:
        numbers = ("--stage", str(number), "--stop_stage", str(number))
        return run(step, size, "run", str(recipe), "--nj", "1", *numbers, *more)

    yield stage("prepare", 1)
    yield run("validate", size, "validate", str(recipe / "data" / "test"), "--sample", "1000")
    if simulate:
        simulation = multiprocessing.get_context("spawn").Process(
            target=simulate_outputs, args=(recipe, system)
        )  # in a process of its own: a program begins with the peak of memory of the one that starts it
        simulation.start()
        simulation.join()
    else:
        yield stage("extract", 4, "seeds=[1]")
        yield stage("train", 5, "seeds=[1]")
        yield stage("score", 8, "seeds=[1]")
        copy_seeds(recipe, system)
    yield stage("evaluate", 9)
    yield stage("report", 11)
    if not simulate:
        shutil.rmtree(recipe / "exp" / system / "seed_2")
        shutil.rmtree(recipe / "exp" / system / "seed_3")
        run("one seed", size, "run", str(recipe), "--nj", "1", "seeds=[1]")
    yield run("rerun", size, "run", str(recipe), "--nj", "1", *([] if simulate else ["seeds=[1]"]))


def copy_seeds(recipe: Path, system: str) -> None:
    """Give the seeds that were not trained the outputs of the one that was."""
    first, *others = (recipe / "exp" / system / f"seed_{seed}" for seed in SEEDS)
    for other in others:
        shutil.copytree(first, other, ignore=shutil.ignore_patterns(".*"))


def simulate_outputs(recipe: Path, system: str) -> None:
    """Write scores and embeddings of every seed."""
    import torch

    from dada.data import DataDir
    from dada.experiment.folder import ExperimentFolder
    from dada.models.inference import Outputs
    from dada.score.scores import write_scores

    rng = np.random.default_rng(1)
    for split in ("dev", "test"):
        data = DataDir.read(recipe / "data" / split)
        bonafide = np.array([label == "bonafide" for label in (data.labels or {}).values()])
        for seed in SEEDS:
            folder = ExperimentFolder(recipe / "exp" / system / f"seed_{seed}")
            scores = rng.normal(2.0 * bonafide - 1, 1.0).astype(np.float32)
            write_scores(
                folder.scores(split), data.utts, scores, {"system": system, "score_kind": "mean_frame_llr"}
            )
            logits = torch.from_numpy(np.stack([scores, -scores], axis=1))
            vectors = torch.from_numpy(rng.standard_normal((len(data.utts), NUM_EMBEDDED), dtype=np.float32))
            folder.write_outputs(split, Outputs(data.utts, logits, vectors))
            del vectors


def table(measured: list[Measured]) -> str:
    """Markdown: a row for a step, seconds of the processor and gigabytes at every size, and the exponent."""
    sizes = sorted({each.size for each in measured})
    found = {(each.step, each.size): each for each in measured}
    lines = [
        "| step | " + " | ".join(f"{size:,}" for size in sizes) + " | exponent |",
        "|---|" + "---:|" * (len(sizes) + 1),
    ]
    for step in dict.fromkeys(each.step for each in measured):
        cells = [
            f"{each.processor:.1f} s, {each.gigabytes:.2f} GB" if (each := found.get((step, size))) else "–"
            for size in sizes
        ]
        lines.append(f"| {step} | {' | '.join(cells)} | {exponent(found, step, sizes)} |")
    return "\n".join(lines)


def exponent(found: dict[tuple[str, int], Measured], step: str, sizes: list[int]) -> str:
    """The slope of the logarithm of the processor's seconds between the two largest sizes."""
    known = [found[step, size] for size in sizes if (step, size) in found][-2:]
    if len(known) < 2:
        return "–"
    first, second = known
    return f"{math.log(second.processor / first.processor) / math.log(second.size / first.size):.2f}"


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--clips", type=Path, help="folder of audio files")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="room for the corpora"
    )
    parser.add_argument("--system", default="lfcc_lcnn", help="lfcc_lcnn or trivial_cues")
    parser.add_argument("--simulate", action="store_true", help="draw scores and embeddings at random")
    parser.add_argument("--json", type=Path, help="also write what was measured")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        if args.clips:
            found = [path for path in args.clips.rglob("*") if path.suffix in (".flac", ".wav", ".opus")]
            clips = [str(path.resolve()) for path in sorted(found)[:NUM_CLIPS]]
        else:
            clips = generated_clips(folder / "clips")
        for size in args.sizes:
            for each in measure(folder / str(size), clips, size, args.system, args.simulate):
                measured.append(each)
            shutil.rmtree(folder / str(size))
            if args.json:
                content = json.dumps([asdict(each) for each in measured], indent=1)
                args.json.write_text(content + "\n")
    print("\n" + table(measured))


if __name__ == "__main__":
    main()
