"""Every reader of files gets files of any content. Only errors that tell the user what to mend may come out.

`DADA_FUZZ=20000 python -m pytest tests/fuzz` tries so many files on each reader; the suite tries few.
"""

import io
import json
import pickle
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from encoded import container
from hypothesis import given
from hypothesis import strategies as st

from dada.data import ArkReader, DataDir, read_audio, read_table
from dada.data.audio import read_header
from dada.data.audio_arks import _entry
from dada.data.sound import read_sound
from dada.data.subset import read_list
from dada.data.validate import validate
from dada.data.vectors import INDEX, Vectors, read_utts
from dada.errors import UserError
from dada.evaluate.results import read_results
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import read_config
from dada.formats import add2023, asvspoof
from dada.formats.asv_scores import read_asv
from dada.formats.c012 import read_c012
from dada.formats.csv_list import read_rows
from dada.formats.hf_dataset import read_rows_of
from dada.formats.key import read_key
from dada.formats.score_file import read_score_file
from dada.report.summary import read_summary
from dada.settings import build
from dada.storage.json_file import read_json
from dada.storage.tensors import load_tensors
from dada.storage.yaml_file import read_yaml
from dada.text.collection import read_collection
from dada.text.corpus import read_aliases
from dada.text.wikidump import Reading, read_dump

LABELS = b"BOB-1 bonafide\nBOB-2 spoof\nJOE-1 bonafide\n"
SCORES_2019 = b"LA_E_1 A11 spoof -8.75\nLA_E_2 - bonafide 6.5\nLA_E_3 A14 spoof -6.5\n"
PROTOCOL_2019 = b"LA_0039 LA_E_1 - A11 spoof\nLA_0014 LA_E_2 - - bonafide\n"
PROTOCOL_5 = b"D_4461 D_01 F - - - AC1 A14 spoof -\nD_4462 D_02 M - - - - bonafide bonafide -\n"
KEY_2021 = b"LA_0009 LA_E_1 alaw ita_tx A07 spoof notrim eval\nLA_0010 LA_E_2 - - - bonafide trim eval\n"
ASV = b"LA_0015-LA_0015 target 4.5\nLA_0015-LA_0016 nontarget -4.5\nLA_0015-A07 spoof 1.5\n"
CSV = b'file,label,speaker\n"a b.wav",real,JOE\nb.wav,fake,"J, D"\n'
COLLECTION = b'{"author": "Ann", "text": "The cat.", "id": "1"}\n{"author": "Bob", "text": "A dog."}\n'
YAML = b"name: x\ntrain:\n  epochs: 3\n  optim: {lr: 1e-4}\ninput: {kind: waveform}\nlabels: [a, b]\n"
JSON = b'{"slope": 1.5, "offset": -2, "fitted_on": ["dev", null, true], "model": {"name": "x"}}'
RESULTS = b'{"version": 1, "kind": "system", "metrics": {"eer": {"mean": 0.5}}, "conditions": {}}'
SUMMARY = b'{"version": 1, "results": [{"system": "x", "split": "dev", "eer": [0.1, 0.2]}]}'
DUMP = b"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"><siteinfo><dbname>enwikiquote</dbname></siteinfo>
<page><title>Ann</title><ns>0</ns><id>1</id><revision><id>2</id><timestamp>2020-01-01T00:00:00Z</timestamp>
<text>== Quotes ==
* I never think of the '''future'''. It [[comes|comes]] soon {{small|enough}}.
** ''A Book'' (1931)
[[Category:1879 births]]</text></revision></page></mediawiki>"""
CONSTANTS = {"Pooled": {"Pooled": {"C0": 0.1, "C1": np.float64(0.9), "C2": 0.4}}}


def written(write, *arguments, **options):
    file = io.BytesIO()
    write(file, *arguments, **options)
    return file.getvalue()


def audio(form, **options):
    return written(soundfile.write, 0.1 * np.sin(np.arange(2000)), 16_000, format=form, **options)


def matrix(kind, code, *shape):
    values = np.arange(np.prod(shape), dtype=code).tobytes()
    return b"u \0B" + kind + b" " + b"".join(b"\4" + struct.pack("<i", size) for size in shape) + values


def read_whole(rows):
    return list(rows)


def read_ark(path):
    (path.parent / "a.scp").write_text(f"u {path}:2\n")
    return ArkReader(path.parent / "a.scp")["u"]


def read_packed(path):
    read_header(f"{path}:0")
    return read_audio(f"{path}:0")


def npy(*shape, code="f4"):
    return written(np.save, np.ones(shape, code))


def in_folder(name, read, **others):
    """A reader of a folder in which the file has this name."""

    def read_folder(path):
        folder = path.parent / "folder"
        folder.mkdir(exist_ok=True)
        for other, content in others.items():
            (folder / other).write_bytes(content)
        (folder / name).write_bytes(path.read_bytes())
        return read(folder)

    return read_folder


def shard() -> bytes:
    """A Parquet file."""
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(
        pyarrow.table({"audio": [b"RIFF", b"fLaC"], "notes": ['{"id": 1}', '{"id": 2}']}), file
    )
    return file.getvalue()


class Reader(NamedTuple):
    """A function that reads a file whose name has a certain ending, and files that it takes."""

    read: object
    ending: str
    valid: tuple[bytes, ...]


AUDIO = (
    audio("FLAC"),
    audio("WAV"),
    audio("WAV", subtype="FLOAT"),
    audio("OGG"),
    audio("AIFF"),
    audio("MP3"),
)
DATA_SET = b'{"audio": "a.wav", "notes": "{\\"id\\": 1}"}\n{"audio": "b.wav", "notes": {"id": 2}}\n'
SYSTEM = json.dumps({"name": "x", "model": {"name": "lcnn"}, "train": {"epochs": 3}}).encode()
READERS = {
    "table": Reader(read_table, "", (LABELS,)),
    "data directory": Reader(
        in_folder("utt2label", DataDir.read, text=b"BOB-1 a\nBOB-2 b\nJOE-1 c\n"), "", (LABELS,)
    ),
    "list of utterances": Reader(read_list, ".txt", (LABELS,)),
    "validation": Reader(
        in_folder("wav.scp", validate, utt2label=LABELS), "", (b"BOB-1 a.flac\nBOB-2 b.ark:5\n",)
    ),
    "score file": Reader(read_score_file, ".txt", (SCORES_2019, b"trial,score\na,1\nb,nan\n", LABELS)),
    "key": Reader(read_key, ".txt", (LABELS, KEY_2021, PROTOCOL_5, PROTOCOL_2019)),
    "table of a data set": Reader(
        lambda path: [row.value("notes.id") for row in read_rows_of(path, ["audio", "notes"])],
        ".jsonl",
        (DATA_SET,),
    ),
    "Parquet": Reader(
        lambda path: [row.value("notes.id") for row in read_rows_of(path, ["audio", "notes"])],
        ".parquet",
        (shard(),),
    ),
    "layout of a protocol": Reader(asvspoof.guess_layout, ".txt", (PROTOCOL_2019,)),
    "protocol of 2019": Reader(
        lambda path: asvspoof.read_protocol(path, asvspoof.ASVSPOOF2019, "LA_E_"), ".txt", (PROTOCOL_2019,)
    ),
    "protocol of 5": Reader(
        lambda path: asvspoof.read_protocol(path, asvspoof.ASVSPOOF5), ".txt", (PROTOCOL_5,)
    ),
    "scores of speaker verification": Reader(lambda path: read_asv(str(path)), ".txt", (ASV,)),
    "t-DCF constants": Reader(
        read_c012,
        ".npy",
        (
            np.array(CONSTANTS, dtype=object).dumps(),
            written(np.save, np.array(CONSTANTS, dtype=object)),
            pickle.dumps(CONSTANTS, protocol=2),
        ),
    ),
    "t-DCF constants in JSON": Reader(read_c012, ".json", (json.dumps(CONSTANTS).encode(),)),
    "classes of ADD 2023": Reader(
        lambda path: add2023.read_labels(path, {"genuine": "bonafide", "fake": "spoof"}),
        ".txt",
        (b"a.wav genuine\nb.wav fake\n",),
    ),
    "CSV": Reader(lambda path: read_rows(path, {"file": "file", "label": "label"}), ".csv", (CSV,)),
    "quotes in CSV": Reader(
        lambda path: read_whole(read_collection(path)), ".csv", (b"author,text\nAnn,x\n",)
    ),
    "quotes in JSONL": Reader(lambda path: read_whole(read_collection(path)), ".jsonl", (COLLECTION,)),
    "quotes in JSON": Reader(
        lambda path: read_whole(read_collection(path)), ".json", (b'[{"author": "Ann", "quote": "x"}]',)
    ),
    "quotes in a dump": Reader(lambda path: read_whole(read_dump(path, Reading())), ".xml", (DUMP,)),
    "aliases": Reader(read_aliases, ".csv", (b"author,speaker\nAnn_B,ANN\n", b"name,title\nANN,Ann B\n")),
    "JSON": Reader(lambda path: read_json(path, needs={"slope": float, "fitted_on": list}), ".json", (JSON,)),
    "results": Reader(read_results, ".json", (RESULTS,)),
    "summary of results": Reader(read_summary, ".json", (SUMMARY,)),
    "calibration": Reader(
        in_folder("calibration.json", lambda folder: ExperimentFolder(folder).read_calibration()), "", (JSON,)
    ),
    "labels": Reader(
        in_folder("labels.txt", lambda folder: ExperimentFolder(folder).read_labels()), "", (b"a\nb\n",)
    ),
    "configuration": Reader(in_folder("config.json", read_config), "", (SYSTEM,)),
    "settings": Reader(lambda path: build(SystemConfig, read_yaml(path), str(path)), ".yaml", (YAML,)),
    "ark": Reader(
        read_ark,
        ".ark",
        (
            matrix(b"FM", "f4", 3, 2),
            matrix(b"DV", "f8", 5),
            b"u  [\n  1.0 2.0\n  3.0 4.0 ]\n",
            b"u AUDIO\2\1\0x",
        ),
    ),
    "matrix of vectors": Reader(
        in_folder("embed.npy", lambda folder: Vectors(folder / "embed.npy").rows, **{INDEX: b"a\nb\n"}),
        "",
        (npy(2, 3), npy(2, 40), npy(2, 3, code="f8")),
    ),
    "index of vectors": Reader(read_utts, ".txt", (b"a\nb\n",)),
    "audio": Reader(lambda path: read_audio(str(path)), ".flac", AUDIO),
    "sound in a container": Reader(
        lambda path: read_sound(str(path)), ".m4a", tuple(map(container, ("m4a", "webm", "wv", "aac", "avi")))
    ),
    "audio in an ark": Reader(read_packed, ".ark", (*AUDIO, *map(_entry, AUDIO))),
    "tensors": Reader(
        lambda path: load_tensors(path, "get it again"),
        ".pt",
        (written(lambda file: torch.save({"a": torch.ones(3)}, file)), pickle.dumps({"a": [1]}, protocol=2)),
    ),
}
TOKENS = [
    token.encode()
    for token in '\0 [ ] { } - , " null true nan 1e999 é\u2028 ${x} *a <a> &x; {{ }}'.split(" ")
]
TOKENS += [b"", b" ", b"\n", b"\r", b"\t", b"!!int ", b"&a ", b"\xff", b"\xff" * 4, b"\x7f\xff\xff\xff"]
TOKENS += [b"9" * 20, b"a" * 300, b"[" * 2000]


@st.composite
def files(draw, valid):
    """A valid file with a few bytes replaced, cut or not, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=64))
    content = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.integers(0, 8))
        content[start:end] = draw(st.one_of(st.binary(max_size=8), st.sampled_from(TOKENS)))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_only_errors_of_the_user_come_out(name, data, tmp_path):
    reader = READERS[name]
    path = tmp_path / f"file{reader.ending}"
    path.write_bytes(data.draw(files(reader.valid)))
    try:
        reader.read(path)
    except UserError as error:
        assert str(error)


@pytest.mark.parametrize("name", sorted(set(READERS) - {"results", "summary of results"}))
def test_readers_take_what_is_valid(name, tmp_path):
    """What is damaged above is a file that the reader takes, so that damage reaches beyond its first
    check.
    """
    reader = READERS[name]
    path = tmp_path / f"file{reader.ending}"
    num_read, errors = 0, []
    for content in reader.valid:
        path.write_bytes(content)
        try:
            num_read += reader.read(path) is not None
        except UserError as error:
            errors.append(str(error))
    assert num_read > 0, errors


def test_every_reader_of_a_format_is_tried():
    folder = Path(asvspoof.__file__).parent
    source = Path(__file__).read_text(encoding="utf-8")
    without = {
        "__init__",
        "align",
        "arena",
        "columns",
        "folders",
        "submission",
        "words",
    }  # they read no file of their own
    modules = {path.stem for path in folder.glob("*.py")} - without
    assert len(modules) > 5 and all(name in source for name in modules)
