"""Data directories, tables, arks, audio files, batches: what every other part reads and writes."""

import importlib
from typing import TYPE_CHECKING

from dada.data.datadir import BONAFIDE, NO_SPEAKER, SPOOF, DataDir
from dada.data.tables import invert, read_table, write_table

__all__ = [
    "BONAFIDE",
    "NO_SPEAKER",
    "SAMPLE_RATE",
    "SPOOF",
    "ArkReader",
    "Batch",
    "DataDir",
    "decode_audio",
    "fit_length",
    "invert",
    "merge_arks",
    "pad_stack",
    "read_audio",
    "read_table",
    "write_ark",
    "write_audio",
    "write_table",
]

if TYPE_CHECKING:
    from dada.data.arks import ArkReader, merge_arks, write_ark
    from dada.data.audio import SAMPLE_RATE, decode_audio, read_audio, write_audio
    from dada.data.batch import Batch, pad_stack
    from dada.data.length import fit_length

# These need NumPy or torch, which take seconds to import: programs that only look at tables do without.
_SLOW = {
    "arks": ("ArkReader", "merge_arks", "write_ark"),
    "audio": ("SAMPLE_RATE", "decode_audio", "read_audio", "write_audio"),
    "batch": ("Batch", "pad_stack"),
    "length": ("fit_length",),
}


def __getattr__(name: str) -> object:
    for module, names in _SLOW.items():
        if name in names:
            return getattr(importlib.import_module(f"dada.data.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
