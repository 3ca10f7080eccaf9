"""Contents of bad files: forged headers of audio, and weights that are none."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import soundfile


def sound(**options: object) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(np.arange(8000)), 16_000, **{"format": "WAV", **options})
    return file.getvalue()


def flac(**fields: int) -> bytes:
    """A FLAC file whose header states another rate or another number of samples."""
    content = bytearray(sound(format="FLAC"))
    word = int.from_bytes(content[18:26], "big")  # rate (20 bits), channels (3), bits (5), samples (36)
    rate, rest, samples = word >> 44, (word >> 36) & 0xFF, word & (2**36 - 1)
    rate, samples = fields.get("rate", rate), fields.get("samples", samples)
    content[18:26] = (rate << 44 | rest << 36 | samples).to_bytes(8, "big")
    return bytes(content)


def wav(rate: int) -> bytes:
    content = bytearray(sound())
    content[24:28] = struct.pack("<I", rate)
    return bytes(content)


def samples(value: float) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.full(8000, value, dtype=np.float32), 16_000, format="WAV", subtype="FLOAT")
    return file.getvalue()


def pickled() -> bytes:
    """A pickle that runs a command where it is read."""

    class Attack:
        def __reduce__(self) -> tuple:
            import os

            return os.system, ("touch attacked",)

    return pickle.dumps(Attack())


def saved(value: Callable[[], object]) -> Callable[[], bytes]:
    def content() -> bytes:
        import torch

        file = io.BytesIO()
        torch.save(value(), file)
        return file.getvalue()

    return content


def tensor() -> object:
    import torch

    return torch.ones(3)


def zip_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme", "nothing")
    return file.getvalue()


def c012() -> bytes:
    return (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117)
        + b"\n"
        + pickled()
    )
