"""One test over all audio models, found by listing, so that a new one is under the contract without being
named here.
"""

import dataclasses
import logging
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from dada import models, plugins
from dada.data.batch import Batch, pad_stack
from dada.errors import DataError
from dada.models import Output

NAMES = plugins.names("dada.models.audio")
NUM_CLASSES = 2
LEAST = 32
ROOT = Path(__file__).parents[2]
LOG = logging.getLogger("test")
ADVICE = (
    "a row depends on its neighbours or on its padding: mask by batch.lengths, or use run_by_length of "
    "dada/models/audio/_lengths.py"
)
EPS = torch.finfo(torch.float32).eps
# Models that take a clip of a single sample or frame. Every other one names the utterance that is too short.
OF_ANY_LENGTH = {
    "conformer",
    "dada_audio",
    "gmm",
    "lcnn",
    "mhfa",
    "nes2net",
    "pc_darts",
    "pc_darts_search",
    "pooled_linear",
    "resmax",
    "slim",
    "tcm_conformer",
    "trivial_cues",
    "trivial_forest",
    "weighted_linear",
    "xlsr_mamba",
}


def test_models_are_found():
    files = {
        path.stem
        for path in (ROOT / "dada" / "models" / "audio").glob("*.py")
        if not path.stem.startswith("_")
    }
    assert set(NAMES) == files and len(NAMES) >= LEAST


def build(name: str, seed: int = 1) -> tuple[torch.nn.Module, tuple[int, ...]]:
    module = plugins.load("dada.models.audio", name, "audio model")
    config, shape = module.example()
    torch.manual_seed(seed)
    return module.Model(config, NUM_CLASSES), shape


def random_batch(shape: tuple[int, ...], num: int = 6, shorter: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(2)
    rows = [
        torch.randn(*shape[:-1], shape[-1] - (shorter if i % 2 else 0), generator=generator)
        for i in range(num)
    ]
    inputs, lengths = pad_stack(rows)
    return Batch([f"u{i}" for i in range(num)], inputs, lengths, torch.arange(num) % NUM_CLASSES)


def trained(model: torch.nn.Module, shape: tuple[int, ...]) -> torch.nn.Module:
    """A model that can be asked: one without gradient must have been estimated."""
    if hasattr(model, "estimate"):
        model.estimate(lambda: iter([random_batch(shape, 12)]), LOG)
    return model.eval()


def loss_of(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Cross-entropy; a single logit is that of the second class."""
    logits = model(batch).logits
    return cross_entropy(
        torch.cat([torch.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits, batch.labels
    )


@pytest.mark.parametrize("name", NAMES)
def test_shapes_types_and_saving(name, tmp_path):
    assert dataclasses.is_dataclass(plugins.load("dada.models.audio", name, "audio model").Config)
    model, shape = build(name)
    batch, before = random_batch(shape), random_batch(shape)
    with torch.no_grad():
        output = trained(model, shape)(batch)
    assert torch.equal(batch.inputs, before.inputs), "the batch given must stay as it is"
    assert (
        output.logits.shape in ((6, NUM_CLASSES), (6, 1))
        and output.embedding.ndim == 2
        and len(output.embedding) == 6
    )
    assert output.logits.dtype == output.embedding.dtype == torch.float32
    assert torch.isfinite(output.logits).all() and torch.isfinite(output.embedding).all()
    assert output.logits.std(dim=0).max() > 0, "the logits do not depend on the input"
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    fresh, _ = build(name, seed=2)
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.zero_()
        models.load_weights(fresh, "audio", name, tmp_path / "weights.pt")
        again = fresh.eval()(batch)
    assert torch.equal(again.logits, output.logits) and torch.equal(again.embedding, output.embedding)


def assert_same_but_for_rounding(found: Output, expected: Output, rows: slice = slice(None)) -> None:
    """Float32 sums in another order, through some ten layers: 100 eps of the largest value of the batch."""
    for part in ("logits", "embedding"):
        whole = getattr(expected, part)
        torch.testing.assert_close(
            getattr(found, part),
            whole[rows],
            rtol=0,
            atol=100 * EPS * float(whole.abs().max()),
            msg=lambda text: f"{ADVICE}\n{text}",
        )


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_independent_in_evaluation(name):
    """A clip's outputs hang neither on its neighbours, nor on the padding behind it, nor on its place in the
    batch.
    """
    model, shape = build(name)
    trained(model, shape)
    together = random_batch(shape, shorter=shape[-1] // 5)
    with torch.no_grad():
        output = model(together)
        for i in range(len(together)):
            length = int(together.lengths[i])
            alone = Batch(
                [together.utts[i]], together.inputs[i : i + 1, ..., :length], together.lengths[i : i + 1]
            )
            assert_same_but_for_rounding(model(alone), output, slice(i, i + 1))
        turned = Batch(together.utts[::-1], together.inputs.flip(0), together.lengths.flip(0))
        other = model(turned)
        assert_same_but_for_rounding(Output(other.logits.flip(0), other.embedding.flip(0)), output)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name):
    model, shape = build(name)
    if hasattr(model, "estimate"):
        assert all(not p.requires_grad for p in model.parameters()), (
            "a model with `estimate` has buffers, or frozen parameters"
        )
        return
    output = model.train()(random_batch(shape))
    weights = torch.randn(output.logits.shape, generator=torch.Generator().manual_seed(3))
    (output.logits * weights).sum().backward()
    without = [
        n
        for n, p in model.named_parameters()
        if p.grad is None or not torch.isfinite(p.grad).all() or not p.grad.any()
    ]
    assert not without


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_everything(name):
    """Fresh weights, and a training step with all that is random in it."""
    ends = []
    for seed in (1, 1, 2):
        model, shape = build(name, seed)
        if hasattr(model, "estimate"):
            model.estimate(lambda: iter([random_batch(shape, 12)]), LOG)  # noqa: B023
        else:
            optimiser = torch.optim.SGD(model.parameters(), 0.01)
            loss_of(model.train(), random_batch(shape, 4)).backward()
            optimiser.step()
        ends.append([value.clone() for value in model.state_dict().values()])
    assert all(torch.equal(a, b) for a, b in zip(ends[0], ends[1], strict=True))
    if name != "trivial_cues":  # its optimum does not hang on where it starts
        assert not all(torch.equal(a, b) for a, b in zip(ends[0], ends[2], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_eight_clips_are_learned(name):
    """Some steps on the same eight clips, noise with something added to those of one class, end with all of
    them named rightly.
    """
    model, shape = build(name)
    batch = random_batch(shape, 8)
    steps = torch.arange(shape[-1]) if len(shape) == 1 else torch.arange(shape[0])[:, None]
    batch.inputs += 3 * batch.labels.view(-1, *[1] * len(shape)) * torch.sin(steps / 3)
    if hasattr(model, "estimate"):
        model.estimate(lambda: iter([batch]), LOG)
    else:
        optimiser, loss = torch.optim.Adam(model.parameters(), 3e-3), torch.tensor(1.0)
        for _ in range(40):
            if float(loss.detach()) < 0.1:
                break
            optimiser.zero_grad()
            loss = loss_of(model.train(), batch)
            loss.backward()
            optimiser.step()
        for module in (
            model.modules()
        ):  # moving averages of few steps lag behind the weights: set them to the clips' own
            if getattr(module, "running_mean", None) is not None:
                module.momentum = 1.0
        with torch.no_grad():
            model(batch)
    with torch.no_grad():
        logits = model.eval()(batch).logits
    decided = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    assert torch.equal(decided, batch.labels)


@pytest.mark.parametrize("name", NAMES)
def test_no_state_is_bound_to_a_device(name):
    """A network built on the meta device, whose tensors hold no values, keeps all state there."""
    with torch.device("meta"):
        model, _ = build(name)
    assert {value.device.type for value in model.state_dict().values()} == {"meta"}


@pytest.mark.parametrize("name", NAMES)
def test_silence_is_finite(name):
    model, shape = build(name)
    trained(model, shape)
    with torch.no_grad():
        silence = model(Batch(["a"], torch.zeros(1, *shape), torch.tensor([shape[-1]])))
    assert torch.isfinite(silence.logits).all() and torch.isfinite(silence.embedding).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_of_one_step_is_scored_or_refused_by_name(name):
    """A refusal names the utterance and the length rule."""
    model, shape = build(name)
    trained(model, shape)
    short = Batch(["a", "shorty"], torch.zeros(2, *shape), torch.tensor([shape[-1], 1]))
    with torch.no_grad():
        if name in OF_ANY_LENGTH:
            assert torch.isfinite(model(short).logits).all()
        else:
            with pytest.raises(DataError, match="shorty.*length_rule"):
                model(short)
