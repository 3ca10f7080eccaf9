"""Waveform to features: every file here is one feature, a `Config` and a `Feature(nn.Module)`, (B, T) -> (B, F, N)."""

from collections.abc import Mapping

from torch import nn

from dada import plugins


def config_class(name: str) -> type:
    """The `Config` dataclass of a feature. Raises ConfigError for an unknown name."""
    return plugins.load("dada.features", name, "feature").Config


def build(settings: Mapping) -> nn.Module:
    """The module of `{name: lfcc, ...}`, in evaluation mode. The settings were checked when the configuration was read."""
    rest = dict(settings)
    module = plugins.load("dada.features", rest.pop("name"), "feature")
    return module.Feature(module.Config(**rest)).eval()
