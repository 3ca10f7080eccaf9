import numpy as np
import pytest

from dada.data.vectors import INDEX, Vectors, read_utts, write_vectors
from dada.errors import DataError


def written(folder, num_rows=5, num_columns=3):
    rows = np.arange(num_rows * num_columns, dtype=np.float32).reshape(num_rows, num_columns)
    utts = [f"u{i}" for i in range(num_rows)]
    write_vectors(folder, utts[::-1], {"logits": rows[::-1, :1], "embed": rows[::-1]})
    return utts, rows


def test_rows_come_back_by_utterance(tmp_path):
    utts, rows = written(tmp_path)
    vectors = Vectors(tmp_path / "embed.npy")
    assert vectors.utts == utts and np.array_equal(vectors.rows, rows)
    assert np.array_equal(vectors.of(["u3", "u0"]), rows[[3, 0]]) and vectors.of(utts) is vectors.rows
    assert Vectors(tmp_path / "logits.npy").rows.shape == (5, 1)
    assert np.array_equal(np.load(tmp_path / "embed.npy"), rows)  # as another program reads it
    with pytest.raises(DataError, match=r"embed.npy has no entry for utterance u9"):
        vectors.of(["u9"])


def test_rows_are_mapped_and_private(tmp_path):
    written(tmp_path)
    rows = Vectors(tmp_path / "embed.npy").rows
    assert isinstance(rows, np.memmap)
    rows[0] = 7
    assert Vectors(tmp_path / "embed.npy").rows[0, 0] == 0


def test_large_matrices_are_written_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("dada.data.vectors.ROWS", 2)
    _, rows = written(tmp_path)
    assert np.array_equal(Vectors(tmp_path / "embed.npy").rows, rows)


def test_what_cannot_be_a_vector_is_refused(tmp_path):
    for value in (np.nan, np.inf):
        with pytest.raises(DataError, match=r"embed.npy: the vector of b holds NaN or infinite"):
            write_vectors(tmp_path, ["b", "a"], {"embed": np.array([[value], [1]])})
    assert not (tmp_path / "embed.npy").exists()
    with pytest.raises(DataError, match="a has two vectors"):
        write_vectors(tmp_path, ["a", "b", "a"], {"embed": np.ones((3, 1))})
    with pytest.raises(ValueError, match="embed has shape"):
        write_vectors(tmp_path, ["a", "b"], {"embed": np.ones((3, 1))})


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda content: content[:-1], "bytes, and its head states"),
        (lambda content: content + b"x", "bytes, and its head states"),
        (lambda content: b"", "no matrix of vectors"),
        (lambda content: b"garbage" * 30, "no matrix of vectors"),
        (lambda content: content.replace(b"<f4", b"<f8"), "float64 of shape"),
        (lambda content: content.replace(b"(5, 3)", b"(5,30)"), "bytes, and its head states"),
        (lambda content: content.replace(b"(5, 3)", b"(3, 5)"), "3 rows, and utts.txt beside it names 5"),
        (lambda content: content.replace(b"False", b"True "), "float32 of shape"),
    ],
)
def test_damaged_matrices_are_named(tmp_path, damage, message):
    written(tmp_path)
    path = tmp_path / "embed.npy"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=rf"embed.npy .*{message}.*: remove it, and run the stage"):
        Vectors(path)


@pytest.mark.parametrize("content", ["", "\n", "a\nb", "b\na\n", "a\na\n", "a b\n", "a\n\nb\n"])
def test_damaged_indices_are_named(tmp_path, content):
    (tmp_path / INDEX).write_text(content)
    with pytest.raises(DataError, match=rf"{INDEX} .*: remove it, and run the stage"):
        read_utts(tmp_path / INDEX)
