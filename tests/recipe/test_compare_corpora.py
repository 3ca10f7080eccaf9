"""`dada compare-corpora`: one table from the results of several recipes."""

import shutil

import pytest
from formula_scores import make_recipe

from dada.errors import ConfigError, DataError
from dada.evaluate.results import read_results
from dada.recipe.compare_corpora import compare_corpora
from dada.report.tables import percent
from dada.stages import s09_evaluate


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Two recipes with results; the second lacks those of a system."""
    folder = tmp_path_factory.mktemp("corpora")
    recipe = make_recipe(folder / "one", ("evaluate.num_resamples=10", "seeds=[1]"))
    for job in s09_evaluate.plan(recipe):
        s09_evaluate.run(recipe, job)
    shutil.copytree(folder / "one", folder / "two")
    shutil.rmtree(folder / "two" / "exp" / "trivial_cues" / "results")
    return [folder / "one", folder / "two"]


def test_table_of_two_recipes(roots):
    table = compare_corpora(roots)
    assert table.headers == ["trained in: system", "one test", "one test2", "two test", "two test2", "mean"]
    rows = {row[0].text: row[1:] for row in table.rows}
    assert "one:lfcc_gmm" in rows and "two:trivial_cues" not in rows
    results = read_results(roots[0] / "exp" / "lfcc_gmm" / "results" / "test.json")
    assert rows["one:lfcc_gmm"][0].text == percent(results.metrics["eer"])
    assert rows["one:lfcc_gmm"][2].text == "–" and rows["one:lfcc_gmm"][-1].value is None
    best = min(row[0].value for row in rows.values() if row[0].value is not None)
    assert all(row[0].best == (row[0].value == best) for row in rows.values())


def test_one_recipe_has_means_and_other_metrics(roots):
    table = compare_corpora(roots[:1], metric="auc", with_dev=True)
    for row in table.rows:
        values = [cell.value for cell in row[1:-1]]
        assert row[-1].value == pytest.approx(sum(values) / 3)
    assert max(row[1].value for row in table.rows) == next(row[1] for row in table.rows if row[1].best).value


def test_wrong_requests(roots, tmp_path):
    with pytest.raises(ConfigError, match="unknown metric 'err'.*did you mean 'eer'"):
        compare_corpora(roots, metric="err")
    with pytest.raises(DataError, match="no results with metrics"):
        compare_corpora(roots, exp="elsewhere")
