"""Odd folders and lists: each line of docs/odd_inputs.md is a test."""

import logging

import pytest
from faults.odd_lists import ODD_LISTS, OddList

from dada.errors import DataError

CASES = [case for cases in ODD_LISTS.values() for case in cases]


def test_there_are_many():
    assert len(CASES) >= 30 and len({case.what for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_odd_list(case: OddList, tmp_path, caplog):
    case.put(tmp_path)
    with caplog.at_level(logging.INFO):
        if case.gives is None:
            with pytest.raises(DataError) as error:
                case.read(tmp_path)
            assert case.says in str(error.value)
        else:
            assert case.read(tmp_path) == case.gives
            assert case.says in caplog.text
