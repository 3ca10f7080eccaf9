"""Models that break the contract are named when they are called; plug-ins without a schema when it is
read.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from dada import models, plugin_schema, plugins
from dada.data.batch import Batch
from dada.errors import ConfigError, DadaError
from dada.models import Output


@dataclass
class Config:
    size: int = 3


def output_of(monkeypatch, num_classes: int, forward) -> Output:
    """Build a model with this `forward`, and run it on four utterances."""

    class Model(nn.Module):
        def __init__(self, config: Config, num_classes: int):
            super().__init__()

        def forward(self, batch: Batch):
            return forward(batch)

    monkeypatch.setattr(plugins, "load", lambda *_: SimpleNamespace(Config=Config, Model=Model))
    model = models.build("audio", {"name": "mine"}, num_classes)
    return model(Batch(list("abcd"), torch.zeros(4, 10), torch.full((4,), 10)))


@pytest.mark.parametrize(
    ("num_classes", "forward", "message"),
    [
        (2, lambda batch: torch.zeros(4, 2), "forward returned Tensor, expected dada.models.Output"),
        (2, lambda batch: (torch.zeros(4, 2), torch.zeros(4, 8)), "forward returned tuple"),
        (
            3,
            lambda batch: Output(torch.zeros(4, 2), torch.zeros(4, 8)),
            r"logits have the shape \(4, 2\), expected \(4, 3\) for 4 utterances and 3 classes",
        ),
        (2, lambda batch: Output(torch.zeros(4), torch.zeros(4, 8)), r"expected \(4, 2\) or \(4, 1\)"),
        (2, lambda batch: Output(torch.zeros(1, 2), torch.zeros(4, 8)), r"logits have the shape \(1, 2\)"),
        (2, lambda batch: Output(torch.zeros(4, 2), torch.zeros(4)), r"embeddings have the shape \(4,\)"),
    ],
)
def test_outputs_of_another_form_are_refused(monkeypatch, num_classes, forward, message):
    with pytest.raises(DadaError, match=message):
        output_of(monkeypatch, num_classes, forward)


@pytest.mark.parametrize("num_logits", [1, 2])
def test_two_classes_have_one_or_two_logits(monkeypatch, num_logits):
    output = Output(torch.zeros(4, num_logits), torch.zeros(4, 8))
    assert output_of(monkeypatch, 2, lambda batch: output) is output


def test_settings_are_checked_where_a_model_is_built():
    with pytest.raises(ConfigError, match="dropout is 2, and must be at least 0 and below 1"):
        models.build("audio", {"name": "lcnn", "dropout": 2}, 2)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Config:\n    size: int = 3\n", "is no dataclass: add @dataclass above it"),
        ("SIZE = 3\n", "has no readable `Config`"),
        ("class Config(:\n", "has no readable `Config` .*SyntaxError"),
    ],
)
def test_plugins_without_a_schema_are_named(monkeypatch, tmp_path, source, message):
    (tmp_path / "mine.py").write_text(source)
    monkeypatch.setattr(plugin_schema, "_path", lambda module: tmp_path / "mine.py")
    monkeypatch.setattr(plugin_schema, "find", lambda *_: f"dada.models.audio.mine_{len(source)}")
    with pytest.raises(ConfigError, match=rf"mine\.py.*{message}"):
        plugin_schema.config_class("dada.models.audio", "mine", "audio model")
