"""The recipe of formula_scores with the results of stage 9."""

import json

import numpy as np
import pytest
from formula_scores import make_recipe

from dada.stages import s09_evaluate


@pytest.fixture(scope="session")
def measured_recipe(tmp_path_factory):
    """A recipe of which stage 9 measured every system on every split."""
    recipe = make_recipe(tmp_path_factory.mktemp("formula"))
    for job in s09_evaluate.plan(recipe):
        s09_evaluate.run(recipe, job)
    return recipe


@pytest.fixture
def call(call_dada):
    """Run the command; returns its exit code, stdout and stderr."""
    return lambda *arguments: call_dada("evaluate", *arguments)


@pytest.fixture
def measured(call):
    """Run the command with --json, expecting that it works."""

    def run(*arguments):
        code, out, err = call("--json", *arguments)
        assert code == 0, err
        return json.loads(out)

    return run


@pytest.fixture(scope="module")
def trials():
    """(trial, speaker, attack, label, score): 40 bona fide, 80 spoofs of two attacks, four speakers."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(120):
        attack = "-" if i < 40 else ("A01", "A02")[i % 2]
        score = rng.normal() + (2 if i < 40 else -1 if attack == "A01" else 1)
        rows.append((f"T_{i:04d}", f"SPK{i % 4}", attack, "spoof" if i >= 40 else "bonafide", score))
    return rows


@pytest.fixture
def write(tmp_path):
    """Write lines to a file."""

    def lines(name, rows, sep=" "):
        path = tmp_path / name
        path.write_text("".join(sep.join(map(str, row)) + "\n" for row in rows))
        return path

    return lines


@pytest.fixture
def scores(write, trials):
    return write("scores.txt", [(row[0], row[4]) for row in trials])
