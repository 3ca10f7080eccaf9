"""Odd recordings through the reading path of `dada detect`: each line of docs/odd_inputs.md is a test."""

import pytest
from faults.odd_sounds import SOUNDS, OddSound

from dada.data.sound import read_sound
from dada.errors import DataError

CASES = [case for cases in SOUNDS.values() for case in cases]


def test_there_are_many():
    assert len(CASES) >= 100
    assert len({case.what for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_odd_sound(case: OddSound, tmp_path, capfd):
    location = case.put(tmp_path)
    if case.refused:
        with pytest.raises(DataError) as error:
            read_sound(location)
        assert case.refused in str(error.value) and location in str(error.value)
    else:
        sound = read_sound(location)
        assert {check.name: check.level for check in sound.checks} == case.checks, sound.checks
        assert case.says in " ".join(check.message for check in sound.checks)
        assert sound.rate == 16_000 and sound.samples.ndim == 1
    said = [
        line for line in capfd.readouterr().err.splitlines() if "mpg123" not in line and "Xing" not in line
    ]
    assert not said  # of FFmpeg
