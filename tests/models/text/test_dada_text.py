"""The text model, with and without its encoder, and the losses' fixture on its embeddings."""

import numpy as np
import pytest
import torch

from dada.data import Batch
from dada.errors import ConfigError
from dada.losses import triplet
from dada.models import Output
from dada.models.text import dada_text


def test_sizes_of_the_mlp_and_unit_length():
    model = dada_text.Model(dada_text.Config(input_size=48, mlp_layers=3, embedding_size=10), 5).eval()
    assert [m.out_features for m in model.mlp if isinstance(m, torch.nn.Linear)] == [24, 12, 10]
    output = model(Batch(list("ab"), torch.randn(2, 48), torch.tensor([48, 48])))
    assert output.logits.shape == (2, 5)
    torch.testing.assert_close(output.embedding.norm(dim=1), torch.ones(2))
    assert len(dada_text.Model(dada_text.Config(input_size=48), 5).mlp) == 1
    with pytest.raises(ConfigError, match="linear, mlp"):
        dada_text.Model(dada_text.Config(input_size=48, classifier="forest"), 5)


def test_sheet_fixture_of_the_triplet_loss():
    rng = np.random.RandomState(0)
    rng.randn(16, 256), rng.randn(16, 256)
    rows = torch.tensor(np.concatenate([rng.randn(8, 32) for _ in range(3)]))
    unit = torch.nn.functional.normalize(rows, dim=1)
    for x, name, expected in (
        (rows, "cosine", 0.527539),
        (rows, "l2", 0.858329),
        (unit, "squared_l2", 0.555079),
    ):
        loss = triplet.Loss(triplet.Config(margin=0.5, distance=name))(
            Output(x, x), Batch([], x, torch.zeros(0))
        )
        assert loss.item() == pytest.approx(expected, abs=1e-6)
