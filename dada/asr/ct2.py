"""Reader of CTranslate2's `model.bin`, the file that faster-whisper loads.

Little-endian: u32 format version, name of the specification, u32 revision, u32 number of variables; each
variable is its name, u8 rank, u32 for each dimension, u8 type, u32 number of bytes, data; then u32 number of
aliases, each two names. A name is a u16 length followed by as many bytes, the last of them NUL.
"""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dada.errors import DataError

FORMAT_VERSION = 6
SPECIFICATION = "WhisperSpec"
# Types by their codes. NumPy has no bfloat16 (5): its 16 bits are read as an integer.
DTYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2", 5: "<u2"}
BFLOAT16 = 5


def read_model(path: Path) -> dict[str, np.ndarray]:
    """Return the variables of a Whisper `model.bin` by name, bfloat16 widened to float32.

    Raise DataError for a missing, damaged or different file.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            version, specification, _revision = _number(file, "<I"), _name(file), _number(file, "<I")
            if version != FORMAT_VERSION or specification != SPECIFICATION:
                raise DataError(
                    f"{path} holds {specification!r} in format {version}, expected {SPECIFICATION!r} in "
                    f"format {FORMAT_VERSION}: "
                    "convert the original weights again with ct2-transformers-converter"
                )
            variables = dict(_variable(file) for _ in range(_number(file, "<I")))
            for _ in range(_number(file, "<I")):
                alias, target = _name(file), _name(file)
                variables[alias] = variables[target]
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist: expected the model.bin of a CTranslate2 Whisper model"
        ) from error
    except (struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
        raise DataError(f"{path} is not a whole CTranslate2 model ({error}): download it again") from error
    return variables


def _variable(file: BinaryIO) -> tuple[str, np.ndarray]:
    name = _name(file)
    shape = [_number(file, "<I") for _ in range(_number(file, "<B"))]
    kind, num_bytes = _number(file, "<B"), _number(file, "<I")
    content = file.read(num_bytes)
    if len(content) != num_bytes:
        raise ValueError(f"it ends within {name}")
    array = np.frombuffer(content, dtype=DTYPES[kind]).reshape(shape)
    if kind == BFLOAT16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return name, array


def _name(file: BinaryIO) -> str:
    length = _number(file, "<H")
    content = file.read(length)
    if len(content) != length:
        raise ValueError("it ends within a name")
    return content.rstrip(b"\0").decode()


def _number(file: BinaryIO, kind: str) -> int:
    return struct.unpack(kind, file.read(struct.calcsize(kind)))[0]
