"""Losses, one per file: a `Config` and a `Loss(nn.Module)`, called with an `Output` and a `Batch`."""

from collections.abc import Mapping

from torch import nn

from dada import plugins
from dada.settings import build as build_settings


def build(settings: Mapping) -> nn.Module:
    """The loss of `{name: cross_entropy, ...}`."""
    rest = dict(settings)
    module = plugins.load("dada.losses", rest.pop("name"), "loss")
    return module.Loss(build_settings(module.Config, rest, "loss settings"))
