"""The selective scan in chunks against the recurrence step by step, in values and gradients."""

import json

import pytest
import torch
from torch import Tensor, nn

from dada.models.audio import _mamba, xlsr_mamba
from dada.models.audio._mamba import Mixer, RMSNorm, recur, scan


def plain_scan(u: Tensor, step: Tensor, decay: Tensor, into: Tensor, out: Tensor) -> Tensor:
    """One step after the other."""
    state, outputs = u.new_zeros(len(u), u.shape[2], decay.shape[1]), []
    for t in range(u.shape[1]):
        state = (step[:, t, :, None] * decay).exp() * state + (step[:, t] * u[:, t])[..., None] * into[
            :, t, None
        ]
        outputs.append((state * out[:, t, None]).sum(-1))
    return torch.stack(outputs, 1)


def scan_inputs(num_steps: int, channels: int = 24, states: int = 8) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    decay = -torch.arange(1.0, states + 1).repeat(channels, 1) * (1 + 0.1 * draw(channels, 1)).abs()
    step = nn.functional.softplus(draw(2, num_steps, channels) - 2)
    parts = [
        draw(2, num_steps, channels),
        step,
        decay,
        draw(2, num_steps, states),
        draw(2, num_steps, states),
    ]
    return [part.requires_grad_() for part in parts]


@pytest.mark.parametrize("num_steps", [1, 2, 16, 201])
def test_chunks_give_what_steps_give(num_steps):
    inputs = scan_inputs(num_steps)
    found, expected = scan(*inputs), plain_scan(*inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(2))
    gradients = [
        torch.autograd.grad((y * weights).sum(), inputs, allow_unused=True) for y in (found, expected)
    ]
    for ours, theirs in zip(*gradients, strict=True):
        theirs = torch.zeros_like(ours) if theirs is None else theirs
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)


def test_mixed_precision_leaves_the_scan_alone():
    inputs = scan_inputs(30)
    expected = scan(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = scan(*inputs)
        assert found.dtype == torch.float32 and torch.equal(found, expected)
        halves = scan(*(part.bfloat16() for part in inputs))
        gradients = torch.autograd.grad(halves.sum(), inputs)
    assert halves.dtype == torch.float32 and all(torch.isfinite(gradient).all() for gradient in gradients)


def test_gradients_are_exact_in_double_precision():
    inputs = [part.detach().double().requires_grad_() for part in scan_inputs(5, channels=3, states=2)]
    assert torch.autograd.gradcheck(scan, inputs)


def test_a_strong_decay_and_a_long_clip_stay_finite():
    for backwards in (False, True):
        factors, states = torch.full((4900, 2), 1e-30), torch.ones(4900, 2)
        factors[:, 1] = 1.0
        recur(factors, states, backwards)
        states = states.flip(0) if backwards else states
        torch.testing.assert_close(states, torch.stack([torch.ones(4900), torch.arange(1.0, 4901)], 1))


def test_the_scan_of_the_sheet(reference):
    known = json.loads((reference / "fixtures_ssl.json").read_text())["systems"]["selective_scan_alone"]
    t, c, n = (torch.arange(size, dtype=torch.float64) for size in (6, 3, 4))
    u = (0.7 * t[:, None] + c + 0.2).sin()[None]
    step = nn.functional.softplus((0.3 * t[:, None] + 0.5 * c).cos() - 1)[None]
    decay = -((n + 1).log() + 0.1 * c[:, None]).exp()
    into, out = (0.2 * t[:, None] + n).sin()[None], (0.4 * t[:, None] + 0.3 * n).cos()[None]
    y = scan(u, step, decay, into, out) + (1 + 0.1 * c) * u
    torch.testing.assert_close(y[0], torch.tensor(known["y_t_c"], dtype=torch.float64), rtol=0, atol=1e-7)


def test_a_step_depends_on_no_later_one():
    torch.manual_seed(1)
    mixer, x = Mixer(16, 2, 4, 4), torch.randn(1, 30, 16)
    other = x.clone()
    other[:, 20:] = 0
    with torch.no_grad():
        torch.testing.assert_close(mixer(other)[:, :20], mixer(x)[:, :20])
        assert not torch.allclose(mixer(other)[:, 20:], mixer(x)[:, 20:])


def test_the_fused_kernel_takes_time_as_its_last_axis(monkeypatch):
    """A stand-in for the kernel of mamba_ssm, which runs on a GPU: its order of axes, the same outputs."""

    def kernel(u, step, decay, into, out):
        turned = [part.transpose(1, 2) for part in (u, step, into, out)]
        return plain_scan(turned[0], turned[1], decay, turned[2], turned[3]).transpose(1, 2)

    inputs = scan_inputs(20)
    torch.testing.assert_close(_mamba.fused(kernel, *inputs), plain_scan(*inputs))


def test_the_last_layers_learn_only_where_they_count():
    """And what learns starts as Mamba does."""
    sizes = {**vars(xlsr_mamba.example()[0])}
    for dead in (True, False):
        torch.manual_seed(1)
        model = xlsr_mamba.Model(xlsr_mamba.Config(**{**sizes, "dead_last": dead}), 2)
        mixer = model.columns["forwards"][-1].mixer
        assert mixer.skip.requires_grad is not dead and model.columns["backwards"][0].mixer.skip.requires_grad
    steps = nn.functional.softplus(mixer.step.bias.detach())
    assert float(steps.min()) >= 1e-3 * 0.99 and float(steps.max()) <= 0.1 * 1.01
    torch.testing.assert_close(mixer.log_decay[0].exp(), torch.arange(1.0, 5))
    norm, x = RMSNorm(3), torch.tensor([[3.0, 4.0, 0.0]])
    torch.testing.assert_close(norm(x), x / (25 / 3) ** 0.5, rtol=1e-5, atol=0)
