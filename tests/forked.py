"""Processes that are forked from a server which has imported everything, so that a start takes no seconds."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from dada import cli

MODULES = ("accelerate", "transformers", "torch._dynamo", "torch.utils.tensorboard", "matplotlib.figure")
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dada.cli", "dada.recipe.runner", "dada.report.page", *MODULES])


def process(function: Callable, *args) -> multiprocessing.Process:
    """Return a process that calls a function of an importable file."""
    return CONTEXT.Process(target=function, args=args)


def run_dada(stderr: Connection, *argv: str) -> None:
    """Run the `dada` program with stderr in a pipe, for a process of its own."""
    os.dup2(stderr.fileno(), 2)
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # the stream of the server may be of a file
    sys.exit(cli.main(argv))
