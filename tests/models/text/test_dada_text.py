"""The text model, with and without its encoder, and the losses' fixture on its embeddings."""

import numpy as np
import pytest
import torch

from dada.data import Batch
from dada.errors import ConfigError
from dada.losses import claims, triplet
from dada.models import Output
from dada.models.text import dada_text
from dada.models.text._pooling import Attention


def test_sizes_of_the_mlp_and_unit_length():
    model = dada_text.Model(dada_text.Config(input_size=48, mlp_layers=3, embedding_size=10), 5).eval()
    assert [m.out_features for m in model.mlp if isinstance(m, torch.nn.Linear)] == [24, 12, 10]
    output = model(Batch(list("ab"), torch.randn(2, 48), torch.tensor([48, 48])))
    assert output.logits.shape == (2, 5)
    torch.testing.assert_close(output.embedding.norm(dim=1), torch.ones(2))
    assert len(dada_text.Model(dada_text.Config(input_size=48), 5).mlp) == 1
    with pytest.raises(ConfigError, match="linear, mlp, claims"):
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


def tokens(num: int, generator_seed: int = 0) -> Batch:
    """Token ids of `num` texts of the tiny encoders' 19 words, the first one shorter."""
    ids = torch.randint(5, 19, (num, 7), generator=torch.Generator().manual_seed(generator_seed)).float()
    ids[0, 4:] = 0
    return Batch(
        [str(i) for i in range(num)], ids, torch.tensor([4] + [7] * (num - 1)), torch.arange(num) % 3
    )


@pytest.mark.parametrize(
    ("over_tokens", "over_layers", "size"),
    [("attentive", "concatenate", 48), ("mean", "attentive", 16), ("attentive", "attentive", 16)],
)
def test_attentive_pooling_over_tokens_and_layers(tiny_bert, over_tokens, over_layers, size):
    torch.manual_seed(0)
    config = dada_text.Config(
        encoder=str(tiny_bert), token_pooling=over_tokens, layer_pooling=over_layers, embedding_size=8
    )
    model = dada_text.Model(config, 3)
    assert model.mlp[0].in_features == size
    batch = tokens(4)
    torch.nn.functional.cross_entropy(model(batch).logits, batch.labels).backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in model.pooling.parameters())
    model.eval()
    alone = Batch(["0"], batch.inputs[:1, :4], batch.lengths[:1])
    torch.testing.assert_close(model(alone).embedding[0], model(batch).embedding[0], atol=1e-5, rtol=1e-5)


def test_attention_weighs_by_softmax_of_its_scores():
    torch.manual_seed(1)
    attention, x = Attention(3, 5), torch.randn(2, 4, 3)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    linear, _, v = attention.score
    for row in range(2):
        kept = x[row][mask[row]]
        scores = torch.tanh(kept @ linear.weight.T + linear.bias) @ v.weight[0]
        expected = (scores.exp() / scores.exp().sum()) @ kept
        torch.testing.assert_close(attention(x, mask)[row], expected)


def test_a_binary_head_gives_a_logit_for_each_claim():
    """Its loss is the balanced binary cross-entropy, and it learns whose texts are whose."""
    torch.manual_seed(0)
    model = dada_text.Model(
        dada_text.Config(input_size=6, classifier="claims", embedding_size=8, dropout=0.0), 3
    )
    labels = torch.arange(30) % 3
    x = torch.nn.functional.one_hot(labels, 6).float() + 0.1 * torch.randn(30, 6)
    batch = Batch([str(i) for i in range(30)], x, torch.full((30,), 6), labels)
    loss, optimiser = claims.Loss(claims.Config()), torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        loss(model(batch), batch).backward()
        optimiser.step()
    logits = model.eval()(batch).logits.detach()
    own = torch.nn.functional.one_hot(labels, 3).bool()
    assert logits.shape == (30, 3) and logits[own].min() > 0 > logits[~own].max()
    expected = (
        -torch.nn.functional.logsigmoid(logits[own]).mean()
        - torch.nn.functional.logsigmoid(-logits[~own]).mean()
    ) / 2
    assert float(loss(Output(logits, logits), batch)) == pytest.approx(float(expected), rel=1e-3)
    with pytest.raises(ConfigError, match="a logit for every class"):
        loss(Output(logits[:, :1], logits), batch)
