"""Data directories, tables, arks, audio files, batches: what every other part reads and writes."""

from dada.data.arks import ArkReader, merge_arks, write_ark
from dada.data.audio import SAMPLE_RATE, decode_audio, read_audio, write_audio
from dada.data.batch import Batch, pad_stack
from dada.data.datadir import BONAFIDE, NO_SPEAKER, SPOOF, DataDir
from dada.data.files import atomic_dir, atomic_path, write_text
from dada.data.length import fit_length
from dada.data.tables import invert, read_table, write_table

__all__ = [
    "BONAFIDE", "NO_SPEAKER", "SAMPLE_RATE", "SPOOF", "ArkReader", "Batch", "DataDir", "atomic_dir", "atomic_path", "decode_audio",
    "fit_length", "invert", "merge_arks", "pad_stack", "read_audio", "read_table", "write_ark", "write_audio", "write_table", "write_text",
]
