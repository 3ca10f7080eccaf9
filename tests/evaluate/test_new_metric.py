"""A metric that is added to the catalogue appears wherever results are shown."""

import shutil

import numpy as np
import pytest

from dada.evaluate.request import Request, evaluate
from dada.evaluate.results import read_results
from dada.metrics.measures import MEASURES, Measure
from dada.recipe.recipe import Recipe
from dada.report.evaluation import readable_results
from dada.report.load import load
from dada.report.markdown import markdown
from dada.report.page import page
from dada.report.terminal import summary
from dada.stages import s09_evaluate
from dada.storage.environment import Machine


@pytest.fixture
def with_dummy(measured_recipe, tmp_path, monkeypatch):
    """A recipe that is measured with one more metric."""
    dummy = Measure(
        "Dummy",
        "a number that is always 0.625",
        lambda scored: 0.625,
        lambda trials, scored: np.full(trials.eer().size, 0.625),
    )
    monkeypatch.setitem(MEASURES, "dummy", dummy)
    recipe = Recipe.load(shutil.copytree(measured_recipe.root, tmp_path / "recipe"))
    for job in s09_evaluate.plan(recipe):
        if "lfcc_gmm" in job.systems and job.split == "test":
            s09_evaluate.run(recipe, job)
    return recipe


def test_a_new_metric_appears_everywhere(with_dummy):
    recipe = with_dummy
    path = recipe.exp_dir("lfcc_gmm") / "results" / "test.json"
    assert read_results(path).metrics["dummy"].mean == 0.625
    scores = recipe.seed_dir("lfcc_gmm", 1) / "scores" / "test.txt"
    text = readable_results(evaluate(Request(scores, recipe.data_dir("test"), intervals=False)))
    assert "dummy" in text and "0.625000" in text
    sections = load(recipe.views)
    machine = Machine("one", "two")
    for report in (
        markdown("Formula", sections, "a", "b", machine),
        page("Formula", sections, "a", "b", machine, 4),
        summary(recipe.views),
    ):
        assert "Dummy" in report and "0.625" in report
