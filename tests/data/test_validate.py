import numpy as np
import pytest

from dada.data import DataDir, read_table, write_ark, write_table
from dada.data.validate import sort_tables, validate, validate_splits
from dada.errors import DataError


@pytest.fixture
def data(tmp_path, make_data_dir):
    return make_data_dir(tmp_path / "train")


def edit(data, name, change):
    lines = (data / name).read_text().splitlines()
    (data / name).write_text("".join(f"{line}\n" for line in change(lines)))


def test_good_directory_has_no_findings(data):
    report = validate(data)
    assert report.findings == [] and report.notes == []


# Each: how the directory is spoilt, where the finding is, what it says. DataDir.read refuses the ones marked
# True.
BAD = {
    "empty table": (lambda d: (d / "utt2attack").write_text(""), "utt2attack", "is empty", True),
    "no main table": (
        lambda d: [(d / n).unlink() for n in ("wav.scp", "text")],
        "train",
        "neither wav.scp nor text",
        True,
    ),
    "unsorted": (lambda d: edit(d, "utt2label", lambda s: s[::-1]), "utt2label:2", "comes after", True),
    "duplicated": (
        lambda d: edit(d, "utt2label", lambda s: [s[0], *s]),
        "utt2label:2",
        "is there twice",
        True,
    ),
    "no value": (
        lambda d: edit(d, "utt2spk", lambda s: [*s[:-1], s[-1].split()[0]]),
        "utt2spk:8",
        "got 'S2-s1'",
        True,
    ),
    "key too few": (
        lambda d: edit(d, "utt2label", lambda s: s[1:]),
        "utt2label",
        "has no line for S1-b0",
        True,
    ),
    "key too many": (lambda d: edit(d, "text", lambda s: [*s, "T9 x"]), "text", "has a line for T9", True),
    "bad label": (
        lambda d: edit(d, "utt2label", lambda s: ["S1-b0 real", *s[1:]]),
        "utt2label",
        "the label of S1-b0 is 'real'",
        True,
    ),
    "pipe": (
        lambda d: edit(d, "wav.scp", lambda s: ["S1-b0 sox a.mp3 -t wav - |", *s[1:]]),
        "wav.scp",
        "shell pipe",
        True,
    ),
    "spk2utt": (lambda d: edit(d, "spk2utt", lambda s: [s[0]]), "spk2utt", "the utterances of S2", False),
    "segments": (lambda d: (d / "segments").write_text("a b 0 1\n"), "segments", "not read here", False),
    "absent audio": (lambda d: audio(d, "S1-b0").unlink(), "wav.scp", "S1-b0.flac does not exist", False),
    "empty audio": (lambda d: audio(d, "S1-b0").write_bytes(b""), "wav.scp", "S1-b0.flac is empty", False),
}


def audio(data, utt):
    return data.parent / "audio_train" / f"{utt}.flac"


@pytest.mark.parametrize("case", BAD)
def test_bad_directory(data, case):
    spoil, where, what, refused = BAD[case]
    spoil(data)
    errors = validate(data).errors
    assert any(
        finding.where.endswith(where) and what in finding.what and finding.advice for finding in errors
    ), errors
    if refused:
        with pytest.raises(DataError):
            DataDir.read(data)


def test_all_problems_at_once(data):
    for case in ("unsorted", "pipe", "spk2utt", "empty table"):
        BAD[case][0](data)
    whats = " ".join(finding.what for finding in validate(data).errors)
    assert all(BAD[case][2] in whats for case in ("unsorted", "pipe", "spk2utt", "empty table"))


def test_missing_directory(tmp_path):
    assert [finding.what for finding in validate(tmp_path / "absent").errors] == ["is not there"]


def test_warnings(data):
    edit(data, "utt2attack", lambda s: [f"{line.split()[0]} A01" for line in s])
    edit(data, "utt2label", lambda s: [f"{line.split()[0]} bonafide" for line in s])
    report = validate(data)
    assert report.errors == []
    assert {"all utterances are bonafide", "S1-b0 is bona fide and has attack 'A01'"} <= {
        finding.what for finding in report.warnings
    }


def test_audio_files_are_looked_for_and_not_read(data):
    audio(data, "S1-b0").unlink()
    audio(data, "S1-b1").write_bytes(b"not audio")
    assert ["S1-b0.flac does not exist" in finding.what for finding in validate(data).errors] == [True]


def test_long_reports_are_shortened(data):
    for utt in DataDir.read(data).utts:
        audio(data, utt).unlink()
    lines = validate(data).lines(limit=3)
    assert len(lines) == 5 and "5 more like these" in lines[3] and "correct the path" in lines[4]


def test_features(data, tmp_path):
    scp = tmp_path / "dump" / "feats.scp"
    utts = DataDir.read(data).utts
    frames = write_ark(scp, ((utt, np.ones((4, 3), np.float32)) for utt in utts))
    write_table(scp.parent / "utt2num_frames", frames)
    assert validate(data, scp).findings == []
    write_table(scp.parent / "utt2num_frames", {**frames, "S1-b0": 5})
    assert [finding.what for finding in validate(data, scp).errors] == [
        "S1-b0 has 5 frames, but its matrix 4"
    ]
    write_table(scp.parent / "utt2num_frames", dict.fromkeys(utts[1:], 4))
    assert [finding.what for finding in validate(data, scp).errors] == [
        "has no line for S1-b0, unlike the data directory"
    ]
    (scp.parent / "feats.ark").unlink()
    assert "does not exist" in validate(data, scp).errors[-1].what


def test_splits(tmp_path, make_data_dir):
    splits = [make_data_dir(tmp_path / name, prefix=name) for name in ("a", "b")]
    assert validate_splits(splits, disjoint=["source"]).findings == []
    whats = [finding.what for finding in validate_splits(splits, disjoint=["speaker"]).errors]
    assert whats == [f"share the speaker {name}, and disjoint speakers are promised" for name in ("S1", "S2")]
    edit(splits[1], "utt2source", lambda s: [*s[:-1], "bS2-s1 aline0"])
    assert [
        "share the source aline0" in finding.what
        for finding in validate_splits(splits, disjoint=["source"]).errors
    ] == [True]
    assert validate_splits(splits).findings == []
    assert "does not exist" in validate_splits(splits, disjoint=["room"]).errors[0].what


def test_splits_share_audio_or_utterances(tmp_path, make_data_dir):
    splits = [make_data_dir(tmp_path / name, prefix=name) for name in ("a", "b")]
    wanted = read_table(splits[0] / "wav.scp")["aS1-b0"]
    edit(splits[1], "wav.scp", lambda s: [f"bS1-b0 {wanted}", *s[1:]])
    assert ["share the audio" in finding.what for finding in validate_splits(splits).errors] == [True]
    same = [splits[0], make_data_dir(tmp_path / "c", prefix="a")]
    assert len(validate_splits(same).errors) == 8


def test_sorting_is_all_that_is_fixed(data):
    sorted_labels = (data / "utt2label").read_bytes()
    edit(data, "utt2label", lambda s: s[::-1])
    edit(data, "utt2attack", lambda s: ["T9 -", *s])
    assert sort_tables(data) == [data / "utt2attack", data / "utt2label"]
    assert (data / "utt2label").read_bytes() == sorted_labels
    assert [finding.what for finding in validate(data).errors] == ["has a line for T9, which wav.scp has not"]
