"""Waveform to features: every file here is one feature, a `Config` and a `Feature(nn.Module)`, (B, T) -> (B,
F, N).
"""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from dada import plugins
from dada.settings import build as build_settings


def build(settings: Mapping, root: Path | None = None) -> nn.Module:
    """The module of `{name: lfcc, ...}`, in evaluation mode; a pretrained model is looked for in `root`, the
    recipe's folder, first.
    """
    rest = with_model_folders(settings, root)
    module = plugins.load("dada.features", rest.pop("name"), "feature")
    return module.Feature(build_settings(module.Config, rest, "feature settings")).eval()


def with_model_folders(settings: Mapping, root: Path | None) -> dict:
    """Settings with the path to every pretrained model (`model`, `encoder`, `style_model`, …) that is a
    folder below `root`.
    """
    resolved = dict(settings)
    for key, value in settings.items():
        if (
            root
            and isinstance(value, str)
            and value
            and key.endswith(("model", "encoder"))
            and (root / value).is_dir()
        ):
            resolved[key] = str(root / value)
    return resolved
