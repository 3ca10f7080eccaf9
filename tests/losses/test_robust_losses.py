"""Focal, supervised contrastive, one-class and SAMO losses against their formulas in plain loops."""

import math
from dataclasses import replace

import pytest
import torch

from dada import losses
from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.errors import ConfigError, DataError
from dada.models import Output
from dada.models.audio import aasist
from dada.models.audio._heads import Attractors, head
from dada.recipe.config import load_system_config

NUM, SIZE = 9, 5
LABELS = [0, 1, 1, 0, 0, 1, 0, 1, 1]
SPEAKERS = ["ann", "ben", "ann", "ben", "cat", "ben", "ann", "zoe", "ann"]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def batch(labels=LABELS, speakers=SPEAKERS) -> Batch:
    target = torch.tensor(labels)
    return Batch([f"u{i}" for i in range(len(labels))], target, target, target, list(speakers))


def cosine(x, y) -> float:
    product = sum(a * b for a, b in zip(x, y, strict=True))
    return product / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weights", [[], [0.25, 0.75, 2.0]])
def test_focal(gamma, weights):
    logits, labels = random(NUM, 3), [0, 1, 2, 2, 1, 0, 0, 1, 2]
    total = 0.0
    for row, label in zip(logits.tolist(), labels, strict=True):
        p = math.exp(row[label]) / sum(math.exp(value) for value in row)
        total -= (weights[label] if weights else 1.0) * (1 - p) ** gamma * math.log(p)
    loss = losses.build({"name": "focal", "gamma": gamma, "class_weights": weights})
    assert loss(Output(logits, logits), batch(labels)).item() == pytest.approx(total / NUM, rel=1e-6)


def test_focal_of_one_logit_and_of_probabilities():
    score = random(NUM, 1)
    loss = losses.build({"name": "focal"})
    two = torch.cat([-score / 2, score / 2], dim=1)
    assert loss(Output(score, score), batch()).item() == pytest.approx(loss(Output(two, two), batch()).item())
    certain = batch()
    certain.labels = torch.nn.functional.one_hot(certain.labels, 2).double()
    assert loss(Output(two, two), certain).item() == pytest.approx(loss(Output(two, two), batch()).item())
    sure = torch.tensor([[80.0], [-80.0]], requires_grad=True)
    loss(Output(sure, sure), batch([1, 0], ["a", "b"])).backward()
    assert torch.isfinite(sure.grad).all()
    with pytest.raises(ConfigError, match="class_weights has 3 values"):
        losses.build({"name": "focal", "class_weights": [1, 1, 1]})(Output(two, two), batch())


def contrastive(rows, labels, temperature: float) -> tuple[float, int]:
    """The sum over anchors with positives, and their number."""
    total, num = 0.0, 0
    for i, x in enumerate(rows):
        positives = [p for p, label in enumerate(labels) if label == labels[i] and p != i]
        if not positives:
            continue
        below = sum(math.exp(cosine(x, rows[a]) / temperature) for a in range(len(rows)) if a != i)
        for p in positives:
            total -= math.log(math.exp(cosine(x, rows[p]) / temperature) / below) / len(positives)
        num += 1
    return total, num


def test_supervised_contrastive():
    x, labels = random(NUM, SIZE), [*LABELS[:-1], 2]  # the last one is alone
    loss = losses.build({"name": "supervised_contrastive", "temperature": 0.3, "group": 4})
    total, num = contrastive(x.tolist(), labels, 0.3)
    assert num == NUM - 1
    assert loss(Output(x, x), batch(labels)).item() == pytest.approx(total / num, rel=1e-9)
    groups = [contrastive(x[k::2].tolist(), labels[k::2], 0.3) for k in (0, 1)]
    expected = sum(total for total, _ in groups) / sum(num for _, num in groups)
    assert loss.eval()(Output(x, x), batch(labels)).item() == pytest.approx(expected, rel=1e-9)


def test_supervised_contrastive_without_a_pair_is_zero_with_a_gradient():
    x = random(3, SIZE).requires_grad_()
    value = losses.build({"name": "supervised_contrastive"})(Output(x, x), batch([0, 1, 2], "abc"))
    value.backward()
    assert value.item() == 0 and torch.equal(x.grad, torch.zeros_like(x))
    mixed = batch()
    mixed.labels = torch.full((NUM, 2), 0.5)
    with pytest.raises(ConfigError, match="leave out mixup"):
        losses.build({"name": "supervised_contrastive"})(Output(x, x), mixed)


def test_a_weighted_sum_is_the_sum_of_its_terms():
    logits, x = random(NUM, 2), random(NUM, SIZE, seed=1)
    terms = [{"name": "cross_entropy"}, {"name": "supervised_contrastive"}]
    loss = losses.build({"name": "weighted_sum", "terms": terms, "weights": [2.0, 0.25]})
    first, second = (losses.build(term)(Output(logits, x), batch()).item() for term in terms)
    assert loss(Output(logits, x), batch()).item() == pytest.approx(2 * first + second / 4)
    assert loss.NEEDS_BATCH  # as its second term does
    assert not losses.build({"name": "weighted_sum", "terms": [{"name": "bce"}]}).NEEDS_BATCH
    weighted = {"name": "cross_entropy", "class_weights": [1.0, 9.0]}
    assert losses.build({"name": "weighted_sum", "terms": [weighted, {"name": "bce"}]}).NEEDS_BATCH


def test_a_weighted_sum_hands_on_margins_and_checks():
    terms = [{"name": "oc_softmax"}, {"name": "triplet", "margin": 0.5}]
    loss = losses.build({"name": "weighted_sum", "terms": terms})
    loss.start_epoch()
    assert loss.margins() == {"margin": 0.5}
    x = random(NUM, SIZE)
    with pytest.raises(ConfigError, match="beyond ±1"):
        loss(Output(torch.full((NUM, 1), 3.0), x), batch())
    loss.check.read()
    for settings, message in (
        ({"terms": []}, "0 terms"),
        ({"terms": terms, "weights": [1.0]}, "2 terms and 1 weights"),
        ({"terms": [{"name": "samo"}]}, "stands alone"),
        ({"terms": [{"name": "bce"}, {"name": "triplet", "inherit_margin": True}]}, "stands alone"),
    ):
        with pytest.raises(ConfigError, match=message):
            losses.build({"name": "weighted_sum", **settings})


def test_one_class_softmax():
    cosines = random(NUM, 1).tanh()
    total = 0.0
    for (value,), label in zip(cosines.tolist(), LABELS, strict=True):
        total += math.log1p(math.exp(20 * (0.9 - value if label else value - 0.2)))
    loss = losses.build({"name": "oc_softmax"})
    assert loss(Output(cosines, cosines), batch()).item() == pytest.approx(total / NUM, rel=1e-9)


def dataset() -> Dataset:
    """Bona fide speech of ann, ben and zoe; cat only has spoofs."""
    utts = [f"u{i}" for i in range(NUM)]
    return Dataset(dict.fromkeys(utts), utts, torch.tensor(LABELS), SPEAKERS)


def samo(**settings):
    network = head("attractors", SIZE, 2)
    loss = losses.build({"name": "samo", **settings})
    loss.prepare(torch.nn.Sequential(network), dataset())
    return network, loss


def test_samo():
    network, loss = samo()
    assert loss.index == {"ann": 0, "ben": 1, "zoe": 2} and torch.equal(
        network.attractors, torch.eye(3, SIZE)
    )
    network.double().attractors.copy_(random(3, SIZE, seed=2))
    x = random(NUM, SIZE)
    total = 0.0
    for row, label, speaker in zip(x.tolist(), LABELS, SPEAKERS, strict=True):
        cosines = [cosine(row, attractor) for attractor in network.attractors.tolist()]
        gap = 0.7 - cosines[["ann", "ben", "zoe"].index(speaker)] if label else max(cosines)
        total += math.log1p(math.exp(20 * gap))
    logits = network(x)
    assert logits[0].item() == pytest.approx(max(cosine(x[0], w) for w in network.attractors.tolist()))
    assert loss(Output(logits, x), batch()).item() == pytest.approx(total / NUM, rel=1e-9)
    stranger = loss.eval()(Output(logits, x), batch([1] * NUM, ["ida"] * NUM)).item()
    nearest = sum(math.log1p(math.exp(20 * (0.7 - value))) for value in logits[:, 0].tolist())
    assert stranger == pytest.approx(nearest / NUM, rel=1e-9)


def test_weights_bring_their_number_of_attractors():
    network, _ = samo()
    network.attractors.copy_(random(3, SIZE))
    other = head("attractors", SIZE, 2)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.attractors, network.attractors)
    many = Attractors(2)
    many.start(4)
    assert many.attractors.shape == (4, 2) and len(torch.unique(many.attractors, dim=0)) == 4


def test_attractors_move_to_the_means_of_an_epoch():
    network, loss = samo(update_every=2)
    x = random(NUM, SIZE)
    places = []
    for epoch in range(5):
        loss.start_epoch()
        places.append(network.attractors.clone())
        for rows in (slice(0, 4), slice(4, NUM)):
            part = batch(LABELS[rows], SPEAKERS[rows])
            loss(Output(network((epoch + x[rows]).float()), epoch + x[rows]), part)
    assert torch.equal(places[1], places[0]) and torch.equal(places[3], places[2])
    for epoch in (2, 4):
        for speaker, number in (("ann", 0), ("ben", 1), ("zoe", 2)):
            own = [i for i in range(NUM) if LABELS[i] and SPEAKERS[i] == speaker]
            torch.testing.assert_close(places[epoch][number], (epoch - 1 + x[own].mean(0)).float())


@pytest.mark.parametrize("layer", ["cosine", "one_class", "attractors"])
def test_aasist_has_the_output_layers_of_losses_over_angles(layer):
    config, (size,) = aasist.example()
    torch.manual_seed(0)
    model = aasist.Model(replace(config, output_layer=layer), 2).eval()
    clips = Batch(["a", "b"], torch.randn(2, size), torch.tensor([size, size]))
    with torch.inference_mode():
        logits, embedding = model(clips)
    assert logits.shape == (2, 2 if layer == "cosine" else 1) and logits.abs().max() <= 1
    rows = getattr(model.classify, "attractors" if layer == "attractors" else "weight")
    assert logits[1, 0].item() == pytest.approx(cosine(embedding[1].tolist(), rows[0].tolist()), abs=1e-5)


def test_samo_refuses_what_it_cannot_use():
    loss = losses.build({"name": "samo"})
    with pytest.raises(ConfigError, match="set model.head: attractors"):
        loss.prepare(torch.nn.Linear(2, 1), dataset())
    unnamed = dataset()
    unnamed.speakers = ["-"] * NUM
    with pytest.raises(DataError, match="names none"):
        loss.prepare(Attractors(SIZE), unnamed)
    with pytest.raises(ConfigError, match="has 3 labels"):
        head("attractors", SIZE, 3)
    network, loss = samo()
    mixed = batch()
    mixed.labels = torch.full((NUM, 2), 0.5)
    with pytest.raises(ConfigError, match="leave out mixup"):
        loss(Output(network(random(NUM, SIZE).float()), random(NUM, SIZE)), mixed)


def test_the_terms_of_a_sum_are_checked_before_anything_runs():
    terms = "terms: [{name: bce}, {name: supervised_contrastive, temperature: 0.2}]"
    config = load_system_config("lfcc_lcnn", None, [f"train.loss={{name: weighted_sum, {terms}}}"])
    assert config.train.loss["terms"] == [
        {"name": "bce", "class_weights": []},
        {"name": "supervised_contrastive", "temperature": 0.2, "group": 32},
    ]
    wrong = "terms: [{name: bec}, {name: focal, gama: 1}, {gamma: 2}]"
    with pytest.raises(ConfigError) as error:
        load_system_config("lfcc_lcnn", None, [f"train.loss={{name: weighted_sum, {wrong}}}"])
    message = str(error.value)
    assert "train.loss.terms[0]: unknown loss 'bec', did you mean 'bce'" in message
    assert "unknown key 'train.loss.terms[1].gama', did you mean 'gamma'" in message
    assert "train.loss.terms[2].name is missing" in message
