"""Optimisers, and which parameters they see."""

from collections.abc import Sequence

import torch
from torch import nn

from dada.errors import ConfigError
from dada.plugins import nearest
from dada.train.config import OptimConfig

NAMES = ("adam", "adamw", "sgd")


def build_optimiser(config: OptimConfig, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser of a phase. Raises ConfigError for an unknown name."""
    common = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.name == "adam":
        return torch.optim.Adam(parameters, betas=tuple(config.betas), **common)
    if config.name == "adamw":
        return torch.optim.AdamW(parameters, betas=tuple(config.betas), **common)
    if config.name == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, **common)
    raise ConfigError(f"train.optim.name: unknown {config.name!r}{nearest(config.name, list(NAMES))}; known: {', '.join(NAMES)}")


def set_trainable(model: nn.Module, prefixes: Sequence[str]) -> list[nn.Parameter]:
    """Let only parameters whose names start with one of `prefixes` learn (all, where there is none), and return them."""
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            known = sorted({name.split(".")[0] for name in names})
            raise ConfigError(f"train.trainable: no parameter starts with {prefix!r}{nearest(prefix, known)}; there are {', '.join(known)}")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not prefixes or name.startswith(tuple(prefixes)))
    return [p for p in model.parameters() if p.requires_grad]


def training_mode(model: nn.Module) -> None:
    """Training mode, except for parts that are frozen: their dropout is off and their batch statistics stay."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
