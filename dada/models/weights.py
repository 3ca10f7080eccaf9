"""Weights from files: ours or the authors' own, and what is wrong with a file that does not fit."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from dada import plugins
from dada.errors import ConfigError, DataError, UserError
from dada.settings import merge_layers
from dada.storage.exported import RECORD, is_exported, read_tensors
from dada.storage.tensors import load_tensors
from dada.system_files import configured_systems, system_layers

WRAPPERS = ("model_state_dict", "state_dict", "model")  # under which training programs keep the parameters
SHOWN = 3  # differences that a message names
ADVICE = (
    "expected the parameters of a network as torch.save writes them; look whether the file was copied "
    "or downloaded whole"
)

Shapes = dict[str, tuple[int, ...]]


def load_weights(model: nn.Module, task: str, name: str, path: Path) -> None:
    """Load a state dict, ours or the authors' own, or the one of an exported folder, into a model.

    Raise DataError where the file holds no parameters, ConfigError where they do not fit the model. The
    message lists the differences and the systems that the parameters fit.
    """
    load_state(model, task, name, read_state(Path(path)), Path(path))


def load_state(model: nn.Module, task: str, name: str, state: Mapping[str, Tensor], path: Path) -> None:
    """Load the state dict that was read from `path`. Raise ConfigError where it does not fit the model."""
    for prefix, module in model.named_modules():
        sized: Any = module
        if hasattr(module, "take_size"):  # of a part whose size training sets
            sized.take_size(state, f"{prefix}.")
    expected = _shapes(model.state_dict())
    named = next(_named(state, plugins.load(f"dada.models.{task}", name, f"{task} model"), expected))
    named = {**_pretrained(model, named), **named}
    problems = differences(expected, _shapes(named))
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:SHOWN])
        rest = f"\n  … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        fitting = fitting_systems(state)
        advice = f"but those of {', '.join(fitting)}" if fitting else "nor any other in dada/conf"
        raise ConfigError(
            f"the weights in {path} do not fit the model {name} as configured, {advice}:{shown}{rest}"
        )
    model.load_state_dict(named)


def _pretrained(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a model's pretrained parts that a state dict leaves out as a whole.

    A model that holds an encoder may take weights that were learned on the stored outputs of that encoder. It
    names such parts by the beginnings of their names, `pretrained_parts`.
    """
    absent = [
        part
        for part in getattr(model, "pretrained_parts", ())
        if not any(name.startswith(part) for name in state)
    ]
    return {name: value for name, value in model.state_dict().items() if name.startswith(tuple(absent))}


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name: of a file, of an exported folder, or of its export.json.

    Raise DataError for a file without tensors.
    """
    folder = path.parent if path.name == RECORD else path
    if is_exported(folder):
        return read_tensors(folder)[""]
    state = load_tensors(path, ADVICE, lazily=True)
    for key in WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    tensors = (
        {name: value for name, value in state.items() if isinstance(value, Tensor)}
        if isinstance(state, Mapping)
        else {}
    )
    if not tensors:
        raise DataError(f"{path} holds no named parameters: {ADVICE}")
    return tensors


def fitting_systems(state: Mapping[str, Tensor]) -> list[str]:
    """The systems of dada/conf whose networks have parameters of these names and shapes, under our names or
    their authors'.

    Networks are built on the meta device, without memory for their parameters. Systems whose configuration
    does not fix the sizes are left out.
    """
    known: dict[str, bool] = {}
    fitting = []
    for name in configured_systems():
        values = merge_layers(system_layers(name))
        if "init" in values:  # the network of another system
            continue
        task, labels = values.get("task", "audio"), values.get("labels", ["spoof", "bonafide"])
        key = json.dumps([task, values["model"], len(labels)], sort_keys=True)
        if key not in known:
            known[key] = (
                bool(labels)
                and values.get("input", {}).get("kind") != "text"
                and _fits(state, task, values["model"], len(labels))
            )
        if known[key]:
            fitting.append(name)
    return fitting


def differences(expected: Shapes, actual: Shapes) -> list[str]:
    """How two sets of parameters differ, in the order of the first."""
    problems = []
    for name, shape in expected.items():
        if name not in actual:
            problems.append(f"{name} {shape} is not in the file")
        elif actual[name] != shape:
            problems.append(f"{name} is {actual[name]} in the file, {shape} in the model")
    return problems + [
        f"{name} {shape} of the file is not in the model"
        for name, shape in actual.items()
        if name not in expected
    ]


def _fits(state: Mapping[str, Tensor], task: str, settings: Mapping, num_classes: int) -> bool:
    module = plugins.load(f"dada.models.{task}", settings["name"], f"{task} model")
    config = module.Config(**{name: value for name, value in settings.items() if name != "name"})
    try:
        with torch.device("meta"):
            model = module.Model(config, num_classes)
    except UserError:  # such as a missing pretrained encoder
        return False
    expected = _shapes(model.state_dict())
    return any(_shapes(named) == expected for named in _named(state, module, expected))


def _named(
    state: Mapping[str, Tensor], module: ModuleType, expected: Shapes
) -> Iterator[Mapping[str, Tensor]]:
    """The state under our names: as it is where these are they, else by the key map of its model."""
    if set(state) != set(expected) and hasattr(module, "from_official"):
        try:
            yield module.from_official(dict(state))
        except (LookupError, RuntimeError, ValueError):  # a key map may stumble over names of another network
            yield state
    else:
        yield state


def _shapes(state: Mapping[str, Tensor]) -> Shapes:
    return {name: tuple(value.shape) for name, value in state.items()}
