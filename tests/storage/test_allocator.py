import subprocess
import sys

import pytest

from dada.storage import allocator

FAULTS = """
import resource, sys
from dada.storage.allocator import give_back_memory, keep_memory
import torch
if sys.argv[1] == "keep":
    keep_memory()
for _ in range(3):
    torch.ones(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
resident = lambda: int(open("/proc/self/statm").read().split()[1])
held = resident()
give_back_memory()
print(held - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_large_blocks_are_kept_and_then_given_back():
    """40 MB are 9766 pages, which each of ten steps faults anew unless they are kept."""
    command = [sys.executable, "-c", FAULTS]
    (faults, _), (kept, freed) = (
        map(int, subprocess.run([*command, how], capture_output=True, text=True, check=True).stdout.split())
        for how in ("not", "keep")
    )
    assert 2 * kept < faults and freed > 1000  # the system may take pages by itself


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator, "_function", lambda name: None)
    allocator.keep_memory()
    allocator.give_back_memory()
