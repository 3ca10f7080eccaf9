import json
import subprocess
import sys

import pytest

from dada.storage import allocator

BLOCK = 40_000_000  # bytes

# What the C library itself counts: how many pages fault anew also depends on the kernel's reclaim.
PROGRAM = """
import ctypes, json, os, sys
from dada.storage.allocator import give_back_memory, keep_memory
import torch

FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in FIELDS]
library = ctypes.CDLL(None)
library.mallinfo.restype = Mallinfo

if sys.argv[1] == "keep":
    keep_memory()
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
block = torch.ones(10_000_000)
mapped = library.mallinfo().hblkhd
del block
free = library.mallinfo().fordblks
held = resident()
give_back_memory()
print(json.dumps([mapped, free, held - resident()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_large_blocks_are_kept_and_then_given_back():
    """A block of 40 MB is mapped by itself, unless memory is kept: then it is free in the heap."""
    (mapped, _, _), (kept_mapped, kept_free, given_back) = (
        json.loads(subprocess.check_output([sys.executable, "-c", PROGRAM, how], text=True))
        for how in ("not", "keep")
    )
    assert mapped >= BLOCK > kept_mapped
    assert kept_free >= BLOCK and given_back > BLOCK / 2


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator, "_function", lambda name: None)
    allocator.keep_memory()
    allocator.give_back_memory()
