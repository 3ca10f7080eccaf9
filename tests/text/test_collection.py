"""Collections of quotes in four kinds of file, and bad ones."""

import gzip
import json

import pytest

from dada.errors import DataError
from dada.text.collection import read_collection
from dada.text.quotes import Quote

ROWS = [
    {"author": "Ann", "text": "First, and “best”.", "source": "A"},
    {"author": "Bob", "text": "Second\nline.", "source": ""},
]
EXPECTED = [Quote("Ann", "First, and “best”.", "A"), Quote("Bob", "Second\nline.", "")]
CSV = 'author,text,source\nAnn,"First, and “best”.",A\nBob,"Second\nline.",\n,nobody said it,\nCid,,x\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", CSV.encode("utf-8-sig")),
        ("q.tsv", 'Author\tQuote\tid\nAnn\tFirst, and “best”.\tA\nBob\t"Second\nline."\t\n'.encode()),
        ("q.json", json.dumps(ROWS).encode()),
        ("q.jsonl", "\n".join(map(json.dumps, ROWS)).encode()),
        ("q.jsonl.gz", gzip.compress("\n".join(map(json.dumps, ROWS)).encode())),
    ],
)
def test_kinds(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert list(read_collection(tmp_path / name)) == EXPECTED


def test_columns_by_name(tmp_path):
    (tmp_path / "q.csv").write_text("who,what,text\nAnn,Said it.,not this\n")
    assert list(read_collection(tmp_path / "q.csv", {"author": "who", "text": "what"})) == [
        Quote("Ann", "Said it.")
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.csv", b"who,text\nAnn,x\n", r"no column for the author \(author or speaker"),
        ("q.csv", "author,text\nAnn,caf\xe9\n".encode("latin-1"), "not UTF-8"),
        ("q.csv", b'author,text\nAnn,"open', "not a row"),
        ("q.jsonl", b'{"author": "A", "text": "x"}\n{"auth', "not JSON"),
        ("q.json", b"3", "holds no list"),
        ("q.json", b"[" * 100_000, "not JSON"),
        ("q.jsonl", b'{"author": "A", "text": "x"}\n[' + b"9" * 5000 + b"]", r"q.jsonl:2 is not JSON"),
        ("q.json", b'{"author": "A"}', "holds no list"),
        ("q.jsonl", b"[1, 2]\n", "entry 1"),
        ("q.jsonl.gz", gzip.compress(b"x" * 9999)[:-9], "damaged gzip"),
        ("q.csv.gz", b"\x1f\x8bplain", "damaged gzip"),
        ("q.txt", b"x", "ends in .csv"),
    ],
)
def test_bad_collections_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        list(read_collection(tmp_path / name))
    assert name in str(error.value)


def test_a_missing_collection_and_a_wrong_column(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        list(read_collection(tmp_path / "q.csv"))
    (tmp_path / "q.csv").write_text("author,text\nA,b\n")
    with pytest.raises(DataError, match="names 'autor'; known: author, text, source"):
        list(read_collection(tmp_path / "q.csv", {"autor": "author"}))
