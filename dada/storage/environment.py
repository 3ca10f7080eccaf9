"""What a result was made with: code, versions of packages, processor and GPUs."""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import dada

REPORTED = (
    "dada",
    "torch",
    "torchaudio",
    "transformers",
    "faster-whisper",
    "openai-whisper",
    "scikit-learn",
    "numpy",
    "scipy",
)
CPU_INFO, GPU_INFO = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/gpus")
GIT_SECONDS = 20  # that git may take


@dataclass(frozen=True)
class Machine:
    """One line each."""

    hardware: str
    software: str


def this_machine() -> Machine:
    """Return processor, cores, memory, GPUs; Python, the packages that decide about numbers, and the
    system.
    """
    parts = [cpu_name()]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    parts += _installed_gpus() or ["no GPU"]
    software = [f"Python {platform.python_version()}"]
    software += [f"{name} {version}" for name, version in versions(REPORTED).items() if version]
    return Machine(", ".join(parts), ", ".join([*software, f"{platform.system()} {platform.machine()}"]))


def run_facts(packages: Iterable[str]) -> dict[str, Any]:
    """Return how and on what a training runs: command, versions, commit, hardware; no name of the machine."""
    import torch

    gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "versions": versions(packages),
        "git": git_commit(Path(dada.__file__).parent),
        "hardware": {
            "cpu": cpu_name(),
            "gpus": [torch.cuda.get_device_name(i) for i in gpus],
            "threads": torch.get_num_threads(),
        },
        "started": utc_now(),
    }


def stamp_facts(command: str) -> dict[str, str]:
    """Return how a job was run: command, version, Python, platform, time."""
    return {
        "command": command,
        "dada": dada.__version__,
        "python": platform.python_version(),
        "platform": platform.machine(),
        "finished": utc_now(),
    }


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of packages, None for those that are not installed."""
    installed: dict[str, str | None] = {}
    for name in packages:
        try:
            # The distribution of this package is not named `dada`, and a source tree has none.
            installed[name] = dada.__version__ if name == "dada" else metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = None
    return installed


def utc_now() -> str:
    """Return the time as 2026-01-31T12:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def git_commit(folder: Path) -> str | None:
    """Return the commit of a folder, with `-dirty` where tracked files differ from it; None outside of
    git.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=GIT_SECONDS, check=True
        )
        return done.stdout.strip()

    try:
        commit, changed = git("rev-parse", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("-dirty" if changed else "")


def cpu_name() -> str:
    """Return the model of the processor and the number of cores."""
    model = None
    if CPU_INFO.exists():
        model = re.search(r"^model name\s*:\s*(.+)$", CPU_INFO.read_text(errors="replace"), re.MULTILINE)
    return f"{model[1] if model else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def _installed_gpus() -> list[str]:
    """The models of the GPUs as the driver lists them, without torch."""
    texts = [path.read_text(errors="replace") for path in sorted(GPU_INFO.glob("*/information"))]
    models = [re.search(r"^Model:\s*(.+)$", text, re.MULTILINE) for text in texts]
    return [model[1] for model in models if model]
