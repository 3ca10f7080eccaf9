"""Paired differences of two systems: what stage 9 measures and the report shows."""

import json

import numpy as np
import pytest

from dada.errors import ConfigError
from dada.evaluate.split_results import pair_results
from dada.evaluation_settings import EvaluateConfig
from dada.recipe.recipe import Recipe
from dada.report.load import load
from dada.report.score_tables import difference_table
from dada.stages import s09_evaluate, s11_report


@pytest.fixture(scope="module")
def compared(two_systems):
    recipe = Recipe.load(two_systems.root, ["evaluate.compare=[[lfcc_gmm, trivial]]"])
    for job in s09_evaluate.plan(recipe):
        s09_evaluate.run(recipe, job)
    return recipe


def test_jobs(compared):
    jobs = [job for job in s09_evaluate.plan(compared) if job.kind == "pair"]
    assert [job.name for job in jobs] == ["line/lfcc_gmm-trivial/dev", "line/lfcc_gmm-trivial/test"]
    assert len(jobs[0].inputs) == 2 * 2 + 1 and jobs[0].systems == ("lfcc_gmm", "trivial")
    assert len({stamp for job in jobs for stamp in (job.home, job.name)}) == 3


def test_difference_is_that_of_the_metrics(compared):
    folder = compared.exp_dir("lfcc_gmm") / "results"
    found = json.loads((folder / "minus_trivial" / "test.json").read_text())
    alone = [
        json.loads((compared.exp_dir(name) / "results" / "test.json").read_text())
        for name in ("lfcc_gmm", "trivial")
    ]
    for name in ("eer", "auc", "min_dcf"):
        per_seed = [result["metrics"][name]["per_seed"] for result in alone]
        assert np.allclose(found["metrics"][name]["per_seed"], np.subtract(*per_seed), atol=1e-15)
    values = [result["conditions"]["quote"]["misattributed"]["metrics"]["eer"]["mean"] for result in alone]
    assert found["conditions"]["quote"]["misattributed"]["mean"] == pytest.approx(values[0] - values[1])
    assert found["metrics"]["eer"]["mean"] < 0 and found["metrics"]["eer"]["high"] < 0


def test_interval_is_paired_and_holds_the_seeds(compared):
    """Its p-value belongs to it; with one seed it is another one."""
    folder = compared.exp_dir("lfcc_gmm") / "results"
    both = json.loads((folder / "minus_trivial" / "test.json").read_text())["metrics"]["eer"]
    assert both["low"] < both["mean"] < both["high"] and 0 < both["p_value"] < 1
    assert (both["p_value"] < 0.05) == (both["high"] < 0 or both["low"] > 0)
    one = Recipe.load(compared.root, [*compared.overrides, "seeds=[1]"])
    job = next(job for job in s09_evaluate.plan(one) if job.kind == "pair" and job.split == "test")
    alone = pair_results(one, *job.systems, "test").metrics["eer"]
    assert alone.spread is None and (alone.low, alone.high) != (both["low"], both["high"])


def test_table(compared):
    section = load(compared.views)[0]
    table = difference_table(section)
    assert [cell.text for cell in table.rows[0]][0] == "lfcc_gmm minus trivial" and len(table.rows) == 1
    assert table.headers[:2] == ["first minus second", "EER all"] and len(table.rows[0]) == len(table.headers)
    assert (
        table.rows[0][1].best and table.rows[0][1].text.startswith("-") and "±-" not in table.rows[0][1].text
    )
    job = s11_report.plan(compared)[0]
    assert sum("minus_trivial" in str(path) for path in job.all_inputs) == 2
    s11_report.run(compared, job)
    for path in job.outputs[:2]:
        assert (
            "Paired differences" in path.read_text() and table.rows[0][1].text.split()[0] in path.read_text()
        )


def test_results_of_one_system_do_not_depend_on_pairs(compared):
    of_systems = [job for job in s09_evaluate.plan(compared) if job.kind == "system"]
    assert s09_evaluate.plan(Recipe.load(compared.root)) == of_systems


def test_systems_that_do_not_run_are_not_compared(compared):
    one = Recipe.load(compared.root, compared.overrides, ["trivial"])
    jobs = s09_evaluate.plan(one)
    assert jobs and all(job.kind == "system" for job in jobs)


@pytest.mark.parametrize("pairs", [[["a"]], [["a", "a"]], [["a", "b"], ["a", "b"]], [["a", "b", "c"]]])
def test_what_is_no_pair(pairs):
    with pytest.raises(ConfigError, match="must hold pairs of two systems"):
        EvaluateConfig(compare=pairs)


def test_recipe_says_which_systems(tmp_path):
    from dada.recipe.config import load_recipe_config

    (tmp_path / "recipe.yaml").write_text("corpus: {name: x}\nevaluate: {compare: [[a, b], [a, c]]}\n")
    assert load_recipe_config(tmp_path).evaluate.compare == [["a", "b"], ["a", "c"]]
