"""Memory of this process: kept between the steps of a task, and given back after it.

By default glibc returns large blocks to the system at once and asks for them again in the next step, and the
system clears every page anew. On other systems nothing changes.
"""

import ctypes
import functools
from typing import Any

# Parameters of mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_memory() -> None:
    """Let freed memory stay with this process, for the next block of that size."""
    if (mallopt := _function("mallopt")) is not None:
        mallopt(M_MMAP_MAX, 0)  # large blocks come from the heap, too
        mallopt(M_TRIM_THRESHOLD, -1)  # and the heap does not shrink by itself


def give_back_memory() -> None:
    """Return what this process does not use to the system."""
    if (malloc_trim := _function("malloc_trim")) is not None:
        malloc_trim(ctypes.c_size_t(0))


@functools.cache
def _function(name: str) -> Any:
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # no such function, or no C library to ask
        return None
