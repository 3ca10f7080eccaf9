"""The recipe of formula_scores with the results of stage 9."""

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
