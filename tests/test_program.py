import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dada import program
from dada.errors import DadaError, DataError

ROOT = Path(__file__).parents[1]


def call(name, *arguments, **kwargs):
    command = [sys.executable, str(ROOT / "utils" / name), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": ""}, **kwargs
    )


@pytest.mark.parametrize(
    ("error", "code"), [(DadaError("x"), 1), (DataError("x"), 2), (KeyboardInterrupt(), 130)]
)
def test_exit_codes_and_messages(error, code, capsys):
    def main():
        raise error

    assert program.run(main) == code
    told = capsys.readouterr().err
    assert "Traceback" not in told and (code == 130 or "error: x" in told)


def test_faults_of_ours_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        program.run(lambda: 1 // 0)
    assert program.run(lambda: None) == 0
    assert program.run(lambda: 2) == 2


def test_reader_that_goes_away():
    script = "import sys; from dada import program; sys.exit(program.run(lambda: print('x' * 1000000)))"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == program.BROKEN_PIPE


def test_validate_program(tmp_path, make_data_dir, call_dada):
    data = make_data_dir(tmp_path / "d")
    code, text, _ = call_dada("validate", data)
    assert code == 0 and "0 errors, 0 warnings" in text
    lines = (data / "utt2label").read_text().splitlines(keepends=True)
    (data / "utt2label").write_text("".join(reversed(lines)))
    (data / "utt2spk").write_text("x y\n")
    code, text, _ = call_dada("validate", "--no-audio", data)
    assert code == 2 and "utt2label:2" in text and "utt2spk" in text
    code, text, _ = call_dada("validate", "--no_audio", "--fix", data)
    assert code == 2 and f"sorted {data / 'utt2label'}" in text
    assert f"error: {data / 'utt2label'}" not in text


def test_subset_and_combine_programs(tmp_path, make_data_dir):
    data = make_data_dir(tmp_path / "d")
    assert call("subset_data_dir.py", data, tmp_path / "one", "--speakers", "S1").returncode == 0
    assert call("subset_data_dir.py", data, tmp_path / "two", "--speakers", "S2").returncode == 0
    assert call("combine_data.py", tmp_path / "all", tmp_path / "one", tmp_path / "two").returncode == 0
    for path in data.iterdir():
        assert path.read_bytes() == (tmp_path / "all" / path.name).read_bytes()
    (tmp_path / "list").write_text("S1-b0\nS9\n")
    for arguments, message in (
        ([data, tmp_path / "one", "--num", "1"], "is there already"),
        ([data, tmp_path / "new", "--utts", tmp_path / "list"], "has no utterance S9"),
        ([data, tmp_path / "new"], "give either --utts"),
        ([data, tmp_path / "new", "--num", "0"], "'0' is not a number from 1"),
    ):
        done = call("subset_data_dir.py", *arguments)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_packing_program(tmp_path, make_data_dir):
    data = make_data_dir(tmp_path / "d")
    done = call("pack_audio.py", data, tmp_path / "packed")
    assert done.returncode == 0 and "8 utterances in 1 arks" in done.stdout
    assert (tmp_path / "packed" / "utt2label").read_bytes() == (data / "utt2label").read_bytes()
    again = call("pack_audio.py", data, tmp_path / "packed")
    assert again.returncode == 2 and "is there already" in again.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_the_terminal_lacks_are_replaced(monkeypatch, encoding):
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding=encoding))
    program.print_any_text()
    print("│ … " + os.fsdecode(b"\xff"))
    sys.stdout.flush()
    assert printed.getvalue() == b"? ? ?\n"


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_faults_of_a_path_are_messages(capsys, number):
    def main():
        raise OSError(number, os.strerror(number), "data/x")

    assert program.run(main, "dada x") == 2
    assert f"dada x: error: data/x: {os.strerror(number)}: choose another path" in capsys.readouterr().err


def test_other_faults_of_the_system_keep_their_traceback():
    def main():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "data/x")

    with pytest.raises(FileNotFoundError):
        program.run(main)
