"""Memory of processes: what keeping it between steps is worth, and how much a process of each kind takes.

    OMP_NUM_THREADS=1 python benchmarks/memory.py kept egs/mini/data/test/wav.scp --num 200
    OMP_NUM_THREADS=1 python benchmarks/memory.py peaks

`kept` scores clips with AASIST in processes of their own, with and without `keep_memory` in turn, and
compares the scores. `peaks` takes one step of training and scores one full batch, and prints the largest
resident memory. The table of dada/recipe/memory.py follows from it.
"""

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from dada import losses, models
from dada.data import read_table
from dada.data.batch import Batch
from dada.data.dataset import BATCH_STEPS, AudioFiles, Dataset
from dada.models.inference import run_model
from dada.recipe.config import load_system_config
from dada.storage.allocator import keep_memory

SYSTEMS = ("aasist", "rawgat_st", "rawnet2", "res_tssdnet", "lfcc_lcnn", "lfcc_lcnn_lstm", "cqt_aasist")
FRAMES, FEATURES = 400, {"lfcc": 60, "cqt": 100}  # of a clip of 4 s


def score(scp: Path, num: int, keep: bool) -> dict:
    """Score `num` clips with untrained AASIST. Return seconds of the processor, page faults and a digest."""
    if keep:
        keep_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = load_system_config("aasist")
    model = models.build("audio", config.model, 2)
    table = read_table(scp)
    utts = list(table)[:num]
    size, rule = config.input.num_samples, config.input.length_rule
    files = AudioFiles({utt: table[utt] for utt in utts}, config.input.sample_rate)
    clips = Dataset({utt: files[utt] for utt in utts}, utts, size=size, rule=rule)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    logits = run_model(model, clips, config.train.batch_size).logits
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.process_time() - start,
        "faults": after.ru_minflt - before.ru_minflt,
        "digest": hashlib.sha256(logits.numpy().tobytes()).hexdigest(),
    }


def peak(name: str, work: str) -> dict:
    """Train a step, or score a batch, with a system of dada/conf. Return the gigabytes of this process."""
    keep_memory()
    torch.set_num_threads(1)
    config = load_system_config(name)
    model = models.build(config.task, config.model, 2)
    shape, size = (config.input.num_samples or 64_600,), config.train.batch_size
    if config.input.kind == "features":
        shape = (FEATURES[config.input.features["name"]], config.input.num_frames or FRAMES)
    if work == "scoring":
        size = min(size, max(1, BATCH_STEPS[config.input.kind] // shape[-1]))
    lengths = torch.full((size,), shape[-1])
    batch = Batch([str(i) for i in range(size)], torch.randn(size, *shape), lengths, torch.arange(size) % 2)
    if work == "scoring":
        with torch.inference_mode():
            model.eval()(batch)
    else:
        losses.build(config.train.loss)(model.train()(batch), batch).backward()
    return {"size": size, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}


def in_process(*arguments: str) -> dict:
    """Run this program with some arguments in a process of its own, and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def compare(scp: Path, num: int, repetitions: int) -> None:
    """Print medians with and without `keep_memory`."""
    found: dict[str, list[dict]] = {"not kept": [], "kept": []}
    for _ in range(repetitions):
        for name in found:
            found[name].append(
                in_process("score", str(scp), "--num", str(num), *(["--keep"] * (name == "kept")))
            )
    if len({run["digest"] for runs in found.values() for run in runs}) > 1:
        raise SystemExit("the scores differ")
    seconds = {name: statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}
    for name, runs in found.items():
        print(f"{name:10} {1000 * seconds[name] / num:8.1f} ms a clip {runs[-1]['faults']:12,} page faults")
    print(f"ratio {seconds['not kept'] / seconds['kept']:.2f}")


def main() -> None:
    """Run a part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", choices=("kept", "peaks", "score", "peak"))
    parser.add_argument(
        "what", nargs="*", help="kept: a wav.scp; peaks: systems (default: some of each kind)"
    )
    parser.add_argument("--num", type=int, default=200, help="clips")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part == "score":
        print(json.dumps(score(Path(args.what[0]), args.num, args.keep)))
    elif args.part == "peak":
        print(json.dumps(peak(*args.what)))
    elif args.part == "kept":
        compare(Path(args.what[0]), args.num, args.repetitions)
    else:
        for name in args.what or SYSTEMS:
            for work in ("scoring", "training"):
                found = in_process("peak", name, work)
                print(
                    f"{name:20} {work:10} batch of {found['size']:4} {found['gigabytes']:6.2f} GB", flush=True
                )


if __name__ == "__main__":
    main()
