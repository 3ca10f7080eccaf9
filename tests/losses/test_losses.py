"""The losses against values computed independently, and by hand."""

import numpy as np
import pytest
import torch

from dada import losses
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output


@pytest.fixture
def triples() -> torch.Tensor:
    """[anchors | positives | negatives] (24, 32), the third draw of a fixed generator."""
    rng = np.random.RandomState(0)
    rng.randn(16, 256), rng.randn(16, 256)
    return torch.tensor(np.concatenate([rng.randn(8, 32) for _ in range(3)]))


def embedded(x: torch.Tensor) -> tuple[Output, Batch]:
    return Output(torch.zeros(len(x), 2), x), Batch([], x, torch.zeros(0))


def labelled(logits, labels) -> tuple[Output, Batch]:
    logits = torch.tensor(logits)
    return Output(logits, logits), Batch([], logits, torch.zeros(0), torch.tensor(labels))


@pytest.mark.parametrize(
    ("distance", "normalise", "expected"),
    [("cosine", False, 0.527539), ("l2", False, 0.858329), ("squared_l2", True, 0.555079)],
)
def test_triplet(triples, distance, normalise, expected):
    x = torch.nn.functional.normalize(triples) if normalise else triples
    loss = losses.build({"name": "triplet", "margin": 0.5, "distance": distance})
    assert loss(*embedded(x)).item() == pytest.approx(expected, abs=1e-6)


def test_adaptive_loss_at_given_margins(triples):
    loss = losses.build({"name": "adaptive_triplet", "margin": 0.25, "beta": 0.1}).eval()
    assert loss(*embedded(triples)).item() == pytest.approx(0.289211, abs=1e-6)
    assert loss.count == 0  # evaluation observes nothing


def test_adaptive_margins_of_dada(triples):
    loss = losses.build({"name": "adaptive_triplet", "auto": "dada"})
    assert loss.margins() == {"margin": 0.0, "beta": 0.0}
    loss(*embedded(triples))
    assert loss.mean_delta.item() == pytest.approx(
        -0.027539, abs=1e-6
    ) and loss.mean_an.item() == pytest.approx(-0.012225, abs=1e-6)
    assert loss.margins() == pytest.approx({"margin": -0.013770, "beta": -0.006113}, abs=1e-6)
    loss(*embedded(triples[:12].flip(0)))  # c batches of one mean each: a smaller batch weighs as much
    single = losses.build({"name": "adaptive_triplet", "auto": "dada"})
    single(*embedded(triples[:12].flip(0)))
    assert loss.mean_an.item() == pytest.approx((-0.012225 + single.mean_an.item()) / 2, abs=1e-6)


def test_adaptive_margins_of_the_official_code(triples):
    loss = losses.build({"name": "adaptive_triplet", "auto": "official"})
    loss.start_epoch()
    loss(*embedded(triples))
    assert loss.margins() == {"margin": 0.25, "beta": 0.1}  # not before the next epoch
    assert loss.final_margin() == 0.05
    state = loss.state_dict()
    resumed = losses.build({"name": "adaptive_triplet", "auto": "official"})
    resumed.load_state_dict(state)
    resumed.start_epoch()
    assert resumed.margins() == pytest.approx({"margin": 0.0, "beta": 0.493887}, abs=1e-6)


def test_cross_entropy_weighs_classes_in_order_of_labels():
    loss = losses.build({"name": "cross_entropy", "class_weights": [0.1, 0.9]})
    value = loss(*labelled([[0.0, 0.0], [2.0, 0.0]], [0, 1])).item()
    assert value == pytest.approx(0.1 * np.log(2) + 0.9 * np.log(1 + np.exp(2.0)), abs=1e-6)


def test_bce_reads_one_logit_and_two_alike():
    loss = losses.build({"name": "bce"})
    one = loss(*labelled([[1.5], [-0.5]], [1, 0]))
    two = loss(*labelled([[-1.0, 0.5], [0.0, -0.5]], [1, 0]))
    assert (
        one.item()
        == two.item()
        == pytest.approx((np.log1p(np.exp(-1.5)) + np.log1p(np.exp(-0.5))) / 2, abs=1e-6)
    )


@pytest.mark.parametrize("name", ["cross_entropy", "bce"])
@pytest.mark.parametrize("weights", [[], [1.0, 5.0]])
def test_labels_as_probabilities(name, weights):
    """Certain ones give what classes give; a mixture weighs as parts of two utterances would."""
    loss = losses.build({"name": name, "class_weights": weights})
    logits = [[0.3, -1.0], [2.0, 0.5], [-0.5, 0.1]]
    output, batch = labelled(logits, [0, 1, 1])
    certain = Batch(
        batch.utts, batch.inputs, batch.lengths, torch.nn.functional.one_hot(batch.labels, 2).float()
    )
    torch.testing.assert_close(loss(output, certain), loss(output, batch))
    halves, _ = labelled([logits[0]], [0])
    mixed = loss(halves, Batch(["a"], batch.inputs[:1], batch.lengths[:1], torch.tensor([[0.25, 0.75]])))
    fourfold, parts = labelled([logits[0]] * 4, [0, 1, 1, 1])
    total = loss(fourfold, parts)
    torch.testing.assert_close(mixed, total)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "triplet", "distance": "manhattan"}, "manhattan"),
        ({"name": "adaptive_triplet", "auto": "never"}, "never"),
        ({"name": "bce", "class_weights": [1.0]}, "class_weights"),
        ({"name": "tripplet"}, "did you mean 'triplet'"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        losses.build(settings)


def test_losses_refuse_logits_they_cannot_use():
    with pytest.raises(ConfigError, match="class_weights has 3"):
        losses.build({"name": "cross_entropy", "class_weights": [1.0, 1.0, 1.0]})(
            *labelled([[0.0, 1.0]], [1])
        )
    with pytest.raises(ConfigError, match="single"):
        losses.build({"name": "cross_entropy"})(*labelled([[0.0]], [1]))
    with pytest.raises(ConfigError, match="two classes"):
        losses.build({"name": "bce"})(*labelled([[0.0, 1.0, 2.0]], [1]))


def test_p2sgrad_is_the_squared_distance_of_cosines_from_the_class():
    loss = losses.build({"name": "p2sgrad"})
    assert loss(*labelled([[0.6, -0.2], [0.1, 0.9]], [0, 1])).item() == pytest.approx(
        (0.16 + 0.04 + 0.01 + 0.01) / 2
    )
    mixed = loss(*labelled([[0.6, -0.2]], [[0.25, 0.75]]))
    assert mixed.item() == pytest.approx(0.35**2 + 0.95**2)
    with pytest.raises(ConfigError, match="model.head: cosine"):
        loss(*labelled([[0.6]], [0]))
    with pytest.raises(ConfigError, match="beyond ±1: set model.head: cosine"):
        loss(*labelled([[0.6, 1.2]], [0]))


def test_oc_softmax_by_hand():
    loss = losses.build({"name": "oc_softmax"})
    spoof, real = np.log1p(np.exp(20 * (0.3 - 0.2))), np.log1p(np.exp(20 * (0.9 - 0.7)))
    assert loss(*labelled([[0.3], [0.7]], [0, 1])).item() == pytest.approx((spoof + real) / 2, rel=1e-5)
    mixed = loss(*labelled([[0.7]], [[0.5, 0.5]]))
    assert mixed.item() == pytest.approx((real + np.log1p(np.exp(20 * 0.5))) / 2, rel=1e-5)
    assert loss(*labelled([[0.95]], [1])) < loss(*labelled([[0.5]], [1]))  # a higher cosine is more bona fide
    assert loss(*labelled([[0.95]], [0])) > loss(*labelled([[0.5]], [0]))
    for logits, message in (([[0.1, 0.2]], "model.head: one_class"), ([[-3.0]], "beyond ±1")):
        with pytest.raises(ConfigError, match=message):
            loss(*labelled(logits, [0]))
    with pytest.raises(ConfigError, match="must exceed"):
        losses.build({"name": "oc_softmax", "spoof_margin": 0.95})
