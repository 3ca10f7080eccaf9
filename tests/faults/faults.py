"""Faults of files, disks and processes, and what the program does: docs/what_happens_when.md shows them."""

import errno
import os
from dataclasses import dataclass

ALL = ("cut", "empty", "garbage", "list", "not UTF-8", "folder", "FIFO", "removed", "no permission")
EVERY = "DADA_FAULTS" in os.environ  # try all, which takes minutes
SAME = ""  # instead of a message: the command succeeds, and the results are those of an undisturbed run
RUN = "run {recipe} --nj 1"


@dataclass(frozen=True)
class FileFault:
    """A file with some kinds of damage, a command, and a part of its message, or `SAME`."""

    file: str  # below the recipe; a pattern
    damages: tuple[str, ...]
    command: str
    does: str  # what the program does
    message: str = SAME
    without: tuple[str, ...] = ()  # files that are removed before

    @property
    def short_command(self) -> str:
        """The command without its paths."""
        left_out = ("--nj", "1", "--model")
        return " ".join(word for word in self.command.split() if word not in left_out and "{" not in word)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The kinds of damage of a run of the suite: one of those after which stages run."""
        if EVERY or (self.message and not self.file.startswith(("data", "dump", "exp"))):
            return self.damages
        if self.command.startswith("run"):
            return self.damages[:1] if self.message or ".done" in self.file else ()
        return self.damages


@dataclass(frozen=True)
class DiskFault:
    """A stage that runs again while writing below a folder of the recipe fails."""

    number: int
    stage: int
    folder: str = ""

    @property
    def is_long(self) -> bool:
        """Whether the suite leaves it out: it repeats the first stages, or is like another."""
        return self.stage < 4 or self.number != (errno.EROFS if self.folder else errno.ENOSPC)


@dataclass(frozen=True)
class Kill:
    """A stage that runs again and is killed when it is about to rename a finished file to its name."""

    stage: int
    file: str

    @property
    def is_long(self) -> bool:
        """Whether the suite leaves it out: it repeats many stages, or is like another."""
        return self.stage not in (5, 8)


EVALUATE = "evaluate --scores {recipe}/exp/lfcc_lcnn/seed_1/scores/test.txt --key {test} --resamples 0"
CONTENT = ("cut", "empty", "garbage", "list", "not UTF-8")
NO_FILE = ("folder", "FIFO", "removed", "no permission")
DETECT = "detect --model {model} {clip}"
SEED = "exp/lfcc_lcnn/seed_1"
TRAINED = (f"{SEED}/weights.pt", f"{SEED}/.done/train_audio-main-lfcc_lcnn-seed_1.json")
AGAIN = "does the job again, and says why: same results"
UNUSED = "does not need it: same results"
NAMES = "names the file, what is wrong with it, and what to do"
FILES = [
    FileFault("recipe.yaml", ALL[1:], RUN, NAMES, "recipe.yaml"),
    FileFault(
        "local.yaml", ("cut", "garbage", "list", "not UTF-8", "folder", "FIFO"), RUN, NAMES, "local.yaml"
    ),
    FileFault("local.yaml", ("empty", "removed"), RUN, "goes on with recipe.yaml alone: same results"),
    FileFault(
        "conf/lfcc_lcnn.yaml", ("cut", *CONTENT[2:], "folder", "FIFO", "no permission"), RUN, NAMES, "conf/"
    ),
    FileFault(
        "conf/lfcc_lcnn.yaml",
        ("empty", "removed"),
        RUN,
        "refuses to overwrite the trained system with other settings",
        "holds an experiment with other settings",
    ),
    FileFault("local/prepare_data.py", ALL, RUN, NAMES, "local/prepare_data.py"),
    FileFault("data/test/wav.scp", CONTENT, RUN, NAMES, "data/test"),
    FileFault("data/test/utt2label", CONTENT, RUN, NAMES, "utt2label"),
    FileFault("data/test/text.json", ("removed",), RUN, "transcribes the split again: same results"),
    FileFault("data/audio/ANN-test-0.flac", (*CONTENT[:4], *NO_FILE), DETECT, NAMES, "ANN-test-0.flac"),
    FileFault("data/test/.done/transcribe-main-test.json", ("list", "FIFO"), RUN, AGAIN),
    FileFault(
        "data/test/.done/transcribe-main-test.json",
        ("folder",),
        RUN,
        "does the job again, and names it",
        "move it away",
    ),
    FileFault("dump/lfcc-7*/test/feats.scp", CONTENT, RUN, NAMES, "feats.scp"),
    FileFault("dump/lfcc-7*/test/feats.scp", ("removed",), RUN, "makes what is missing again: same results"),
    FileFault(
        "dump/lfcc-7*/test/feats.ark", (*CONTENT[:4], *NO_FILE), RUN + " --stage 8 --force", NAMES, ".ark"
    ),
    FileFault(f"{SEED}/config.json", ALL, DETECT, NAMES, "config.json"),
    FileFault(f"{SEED}/labels.txt", ALL, DETECT, NAMES, "labels.txt"),
    FileFault(f"{SEED}/weights.pt", (*CONTENT[:4], *NO_FILE), DETECT, NAMES, "weights.pt"),
    FileFault(f"{SEED}/weights.pt", CONTENT[:4], RUN, NAMES, "weights.pt"),
    FileFault(f"{SEED}/calibration.json", ALL[:7], DETECT, NAMES, "calibration.json"),
    FileFault(f"{SEED}/.done/train_audio-main-lfcc_lcnn-seed_1.json", ("cut", "FIFO"), RUN, AGAIN),
    FileFault(f"{SEED}/.done/train_audio-main-lfcc_lcnn-seed_1.started.json", ("cut", "FIFO"), RUN, UNUSED),
    FileFault(f"{SEED}/checkpoint/state.pt", (*CONTENT[:4], *NO_FILE[:2]), RUN, NAMES, "state.pt", TRAINED),
    FileFault(
        f"{SEED}/checkpoint/state.pt", ("removed",), RUN, "trains from the start: same results", SAME, TRAINED
    ),
    FileFault(f"{SEED}/run.json", (*CONTENT, "folder", "FIFO"), RUN, NAMES, "run.json", TRAINED),
    FileFault(
        f"{SEED}/log.csv", ("garbage",), RUN, "goes on and writes it again: same results", SAME, TRAINED
    ),
    FileFault(f"{SEED}/embed/dev/logits.npy", CONTENT[:4], RUN + " --stage 8 --force", NAMES, "logits.npy"),
    FileFault(f"{SEED}/scores/test.txt", CONTENT, RUN, NAMES, "scores/test.txt"),
    FileFault(f"{SEED}/scores/test.json", CONTENT, EVALUATE, NAMES, "scores/test.json"),
    FileFault("exp/lfcc_lcnn/results/test.json", CONTENT, RUN, NAMES, "results/test.json"),
    FileFault(
        "exp/lfcc_lcnn/results/test.json", ALL[:7], "compare-corpora {recipe}", NAMES, "results/test.json"
    ),
    FileFault("exp/results.json", ("garbage", *NO_FILE[:3]), "publish {recipe}", NAMES, "results.json"),
    FileFault("exp/RESULTS.md", ("garbage", *NO_FILE[:3]), "publish {recipe}", NAMES, "RESULTS.md"),
    FileFault("exp/report.html", ("removed",), RUN, "writes the report again: same results"),
]
ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "no right to write there: choose another folder or change its permissions",
}
STAGES = {
    1: "prepare_data",
    2: "transcribe",
    4: "extract_features",
    5: "train_audio",
    7: "train_fusion",
    8: "score",
    9: "evaluate",
    11: "report",
}
DISKS = [DiskFault(number, stage) for number in ADVICE for stage in STAGES] + [
    DiskFault(number, stage, folder)
    for number in ADVICE
    for stage, folder in (
        (1, "data"),
        (2, "data/test"),
        (4, "dump"),
        (5, "exp/lfcc_lcnn/seed_1/checkpoint"),
        (5, "exp/lfcc_lcnn/seed_1/tensorboard"),
        (5, "exp/lfcc_lcnn/seed_1/embed"),
        (8, "exp/lfcc_lcnn/seed_1/scores"),
        (9, "exp/lfcc_gmm/results"),
    )
]
KILLS = [
    Kill(1, "data/dev"),
    Kill(1, "prepare_data-main.json"),
    Kill(2, "data/dev/text.json"),
    Kill(2, "part.0000"),
    Kill(4, "dev/feats.ark"),
    Kill(4, "test/feats.scp"),
    Kill(5, "state.pt"),
    Kill(5, "lfcc_lcnn/seed_1/weights.pt"),
    Kill(5, "lfcc_lcnn/seed_1/embed/dev/embed.npy"),
    Kill(7, "ensemble.json"),
    Kill(8, "part.0000"),
    Kill(8, "lfcc_gmm/seed_1/scores/test.txt"),
    Kill(8, "lfcc_lcnn/seed_1/calibration.json"),
    Kill(9, "lfcc_lcnn/results/test.json"),
    Kill(11, "exp/results.json"),
    Kill(11, "exp/report.html"),
]
