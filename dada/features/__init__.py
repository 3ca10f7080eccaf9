"""Waveform to features: every file here is one feature, a `Config` and a `Feature(nn.Module)`, (B, T) -> (B, F, N)."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from dada import plugins


def config_class(name: str) -> type:
    """The `Config` dataclass of a feature. Raises ConfigError for an unknown name."""
    return plugins.load("dada.features", name, "feature").Config


def build(settings: Mapping, root: Path | None = None) -> nn.Module:
    """The module of `{name: lfcc, ...}`, in evaluation mode; a pretrained model is looked for in `root`, the recipe's folder, first."""
    rest = with_model_folder(settings, root)
    module = plugins.load("dada.features", rest.pop("name"), "feature")
    return module.Feature(module.Config(**rest)).eval()


def with_model_folder(settings: Mapping, root: Path | None) -> dict:
    """Settings whose `model` is a folder below `root`, with the path to it; others as they are."""
    model = settings.get("model")
    return {**settings, "model": str(root / model)} if root and model and (root / model).is_dir() else dict(settings)
