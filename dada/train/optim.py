"""Optimisers and their parameters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from dada.errors import ConfigError
from dada.experiment.config import OptimConfig
from dada.plugins import nearest

NAMES = ("adam", "adamw", "sgd")


def build_optimiser(
    config: OptimConfig, parameters: Sequence[nn.Parameter] | Sequence[dict[str, Any]]
) -> torch.optim.Optimizer:
    """Return the optimiser of parameters or of the groups of `by_rate`.

    On a GPU one kernel updates all of them. Raise ConfigError for an unknown name.
    """
    first_one = next(iter(parameters), None)
    tensors = first_one["params"] if isinstance(first_one, dict) else [first_one]
    fused = bool(tensors) and tensors[0] is not None and tensors[0].is_cuda
    common: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay, "fused": fused or None}
    if config.name == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, **common)
    first, second = config.betas
    if config.name == "adam":
        return torch.optim.Adam(parameters, betas=(first, second), **common)
    if config.name == "adamw":
        return torch.optim.AdamW(parameters, betas=(first, second), **common)
    raise ConfigError(
        f"train.optim.name: unknown {config.name!r}{nearest(config.name, list(NAMES))}; known: "
        f"{', '.join(NAMES)}"
    )


def set_trainable(model: nn.Module, prefixes: Sequence[str]) -> list[nn.Parameter]:
    """Make parameters trainable whose names start with one of `prefixes`, all without any, and return them.

    Parameters in `frozen_parameters()` of a part of the model are never trainable.
    """
    _check_prefixes(model, prefixes, "train.trainable")
    parts: list[Any] = [module for module in model.modules() if hasattr(module, "frozen_parameters")]
    frozen = {id(parameter) for part in parts for parameter in part.frozen_parameters()}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(
            id(parameter) not in frozen and (not prefixes or name.startswith(tuple(prefixes)))
        )
    return [p for p in model.parameters() if p.requires_grad]


def by_rate(
    model: nn.Module, parameters: Sequence[nn.Parameter], scales: Mapping[str, float]
) -> list[nn.Parameter] | list[dict[str, Any]]:
    """Return groups of parameters of equal `lr_scale`, the value of the longest prefix of their names.

    Without `scales`, return the parameters.
    """
    if not scales:
        return list(parameters)
    _check_prefixes(model, scales, "train.optim.lr_scales")
    chosen = {id(parameter) for parameter in parameters}
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if id(parameter) in chosen:
            prefix = max((prefix for prefix in scales if name.startswith(prefix)), key=len, default=None)
            groups.setdefault(1.0 if prefix is None else scales[prefix], []).append(parameter)
    return [{"params": members, "lr_scale": scale} for scale, members in groups.items()]


def _check_prefixes(model: nn.Module, prefixes: Iterable[str], key: str) -> None:
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            known = sorted({name.split(".")[0] for name in names})
            raise ConfigError(
                f"{key}: no parameter starts with {prefix!r}{nearest(prefix, known)}; there are "
                f"{', '.join(known)}"
            )


def training_mode(model: nn.Module) -> None:
    """Set training mode, except for frozen parts: no dropout, and constant batch statistics."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
