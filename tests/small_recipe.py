"""A real recipe of a few systems, written to a folder."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import yaml

from dada.experiment.config import SystemConfig
from dada.recipe.recipe import Recipe


def small_recipe(root: Path, systems: Mapping[str, SystemConfig], /, **settings) -> Recipe:
    """Write recipe.yaml and conf/<system>.yaml of each system, and load them.

    `settings` are those of recipe.yaml; the protocol is `line` and the systems are the written ones, unless
    they state others.
    """
    files = {f"conf/{name}.yaml": asdict(config) | {"name": name} for name, config in systems.items()}
    files["recipe.yaml"] = {
        "corpus": {"name": "small"},
        "protocols": ["line"],
        "systems": list(systems),
        **settings,
    }
    for name, values in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(yaml.safe_dump(values))
    return Recipe.load(root)
