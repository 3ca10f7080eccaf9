"""Stages 1, 2, 4, 5 and 8 on a miniature of ASVspoof 2019 with `--ngpu 1`, from audio to scores."""

import contextlib
import io
import logging
import os
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import torch

from dada import cli
from gpu.common import FAIL, Row, Setup, holds
from gpu.encoders import write_tiny_whisper

STAGES = ("prepare_data", "transcribe", "extract_features", "train_audio", "score")
SYSTEM = "lfcc_lcnn"
# What each stage must leave, for every split that it works on.
WRITTEN = {
    "prepare_data": "data/*/wav.scp",
    "transcribe": "data/*/text.json",
    "extract_features": "dump/*/*/feats.scp",
    "train_audio": f"exp/{SYSTEM}/seed_1/weights.pt",
    "score": f"exp/{SYSTEM}/seed_1/scores/*.txt",
}
GUARD = "{max_words_per_second: 99, min_distinct_words: 0, min_logprob: -99, max_compression: 9}"
SETTINGS = (
    f"stages=[{', '.join(STAGES)}]",
    f"systems=[{SYSTEM}]",
    "transcribe.backend=transformers",
    "transcribe.max_tokens_per_second=1",
    f"transcribe.guard={GUARD}",  # a random network would have every clip read again
)


def rows(setup: Setup) -> list[Row]:
    """Seconds of each stage; a stage fails with its message."""
    root = Path(__file__).parents[2]
    sys.path.insert(0, str(root / "tests"))
    from fixtures import miniatures

    recipe = miniatures.make("asvspoof2019", setup.folder / "miniature")
    whisper = write_tiny_whisper(setup.folder / "tiny_whisper")
    settings = (*SETTINGS, f"transcribe.model={whisper}")
    found = []
    with Memory(setup) as memory:
        for stage in STAGES:
            start = time.perf_counter()
            code, said = run_dada("run", recipe, "--stage", stage, "--stop_stage", stage, "--nj", 1,
                                  "--ngpu", int(setup.on_gpu), *settings)  # fmt: skip
            if code != 0 or not list(recipe.glob(WRITTEN[stage])):
                last = (said.strip() or "no output").splitlines()[-1]
                return [*found, Row(stage, last, verdict=FAIL)]
            found.append(Row(stage, time.perf_counter() - start, "s"))
    if setup.on_gpu:
        found.append(
            holds("the stages computed on the GPU", memory.taken > 0, f"{memory.taken / 1e6:.0f} MB")
        )
    return [*found, holds("every stage left its files", True)]


class Memory:
    """Watches the memory of the GPU. `taken` is the most that was taken, by whatever process: stages may have
    their own. It is 0 on a CPU.
    """

    def __init__(self, setup: Setup):
        self.device, self.on_gpu, self.taken = setup.device, setup.on_gpu, 0

    def __enter__(self) -> "Memory":
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        if self.on_gpu:
            self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        if self.on_gpu:
            self.thread.join()

    def _watch(self) -> None:
        before = torch.cuda.mem_get_info(self.device)[0]
        while not self.ended.wait(0.02):
            self.taken = max(self.taken, before - torch.cuda.mem_get_info(self.device)[0])


def run_dada(*arguments: object) -> tuple[int, str]:
    """Run the program `dada` in this process; its exit code and what it said."""
    argv, said = [str(argument) for argument in arguments], io.StringIO()
    logger = logging.getLogger("dada")
    handlers, level = logger.handlers[:], logger.level
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "argv", ["dada", *argv]),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        try:
            code = cli.main(argv)
        finally:
            logger.handlers[:] = handlers
            logger.setLevel(level)
    return code, said.getvalue()
