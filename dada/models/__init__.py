"""Networks: one architecture per file in audio/, text/ and fusion/, each with a `Config` and a `Model(nn.Module)`."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from dada import plugins

TASKS = ("audio", "text", "fusion")


class Output(NamedTuple):
    """What every model returns: logits (B, K) in the order of the system's labels, and embeddings (B, D)."""

    logits: Tensor
    embedding: Tensor


def config_class(task: str, name: str) -> type:
    """The `Config` dataclass of a model. Raises ConfigError for an unknown name."""
    return plugins.load(f"dada.models.{task}", name, f"{task} model").Config


def build(task: str, settings: Mapping, num_classes: int) -> nn.Module:
    """The model of `{name: lcnn, ...}` with fresh weights from torch's global generator: seed it first."""
    rest = dict(settings)
    module = plugins.load(f"dada.models.{task}", rest.pop("name"), f"{task} model")
    return module.Model(module.Config(**rest), num_classes)
