"""Names of trials that are stored once."""

import numpy as np

from dada.metrics.named import Named


def test_names_are_those_of_a_list():
    values = ["BOB", "JOE", "BOB", "-", "ANN", "JOE"]
    named, mask = Named.of(values), np.array([True, False, True, True, False, False])
    assert named.tolist() == values and len(named) == 6 and named.codes.itemsize == 4
    assert named.are("JOE").tolist() == [False, True, False, False, False, True]
    assert not named.are("EVE").any()
    assert named[mask].tolist() == ["BOB", "BOB", "-"] and named[mask].present() == {"BOB", "-"}
    assert named[np.array([4, 1])].tolist() == ["ANN", "JOE"]
    assert named.numbered({"BOB": 7, "ANN": 3}, -1).tolist() == [7, -1, 7, -1, 3, -1]
    assert Named.of([]).tolist() == [] and Named.of([]).present() == set()
