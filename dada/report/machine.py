"""What a report was made on."""

import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGES = (
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


@dataclass(frozen=True)
class Machine:
    """One line each."""

    hardware: str
    software: str


def this_machine() -> Machine:
    """Processor, cores, memory, GPUs; Python, the packages that decide about numbers, and the system."""
    parts = [f"{_cpu()}, {os.cpu_count()} cores"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    parts += _gpus() or ["no GPU"]
    versions = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return Machine(", ".join(parts), ", ".join([*versions, f"{platform.system()} {platform.machine()}"]))


def _cpu() -> str:
    if CPU_INFO.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", CPU_INFO.read_text(errors="replace"), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def _gpus() -> list[str]:
    texts = [path.read_text(errors="replace") for path in sorted(GPU_INFO.glob("*/information"))]
    found = [re.search(r"^Model:\s*(.+)$", text, re.MULTILINE) for text in texts]
    return [match[1] for match in found if match]
