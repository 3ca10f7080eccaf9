"""A trained system in a small recipe, and its export."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from example_systems import example_system
from small_recipe import small_recipe

from dada.export.write import export
from dada.recipe.config import load_system_config
from dada.score.clip import System


@pytest.fixture
def exported(tmp_path) -> Callable[..., tuple[System, tuple[int, ...], Path]]:
    """`exported(name)` exports the small network of an audio model; returns it, its shape and the folder."""

    def make(name: str, licence: str | None = None, **changes):
        recipe = small_recipe(tmp_path / "recipe", {"lfcc_gmm": load_system_config("lfcc_gmm")})
        system, shape = example_system(recipe.root, name, **changes)
        (recipe.exp_dir(name) / "seed_1" / "calibration.json").write_text(
            json.dumps({"slope": 2.0, "offset": 0.5, "fitted_on": "dev"})
        )
        out = tmp_path / "out"
        export(system, recipe.exp_dir(name) / "seed_1", recipe, out, licence)
        return system, shape, out

    return make
