"""Bad inputs of every command, through the program: one message, exit code 2, and nothing left behind."""

import pytest
from faults.bad_inputs import INPUTS, BadInput

CASES = [case for cases in INPUTS.values() for case in cases]


def test_there_are_many():
    assert len(CASES) >= 120
    assert len({(case.what, case.command) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.what[:50]} - {case.command.split()[:1]}")
def test_bad_input_is_a_message(case: BadInput, tiny_unchanged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in case.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content())
    before = sorted(tmp_path.rglob("*"))
    done = tiny_unchanged.dada(case.command, here=tmp_path)
    assert (done.returncode, case.message in done.stdout + done.stderr) == (2, True), (
        done.stdout + done.stderr
    )
    assert done.stderr.count("error:") <= 1
    assert sorted(tmp_path.rglob("*")) == before
