"""Many files and several systems: what is collected, in which order, and what a bad file changes."""

import csv
import io
import json
import shutil

import pytest

from dada.detect.files import Request, collect
from dada.detect.output import Progress
from dada.errors import DataError


@pytest.fixture
def folder(tmp_path, clip):
    """Clips in two folders, with litter and other files beside them."""
    for name in ("b.wav", "a.WAV", "deep/c.wav", "._b.wav", "__MACOSX/d.wav", "notes.txt"):
        (tmp_path / "audio" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, tmp_path / "audio" / name)
    (tmp_path / "audio" / "deep" / "up").symlink_to(tmp_path / "audio", target_is_directory=True)
    return tmp_path / "audio"


def names(found) -> list[str]:
    return [request.path.rpartition("audio/")[2] for request in found.requests]


def test_folders_and_patterns(folder):
    found = collect([str(folder)], [], None)
    assert names(found) == ["a.WAV", "b.wav", "deep/c.wav"] and found.left_out == 2
    assert names(collect([str(folder / "*.wav")], [], None)) == ["b.wav"]
    assert names(collect([str(folder / "**" / "c.wav")], [], None))[0] == "deep/c.wav"
    with pytest.raises(DataError, match="no file has such a name"):
        collect([str(folder / "*.flac")], [], None)
    (folder.parent / "empty").mkdir()
    with pytest.raises(DataError, match="is a folder without audio files"):
        collect([str(folder.parent / "empty")], [], None)
    with pytest.raises(DataError, match="no audio file is named"):
        collect([], [], None)


def test_lists_are_relative_to_their_folder(folder, monkeypatch):
    (folder / "list.txt").write_text("b.wav\n\ndeep/c.wav\n")
    (folder / "list.csv").write_text("path,speaker\nb.wav,BOB\ndeep/c.wav,\n")
    assert names(collect([], [str(folder / "list.txt")], None)) == ["b.wav", "deep/c.wav"]
    found = collect([], [str(folder / "list.csv")], "ANN")
    assert [request.speaker for request in found.requests] == ["BOB", "ANN"]
    monkeypatch.setattr("sys.stdin", io.StringIO("one.wav\ntwo.wav\n"))
    assert collect([], ["-"], None).requests == [Request("one.wav"), Request("two.wav")]
    (folder / "bad.csv").write_text("name,speaker\nb.wav,BOB\n")
    with pytest.raises(DataError, match="path"):
        collect([], [str(folder / "bad.csv")], None)


def test_a_bad_file_is_named_and_the_good_ones_are_scored(model, clip, tmp_path, call_dada):
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    code, printed, errors = call_dada(
        "detect", "--model", model, clip, bad, clip, "--json", "--csv", tmp_path / "rows.csv"
    )
    assert code == 3 and errors.count("error:") == 1 and "bad.wav" in errors
    lines = [json.loads(line) for line in printed.splitlines()]
    assert ["error" in line for line in lines] == [False, True, False]
    assert lines[0]["score"] == lines[2]["score"] and lines[0]["version"] == 1
    rows = list(csv.DictReader((tmp_path / "rows.csv").open()))
    assert [row["file"] for row in rows] == [str(clip), str(bad), str(clip)]
    assert float(rows[0]["score"]) == lines[0]["score"] and rows[1]["error"] and not rows[1]["score"]
    code, printed, errors = call_dada("detect", "--model", model, bad, bad)
    assert code == 2 and "none of 2 files could be read" in errors
    code, printed, errors = call_dada("detect", "--model", model, bad)
    assert code == 2 and errors.count("error:") == 1


def test_several_systems_answer_on_one_decoding(model, clip, reference, call_dada, monkeypatch):
    reads = []
    from dada.detect import recording

    read = recording.read_sound
    monkeypatch.setattr(recording, "read_sound", lambda path: reads.append(path) or read(path))
    weights = reference / "weights" / "AASIST.pth"
    flags = ("--model", model, "--system", "aasist", "--init", weights)
    code, printed, errors = call_dada("detect", *flags, clip, "--json")
    assert code == 0 and len(reads) == 1, errors
    first, second = (json.loads(line) for line in printed.splitlines())
    assert (first["system"], second["system"]) == ("lfcc_lcnn", "aasist")
    assert first["agreement"] == second["agreement"] and first["agreement"]["systems"] == 2
    code, printed, _ = call_dada("detect", *flags, clip, "--table")
    assert code == 0 and len(printed.splitlines()) == 3 and printed.startswith("answer")
    code, printed, _ = call_dada("detect", *flags, clip, clip)
    assert "systems" in printed and printed.count(": 2 files: ") == 2
    assert printed.count("A toy for tests.") == 2


def test_processes_give_the_same_answers_in_the_same_order(model, clip, folder, call_dada):
    arguments = ("detect", "--model", model, clip, folder, folder / "none.wav", "--json")
    one, two = (call_dada(*arguments, "--nj", nj) for nj in (1, 2))
    assert one[0] == two[0] == 3 and one[1] == two[1] and len(one[1].splitlines()) == 5


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--json", "--table"], "choose one"),
        (["--hop", "0"], "is not a number of seconds"),
        (["--speakers"], "none of these systems uses words"),
        (["--init", "a", "--init", "b", "--system", "aasist"], "give each system its file"),
    ],
)
def test_flags_that_do_not_go_together(model, clip, call_dada, flags, message):
    code, _, errors = call_dada("detect", "--model", model, clip, *flags)
    assert code == 2 and message in errors


def test_progress_is_for_terminals(capsys, monkeypatch):
    quiet = Progress(3)
    quiet.step()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shown = Progress(3)
    shown.step()
    shown.clear()
    assert "1 of 3 files, " in capsys.readouterr().err
