"""Processes that are forked from a server which has imported everything, so that a start takes no seconds."""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

from dada import cli

MODULES = ("accelerate", "transformers", "torch._dynamo", "torch.utils.tensorboard", "matplotlib.figure")
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dada.cli", "dada.recipe.runner", "dada.report.page", *MODULES])


def process(function: Callable, *args) -> multiprocessing.Process:
    """Return a process that calls a function of an importable file."""
    return CONTEXT.Process(target=function, args=args)


class Kill(logging.Handler):
    """Kills this process before its n-th rename of a written file since a stage of a recipe started."""

    def __init__(self, stage: int, num_files: int):
        super().__init__()
        self.stage, self.num_files, self.started = f"stage {stage} ", num_files, False

    def emit(self, record: logging.LogRecord) -> None:
        """Note the start of the stage."""
        message = record.getMessage()
        self.started = self.started or (message.startswith(self.stage) and ": START" in message)

    def on_audit(self, event: str, args: tuple) -> None:
        """Count a rename. The interpreter calls this before it."""
        if self.started and event == "os.rename":
            self.num_files -= 1
            if self.num_files < 0:
                os.kill(os.getpid(), signal.SIGKILL)


def run_killed(stage: int, num_files: int, *argv: str) -> None:
    """Run the `dada` program up to some files into a stage, for a process of its own."""
    kill = Kill(stage, num_files)
    logging.getLogger().addHandler(kill)
    sys.addaudithook(kill.on_audit)
    sys.exit(cli.main(argv))
