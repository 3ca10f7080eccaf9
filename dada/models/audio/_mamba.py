"""Selective state spaces (Mamba) in plain PyTorch.

Gu and Dao, "Mamba: linear-time sequence modeling with selective state spaces" (2023). A state S of every
channel follows S_t = exp(δ_t A) S_{t-1} + δ_t u_t B_t, and y_t = S_t·C_t, with δ, B and C made from the
input. The scan cuts the time into chunks and walks through all of them side by side, then carries the last
states from chunk to chunk: 2 √N steps in place of N. Products of factors from 0 to 1 only, so nothing
overflows. The backward pass scans in the other direction, and computes the states again, so that a layer
keeps its inputs only. On a GPU the kernel of the package mamba_ssm runs where it is installed.

Axes: B batch, N steps, C channels, S numbers of a state, D width of the network, R rank of δ.
"""

import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

STEP_RANGE = (1e-3, 0.1)  # of δ at the start


class Mixer(nn.Module):
    """(B, N, D) to the same; what a step gives depends on it and on those before."""

    def __init__(self, size: int, expansion: int, state: int, taps: int):
        super().__init__()
        channels, self.rank, self.taps = expansion * size, math.ceil(size / 16), taps
        self.enter = nn.Linear(size, 2 * channels, bias=False)
        self.conv = nn.Conv1d(channels, channels, taps, padding=taps - 1, groups=channels)
        self.select = nn.Linear(channels, self.rank + 2 * state, bias=False)
        self.step = nn.Linear(self.rank, channels)
        self.log_decay = nn.Parameter(torch.arange(1, state + 1).float().log().repeat(channels, 1))
        self.skip = nn.Parameter(torch.ones(channels))
        self.leave = nn.Linear(channels, size, bias=False)
        nn.init.uniform_(self.step.weight, -(self.rank**-0.5), self.rank**-0.5)
        low, high = map(math.log, STEP_RANGE)
        steps = torch.exp(torch.rand(channels) * (high - low) + low)
        with torch.no_grad():
            self.step.bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # softplus of it gives the steps

    def forward(self, x: Tensor) -> Tensor:
        u, gate = self.enter(x).chunk(2, -1)
        u = self.conv(u.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)  # causal
        u = nn.functional.silu(u)
        raw, into, out = self.select(u).split([self.rank, *[self.log_decay.shape[1]] * 2], -1)
        step = nn.functional.softplus(self.step(raw))
        y = scan(u, step, -self.log_decay.exp(), into, out) + self.skip * u
        return self.leave(y * nn.functional.silu(gate))


class RMSNorm(nn.Module):
    """(…, D) divided by the root of its mean square, times a weight."""

    def __init__(self, size: int, eps: float = 1e-5):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def scan(u: Tensor, step: Tensor, decay: Tensor, into: Tensor, out: Tensor) -> Tensor:
    """Inputs and steps (B, N, C), decay (C, S) below 0, B and C (B, N, S), to outputs (B, N, C).

    In float32 at least.
    """
    kind = torch.promote_types(u.dtype, torch.float32)
    u, step, decay, into, out = (part.to(kind) for part in (u, step, decay, into, out))
    if u.is_cuda and (kernel := fused_kernel()) is not None:
        return fused(kernel, u, step, decay, into, out)
    return SelectiveScan.apply(u, step, decay, into, out)


def fused(
    kernel: Callable[..., Tensor], u: Tensor, step: Tensor, decay: Tensor, into: Tensor, out: Tensor
) -> Tensor:
    """`scan` by a kernel that has time as the last axis."""
    u, step, into, out = (part.transpose(1, 2).contiguous() for part in (u, step, into, out))
    return kernel(u, step, decay, into, out).transpose(1, 2)


@functools.cache
def fused_kernel() -> Callable[..., Tensor] | None:
    """The kernel of mamba_ssm; None where it is not installed."""
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except ImportError:
        return None
    return selective_scan_fn


class SelectiveScan(torch.autograd.Function):
    """`scan` with a gradient that keeps the inputs alone."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, step: Tensor, decay: Tensor, into: Tensor, out: Tensor) -> Tensor:
        ctx.save_for_backward(u, step, decay, into, out)
        with _no_autocast(u):
            return torch.stack([_outputs(*row, decay) for row in zip(u, step, into, out, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        u, step, decay, into, out = ctx.saved_tensors
        with _no_autocast(u):
            rows = [_gradients(*row, decay) for row in zip(gradient, u, step, into, out, strict=True)]
        of_u, of_step, of_decay, of_into, of_out = zip(*rows, strict=True)
        return (
            torch.stack(of_u),
            torch.stack(of_step),
            torch.stack(of_decay).sum(0),
            torch.stack(of_into),
            torch.stack(of_out),
        )


def _no_autocast(x: Tensor) -> contextlib.AbstractContextManager:
    """Products of matrices in the precision of their factors, also in a training of mixed precision."""
    kind = x.device.type
    known = torch.amp.is_autocast_available(kind)
    return torch.autocast(kind, enabled=False) if known else contextlib.nullcontext()


def _outputs(u: Tensor, step: Tensor, into: Tensor, out: Tensor, decay: Tensor) -> Tensor:
    """One clip: (N, C), (N, C), (N, S), (N, S) to (N, C)."""
    num_steps, (u, step, into, out) = len(u), _whole_chunks(u, step, into, out)
    states = (step * u)[..., None] * into[:, None]
    recur(_factors(step, decay), states)
    return (states @ out[..., None])[:num_steps, :, 0]


def _gradients(
    gradient: Tensor, u: Tensor, step: Tensor, into: Tensor, out: Tensor, decay: Tensor
) -> tuple[Tensor, ...]:
    """Of one clip, in the order of the inputs of `scan`.

    The gradient of the states runs back in time: G_t = g_t C_t + a_{t+1} G_{t+1}.
    """
    num_steps, (gradient, u, step, into, out) = len(u), _whole_chunks(gradient, u, step, into, out)
    factors = _factors(step, decay)  # a, (N, C, S)
    products, states = factors.clone(), (step * u)[..., None] * into[:, None]
    recur(products, states)
    of_states = gradient[..., None] * out[:, None]
    products[:-1], products[-1] = factors[1:], 0
    recur(products, of_states, backwards=True)
    of_exponents = factors[1:].mul_(of_states[1:]).mul_(states[:-1])  # of steps 1, 2, …
    of_inputs = (of_states @ into[..., None])[..., 0]  # of δ u
    of_step = of_inputs * u
    of_step[1:] += (of_exponents * decay).sum(2)
    parts = (
        of_inputs * step,
        of_step,
        (of_exponents * step[1:, :, None]).sum(0),
        ((step * u)[:, None] @ of_states)[:, 0],
        (gradient[:, None] @ states)[:, 0],
    )
    return tuple(part if i == 2 else part[:num_steps] for i, part in enumerate(parts))


def _factors(step: Tensor, decay: Tensor) -> Tensor:
    return (step[..., None] * decay).exp_()


def _whole_chunks(*parts: Tensor) -> list[Tensor]:
    """Parts (N, …) with zeros behind them: steps that leave a state as it is."""
    padding = -len(parts[0]) % _chunk(len(parts[0]))
    return [nn.functional.pad(part, (0, 0, 0, padding)) if padding else part for part in parts]


def _chunk(num_steps: int) -> int:
    """Steps of a chunk, about the root of all."""
    return math.isqrt(num_steps - 1) + 1


def recur(factors: Tensor, states: Tensor, backwards: bool = False) -> None:
    """Make states S_t = a_t S_{t-1} + b_t, or a_t S_{t+1} + b_t, of inputs b in place, along the first axis.

    Both are (N, …), where N is a multiple of the chunk's steps; the factors a become products of factors.
    """
    size = _chunk(len(factors))
    products, states = (part.unflatten(0, (-1, size)) for part in (factors, states))  # (chunks, steps, …)
    steps, chunks = range(size), range(len(states))
    if backwards:
        steps, chunks = steps[::-1], chunks[::-1]
    for before, t in zip(steps, steps[1:], strict=False):  # all chunks at once, each from 0
        states[:, t].addcmul_(products[:, t], states[:, before])
        products[:, t] *= products[:, before]
    for before, chunk in zip(chunks, chunks[1:], strict=False):  # what is left of the states before
        states[chunk].addcmul_(products[chunk], states[before, steps[-1]])
