"""Writing a trained system as a folder that works without its recipe."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

import dada
from dada.errors import ConfigError
from dada.experiment.folder import ExperimentFolder
from dada.export.card import model_card
from dada.export.facts import facts_of, needed_encoders
from dada.recipe_view import RecipeView
from dada.score.clip import System
from dada.storage.atomic import atomic_dir, write_text
from dada.storage.exported import CARD, CONFIG, ENCODERS, GRAPH, TENSORS, write_record, write_tensors


def export(
    system: System,
    folder: Path,
    recipe: RecipeView,
    out: Path,
    licence: str | None,
    with_onnx: bool = False,
    with_arena: bool = False,
) -> None:
    """Write the system of exp/<system>/seed_<k> (`folder`), loaded as `system`, to the folder `out`.

    Pretrained models that are folders are copied; those of the Hugging Face Hub are named. Raise ConfigError
    for a system whose features other programs compute, and for one that ONNX or the Arena's wrapper was asked
    of and cannot be.
    """
    systems = systems_of(system)
    for part in systems.values():
        if part.config.input.features.get("name") == "from_scp":
            raise ConfigError(
                f"{part.config.name} reads features that another program computed "
                f"({part.config.input.features.get('scp')}): it cannot work on audio files, nor be exported"
            )
    with atomic_dir(out) as partial:
        encoders = _Encoders(partial, recipe.root)
        configs = {name: encoders.bundled(_settings(part)) for name, part in systems.items()}
        values: dict[str, Any] = {"system": system.config.name, "systems": configs}
        if system.uses_words():
            values["transcribe"] = encoders.with_copies(asdict(recipe.transcribe))
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)
        write_text(partial / CONFIG, f"# Written by `dada export` of dada {dada.__version__}.\n{text}")
        states = {
            "" if part is system else name: part.experiment.model.state_dict()
            for name, part in systems.items()
        }
        write_tensors(partial / TENSORS, states)
        facts = facts_of(system, ExperimentFolder(folder), recipe, licence)
        facts["needs"] = sorted({name for config in configs.values() for name in needed_encoders(config)})
        if with_onnx:
            from dada.export.onnx import write_onnx

            found = write_onnx(system, partial / GRAPH)
            facts["onnx"] = {"largest_difference": {f"{n} samples": value for n, value in found.items()}}
        if with_arena:
            from dada.export.arena import write_wrapper

            write_wrapper(partial, system, facts)
        write_record(partial, facts)
        write_text(partial / CARD, model_card(facts))


def systems_of(system: System) -> dict[str, System]:
    """Return a system and all that it combines by name, itself first."""
    found = {system.config.name: system}
    for branch in system.branches.values():
        found |= systems_of(branch)
    return found


def _settings(system: System) -> dict[str, Any]:
    """Return the settings of a system with its classes, and without the file that its training began with."""
    return {**asdict(system.config), "labels": list(system.experiment.labels), "init": None}


class _Encoders:
    """Copies pretrained models that are folders into the export; a folder that two systems use is copied
    once.
    """

    def __init__(self, out: Path, root: Path):
        self.out, self.root = out, root
        self.copied: dict[Path, str] = {}

    def bundled(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a system with the copies in place of the folders."""
        source = {**config["input"], "features": self.with_copies(config["input"]["features"])}
        return {**config, "input": source, "model": self.with_copies(config["model"])}

    def with_copies(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings with the path of a copy for each `model`, `encoder`, `style_model`, … that is a
        folder or a file.
        """
        return {
            key: self._copy(value) if key.endswith(("model", "encoder")) and isinstance(value, str) else value
            for key, value in settings.items()
        }

    def _copy(self, value: str) -> str:
        source = (self.root / Path(value).expanduser()).resolve()
        if not value or not source.exists():
            return value
        if source not in self.copied:
            name = source.name
            while f"{ENCODERS}/{name}" in self.copied.values():
                name += "_"
            self.copied[source] = f"{ENCODERS}/{name}"
            target = self.out / ENCODERS / name
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*"))
            else:
                shutil.copyfile(source, target)
        return self.copied[source]
