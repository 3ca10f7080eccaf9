"""One vector an utterance, such as embeddings and logits: matrices (N, D) as .npy, and their index.

    embed/test/utts.txt     an utterance a line, in C order; line i names row i of every matrix beside it
    embed/test/embed.npy    (N, D) float32
    embed/test/logits.npy   (N, K) float32

Reading maps the file into memory, so that only the rows that are asked for are read.
"""

import os
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dada.errors import DataError
from dada.storage.atomic import atomic_path, write_text
from dada.storage.reading import read_text, require_file

INDEX = "utts.txt"  # beside the matrices
AGAIN = "remove it, and run the stage that makes it"
ROWS = 65_536  # rows that are copied and checked at once
# What a damaged head raises: NumPy evaluates it as a Python literal, and tokenizes it where it cannot.
NOT_A_HEADER = (
    *(OSError, ValueError, EOFError, OverflowError, RecursionError, MemoryError),
    *(SyntaxError, tokenize.TokenError, TypeError, KeyError, IndexError, AttributeError),
)


def write_vectors(folder: Path, utts: Sequence[str], matrices: "Mapping[str, np.ndarray | _Joined]") -> None:
    """Write the index of utterances, and then each of `matrices`, name -> (N, D), to folder/name.npy.

    Rows are sorted by utterance in C order. Raise DataError for NaN, naming the utterance, and for an
    utterance that is there twice.
    """
    order = sorted(range(len(utts)), key=utts.__getitem__)  # UTF-8 sorts as its characters do
    names = [utts[i] for i in order]
    twice = next((a for a, b in zip(names, names[1:], strict=False) if a == b), None)
    if twice is not None:
        raise DataError(f"{folder}: {twice} has two vectors: each utterance has one")
    for name, rows in matrices.items():
        if rows.ndim != 2 or len(rows) != len(utts):
            raise ValueError(f"{folder}: {name} has shape {rows.shape}, and there are {len(utts)} utterances")
    write_list(folder / INDEX, names)
    for name, rows in matrices.items():
        _write_matrix(folder / f"{name}.npy", rows, names, np.array(order, dtype=np.intp))


def _write_matrix(path: Path, rows: "np.ndarray | _Joined", names: Sequence[str], order: np.ndarray) -> None:
    head = {"descr": "<f4", "fortran_order": False, "shape": rows.shape}
    with atomic_path(path) as partial, open(partial, "wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        for start in range(0, len(order), ROWS):
            part = np.ascontiguousarray(rows[order[start : start + ROWS]], dtype="<f4")
            bad = np.flatnonzero(~np.isfinite(part).all(axis=1))
            if bad.size:
                raise DataError(f"{path}: the vector of {names[start + bad[0]]} holds NaN or infinite values")
            file.write(part.tobytes())


def write_list(path: Path, utts: Iterable[str]) -> None:
    """Write a list of utterances, one a line, as they come."""
    write_text(path, "".join(f"{utt}\n" for utt in utts))


def read_utts(path: Path) -> list[str]:
    """Return a list of utterances in C order. Raise DataError for a damaged file."""
    utts = read_text(path, AGAIN).split("\n")
    whole = utts.pop() == ""
    if not whole or not utts or any(utt.split() != [utt] for utt in utts):
        raise DataError(f"{path} does not hold an utterance a line: {AGAIN}")
    if any(a >= b for a, b in zip(utts, utts[1:], strict=False)):
        raise DataError(f"{path} is not sorted, or names an utterance twice: {AGAIN}")
    return utts


def merge_vectors(folder: Path, parts: Sequence[Path], names: Sequence[str], wanted: Sequence[str]) -> None:
    """Join vectors that `write_vectors` wrote to several folders into one folder.

    `names` are those of the matrices, and `wanted` the utterances that the parts must hold together, each
    once. Raise DataError for an utterance that is lost or there twice, and for parts of different sizes.
    """
    by_part = [read_utts(part / INDEX) for part in parts]
    utts = [utt for part in by_part for utt in part]
    lost = set(wanted) - set(utts)
    strange = sorted(lost) or sorted(set(utts) - set(wanted))
    if strange:
        problem = "are in no part" if lost else "are in a part, and not in the split"
        raise DataError(
            f"{folder}: {len(strange)} utterances {problem}, first {strange[0]}: remove {parts[0].parent}, "
            "and run the stage again"
        )
    write_vectors(folder, utts, {name: _Joined(parts, by_part, f"{name}.npy") for name in names})


class _Joined:
    """The rows of a matrix in several parts, one after the other; a part is open only while it is read."""

    ndim = 2

    def __init__(self, parts: Sequence[Path], utts: Sequence[list[str]], name: str):
        self.parts, self.utts, self.name = parts, utts, name
        self.starts = np.cumsum([0, *map(len, utts)])
        columns = {self._part(k).shape[1]: part for k, part in enumerate(parts)}
        if len(columns) > 1:
            sizes = ", ".join(f"{size} in {part / name}" for size, part in columns.items())
            raise DataError(
                f"the vectors have different sizes ({sizes}): remove both, and run the stage again"
            )
        self.shape = (int(self.starts[-1]), *columns)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        rows = np.empty((len(index), self.shape[1]), dtype=np.float32)
        owner = np.searchsorted(self.starts, index, side="right") - 1
        for k in np.unique(owner):
            own = owner == k
            rows[own] = self._part(k)[index[own] - self.starts[k]]
        return rows

    def _part(self, k: int) -> np.ndarray:
        return Vectors(self.parts[k] / self.name, self.utts[k]).rows


class Vectors:
    """The rows of name.npy, with their utterances; `rows` (N, D) is mapped and private: changes stay in
    memory.

    Raise DataError for a file that is missing, damaged, or of another number of utterances than the index.
    """

    def __init__(self, path: Path, utts: list[str] | None = None):
        self.path = Path(path)
        self.utts = read_utts(self.path.parent / INDEX) if utts is None else utts
        self.rows = _mapped(self.path, len(self.utts))

    def of(self, utts: Sequence[str]) -> np.ndarray:
        """Return the rows (M, D) of some utterances. Raise DataError for one that has none."""
        if utts == self.utts:
            return self.rows
        place = {utt: i for i, utt in enumerate(self.utts)}
        missing = [utt for utt in utts if utt not in place]
        if missing:
            raise DataError(f"{self.path} has no entry for utterance {missing[0]}")
        return self.rows[[place[utt] for utt in utts]]


def _mapped(path: Path, num_rows: int) -> np.ndarray:
    require_file(path, AGAIN)
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            if version != (1, 0):
                raise ValueError(f"version {version[0]}.{version[1]} of the format, expected 1.0")
            shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
            offset, size = file.tell(), os.fstat(file.fileno()).st_size
        if dtype != np.dtype("<f4") or by_column or len(shape) != 2 or 0 in shape:
            raise ValueError(f"{dtype} of shape {shape}, expected float32 of shape (utterances, elements)")
        if shape[0] != num_rows:
            raise ValueError(f"{shape[0]} rows, and {INDEX} beside it names {num_rows} utterances")
        wanted = offset + shape[0] * shape[1] * dtype.itemsize
        if size != wanted:
            raise ValueError(f"{size} bytes, and its head states {wanted}")
        return np.memmap(path, dtype=dtype, mode="c", offset=offset, shape=shape)
    except NOT_A_HEADER as error:
        what = " ".join(str(error).split())
        raise DataError(f"{path} is no matrix of vectors ({what}): {AGAIN}") from error
